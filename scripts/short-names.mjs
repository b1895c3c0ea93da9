// Gives the imports and exports of the wasm module short names, there and in the JavaScript beside it. wasm-bindgen's names are full
// of hashes, which do not compress: two kilobytes of the package.
import { Buffer } from 'node:buffer';

const IMPORTS = 2;
const EXPORTS = 7;

/** Gives the new module and the new glue. */
export function shortNames(wasm, glue) {
  let at = 8;
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = wasm[at++];
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const written = (value) => (value < 128 ? [value] : [(value & 127) | 128, ...written(value >>> 7)]);
  const text = () => {
    const length = number();
    return wasm.toString('utf8', at, (at += length));
  };
  const spelled = (value) => [...written(Buffer.byteLength(value)), ...Buffer.from(value)];
  /** What follows a name: its kind and an index. */
  const rest = () => {
    const from = at++;
    number();
    return wasm.subarray(from, at);
  };
  const rename = {
    [IMPORTS](index) {
      const module = text();
      const name = text();
      if (wasm[at] !== 0) throw new Error(`the import ${name} is no function`);
      const short = `i${index.toString(36)}`;
      if (glue.split(`        ${name}: `).length !== 2) throw new Error(`${name} is not once in the glue`);
      glue = glue.replace(`        ${name}: `, `        ${short}: `).replaceAll(`"${module}"`, '"_"');
      return [...spelled('_'), ...spelled(short), ...rest()];
    },
    [EXPORTS](index) {
      const name = text();
      const short = `e${index.toString(36)}`;
      // Some are not used by the glue; then nobody knows their name.
      glue = glue.replace(new RegExp(`\\bwasm\\.${name}\\b`, 'g'), `wasm.${short}`);
      return [...spelled(short), ...rest()];
    },
  };
  const parts = [wasm.subarray(0, at)];
  while (at < wasm.length) {
    const start = at;
    const section = wasm[at++];
    const end = number() + at;
    if (rename[section]) {
      const count = number();
      const body = [...written(count), ...Array.from({ length: count }, (_, index) => rename[section](index)).flat()];
      parts.push(Buffer.from([section, ...written(body.length), ...body]));
    } else {
      parts.push(wasm.subarray(start, end));
    }
    at = end;
  }
  return { wasm: Buffer.concat(parts), glue };
}
