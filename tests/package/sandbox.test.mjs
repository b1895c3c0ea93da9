// The sandbox with the package's own client: what works, and each fault of the menu. What moved is
// read from the sandbox's chain.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { installPackage } from '../../scripts/install-package.mjs';
import { params, rejection, rejects } from './setting.mjs';

const { folder, entry } = installPackage('sandbox');
const { ArgumentError, ElizaClient, JobsClient, memoryStore } = await import(entry);
const { createSandbox, serveSandbox } = await import(new URL('./sandbox-node.js', entry));

const PAYWALLS = ['elizaos', 'x402-v1', 'x402-v2'];
/** How long slow things take: long enough to be seen, short enough to be waited for. */
const SLOW_MS = 400;

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const clientOf = (sandbox, more = {}) =>
  new JobsClient({
    baseUrl: sandbox.url,
    fetch: sandbox.fetch,
    wallet: sandbox.wallet,
    spend: { recipients: [sandbox.recipient] },
    logger: quiet,
    ...more,
  });
const ask = (sandbox, more) => clientOf(sandbox, more).createAndWaitForJob(params);
const statuses = (sandbox) => sandbox.requests.map(({ method, status }) => `${method} ${status ?? 'broken'}`);
const struck = (sandbox) => sandbox.requests.flatMap(({ fault }) => fault ?? []);

test('a job on a free server', async () => {
  const sandbox = createSandbox();
  const job = await ask(sandbox, { wallet: undefined });
  assert.match(job.result.message.content, /^You asked: "What is the weather in New York\?"/);
  assert.deepEqual([sandbox.payments, sandbox.jobs.length, sandbox.jobs[0].status], [[], 1, 'completed']);
});

test('a paid job behind each paywall: one payment of the price to the recipient', async () => {
  for (const paywall of PAYWALLS) {
    const sandbox = createSandbox({ paywall, price: '0.05', balance: '2', answer: async (question) => `${question} ${paywall}` });
    const client = clientOf(sandbox);
    const job = await client.createAndWaitForJob(params);
    assert.equal(job.result.message.content, `${params.content} ${paywall}`);
    assert.equal(client.spent(), '0.05');
    const [{ amount, from, to, network, transaction }, ...others] = sandbox.payments;
    assert.deepEqual([amount, from, to, network, others], ['0.05', sandbox.account, sandbox.recipient, 'base', []]);
    assert.match(transaction, /^0x[0-9a-f]{64}$/);
    assert.deepEqual([sandbox.balanceOf(), sandbox.balanceOf(sandbox.recipient)], ['1.95', '2.05']);
    assert.deepEqual(statuses(sandbox).slice(0, 2), ['POST 402', 'POST 201']);
  }
});

test('the receipt of a payment names its transaction', async () => {
  for (const paywall of ['x402-v1', 'x402-v2']) {
    const sandbox = createSandbox({ paywall });
    const { payment } = await clientOf(sandbox).createJob(params);
    assert.equal(payment.receipt.transaction, sandbox.payments[0].transaction);
    assert.equal(payment.receipt.payer, sandbox.account);
  }
});

test('the same proof again creates no second payment', async () => {
  for (const [paywall, header] of [
    ['elizaos', 'x-payment'],
    ['x402-v1', 'x-payment'],
    ['x402-v2', 'payment-signature'],
  ]) {
    const sandbox = createSandbox({ paywall });
    await ask(sandbox);
    const { url, headers, body } = sandbox.requests.find((request) => header in request.headers);
    const again = await sandbox.fetch(url, { method: 'POST', headers, body });
    assert.equal(again.status, 402);
    assert.equal(sandbox.payments.length, 1);
  }
});

test('a server that wants ids of payments answers the same id with the same job, and moves the money once', async () => {
  const sandbox = createSandbox({ paywall: 'x402-v2', paymentIdentifier: 'required' });
  const paid = [];
  const client = new JobsClient({
    baseUrl: sandbox.url,
    wallet: sandbox.wallet,
    fetch: (input, init) => {
      if (new Headers(init.headers).has('payment-signature')) paid.push([input, init]);
      return sandbox.fetch(input, init);
    },
    store: memoryStore(),
  });
  const job = await client.createJob(params);
  const [input, init] = paid[0];
  const again = await sandbox.fetch(input, init);
  assert.deepEqual([again.status, (await again.json()).jobId, sandbox.payments.length], [201, job.jobId, 1]);
  const other = await sandbox.fetch(input, { ...init, body: JSON.stringify({ ...params, content: 'something else' }) });
  assert.deepEqual([other.status, sandbox.jobs.length, sandbox.payments.length], [409, 1, 1]);
  const headers = new Headers(init.headers);
  const { extensions, ...payment } = JSON.parse(atob(headers.get('payment-signature')));
  assert.match(extensions['payment-identifier'].info.id, /^pay_/);
  sandbox.reset();
  headers.set('payment-signature', btoa(JSON.stringify(payment)));
  const without = await sandbox.fetch(input, { ...init, headers });
  assert.deepEqual([without.status, sandbox.payments.length], [400, 0]);
  assert.match((await without.json()).error, /requires a payment identifier/);
});

