// Wasm inside a JavaScript file, as text that compresses well.
//
// base64 costs a third even after brotli, because it takes bytes out of step: a sequence that comes again looks different.
// Here every byte value keeps its own spelling: the most frequent ones are one printable ASCII character, the others an escape
// character and one more. Nothing outside printable ASCII, no quotes, backslash, `$` or `<`: any tool and any charset keeps it.
const usable = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)).filter((c) => !'"\'`\\$<'.includes(c));
const escapes = usable.slice(0, 3);
const singles = usable.slice(3);

/** The text, and the table that spells the bytes: the single ones in order, then the others in blocks, one for each escape. */
export function encode(bytes) {
  const count = new Uint32Array(256);
  for (const byte of bytes) count[byte]++;
  const order = [...count.keys()].sort((a, b) => count[b] - count[a] || a - b);
  const spelling = order.map((_, i) => {
    const rest = i - singles.length;
    return rest < 0 ? singles[i] : escapes[Math.floor(rest / singles.length)] + singles[rest % singles.length];
  });
  const table = new Array(256);
  order.forEach((byte, i) => (table[byte] = spelling[i]));
  return { text: Array.from(bytes, (byte) => table[byte]).join(''), order, length: bytes.length };
}

/** JavaScript that gives the bytes back. */
export function decoder({ text, order, length }) {
  return `
const text = ${JSON.stringify(text)};
const order = ${JSON.stringify(order)};
export function wasm() {
  const bytes = new Uint8Array(${length});
  const singles = ${JSON.stringify(singles.join(''))};
  for (let at = 0, to = 0, block = 0; at < text.length; at++) {
    const escape = ${JSON.stringify(escapes.join(''))}.indexOf(text[at]);
    if (escape >= 0) block = (escape + 1) * ${singles.length};
    else {
      bytes[to++] = order[block + singles.indexOf(text[at])];
      block = 0;
    }
  }
  return bytes;
}
`;
}
