// The module as this package carries it: sorted. In wasm each instruction stands before its operands, so that opcodes, numbers of local
// variables, offsets and constants take turns; what compresses text finds fewer repetitions in such a mixture. Here all opcodes come one after
// the other, then all numbers of local variables, and so on: an eighth of what a browser loads. `scripts/wasm-sort.mjs` sorts, `assemble`
// puts together again; both know wasm's instructions from `passFunction`.

let kinds = 0;
/** What stays as it is: everything but the functions. */
export const REST = kinds++;
/** What the functions are made of. */
export const OPCODE = kinds++;
const DECLARED = kinds++;
const READ = kinds++;
const ASSIGNED = kinds++;
const LOADED = kinds++;
const STORED = kinds++;
const ALIGNMENT = kinds++;
const CONSTANT = kinds++;
export const ADDRESS_HIGH = kinds++;
export const ADDRESS_LOW = kinds++;
const FUNCTION = kinds++;
const BRANCH = kinds++;
const BRANCHES = kinds++;
const GLOBAL = kinds++;
const BLOCK = kinds++;
const LONG = kinds++;
const FLOAT = kinds++;
const OTHER = kinds++;
export const KINDS = kinds;

/** Opcodes that wasm does not use. The constant that is an address of data: it has two bytes, for what is above `DATA`. */
export const ADDRESS = 0xf0;
export const DATA = 0x100000;
/** The section of the functions. */
export const CODE = 10;
/** And so far above theirs, loads and stores whose alignment is not the natural one, which has no operand here. */
export const UNALIGNED = 0xab;
export const NATURAL = Object.fromEntries(Array.from('23230011001122232301012', (alignment, at) => [0x28 + at, +alignment]));

/**
 * Passes one function on, from one form to the other. `pass` has the two ends: `opcode()` gives the sorted form's opcode; `integer(kind)` passes an
 * operand and gives it, `bytes(kind, count)` so many bytes; `natural(alignment)` passes what only wasm has, and `address()` an address.
 */
export function passFunction(pass) {
  const integers = (kind, count) => {
    while (count-- > 0) pass.integer(kind);
  };
  integers(DECLARED, 2 * pass.integer(DECLARED));
  for (let depth = 1; depth; ) {
    const opcode = pass.opcode();
    if (opcode === 0x0b) depth--;
    else if (opcode >= 0x02 && opcode <= 0x04) {
      depth++;
      pass.integer(BLOCK);
    } else if (opcode === 0x0c || opcode === 0x0d) pass.integer(BRANCH);
    else if (opcode === 0x0e) integers(BRANCHES, 1 + pass.integer(BRANCHES));
    else if (opcode === 0x10) pass.integer(FUNCTION);
    else if (opcode === 0x11) integers(OTHER, 2);
    else if (opcode === 0x1c) integers(OTHER, pass.integer(OTHER));
    else if (opcode === 0x20) pass.integer(READ);
    else if (opcode === 0x21 || opcode === 0x22) pass.integer(ASSIGNED);
    else if (opcode in NATURAL) {
      pass.natural(NATURAL[opcode]);
      pass.integer(opcode < 0x36 ? LOADED : STORED);
    } else if (opcode - UNALIGNED in NATURAL) {
      pass.integer(ALIGNMENT);
      pass.integer(opcode - UNALIGNED < 0x36 ? LOADED : STORED);
    } else if (opcode === 0x41) pass.integer(CONSTANT);
    else if (opcode === ADDRESS) pass.address();
    else if (opcode === 0x42) pass.integer(LONG);
    else if (opcode === 0x43 || opcode === 0x44) pass.bytes(FLOAT, opcode === 0x43 ? 4 : 8);
    else if (opcode === 0xfc) {
      // Copying and filling memory and tables; below 8 are conversions.
      const operation = pass.integer(OTHER);
      integers(OTHER, operation < 8 ? 0 : [8, 10, 12, 14].includes(operation) ? 2 : 1);
    } else if (opcode === 0x23 || opcode === 0x24) pass.integer(GLOBAL);
    else if ([0x25, 0x26, 0x3f, 0x40, 0xd0, 0xd2].includes(opcode)) {
      // Tables, the memory's size, references.
      pass.integer(OTHER);
    }
  }
}

/** An integer as wasm has it (LEB128), as bytes. */
export function integerBytes(value) {
  const bytes = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return [...bytes, value];
}

/** The operand of a constant that is an address, so far above `DATA`. */
export function addressBytes(above) {
  const address = DATA + above;
  return [(address & 127) | 128, ((address >> 7) & 127) | 128, (address >> 14) | 128, 0];
}

/** Reads such an integer with `next`, which gives bytes. */
export function readInteger(next) {
  let value = 0;
  for (let shift = 0, byte = 128; byte > 127; shift += 7) {
    byte = next();
    value |= (byte & 127) << shift;
  }
  return value >>> 0;
}

/** Puts the module together: `sorted` has what there is of each kind, after its length. */
export function assemble(sorted) {
  const places = [];
  for (let at = 0; at < sorted.length; ) {
    const length = readInteger(() => sorted[at++]);
    places.push({ at, end: (at += length) });
  }
  // At most twice as long: what is left out of the sorted form is one byte of an instruction.
  const out = new Uint8Array(sorted.length * 2);
  let end = 0;
  const put = (byte) => (out[end++] = byte);
  const take = (kind) => sorted[places[kind].at++];
  const pass = {
    opcode() {
      const opcode = take(OPCODE);
      put(opcode === ADDRESS ? 0x41 : opcode - UNALIGNED in NATURAL ? opcode - UNALIGNED : opcode);
      return opcode;
    },
    integer: (kind) => readInteger(() => put(take(kind))),
    bytes(kind, count) {
      while (count-- > 0) put(take(kind));
    },
    natural: put,
    address: () => addressBytes(take(ADDRESS_HIGH) * 256 + take(ADDRESS_LOW)).forEach(put),
  };
  /** What `work` passes, after its length. */
  const measured = (work) => {
    const start = end;
    work();
    const length = integerBytes(end - start);
    out.copyWithin(start + length.length, start, end);
    out.set(length, start);
    end += length.length;
  };
  pass.bytes(REST, 8);
  while (places[REST].at < places[REST].end) {
    pass.bytes(REST, 1);
    if (out[end - 1] !== CODE) pass.bytes(REST, pass.integer(REST));
    else
      measured(() => {
        for (let count = pass.integer(REST); count; count--) measured(() => passFunction(pass));
      });
  }
  return out.slice(0, end);
}