test('an empty wallet is refused by the facilitator', async () => {
  for (const paywall of ['x402-v1', 'x402-v2']) {
    const sandbox = createSandbox({ paywall, balance: '0.01' });
    await rejects(ask(sandbox), 'PaymentError', 'payment_refused', /insufficient/);
    assert.deepEqual(sandbox.payments, []);
  }
});

test('the agent can be slow, silent or failing', async () => {
  const answer = async (question, { sleep }) => {
    if (question === 'fail') throw new Error('no model');
    if (question !== 'slow') return undefined;
    await sleep(200);
    return 'late';
  };
  const sandbox = createSandbox({ answer });
  const client = clientOf(sandbox);
  const slow = await client.createAndWaitForJob({ ...params, content: 'slow' });
  assert.ok(slow.result.processingTimeMs >= 200, `${slow.result.processingTimeMs} ms`);
  for (const content of ['silent', 'fail']) {
    const error = await rejection(client.createAndWaitForJob({ ...params, content, timeoutMs: 1000 }));
    assert.equal(error.code, 'job_timeout');
  }
});

test('a conversation, in one answer and in pieces', async () => {
  const sandbox = createSandbox({ answer: (question) => ['You said ', question, '.'] });
  const { sessions } = new ElizaClient({ baseUrl: sandbox.url, fetch: sandbox.fetch });
  const { sessionId } = await sessions.createSession({ agentId: sandbox.agentId, userId: params.userId });
  const { agentResponse } = await sessions.sendMessageAndWait(sessionId, { content: 'hello' });
  assert.equal(agentResponse.text, 'You said hello.');
  const pieces = [];
  for await (const update of sessions.streamMessage(sessionId, { content: 'again' })) {
    if (update.type === 'chunk') pieces.push(update.chunk);
  }
  assert.deepEqual(pieces, ['You said ', 'again', '.']);
});

test('its agent is listed, and can be asked by its id', async () => {
  const sandbox = createSandbox();
  const client = new JobsClient({ baseUrl: sandbox.url, fetch: sandbox.fetch });
  const [agent, ...others] = await client.listAgents();
  assert.deepEqual([agent.id, agent.status, others], [sandbox.agentId, 'active', []]);
  assert.match(await client.ask('Hello?', { agentId: agent.id }), /Hello\?/);
  const without = createSandbox({ agent: false });
  assert.deepEqual(await new JobsClient({ baseUrl: without.url, fetch: without.fetch }).listAgents(), []);
});

test('what a client has learned of one sandbox is not true of the next', async () => {
  const ask = async (options) => {
    const sandbox = createSandbox({ paywall: 'x402-v2', ...options });
    const client = new JobsClient({ baseUrl: sandbox.url, fetch: sandbox.fetch, wallet: sandbox.wallet });
    const call = client.createAndWaitForJob(params, { idempotencyKey: 'order-1', timeoutMs: 3_000 });
    return [
      sandbox.url,
      await call.then(
        ({ status }) => status,
        ({ code }) => code,
      ),
      sandbox.jobs.length,
    ];
  };
  // The first one's limit is used up when the job is paid.
  const urls = new Set();
  for (const [options, status] of [
    [{ rateLimit: 1 }, 'wait_timeout'],
    [{}, 'completed'],
    [{}, 'completed'],
  ]) {
    const [url, ended, jobs] = await ask(options);
    assert.deepEqual([ended, jobs], [status, 1], url);
    urls.add(url);
  }
  assert.equal(urls.size, 3);
});

