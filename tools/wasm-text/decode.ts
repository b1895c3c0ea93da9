/** As in encode.mjs. */
const SINGLES = 86;

/**
 * The bytes that `encode` has made this text of.
 *
 * @param length How many bytes there are.
 * @param alphabet The 86 characters that stand for a byte each, then the two escapes.
 */
export function decode(text: string, length: number, alphabet: string): Uint8Array<ArrayBuffer> {
  const valueOf = new Uint8Array(128);
  for (let value = 0; value < alphabet.length; value++) valueOf[alphabet.charCodeAt(value)] = value;
  // Until the frequent byte values are known, each rank stands for itself.
  const byteOf = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  let at = 0;
  const read = (bytes: Uint8Array) => {
    for (let to = 0, block = 0; to < bytes.length; at++) {
      const value = valueOf[text.charCodeAt(at)]!;
      if (value < SINGLES) {
        bytes[to++] = byteOf[block + value]!;
        block = 0;
      } else block = (value - SINGLES + 1) * SINGLES;
    }
    return bytes;
  };
  const frequent = read(new Uint8Array(SINGLES));
  const others = byteOf.filter((byte) => !frequent.includes(byte));
  byteOf.set(frequent);
  byteOf.set(others, SINGLES);
  const bytes = new Uint8Array(length);
  read(bytes);
  return bytes;
}
