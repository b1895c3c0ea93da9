// The public face: how the package is loaded, what it refuses, how calls end.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';
import { faultServer, reply } from './fault-server.mjs';
import { HASH, installed, params, rejection, rejects, turnsOf } from './setting.mjs';

const { folder, JobsClient, ApiError, ArgumentError, ElizaJobsError } = await installed('face');
const require = createRequire(path.join(folder, 'x.js'));
const never = () => assert.fail('something was sent');
const client = (options) => new JobsClient({ baseUrl: 'http://127.0.0.1:9', fetch: never, ...options });
const fakeAnswer =
  (body, status = 200) =>
  async () =>
    new Response(JSON.stringify(body), { status });

const run = (code) => execFileSync(process.execPath, ['--input-type=module', '-e', code], { cwd: folder, encoding: 'utf8' });

test('import and require give the same face and need no init', async () => {
  const cjs = require('eliza-jobs');
  assert.deepEqual(
    Object.keys(cjs).sort(),
    Object.keys(await import(path.join(folder, 'node_modules/eliza-jobs/index.js'))).sort(),
  );
  const job = await new cjs.JobsClient({ baseUrl: 'https://h', fetch: fakeAnswer({ jobId: 'j', status: 'pending' }) }).getJob(
    'j',
  );
  assert.equal(job.status, 'pending');
});

test('instanceof holds across two copies of the package', async () => {
  const cjs = require('eliza-jobs');
  const error = await rejection(new cjs.JobsClient({ baseUrl: 'https://h', fetch: fakeAnswer({}, 404) }).getJob('j'));
  assert.ok(
    error instanceof ApiError && error instanceof ElizaJobsError && error instanceof cjs.ApiError && error instanceof Error,
  );
  assert.ok(!(error instanceof ArgumentError) && !(new Error() instanceof ElizaJobsError));
});

test('importing compiles nothing', () => {
  const said = run("delete globalThis.WebAssembly; await import('eliza-jobs'); console.log('fine')");
  assert.equal(said, 'fine\n');
});

/** The error of the first client in a program that begins so. */
const loadError = (beginning) => {
  const program = `${beginning};
    const { JobsClient, ElizaJobsError } = await import('eliza-jobs');
    try { new JobsClient({ baseUrl: 'https://h' }) } catch (e) {
      console.log(JSON.stringify([e.name, e.code, e.retryable, e.fundsMoved, e instanceof ElizaJobsError, e.message, String(e.cause?.message ?? '')]))
    }`;
  return JSON.parse(run(program));
};
const refuses = (what) =>
  `WebAssembly.${what} = class { constructor() { throw new WebAssembly.CompileError('Refused to create a WebAssembly object because unsafe-eval is not allowed by the Content Security Policy') } }`;

test('what the runtime lacks is named, and is no crash at the import', () => {
  for (const name of ['WebAssembly', 'TextDecoder', 'TextEncoder', 'Headers', 'AbortController', 'URL', 'crypto', 'fetch']) {
    const [error, code, retryable, moved, isOurs, message] = loadError(`delete globalThis.${name}`);
    assert.deepEqual([error, code, retryable, moved, isOurs], ['ElizaJobsError', 'init_failed', false, false, true], message);
    assert.ok(message.includes(name), message);
  }
});

test('what the runtime lacks at the import may be there when a client is made', () => {
  for (const name of ['WebAssembly', 'TextDecoder', 'TextEncoder']) {
    const program = `const there = globalThis.${name};
      delete globalThis.${name};
      const { ElizaClient, JobsClient } = await import('eliza-jobs');
      globalThis.${name} = there;
      const fetch = async () => new Response('{"jobId":"j","status":"pending"}');
      const { sessions } = new ElizaClient({ baseUrl: 'https://h', fetch });
      console.log((await new JobsClient({ baseUrl: 'https://h', fetch }).getJob('j')).status, typeof sessions.sendMessage);`;
    assert.equal(run(program), 'pending function\n', name);
  }
});