test('serveSandbox refuses what it can never serve', async () => {
  for (const [field, ...given] of [
    ['sandbox'],
    ['sandbox', { paywall: 'x402-v2' }],
    ['port', createSandbox(), { port: 'abc' }],
    ['port', createSandbox(), { port: 70_000 }],
    ['port', createSandbox(), { port: 1.5 }],
    ['port', createSandbox(), { port: '80' }],
    ['port', createSandbox(), { port: null }],
    ['host', createSandbox(), { host: 5 }],
    // Node would listen on all addresses of the machine, and the system takes a number for an
    // address.
    ...['', ' ', '0', '0x0', '127.1', '1.2.3.256', 'localhost:3000', 'http://localhost', '[::1]', 'a b', '-a'].map((host) => [
      'host',
      createSandbox(),
      { host },
    ]),
    ['options', createSandbox(), [3000]],
    ['prt', createSandbox(), { prt: 5 }],
    ['options', createSandbox(), null],
  ]) {
    const error = await serveSandbox(...given).catch((error) => error);
    assert.deepEqual([error.name, error.field, error.fundsMoved], ['ArgumentError', field, false], error.stack);
  }
});

test('a sandbox listens where it is told to, and on this machine alone otherwise', async () => {
  for (const [options, address] of [
    [undefined, '127.0.0.1'],
    [{ host: '127.0.0.2' }, '127.0.0.2'],
    [{ host: 'localhost' }, /^(127\.0\.0\.1|\[::1\])$/],
  ]) {
    const { url, close } = await serveSandbox(createSandbox(), options);
    const { hostname } = new URL(url);
    if (typeof address === 'string') assert.equal(hostname, address);
    else assert.match(hostname, address);
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
    await close();
  }
});

test('virtual time passes only when it is told to, and each thing happens at its time', async () => {
  const sandbox = createSandbox({ time: 'virtual', now: '2026-01-01T00:00:00Z', answerMs: 60_000 });
  const client = clientOf(sandbox);
  const { jobId, createdAt } = await client.createJob({ ...params, timeoutMs: 120_000 });
  assert.equal(createdAt, Date.UTC(2026, 0, 1));
  await sandbox.advance(59_999);
  assert.equal((await client.getJob(jobId)).status, 'processing');
  await sandbox.advance(1);
  const job = await client.getJob(jobId);
  assert.deepEqual([job.status, job.result.processingTimeMs, sandbox.now()], ['completed', 60_000, Date.UTC(2026, 0, 1, 0, 1)]);
  await sandbox.advance(119_999);
  assert.equal((await client.getJob(jobId)).status, 'completed');
  await sandbox.advance(1);
  assert.equal(
    (await rejection(client.getJob(jobId))).code,
    'job_not_found',
    'the server forgets it after its expiry, at the full minute',
  );
});

test('a job that nobody answers is over at its expiry', async () => {
  const sandbox = createSandbox({ time: 'virtual', answer: () => undefined });
  const client = clientOf(sandbox);
  const { jobId } = await client.createJob({ ...params, timeoutMs: 1000 });
  await sandbox.advance(1000);
  assert.equal((await client.getJob(jobId)).status, 'processing');
  await sandbox.advance(1);
  assert.equal((await client.getJob(jobId)).status, 'timeout');
});

test('the agent may sleep on virtual time', async () => {
  const sandbox = createSandbox({
    time: 'virtual',
    answer: async (_question, { sleep }) => {
      await sleep(1000);
      await sleep(500);
      return 'rested';
    },
  });
  const client = clientOf(sandbox);
  const { jobId } = await client.createJob(params);
  await sandbox.advance(5000);
  assert.equal((await client.getJob(jobId)).result.processingTimeMs, 1500);
});

test('the rate limit is a window of fifteen minutes', async () => {
  const sandbox = createSandbox({ time: 'virtual', rateLimit: 3 });
  const get = async () => (await sandbox.fetch('/api/messaging/jobs/health')).status;
  assert.deepEqual([await get(), await get(), await get(), await get()], [200, 200, 200, 429]);
  await sandbox.advance(899_999);
  assert.equal(await get(), 429);
  await sandbox.advance(1);
  assert.equal(await get(), 200);
});

test('a seed determines ids, hashes and answers', async () => {
  const run = async (seed) => {
    const sandbox = createSandbox({ paywall: 'elizaos', seed, time: 'virtual', now: 0 });
    const hash = await sandbox.wallet.sendTransfer({ network: 'base', recipient: sandbox.recipient, amount: '0.02' });
    const headers = { 'content-type': 'application/json', 'x-payment': hash };
    await sandbox.fetch('/api/messaging/jobs', { method: 'POST', headers, body: JSON.stringify(params) });
    await sandbox.advance(10);
    return JSON.stringify([sandbox.jobs, sandbox.payments, sandbox.requests]);
  };
  assert.equal(await run(5), await run(5));
  assert.notEqual(await run(5), await run(6));
  assert.equal(createSandbox({ seed: 5 }).seed, 5);
  assert.notEqual(createSandbox().seed, createSandbox().seed);
});

