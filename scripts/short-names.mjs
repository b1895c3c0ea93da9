// Gives the imports of the wasm module short names, there and in the JavaScript beside it. wasm-bindgen's names end in hashes,
// which do not compress: a kilobyte and a half of the package.
import { Buffer } from 'node:buffer';

const IMPORTS = 2;

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
  for (;;) {
    const start = at;
    const section = wasm[at++];
    const end = number() + at;
    if (section !== IMPORTS) {
      at = end;
      continue;
    }
    const count = number();
    const bytes = [...written(count)];
    for (let i = 0; i < count; i++) {
      const module = text();
      const name = text();
      const short = `i${i.toString(36)}`;
      if (glue.split(`        ${name}: `).length !== 2) throw new Error(`${name} is not once in the glue`);
      glue = glue.replace(`        ${name}: `, `        ${short}: `);
      glue = glue.replaceAll(`"${module}"`, '"_"');
      const kind = at;
      // Functions only: their description is one byte and a type's index.
      if (wasm[at++] !== 0) throw new Error(`${name} is no function`);
      number();
      bytes.push(...spelled('_'), ...spelled(short), ...wasm.subarray(kind, at));
    }
    const body = [IMPORTS, ...written(bytes.length), ...bytes];
    return { wasm: Buffer.concat([wasm.subarray(0, start), Buffer.from(body), wasm.subarray(end)]), glue };
  }
}
