// The text that carries the wasm gives every byte back, and no tool can break it.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { build } from 'esbuild';
import { asModule, encode } from '../../tools/wasm-text/encode.mjs';

/** Runs the decoder as it is shipped: minified. */
async function decoded(bytes, options) {
  const { outputFiles } = await build({
    stdin: { contents: asModule(bytes), resolveDir: path.resolve(import.meta.dirname, '../../tools/wasm-text') },
    minify: true,
    bundle: true,
    format: 'esm',
    write: false,
    ...options,
  });
  const { wasm } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
  return wasm();
}
const allBytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
// Every byte after every byte, so that no two spellings run into each other.
const allPairs = Uint8Array.from({ length: 65_536 * 2 }, (_, at) => (at & 1 ? at >> 1 : at >> 9));

for (const [what, bytes] of [
  ['no bytes', new Uint8Array()],
  ['every byte', allBytes],
  ['every pair of bytes', allPairs],
]) {
  test(`${what}: the same after encoding and decoding`, async () => assert.deepEqual(await decoded(bytes), bytes));
}

test('an older target and another charset change nothing', async () => {
  assert.deepEqual(await decoded(allPairs, { target: 'es2015', charset: 'utf8' }), allPairs);
});

test('the text is printable ASCII without anything that a tool would escape or take for markup', () => {
  assert.match(encode(allPairs), /^[!-~]+$/);
  assert.doesNotMatch(encode(allPairs), /["'`\\$<]/);
});

test('a sequence of bytes is always the same text, wherever it stands', () => {
  const head = encode(new Uint8Array());
  const once = encode(allBytes);
  assert.ok(once.startsWith(head));
  assert.equal(encode(Uint8Array.of(...allBytes, ...allBytes)), head + once.slice(head.length).repeat(2));
});

test('the commonest bytes are the shortest, whichever they are', () => {
  const bytes = Uint8Array.from({ length: 10_000 }, (_, at) => 170 + (at % 86));
  assert.ok(encode(bytes).length < 10_200);
});