test('reset begins anew', async () => {
  const sandbox = createSandbox({ paywall: 'x402-v2', faults: ['ask-more'], answerMs: 50 });
  assert.equal((await rejection(ask(sandbox))).code, 'payment_over_limit');
  await clientOf(sandbox).createJob(params);
  sandbox.reset();
  assert.deepEqual([sandbox.payments, sandbox.jobs, sandbox.requests, sandbox.balanceOf()], [[], [], [], '1000']);
  assert.equal((await rejection(ask(sandbox))).code, 'payment_over_limit', 'with its faults');
  const job = await ask(sandbox);
  assert.equal(job.status, 'completed', 'the answer of before belongs to nobody');
});

test('what was to pass before a reset does not pass after it', async () => {
  const sandbox = createSandbox({ time: 'virtual', now: 1000 });
  const passing = sandbox.advance(60_000);
  const later = sandbox.advance(60_000);
  sandbox.reset();
  await Promise.all([passing, later]);
  assert.equal(sandbox.now(), 1000);
  await sandbox.advance(5);
  assert.equal(sandbox.now(), 1005);
});

test('the programs of docs/sandbox.md run as they are printed', async () => {
  const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/sandbox.md'), 'utf8');
  const programs = [...page.matchAll(/^```js\n(.*?)^```$/gms)].map(([, program]) => program);
  assert.equal(programs.length, 4);
  for (const [index, program] of programs.entries()) {
    const file = path.join(folder, `program-${index}.mjs`);
    // Any port that is free, and an end.
    writeFileSync(file, program.includes('close }') ? `${program.replace('3000', '0')}\nawait close();` : program);
    const { stdout } = await promisify(execFile)(process.execPath, [file]);
    const [, printed] = /console\.log\(.*\); \/\/ (?:… )?(.+)$/m.exec(program) ?? [];
    if (printed) assert.ok(stdout.endsWith(`${printed}\n`), `${stdout} does not end with ${printed}`);
    assert.doesNotMatch(stdout, /not ok|^# fail [1-9]/m);
  }
});

test('what can never be meant is refused', async () => {
  const cases = [
    [{ prize: '1' }, 'prize', /there is no option 'prize'\. Did you mean 'price'\?/],
    [{ paywall: 'x402' }, 'paywall', /must be one of 'none', 'elizaos', 'x402-v1', 'x402-v2'/],
    [{ paywall: 'x402-v2', price: 0.02 }, 'price', /decimal string of USDC such as '0\.02'/],
    [{ price: '1' }, 'price', /without a paywall nothing is paid/],
    [{ hashCheck: 'once' }, 'hashCheck', /only paywall: 'elizaos' has hashes to check; leave it out with others/],
    [{ paymentIdentifier: 'required' }, 'paymentIdentifier', /add paywall: 'x402-v2', or leave out paymentIdentifier/],
    [{ faults: ['lose-repyl'] }, 'faults', /Did you mean 'lose-reply'\?/],
    [{ faults: ['402-again'] }, 'faults', /needs a paywall/],
    [{ paywall: 'x402-v1', paymentIdentifier: 'required' }, 'paymentIdentifier', /only paywall: 'x402-v2'/],
    [{ paywall: 'x402-v2', paymentIdentifier: 'requird' }, 'paymentIdentifier', /Did you mean 'required'\?/],
    [{ answer: 'hello' }, 'answer', /must be a function/],
    [{ time: 'virtul' }, 'time', /Did you mean 'virtual'\?/],
    [{ now: 0 }, 'now', /add time: 'virtual'/],
    [{ time: 'virtual', now: 'yesterday' }, 'now', /a date such as/],
    [{ answerMs: Infinity }, 'answerMs', /milliseconds from 0 to/],
    [{ recipient: () => '' }, 'recipient', /0x and 40 hexadecimal digits/],
    [{ time: 'virtual', now: 1e20 }, 'now', /before the year 9000/],
    [{ time: 'virtual', now: new Date(NaN) }, 'now', /now must be milliseconds .*; given: Invalid Date/],
    [{ agent: false, answer: () => 'hello' }, 'answer', /with agent: false nobody answers/],
    [{ agent: false, answerMs: 5 }, 'answerMs', /with agent: false nobody answers/],
    [{ rateLimit: 0, faults: ['rate-limit'] }, 'faults', /the fault 'rate-limit' needs a limit/],
    [{ apiKey: 'a\nb' }, 'apiKey', /what a header can carry/],
    [{ apiKey: 'key ' }, 'apiKey', /without blanks at its ends/],
    [{ apiKey: 'ключ' }, 'apiKey', /ASCII/],
    [{ paywall: 'x402-v2', recipient: createSandbox().account }, 'recipient', /another address than the test wallet's own/],
    [
      { paywall: 'elizaos', recipient: '0x7E57000000000000000000000000000000000BAD' },
      'recipient',
      /another address than the one that the fault 'wrong-recipient' names/,
    ],
    [null, 'options', /takes an object; given: null/],
    [[{ paywall: 'x402-v2' }], 'options', /takes an object; given: an array/],
    [new Map([['paywall', 'x402-v2']]), 'options', /takes an object; given: map/],
    [Promise.resolve({ paywall: 'x402-v2' }), 'options', /takes an object; given: promise/],
  ];
  for (const [options, field, words] of cases) {
    assert.throws(
      () => createSandbox(options),
      (error) => error instanceof ArgumentError && error.field === field && words.test(error.message),
      JSON.stringify(options),
    );
  }
  const sandbox = createSandbox();
  assert.throws(() => sandbox.fault('htlm'), /there is no fault 'htlm'\. Did you mean 'html'\?/);
  assert.throws(() => sandbox.fault('ask-more'), /needs a paywall/);
  for (const times of [-1, 1.5, NaN, -Infinity, '2', null]) {
    assert.throws(() => sandbox.fault('html', times), /times must be a whole number from 0 on, or Infinity/, String(times));
  }
  assert.throws(() => createSandbox({ rateLimit: 0 }).fault('rate-limit'), /needs a limit/);
  assert.doesNotThrow(() => createSandbox({ time: 'virtual', now: '8999-12-31T23:00:00Z' }));
  assert.throws(() => sandbox.advance(5), /time: 'virtual'/);
  const late = createSandbox({ time: 'virtual', now: '8999-12-31T23:00:00Z' });
  for (const ms of [1e18, Infinity, NaN, -1, '5', undefined]) {
    assert.throws(
      () => late.advance(ms),
      /ms must be a number of milliseconds from 0 on, that ends before the year 9999; given: /,
    );
  }
  assert.throws(() => sandbox.balanceOf(undefined, 'bsae'), /network must be one of base, .*; given: 'bsae'/);
  for (const account of ['me', '0x12', 5, {}, null]) {
    assert.throws(() => sandbox.balanceOf(account), {
      name: 'ArgumentError',
      field: 'account',
      message: /account must be an address: .* or take sandbox\.recipient/,
    });
  }
  assert.equal(sandbox.balanceOf(sandbox.recipient), '1000');
});

test('errors have the frames of the call', async () => {
  const sandbox = createSandbox();
  for (const call of [
    () => createSandbox({ paywal: 'none' }),
    () => createSandbox(null),
    () => sandbox.fault('nope'),
    () => sandbox.fault('html', -1),
    () => createSandbox({ time: 'virtual' }).advance(-1),
    () => sandbox.balanceOf('me'),
    () => serveSandbox(sandbox, { port: 'abc' }),
  ]) {
    async function outerCaller() {
      return await call();
    }
    const { stack, name } = await outerCaller().catch((error) => error);
    assert.equal(name, 'ArgumentError');
    assert.match(stack, /^\s+at .*sandbox\.test\.mjs.*\n\s+at (async )?outerCaller /m, stack);
    assert.doesNotMatch(stack, /node_modules|wasm-function/);
  }
});

test('a page that imports serveSandbox learns where it serves', async () => {
  const { serveSandbox } = await import(new URL('./sandbox.js', entry));
  await assert.rejects(serveSandbox(createSandbox()), { name: 'TypeError', message: /serveSandbox needs Node, Bun or Deno/ });
});

test('a request can be given up', async () => {
  const sandbox = createSandbox({ time: 'virtual', latencyMs: 1000 });
  const gone = new AbortController();
  const request = sandbox.fetch('/health', { signal: gone.signal });
  gone.abort(new Error('enough'));
  await assert.rejects(request, /enough/);
  await sandbox.advance(1000);
});

test('it is there for require too', () => {
  const require = createRequire(path.join(folder, 'package.json'));
  const made = require('eliza-jobs/sandbox').createSandbox({ paywall: 'x402-v1' });
  assert.equal(made.account, createSandbox().account);
  assert.equal(typeof require('eliza-jobs/sandbox').serveSandbox, 'function');
});

test('nothing of Node is in the entry for pages', async () => {
  const { createSandbox } = await import(new URL('./sandbox.js', entry));
  assert.equal((await createSandbox().fetch('/healthz')).status, 200);
});

test('served over HTTP: paid jobs, pages of other origins, streams, broken connections', async () => {
  const sandbox = createSandbox({ paywall: 'x402-v2', answer: (question) => ['a ', question] });
  const served = await serveSandbox(sandbox);
  try {
    const client = new JobsClient({ baseUrl: served.url, wallet: sandbox.wallet, logger: quiet });
    assert.equal((await client.createAndWaitForJob(params)).result.message.content, `a ${params.content}`);
    sandbox.fault('lose-reply');
    assert.equal((await client.createAndWaitForJob(params)).status, 'completed');
    assert.equal(sandbox.payments.length, 2);
    const preflight = await fetch(`${served.url}/api/messaging/jobs`, {
      method: 'OPTIONS',
      headers: { origin: 'https://a.example' },
    });
    assert.match(preflight.headers.get('access-control-allow-headers'), /PAYMENT-SIGNATURE/);
    const asked = await fetch(`${served.url}/api/messaging/jobs`, { method: 'POST', headers: { origin: 'https://a.example' } });
    assert.equal(asked.status, 402);
    assert.match(asked.headers.get('access-control-expose-headers'), /PAYMENT-REQUIRED/);
    assert.equal(asked.headers.get('access-control-allow-origin'), 'https://a.example');
    const { sessions } = new ElizaClient({ baseUrl: served.url });
    const { sessionId } = await sessions.createSession({ agentId: sandbox.agentId, userId: params.userId });
    const { agentResponse } = await sessions.sendMessageAndWait(sessionId, { content: 'b' });
    assert.equal(agentResponse.text, 'a b');
  } finally {
    await served.close();
  }
  await assert.rejects(fetch(served.url));
});

// The menu. Each fault behind each paywall: what the call ends with, and what has moved.

/** One call against a fault. */
async function meet(paywall, fault, more) {
  const sandbox = createSandbox({ paywall, faults: [fault], slowMs: SLOW_MS });
  const outcome = await ask(sandbox, more).then(
    ({ status }) => status,
    ({ code }) => code,
  );
  return { sandbox, outcome };
}

/**
 * What a 402 asks for, what happens to the money, and what happens in the wallet: each with the
 * status of the answer that shows it.
 */
for (const [fault, status] of Object.entries({
  'ask-more': 402,
  'wrong-recipient': 402,
  'settle-late': 402,
  'settle-fails': 402,
  'slow-wallet': 201,
})) {
  test(`${fault} is recorded with the request that shows it, once`, async () => {
    for (const paywall of PAYWALLS) {
      const { sandbox } = await meet(paywall, fault);
      const seen = sandbox.requests.filter((request) => request.fault);
      assert.deepEqual(
        seen.map((request) => `${request.fault}: ${request.method} ${request.status}`),
        [`${fault}: POST ${status}`],
        paywall,
      );
      const isProven = 'x-payment' in seen[0].headers || 'payment-signature' in seen[0].headers;
      assert.equal(isProven, !['ask-more', 'wrong-recipient'].includes(fault), paywall);
    }
  });
}

test('clock-skew is recorded with every request that no other fault has struck', async () => {
  const { sandbox } = await meet('x402-v2', 'clock-skew');
  assert.deepEqual(new Set(sandbox.requests.map(({ fault }) => fault)), new Set(['clock-skew']));
  sandbox.fault('lose-reply');
  const before = sandbox.requests.length;
  await ask(sandbox);
  assert.deepEqual(
    sandbox.requests.slice(before, before + 2).map(({ fault }) => fault),
    ['clock-skew', 'lose-reply'],
  );
  sandbox.fault('clock-skew', 0);
  await sandbox.fetch('/healthz');
  assert.equal(sandbox.requests.at(-1).fault, undefined);
});

test('a payment that is under way is with one of the two, and is spent once', async () => {
  for (const paywall of PAYWALLS) {
    const sandbox = createSandbox({
      paywall,
      faults: ['settle-late'],
      time: 'virtual',
      slowMs: 5000,
      balance: '0.03',
      price: '0.02',
    });
    const money = () => [sandbox.balanceOf(), sandbox.balanceOf(sandbox.recipient), sandbox.payments.length];
    await ask(sandbox).catch(() => {});
    assert.deepEqual(money(), ['0.03', '0.03', 0], paywall);
    const again = await rejection(ask(sandbox));
    assert.match(again.message, paywall === 'elizaos' ? /has 0\.01 USDC/ : /insufficient/, paywall);
    await sandbox.advance(5000);
    assert.deepEqual(money(), ['0.01', '0.05', 1], paywall);
  }
});

/** Behind every paywall: the answer, for one payment, although something went wrong. */
for (const [fault, reply] of [
  ['lose-reply', 'POST broken'],
  ['cut-body', 'POST 201'],
  ['pay-then-500', 'POST 500'],
  ['402-again', 'POST 402'],
  ['html', 'POST 200'],
  ['slow-body', 'POST 201'],
]) {
  test(`${fault}: the answer, for one payment`, async () => {
    for (const paywall of PAYWALLS) {
      const { sandbox, outcome } = await meet(paywall, fault);
      assert.deepEqual([outcome, sandbox.payments.length, sandbox.jobs.length], ['completed', 1, 1], paywall);
      assert.equal(statuses(sandbox)[1], reply, paywall);
      assert.deepEqual(struck(sandbox), [fault]);
    }
  });
}

test('cut-body and slow-body: the body breaks off, or takes its time', async () => {
  const post = (sandbox) =>
    sandbox.fetch('/api/messaging/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(params),
    });
  const cut = await post(createSandbox({ faults: ['cut-body'] }));
  assert.equal(cut.status, 201);
  await assert.rejects(cut.text(), ({ cause }) => cause.code === 'ECONNRESET');
  const slow = await post(createSandbox({ faults: ['slow-body'], slowMs: 100 }));
  const began = performance.now();
  assert.equal(JSON.parse(await slow.text()).status, 'processing');
  assert.ok(performance.now() - began > 80);
});

test('settle-late: the answer, and the money moves later, once', async () => {
  for (const paywall of ['x402-v1', 'x402-v2']) {
    const sandbox = createSandbox({ paywall, faults: ['settle-late'], time: 'virtual', slowMs: 5000 });
    const job = await ask(sandbox);
    assert.deepEqual([job.status, sandbox.payments.length], ['completed', 0], paywall);
    await sandbox.advance(5000);
    assert.equal(sandbox.payments.length, 1);
  }
  // The transfer is not on the chain yet when its hash comes: the server knows no such transaction.
  const sandbox = createSandbox({ paywall: 'elizaos', faults: ['settle-late'], time: 'virtual', slowMs: 5000 });
  const client = clientOf(sandbox);
  const error = await rejection(client.createAndWaitForJob(params));
  assert.equal(error.code, 'payment_refused');
  await sandbox.advance(5000);
  assert.equal((await client.resume(error.payment)).status, 'completed', 'the same proof is taken later');
  assert.equal(sandbox.payments.length, 1);
});

test('settle-fails: nothing moves', async () => {
  for (const [paywall, expected] of [
    ['elizaos', 'payment_refused'],
    // The job was created before the settlement, and is found.
    ['x402-v1', 'completed'],
    ['x402-v2', 'completed'],
  ]) {
    const { sandbox, outcome } = await meet(paywall, 'settle-fails');
    assert.deepEqual([outcome, sandbox.payments], [expected, []], paywall);
  }
});

test('ask-more and wrong-recipient: nothing is paid', async () => {
  for (const paywall of PAYWALLS) {
    for (const [fault, code] of [
      ['ask-more', 'payment_over_limit'],
      ['wrong-recipient', 'payment_recipient_not_allowed'],
    ]) {
      const { sandbox, outcome } = await meet(paywall, fault);
      assert.deepEqual([outcome, sandbox.payments], [code, []], paywall);
      assert.equal((await ask(sandbox)).status, 'completed', 'it strikes once');
    }
  }
});

test('who pays the stranger of wrong-recipient, or what ask-more asks for, has paid them', async () => {
  for (const paywall of PAYWALLS) {
    const { sandbox, outcome } = await meet(paywall, 'wrong-recipient', { spend: {} });
    assert.deepEqual([outcome, sandbox.payments.length], ['completed', 1], paywall);
    assert.notEqual(sandbox.payments[0].to, sandbox.recipient);
    const dear = await meet(paywall, 'ask-more', { spend: { maxPerPayment: '10' } });
    assert.deepEqual([dear.outcome, dear.sandbox.payments[0].amount], ['completed', '5'], paywall);
  }
});

test('slow-wallet: waited for, or given up', async () => {
  for (const paywall of PAYWALLS) {
    const { sandbox, outcome } = await meet(paywall, 'slow-wallet');
    assert.deepEqual([outcome, sandbox.payments.length], ['completed', 1], paywall);
    const hasty = await meet(paywall, 'slow-wallet', { walletTimeoutMs: 50 });
    assert.equal(hasty.outcome, 'wallet_timeout', paywall);
  }
});

test('server-restarts and job-gone: the job is gone, and was paid once', async () => {
  for (const paywall of PAYWALLS) {
    for (const fault of ['server-restarts', 'job-gone']) {
      const { sandbox, outcome } = await meet(paywall, fault);
      assert.deepEqual([outcome, sandbox.payments.length, sandbox.jobs], ['job_gone', 1, []], `${paywall} ${fault}`);
      assert.deepEqual(struck(sandbox), [fault]);
    }
  }
});

test('rate-limit: the client waits as long as it is told', async () => {
  for (const paywall of PAYWALLS) {
    const began = performance.now();
    const { sandbox, outcome } = await meet(paywall, 'rate-limit');
    assert.deepEqual([outcome, sandbox.payments.length, statuses(sandbox)[0]], ['completed', 1, 'POST 429'], paywall);
    assert.ok(performance.now() - began > 900);
  }
});

test("clock-skew: the server's clock is five minutes ahead, until it is turned off", async () => {
  for (const paywall of PAYWALLS) {
    const { sandbox, outcome } = await meet(paywall, 'clock-skew');
    assert.deepEqual([outcome, sandbox.payments.length], ['completed', 1], `${paywall}: the times are the server's own`);
    const ahead = async () => Date.parse((await sandbox.fetch('/healthz')).headers.get('date')) - Date.now();
    assert.ok((await ahead()) > 290_000);
    sandbox.fault('clock-skew', 0);
    assert.ok((await ahead()) < 5_000);
  }
  // Who signs for a minute on its own clock is too late.
  const sandbox = createSandbox({ paywall: 'x402-v2', faults: ['clock-skew'] });
  const { headers } = await sandbox.fetch('/api/messaging/jobs', { method: 'POST' });
  const required = JSON.parse(atob(headers.get('payment-required')));
  const [accepted] = required.accepts;
  const validBefore = String(Math.floor(Date.now() / 1000) + 60);
  const nonce = `0x${'ab'.repeat(32)}`;
  const authorization = {
    from: sandbox.account,
    to: accepted.payTo,
    value: accepted.amount,
    validAfter: '0',
    validBefore,
    nonce,
  };
  const domain = { ...accepted.extra, chainId: 8453, verifyingContract: accepted.asset };
  const typedData = { primaryType: 'TransferWithAuthorization', domain, types: {}, message: authorization };
  const payload = { authorization, signature: await sandbox.wallet.signTypedData(typedData) };
  const proof = btoa(JSON.stringify({ x402Version: 2, payload, resource: required.resource, accepted }));
  const refused = await sandbox.fetch('/api/messaging/jobs', { method: 'POST', headers: { 'payment-signature': proof } });
  assert.match(atob(refused.headers.get('payment-required')), /valid_before/);
});

test('a fault strikes as often as it was asked for', async () => {
  const sandbox = createSandbox({ faults: ['html', 'html'] });
  const post = async () => {
    const headers = { 'content-type': 'application/json' };
    const response = await sandbox.fetch('/api/messaging/jobs', { method: 'POST', headers, body: JSON.stringify(params) });
    return response.headers.get('content-type').split(';')[0];
  };
  const seen = async (count) => {
    const types = [];
    for (let left = count; left > 0; left -= 1) types.push(await post());
    return types;
  };
  assert.deepEqual(await seen(3), ['text/html', 'text/html', 'application/json']);
  sandbox.fault('html', Infinity);
  assert.deepEqual(await seen(3), Array(3).fill('text/html'));
  sandbox.fault('html', 0);
  assert.deepEqual(await seen(1), ['application/json']);
});
