// What can go wrong between an application, a wallet, a network and a server. Tests that begin with "row 16: …" (in Rust `row_16_…`)
// cover that line of this list; no line may be without one.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

const ROWS = [
  'connection refused, or the name is unknown',
  'connection refused when the proof is sent',
  'reset before the answer to a read',
  'reset before the answer to a paid request',
  'reset in the middle of the answer to a create',
  'the answer does not begin in time',
  'the answer begins and does not end',
  'the answer comes a byte at a time',
  'JSON that is cut off',
  'a success without a body, or without a job',
  'JSON under another content type',
  'a web page with 200',
  'a web page of a proxy with 502',
  'a huge answer',
  'deep, hostile or impossible JSON',
  '429 with Retry-After in seconds',
  '429 with a date, far away, or with nonsense',
  '429 whose headers cannot be read',
  '500, 502, 503, 504 in answer to a read',
  '500 in answer to a paid request',
  'a redirect of an unpaid request',
  'a redirect of a paid request, or to another origin',
  '402, a payment, and 402 again',
  'a 402 that is malformed, empty or a page',
  '402 in answer to a read',
  'a price above the limit, or an unknown token, network or payee',
  'the user says no in the wallet',
  'the wallet throws what is no error',
  'the wallet hangs, and answers later',
  'the wallet gives what is no proof',
  'abort or closed page while the wallet is open',
  'closed page after the proof and before the job',
  'closed page after the job',
  'a proof that is refused as used or expired',
  'double click, double effect, the same idempotency key twice',
  'two tabs go on with the same payment',
  'a job that was seen is gone',
  'a job that never ends',
  'an unknown status',
  'completed without an answer',
  'failed and timed-out jobs',
  'wrong clocks, clocks that jump, machines that sleep',
  'hidden pages, pages that come back',
  'abort in any place',
  'callbacks, loggers and stores that throw',
  'free() while calls are under way',
  'calls from callbacks, a thousand calls at once',
  'the module traps',
  'the module cannot be loaded',
  'ten thousand waiting jobs and a limit of a thousand requests',
];

const root = path.resolve(import.meta.dirname, '../..');
const files = ['src', 'tests/host', 'tests/package', 'tests/browser']
  .flatMap((folder) => readdirSync(path.join(root, folder), { recursive: true }).map((file) => path.join(root, folder, file)))
  .filter((file) => /\.(rs|test\.mjs)$/.test(file));
const names = files.flatMap((file) =>
  file.endsWith('.rs')
    ? [...readFileSync(file, 'utf8').matchAll(/#\[test\]\s+fn rows?_((?:\d+_|and_)+)/g)]
    : [...readFileSync(file, 'utf8').matchAll(/(?<!\w)["'`]rows? ((?:\d+|, | and )+): /g)],
);
const covered = names.flatMap(([, rows]) => rows.match(/\d+/g).map(Number));

test('there is a test for each of the 50 rows, and for none that is not there', () => {
  assert.equal(ROWS.length, 50);
  const missing = ROWS.map((what, at) => `${at + 1}: ${what}`).filter((_, at) => !covered.includes(at + 1));
  assert.deepEqual(missing, []);
  assert.deepEqual(
    covered.filter((row) => row < 1 || row > 50),
    [],
  );
});
