/** As in encode.mjs. */
const SINGLES = 86;

/**
 * The bytes that `encode` has made this text of.
 *
 * @param length How many bytes there are.
 * @param alphabet The 86 characters that stand for a byte each, then the two escapes.
 */
export function decode(text: string, length: number, alphabet: string): Uint8Array<ArrayBuffer> {
  // Reading an array is faster than charCodeAt, as long as the loop is not compiled: for most of its time.
  const characters = new TextEncoder().encode(text);
  const valueOf = new Uint8Array(128);
  for (let value = 0; value < alphabet.length; value++) valueOf[alphabet.charCodeAt(value)] = value;
  // Until the frequent byte values are known, each rank stands for itself.
  const byteOf = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  const frequent = new Uint8Array(SINGLES);
  const start = read(characters, 0, valueOf, byteOf, frequent);
  const others = byteOf.filter((byte) => !frequent.includes(byte));
  byteOf.set(frequent);
  byteOf.set(others, SINGLES);
  const bytes = new Uint8Array(length);
  read(characters, start, valueOf, byteOf, bytes);
  return bytes;
}

/** Fills `bytes` from the characters that begin at `at`, and returns where the next ones begin. */
function read(characters: Uint8Array, at: number, valueOf: Uint8Array, byteOf: Uint8Array, bytes: Uint8Array): number {
  const { length } = bytes;
  for (let to = 0, block = 0; to < length; at++) {
    const value = valueOf[characters[at]!]!;
    if (value < SINGLES) {
      bytes[to++] = byteOf[block + value]!;
      block = 0;
    } else block = (value - SINGLES + 1) * SINGLES;
  }
  return at;
}
