// Sorts a wasm module by what its bytes mean; pkg-template/sorted.js says why, and puts it together again.
import assert from 'node:assert/strict';
import {
  ADDRESS,
  ADDRESS_HIGH,
  ADDRESS_LOW,
  CODE,
  DATA,
  KINDS,
  NATURAL,
  OPCODE,
  REST,
  UNALIGNED,
  addressBytes,
  assemble,
  integerBytes,
  passFunction,
  readInteger,
} from '../pkg-template/sorted.js';

/** What there is of each kind, after its length. */
export function sort(wasm) {
  const kinds = Array.from({ length: KINDS }, () => []);
  let at = 0;
  const skip = () => readInteger(() => wasm[at++]);
  const pass = {
    opcode() {
      if (at >= wasm.length) throw new Error('the module has an instruction that pkg-template/sorted.js does not know');
      let opcode = wasm[at++];
      if (opcode in NATURAL && wasm[at] !== NATURAL[opcode]) opcode += UNALIGNED;
      if (opcode === 0x41 && isAddress(wasm.subarray(at, at + 4))) opcode = ADDRESS;
      kinds[OPCODE].push(opcode);
      return opcode;
    },
    integer: (kind) => readInteger(() => kinds[kind][kinds[kind].push(wasm[at++]) - 1]),
    bytes(kind, count) {
      while (count-- > 0) kinds[kind].push(wasm[at++]);
    },
    natural: () => at++,
    address() {
      const above = skip() - DATA;
      kinds[ADDRESS_HIGH].push(above >> 8);
      kinds[ADDRESS_LOW].push(above & 255);
    },
  };
  pass.bytes(REST, 8);
  while (at < wasm.length) {
    const section = wasm[at];
    pass.bytes(REST, 1);
    if (section !== CODE) pass.bytes(REST, pass.integer(REST));
    else {
      skip();
      for (let count = pass.integer(REST); count; count--) {
        skip();
        passFunction(pass);
      }
    }
  }
  const bytes = Uint8Array.from(kinds.flatMap((kind) => [...integerBytes(kind.length), ...kind]));
  assert.deepEqual(assemble(bytes), Uint8Array.from(wasm), 'the module is not the same when it is put together again');
  return bytes;
}

function isAddress(operand) {
  let at = 0;
  const above = readInteger(() => operand[at++]) - DATA;
  return above >= 0 && above < 65_536 && addressBytes(above).every((byte, place) => byte === operand[place]);
}
