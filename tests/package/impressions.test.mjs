// What somebody sees first: an uncaught error in a terminal, an error in a log, and what importing
// a constant costs.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { build } from 'esbuild';
import { HASH, installed, params, rejection, USER } from './setting.mjs';

const { folder, JobsClient, SessionsClient } = await installed('impressions');
const ENTRIES = 'https://github.com/eliza-jobs/eliza-jobs/blob/main/docs/errors.md';
const refusing = {
  baseUrl: 'https://h',
  retries: 0,
  fetch: async () => Response.json({ error: 'no such job' }, { status: 404 }),
};

/** What a program prints that an error ends. */
function printOf(name, program) {
  const file = path.join(folder, name);
  writeFileSync(file, program);
  const { status, stderr } = spawnSync(process.execPath, [file], { cwd: folder, encoding: 'utf8' });
  assert.equal(status, 1, stderr);
  return stderr;
}

const ASK = `const client = new JobsClient({ baseUrl: 'http://127.0.0.1:9', retries: 0 });
async function ask() { return client.createJob({ userId: '${USER}', content: 'the question' }); }
async function main() { await null; await ask(); }`;
const programs = {
  'the first lines of the README without a server, as ESM': [
    'first.mjs',
    `import { JobsClient } from 'eliza-jobs';\n${ASK}\nawait main();`,
  ],
  'the same as CommonJS': ['first.cjs', `const { JobsClient } = require('eliza-jobs');\n${ASK}\nmain();`],
  'a misspelt option as ESM': [
    'option.mjs',
    "import { JobsClient } from 'eliza-jobs';\nfunction main() { new JobsClient({ baseURL: '' }); }\nmain();",
  ],
  'a misspelt option as CommonJS': [
    'option.cjs',
    "function main() { new (require('eliza-jobs').JobsClient)({ baseURL: '' }); }\nmain();",
  ],
};
for (const [what, [name, program]] of Object.entries(programs)) {
  test(`an uncaught error prints less than 4 KB, with the lines of the program: ${what}`, () => {
    const print = printOf(name, program);
    assert.ok(print.length < 4096, `${print.length} characters: ${print.slice(0, 500)}`);
    assert.match(print, /at (async )?main \(.*(first|option)\./, print);
    assert.ok(print.includes(`${ENTRIES}#`), print);
    assert.doesNotMatch(print, /the question|eliza-jobs.*wasm-text/);
  });
}

test('an uncaught error of a program that is bundled and minified prints no program', async () => {
  const entry = { contents: programs['the first lines of the README without a server, as ESM'][1], resolveDir: folder };
  const options = { bundle: true, minify: true, format: 'esm', platform: 'node', write: false };
  const { outputFiles } = await build({ stdin: entry, ...options });
  const print = printOf('bundled.mjs', outputFiles[0].text);
  assert.ok(print.length < 4096, `${print.length} characters`);
  assert.match(print, /connection_failed/);
});

test('a stack has the frames of the call: in a promise, an iterator, a page, a constructor', async () => {
  const client = new JobsClient(refusing);
  const sessions = new SessionsClient(refusing);
  async function promiseCaller() {
    await client.getJob('x');
  }
  async function iteratorCaller() {
    for await (const job of client.watchJob('x')) assert.fail(job.jobId);
  }
  async function awaitedCaller() {
    await client.payments({ state: 'foo' });
  }
  async function pageCaller() {
    for await (const message of sessions.getMessages('x')) assert.fail(message.id);
  }
  async function constructorCaller() {
    return new JobsClient({});
  }
  async function methodCaller() {
    return client.spent('ETH');
  }
  for (const caller of [promiseCaller, iteratorCaller, awaitedCaller, pageCaller, constructorCaller, methodCaller]) {
    async function outerCaller() {
      await null;
      await caller();
    }
    const { stack } = await rejection(outerCaller());
    assert.match(stack, new RegExp(`at (async )?${caller.name} .*impressions.test.mjs`), stack);
    assert.match(stack, /at (async )?outerCaller .*impressions.test.mjs/, stack);
    assert.doesNotMatch(stack, /wasm-function|node_modules/);
  }
});

test('the first thousand calls under way keep their frames, later ones their message alone, and calls after them keep them again', async () => {
  let fail;
  const failed = new Promise((_, reject) => (fail = reject));
  const client = new JobsClient({ ...refusing, fetch: () => failed });
  const frames = ({ stack }) => stack.includes('impressions.test.mjs');
  const calls = Array.from({ length: 1_001 }, () => rejection(client.getJob('x')));
  fail(new TypeError('fetch failed'));
  const errors = await Promise.all(calls);
  assert.deepEqual([frames(errors[0]), frames(errors[999]), frames(errors[1_000])], [true, true, false]);
  assert.match(errors[1_000].stack, /connection_failed|fetch failed/);
  assert.ok(frames(await rejection(client.getJob('x'))));
});

test('a program’s own limit of frames stays as it is', async () => {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = 3;
  try {
    const error = await rejection(new JobsClient(refusing).getJob('x'));
    assert.equal(Error.stackTraceLimit, 3);
    assert.ok(error.stack.split('\n    at ').length <= 4, error.stack);
  } finally {
    Error.stackTraceLimit = before;
  }
});

/** An error of a payment, whose wallet has thrown everything that it had. */
async function leaky() {
  const price = { payment: [{ network: 'base', recipient: '0x209693Bc6afc0C5328bA36FaF03C514EF312287C', amount: '0.02' }] };
  const wallet = () => {
    throw Object.assign(new Error('the node is gone'), {
      code: 'OFFLINE',
      config: { headers: { 'x-payment': HASH }, key: 'topsecret' },
    });
  };
  const fetch = async () => Response.json(price, { status: 402 });
  return rejection(new JobsClient({ baseUrl: 'https://h', fetch, wallet }).createJob(params));
}

test('an error in a log says what happened, and shows no question, no proof and no key', async () => {
  const error = await leaky();
  assert.equal(error.cause.config.key, 'topsecret');
  const printed = inspect(error);
  const uncaught = inspect(error, { customInspect: false });
  for (const [how, text] of Object.entries({ printed, uncaught, json: JSON.stringify(error) })) {
    for (const word of ['PaymentError', 'wallet_failed', error.message.slice(0, 30)])
      assert.ok(text.includes(word), `${how}: ${text}`);
    assert.ok(!['topsecret', HASH.slice(0, 30), params.content].some((secret) => text.includes(secret)), `${how}: ${text}`);
  }
  assert.match(printed, /caused by: Error OFFLINE/);
  const { name, code, message, retryable } = JSON.parse(JSON.stringify(error));
  assert.deepEqual([name, code, message, retryable], ['PaymentError', 'wallet_failed', error.message, false]);
  const gone = await rejection(new JobsClient(refusing).getJob('job-7'));
  for (const text of [inspect(gone), JSON.stringify(gone)]) assert.match(text, /404.*job-7/s);
});

test('a job in an error, with the question in it, is there for code alone', async () => {
  const job = { jobId: 'job-1', status: 'failed', error: 'too hard', prompt: 'the question', createdAt: 0, expiresAt: 9e9 };
  const error = await rejection(new JobsClient({ ...refusing, fetch: async () => Response.json(job) }).pollJob('job-1'));
  assert.equal(error.job.prompt, 'the question');
  for (const text of [inspect(error), inspect(error, { customInspect: false }), JSON.stringify(error), error.stack]) {
    assert.doesNotMatch(text, /the question/);
    assert.match(text, /job-1|too hard/);
  }
});

test('a time limit is said as it was given', async () => {
  const fetch = async () => Response.json({ jobId: 'j', status: 'processing', createdAt: 0, expiresAt: 9e15 });
  const error = await rejection(new JobsClient({ baseUrl: 'https://h', fetch }).pollJob('j', { timeoutMs: 700 }));
  assert.deepEqual([error.code, /\b700\b/.test(error.message)], ['wait_timeout', true], error.message);
});

test('a base address that ends in /api is named when nothing is found there', async () => {
  const error = await rejection(new JobsClient({ ...refusing, baseUrl: 'https://h/api' }).listJobs());
  assert.match(error.message, /baseUrl ends in \/api, which the client adds itself/);
});

test('what a wallet lacks is said with the adapters that have it', async () => {
  const price = { payment: [{ network: 'base', recipient: '0x209693Bc6afc0C5328bA36FaF03C514EF312287C', amount: '0.02' }] };
  const fetch = async () => Response.json(price, { status: 402 });
  const wallet = { address: '0x857b06519E91e3A54538791bDbb0E22373e36b66', signTypedData: assert.fail };
  const error = await rejection(new JobsClient({ baseUrl: 'https://h', fetch, wallet }).createJob(params));
  assert.equal(error.code, 'wallet_cannot_pay');
  assert.match(error.message, /needs sendTransfer; fromViem with a wallet client, fromEthers and fromEip1193/);
});

/** How much a bundler puts into a page for this program. */
async function bundled(contents) {
  const options = { bundle: true, minify: true, format: 'esm', write: false };
  const { outputFiles } = await build({ stdin: { contents, resolveDir: folder }, ...options });
  return outputFiles[0].contents.length;
}

for (const [what, most, program] of [
  ['a constant', 1_000, "import { JobStatus } from 'eliza-jobs'; console.log(JobStatus.PENDING);"],
  ['an error class', 4_500, "import { PaymentError } from 'eliza-jobs'; console.log(PaymentError);"],
  ['the entry of the constants', 1_000, "import { JobStatus } from 'eliza-jobs/job-status'; console.log(JobStatus.PENDING);"],
  ['the entry of the error classes', 4_500, "import * as errors from 'eliza-jobs/errors'; console.log(errors);"],
  ['a store', 12_000, "import { memoryStore } from 'eliza-jobs'; console.log(memoryStore());"],
]) {
  test(`${what} brings no WebAssembly into a page`, async () => {
    const bytes = await bundled(program);
    assert.ok(bytes < most, `${bytes} bytes`);
  });
}

test('every name is there in an import, whichever way the file was written', () => {
  const manifest = JSON.parse(readFileSync(path.join(folder, 'node_modules/eliza-jobs/package.json'), 'utf8'));
  const names = {
    '.': 'JobsClient, ElizaClient, SessionsClient, PaymentError, JobStatus, fileStore, memoryStore',
    './node': 'JobsClient, fileStore',
    './errors': 'ApiError, ElizaJobsError',
    './job-status': 'JobStatus',
    './wallets': 'fromViem, fromEthers, fromEip1193',
  };
  const entries = Object.entries(manifest.exports).filter(([entry]) => entry in names);
  assert.equal(entries.length, Object.keys(names).length);
  for (const [entry, conditions] of entries) {
    const { require } = conditions.node ?? conditions;
    const file = JSON.stringify(path.join(folder, 'node_modules/eliza-jobs', require.default));
    const program = `import { ${names[entry]} } from ${file}; console.log([${names[entry]}].includes(undefined));`;
    writeFileSync(path.join(folder, 'names.mjs'), program);
    const { stdout, stderr } = spawnSync(process.execPath, ['names.mjs'], { cwd: folder, encoding: 'utf8' });
    assert.equal(stdout, 'false\n', `${entry}: ${stderr}`);
  }
});

test('what a runtime lacks is named', () => {
  for (const [name, change] of [
    ...['WebAssembly', 'TextDecoder', 'crypto', 'performance', 'Headers', 'setTimeout'].map((name) => [
      name,
      `delete globalThis.${name}`,
    ]),
    ['WebAssembly', 'globalThis.WebAssembly = null'],
    ['performance', "Object.defineProperty(globalThis, 'performance', { value: undefined })"],
  ]) {
    const program = `${change};
      const { JobsClient } = await import('eliza-jobs');
      try { new JobsClient({ baseUrl: 'https://h' }); } catch ({ code, message }) { console.log(code, message); }`;
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: folder, encoding: 'utf8' });
    assert.ok(said.startsWith(`init_failed eliza-jobs needs ${name}, which this runtime does not have`), `${change}: ${said}`);
  }
});
