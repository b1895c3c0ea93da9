// Whether a signature was charged is said in two places: by the command line, and by the demo page,
// which is no part of the package. Both must say the same of every payment.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { build } from 'esbuild';
import { chargeOf as inPage } from '../../www/words.js';

const root = path.resolve(import.meta.dirname, '../..');

/** A module of the command line, as it is in the sources. */
async function ofCommandLine(name) {
  const entryPoints = [path.join(root, 'pkg-template/cli', name)];
  const { outputFiles } = await build({
    entryPoints,
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
}

test('the command line and the page say the same of every charge', async () => {
  const { chargeOf: inTerminal } = await ofCommandLine('report.ts');
  /** What is said, without the words: nothing, that it is not known, or that it has not been. */
  const kind = (said) =>
    said && (/not known/.test(said) ? 'not known' : /not (charged it )?so far/.test(said) ? 'not so far' : said);
  const kinds = new Set();
  for (const dialect of ['elizaos', 'x402-v1', 'x402-v2']) {
    for (const receipt of [undefined, { success: true }, { success: false }, { success: false, errorReason: 'no money' }]) {
      for (const onChain of [undefined, true, false]) {
        const payment = { dialect, receipt, onChain };
        assert.equal(kind(inPage(payment)), kind(inTerminal(payment)), JSON.stringify(payment));
        kinds.add(kind(inPage(payment)));
      }
    }
  }
  assert.deepEqual([...kinds].sort(), ['not known', 'not so far', undefined]);
});
