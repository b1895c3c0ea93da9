// Bytes as text that a JavaScript file can carry and that compresses well. README.md says why and
// how.
import { execFileSync } from 'node:child_process';
import path from 'node:path';

// Which character stands for which byte matters to brotli, which predicts a character from the
// class of the one before it (vowel, digit, …). This order is the best of some thousands that were
// tried: it saves 1.5 % against ASCII order, for other wasm files too.
export const ALPHABET = '[}%]!=>-{*h;?0i1,.&K5A(_Z:n/BO4Y698X)7Ida@Fcj+2DQmEfPexg|~VT^3#HUJsztvSwlrLpWqGRkMNbCyou';
/** So many characters stand for a byte each; the two after them are escapes. */
export const SINGLES = 86;

/** The 86 most frequent byte values, then all others; each group in ascending order. */
function bySpelling(bytes) {
  const counts = new Array(256).fill(0);
  for (const byte of bytes) counts[byte] += 1;
  const all = [...counts.keys()];
  const frequent = new Set([...all].sort((one, other) => counts[other] - counts[one]).slice(0, SINGLES));
  return [...all.filter((byte) => frequent.has(byte)), ...all.filter((byte) => !frequent.has(byte))];
}

/** The text for `bytes`: the frequent byte values, then the bytes themselves. */
export function encode(bytes) {
  const spell = (rank) => {
    const single = ALPHABET[rank % SINGLES];
    return rank < SINGLES ? single : ALPHABET[SINGLES - 1 + Math.floor(rank / SINGLES)] + single;
  };
  const order = bySpelling(bytes);
  const spelling = [];
  for (const [rank, byte] of order.entries()) spelling[byte] = spell(rank);
  const head = order.slice(0, SINGLES).map((byte) => spell(byte));
  return [...head, ...Array.from(bytes, (byte) => spelling[byte])].join('');
}

/**
 * decode.wat as the bytes of a module: so few that a list of numbers is shorter than what reads
 * another form.
 */
function assembledLoop() {
  const tool = (name, args, input) =>
    execFileSync(path.join(import.meta.dirname, '../../node_modules/.bin', name), args, { input, maxBuffer: 1e6 });
  const assembled = tool('wasm-as', [path.join(import.meta.dirname, 'decode.wat'), '-o', '-']);
  return [...tool('wasm-opt', ['-O3', '-', '-o', '-'], assembled)];
}
let loop;

/**
 * A module for `decode.ts` to work on: what the package is built from. The text stands outside the
 * function: engines read a function once when they load it, and again when it is called.
 */
export function asModule(bytes) {
  const text = JSON.stringify(encode(bytes));
  loop ??= JSON.stringify(assembledLoop());
  return `import { decode } from './decode.js';
const text = ${text};
export const wasm = () => decode(text, ${bytes.length}, ${JSON.stringify(ALPHABET)}, ${loop});
`;
}
