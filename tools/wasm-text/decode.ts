/** As in encode.mjs. */
const SINGLES = 86;
/** Where decode.wat has the bytes by their ranks, and the text. */
const RANKS = 128;
const TEXT = 512;
const PAGE = 65_536;

/** What decode.wat exports. */
interface Loop {
  readonly memory: WebAssembly.Memory;
  readonly read: (at: number, to: number, end: number) => number;
}

/**
 * The bytes that `encode` has made this text of. They lie in a memory of WebAssembly.
 *
 * @param length How many bytes there are.
 * @param alphabet The 86 characters that stand for a byte each, then the two escapes.
 * @param loop decode.wat, assembled.
 */
export function decode(text: string, length: number, alphabet: string, loop: number[]): Uint8Array<ArrayBuffer> {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(loop)));
  const { memory, read } = instance.exports as unknown as Loop;
  memory.grow(Math.ceil(text.length / PAGE));
  const all = new Uint8Array(memory.buffer);
  // Not `encodeInto`, which some polyfills lack.
  all.set(new TextEncoder().encode(text), TEXT);
  for (let value = 0; value < alphabet.length; value++) all[alphabet.charCodeAt(value)] = value;
  // Until the frequent byte values are known, each rank stands for itself.
  const byteOf = all.subarray(RANKS, RANKS + 256);
  for (let byte = 0; byte < byteOf.length; byte++) byteOf[byte] = byte;
  const start = read(TEXT, TEXT, TEXT + SINGLES);
  const frequent = all.slice(TEXT, TEXT + SINGLES);
  const others = byteOf.filter((byte) => !frequent.includes(byte));
  byteOf.set(frequent);
  byteOf.set(others, SINGLES);
  read(start, TEXT, TEXT + length);
  return all.subarray(TEXT, TEXT + length);
}