test('a runtime without fetch can be given one', () => {
  const program = `delete globalThis.fetch;
    const { JobsClient } = await import('eliza-jobs');
    const fetch = async () => new Response('{"jobId":"j","status":"pending"}');
    console.log((await new JobsClient({ baseUrl: 'https://h', fetch }).getJob('j')).status);`;
  assert.equal(run(program), 'pending\n');
});

for (const what of ['Module', 'Instance']) {
  test(`a page whose policy refuses new WebAssembly.${what} learns what to add to it`, () => {
    const [, code, , , , message, cause] = loadError(`globalThis.document = {}; ${refuses(what)}`);
    assert.equal(code, 'init_failed');
    assert.match(message, /Content-Security-Policy forbids it: add 'wasm-unsafe-eval' to script-src/);
    assert.match(cause, /Refused to create/);
  });

  test(`outside a page nothing is said of a page’s policy (new WebAssembly.${what})`, () => {
    const [, code, , , , message] = loadError(refuses(what));
    assert.equal(code, 'init_failed');
    assert.match(message, /could not load its WebAssembly module: Refused to create/);
    assert.doesNotMatch(message, /page|script-src/);
  });
}

const ASSET = '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913';
const OTHER = '0xc2132D05D31c914a87C6611C10748AEb04B58e8F';
const EURC = {
  network: 'base',
  asset: '0x60a3E35Cc302bFA44Cb288Bc5a4F316Fdb1adb42',
  symbol: 'EURC',
  decimals: 6,
  maxPerPayment: '0.10',
};

test('bad options throw a TypeError that names the option, the rule and what was given', () => {
  for (const [options, field, said] of [
    [undefined, 'options', /undefined/],
    ['https://h', 'options', /"https:\/\/h"/],
    [{}, 'baseUrl', /undefined/],
    [{ baseUrl: '' }, 'baseUrl', /http/],
    [{ baseUrl: 'localhost:3000' }, 'baseUrl', /"localhost:3000"/],
    [{ baseUrl: 'ftp://h' }, 'baseUrl', /"ftp:\/\/h"/],
    [{ baseUrl: '/api' }, 'baseUrl', /"\/api"/],
    [{ baseUrl: 'http://u:topsecret@h' }, 'baseUrl', /credentials/],
    [{ baseUrl: 'http://h?x' }, 'baseUrl', /query or a fragment/],
    [{ baseUrl: 'http://h#x' }, 'baseUrl', /query or a fragment/],
    [{ baseUrl: 'https://h', fetch: 5 }, 'fetch', /function; given: 5/],
    [
      { baseUrl: 'https://h', wallet: {} },
      'wallet',
      /must be a wallet of viem.*, a function .* or an object .*; given: an object/,
    ],
    [{ baseUrl: 'https://h', wallet: '0xkey' }, 'wallet', /eliza-jobs\/wallets.*; given: a string/],
    [{ baseUrl: 'https://h', wallet: null }, 'wallet', /given: null/],
    [{ baseUrl: 'https://h', wallet: { address: ASSET } }, 'wallet', /any of sendTransfer/],
    [{ baseUrl: 'https://h', wallet: { signTypedData() {} } }, 'wallet', /signTypedData and without address/],
    [{ baseUrl: 'https://h', wallet: { sendTransfer: 'x' } }, 'wallet', /sendTransfer that must be a function; given: "x"/],
    [{ baseUrl: 'https://h', wallet: { pay() {}, address: '0x12' } }, 'wallet', /address that must be .*; given: "0x12"/],
    [{ baseUrl: 'https://h', wallet: { pay() {}, address: ASSET.replace('fCD', 'fcd') } }, 'wallet', /right checksum/],
    [{ baseUrl: 'https://h', confirm: true }, 'confirm', /function; given: true/],
    [{ baseUrl: 'https://h', logger: 'x' }, 'logger', /any of debug, info, warn and error.*given: "x"/],
    [{ baseUrl: 'https://h', logger: {} }, 'logger', /console is one; given: an object/],
    [{ baseUrl: 'https://h', logger: { warn() {}, debug: 5 } }, 'logger', /which are functions/],
    [{ baseUrl: 'https://h', walletTimeoutMs: 0 }, 'walletTimeoutMs', /given: 0/],
    [{ baseUrl: 'https://h', timeoutMs: 0 }, 'timeoutMs', /given: 0/],
    [{ baseUrl: 'https://h', timeoutMs: NaN }, 'timeoutMs', /given: NaN/],
    [{ baseUrl: 'https://h', timeoutMs: '5s' }, 'timeoutMs', /given: "5s"/],
    [{ baseUrl: 'https://h', timeoutMs: 1e12 }, 'timeoutMs', /given: 1000000000000/],
    [{ baseUrl: 'https://h', retries: 1.5 }, 'retries', /given: 1\.5/],
    [{ baseUrl: 'https://h', apiKey: 'top\nsecret' }, 'apiKey', /visible ASCII/],
    [{ baseUrl: 'https://h', headers: { 'bad name': 'topsecret' } }, 'headers', /names/],
    [{ baseUrl: 'https://h', headers: { a: 'top\nsecret' } }, 'headers', /names/],
    [{ baseUrl: 'https://h', headers: { 'X-Payment': HASH } }, 'headers', /only the client itself sets/],
    [{ baseUrl: 'https://h', spend: { maxPerPayment: 0.1 } }, 'spend.maxPerPayment', /decimal string.*given: 0\.1/],
    [{ baseUrl: 'https://h', spend: { maxPerPayment: '1e3' } }, 'spend.maxPerPayment', /given: "1e3"/],
    [{ baseUrl: 'https://h', spend: { networks: ['solana'] } }, 'spend.networks', /given: "solana"/],
    [{ baseUrl: 'https://h', spend: { networks: [] } }, 'spend.networks', /list/],
    [{ baseUrl: 'https://h', spend: { maxPayment: '1' } }, 'spend.maxPayment', /did you mean `spend.maxPerPayment`/],
    [{ baseUrl: 'https://h', spend: '1' }, 'spend', /given: "1"/],
    [{ baseUrl: 'https://h', spend: { budget: 2 } }, 'spend.budget', /decimal string of USDC.*given: 2/],
    [{ baseUrl: 'https://h', spend: { budget: '-2' } }, 'spend.budget', /given: "-2"/],
    [{ baseUrl: 'https://h', spend: { recipients: [] } }, 'spend.recipients', /list of addresses/],
    [{ baseUrl: 'https://h', spend: { recipients: ['0x12'] } }, 'spend.recipients', /given: "0x12"/],
    [{ baseUrl: 'https://h', spend: { allowResource: ['/x'] } }, 'spend.allowResource', /URL.*given: "\/x"/],
    [{ baseUrl: 'https://h', spend: { assets: [] } }, 'spend.assets', /list of tokens/],
    [{ baseUrl: 'https://h', spend: { assets: [{}] } }, 'spend.assets[0]', /must have a network .*given: no network/],
    [{ baseUrl: 'https://h', spend: { assets: [{ ...EURC, maxPerPayment: undefined }] } }, 'spend.assets[0]', /maxPerPayment/],
    [
      { baseUrl: 'https://h', spend: { assets: [{ ...EURC, maxPerPayment: '0.0000001' }] } },
      'spend.assets[0].maxPerPayment',
      /EURC/,
    ],
    [{ baseUrl: 'https://h', spend: { assets: [{ ...EURC, budget: 5 }] } }, 'spend.assets[0].budget', /EURC.*given: 5/],
    [
      { baseUrl: 'https://h', spend: { assets: [EURC, { ...EURC, symbol: 'X', asset: OTHER, budget: { perDay: 1 } }] } },
      'spend.assets[1].budget.perDay',
      /given: 1/,
    ],
    [{ baseUrl: 'https://h', spend: { recipients: ['vitalik.eth'] } }, 'spend.recipients', /given: "vitalik\.eth"/],
    [{ baseUrl: 'https://h', spend: { recipients: [ASSET.replace('fCD', 'fcd')] } }, 'spend.recipients', /right checksum/],
    [{ baseUrl: 'https://h', spend: { allowResource: 'https://' } }, 'spend.allowResource', /URL.*given: "https:/],
    [{ baseUrl: 'https://h', spend: { allowResource: ['ftp://h/x'] } }, 'spend.allowResource', /must be a URL/],
    [
      { baseUrl: 'https://h', spend: { assets: [{ ...EURC, symbol: 'USDC' }] } },
      'spend.assets[0]',
      /not there already; given: USDC/,
    ],
    [{ baseUrl: 'https://h', spend: { assets: [{ ...EURC, asset: ASSET }] } }, 'spend.assets[0]', /not there already/],
    [{ baseUrl: 'https://h', spend: { assets: [{ ...EURC, asset: '0x12' }] } }, 'spend.assets[0]', /given: "0x12"/],
    [{ baseUrl: 'https://h', spend: { assets: [{ ...EURC, decimals: 6.5 }] } }, 'spend.assets[0].decimals', /given: 6\.5/],
    [{ baseUrl: 'https://h', spend: { assets: [{ ...EURC, decimals: undefined }] } }, 'spend.assets[0]', /must have decimals/],
    [
      { baseUrl: 'https://h', spend: { assets: [{ ...EURC, nmae: 'x' }] } },
      'spend.assets.nmae',
      /did you mean `spend.assets.name`/,
    ],
    [
      { baseUrl: 'https://h', spend: { assets: [{ ...EURC, network: 'solana' }] } },
      'spend.assets',
      /spend.networks names; given: solana/,
    ],
  ]) {
    assert.throws(
      () => new JobsClient(options),
      (error) => {
        assert.ok(error instanceof TypeError && error instanceof ArgumentError && error instanceof ElizaJobsError);
        assert.deepEqual([error.field, error.code], [field, 'invalid_argument'], error.message);
        assert.match(error.message, said);
        assert.ok(error.message.includes(field) && !/top.?secret/.test(error.message), error.message);
        return true;
      },
    );
  }
  for (const baseUrl of ['https://h', 'https://h/', 'HTTP://H:80/a/b/', 'http://[::1]:3000']) new JobsClient({ baseUrl }).free();
});

test('bad arguments of every method reject and send nothing', async () => {
  const jobs = client();
  const change = (field, value) => [field, jobs.createJob({ ...params, [field]: value })];
  const cyclic = {};
  cyclic.self = cyclic;
  const calls = [
    change('userId', undefined),
    change('userId', 'x'),
    change('agentId', 'x'),
    change('agentId', null),
    change('content', ''),
    change('content', 'x'.repeat(50_001)),
    change('content', 5),
    change('content', 'a\ud800b'),
    change('metadata', cyclic),
    change('metadata', { k: 'x'.repeat(9_993) }),
    change('metadata', new Map()),
    change('metadata', { a: 1n }),
    change('metadata', { f() {} }),
    change('metadata', []),
    change('timeoutMs', 999),
    change('timeoutMs', 300_001),
    change('timeoutMs', NaN),
    change('timeoutMs', '5s'),
    ['jobId', jobs.getJob('')],
    ['jobId', jobs.getJob(5)],
    ['jobId', jobs.pollJob()],
    ['interval', jobs.pollJob('x', 0)],
    ['interval', jobs.pollJob('x', -1)],
    ['interval', jobs.pollJob('x', NaN)],
    ['interval', jobs.pollJob('x', 1e12)],
    ['interval', jobs.createAndWaitForJob(params, '5')],
    ['intervalMs', jobs.pollJob('x', { intervalMs: 0 })],
    ['maxAttempts', jobs.pollJob('x', 1, 0)],
    ['maxAttempts', jobs.pollJob('x', 1, 1.5)],
    ['maxAttempts', jobs.pollJob('x', {}, 3)],
    ['timeoutMs', jobs.getJob('x', { timeoutMs: '5s' })],
    ['signal', jobs.getJob('x', { signal: {} })],
    ['options', jobs.getJob('x', 5)],
    ['onUpdate', jobs.pollJob('x', { onUpdate: 5 })],
    ['headers', jobs.getJob('x', { headers: 'a' })],
    ['limit', jobs.listJobs({ limit: -1 })],
    ['limit', jobs.listJobs({ limit: 0.5 })],
    ['status', jobs.listJobs({ status: 'done' })],
  ];
  // All have a handler at once: a rejection that nobody handles ends the test.
  const checked = calls.map(async ([field, promise]) => {
    const error = await rejects(promise, 'ArgumentError', 'invalid_argument');
    assert.equal(error.field, field, error.message);
    assert.match(error.message, new RegExp(`^${field} .*given: .`));
  });
  await Promise.all(checked);
});

test('an abort ends a call at once, wherever it is, and leaves nothing behind', async () => {
  const stuck = () => new Promise(() => {});
  const processing = fakeAnswer({ jobId: 'j', status: 'processing', createdAt: 0, expiresAt: 30_000 });
  const paywall = fakeAnswer(
    { payment: [{ network: 'base', recipient: '0x209693Bc6afc0C5328bA36FaF03C514EF312287C', amount: '0.02' }] },
    402,
  );
  const stalled = await faultServer((socket) => socket.write(reply(200, '', { 'content-length': 9 })));
  for (const [where, call] of [
    ['before the call', (signal) => client().getJob('x', { signal })],
    ['in the request', (signal) => client({ fetch: stuck }).getJob('x', { signal })],
    ['in the body', (signal) => new JobsClient({ baseUrl: stalled.url }).getJob('x', { signal })],
    ['between two looks', (signal) => client({ fetch: processing }).pollJob('j', 60_000, 5, { signal })],
    [
      'in a pause before another try',
      (signal) =>
        client({ fetch: async () => new Response('', { status: 429, headers: { 'retry-after': '20' } }) }).getJob('x', {
          signal,
        }),
    ],
    ['in the wallet', (signal) => client({ fetch: paywall, wallet: stuck }).createJob(params, { signal })],
  ]) {
    const controller = new AbortController();
    let listeners = 0;
    const { signal } = controller;
    for (const [name, step] of [
      ['addEventListener', 1],
      ['removeEventListener', -1],
    ]) {
      signal[name] = (...args) => ((listeners += step), AbortSignal.prototype[name].apply(signal, args));
    }
    const reason = new Error(where);
    if (where === 'before the call') controller.abort(reason);
    const promise = rejection(call(signal));
    if (where !== 'before the call') await new Promise((done) => setTimeout(done, 30));
    controller.abort(reason);
    assert.ok((await turnsOf(promise)) <= 2, where);
    assert.equal(await promise, reason);
    assert.equal(listeners, 0, `a listener is left: ${where}`);
    const timers = process.getActiveResourcesInfo().filter((what) => what === 'Timeout');
    assert.ok(timers.length <= 1, `a timer is left: ${where}`);
  }
});

test('headers and time limit of one call', async () => {
  const server = await faultServer(reply(200, '{"jobId":"j","status":"pending"}'));
  const jobs = new JobsClient({ baseUrl: server.url, apiKey: 'k', headers: new Headers({ 'X-A': '1' }) });
  await jobs.getJob('j', {
    headers: [
      ['x-a', '2'],
      ['x-b', '3'],
    ],
  });
  await jobs.getJob('j');
  assert.deepEqual(
    server.requests.map(({ headers }) => [headers['x-api-key'], headers['x-a'], headers['x-b']]),
    [
      ['k', '2', '3'],
      ['k', '1', undefined],
    ],
  );
});

test('a thousand calls at once on one client, which is freed meanwhile', async () => {
  const jobs = client({ fetch: fakeAnswer({ jobId: 'j', status: 'pending' }) });
  const calls = Array.from({ length: 1000 }, () => jobs.getJob('j'));
  jobs.free();
  assert.equal((await Promise.all(calls)).length, 1000);
});

test('spent() is in the token’s own unit, and nothing before anything was paid', () => {
  const client = new JobsClient({ baseUrl: 'https://h', spend: { assets: [EURC] } });
  assert.deepEqual([client.spent(), client.spent('USDC'), client.spent('EURC')], ['0', '0', '0']);
  for (const odd of ['usdc', 'ETH', 5, null]) {
    assert.throws(() => client.spent(odd), { name: 'ArgumentError', field: 'currency' });
  }
});
