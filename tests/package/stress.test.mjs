// The edge under stress: clients that are released, many calls at once, calls from callbacks, and a
// module that traps.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { getEventListeners } from 'node:events';
import path from 'node:path';
import { test } from 'node:test';
import { faultServer, reply } from './fault-server.mjs';
import { HASH, installed, params, rejection, rejects } from './setting.mjs';

const { folder, JobsClient, memoryStore } = await installed('stress');
// The same package but for a module that traps when it is asked for the job "trap".
const trapping = await import(path.resolve(import.meta.dirname, '../../target/trap/pkg/index.js'));

const offer = { network: 'base', recipient: '0x209693Bc6afc0C5328bA36FaF03C514EF312287C', amount: '0.02' };
const price = () => new Response(JSON.stringify({ payment: [offer] }), { status: 402 });
const job = (jobId, status = 'completed') => {
  const message = { id: 'm', content: 'here', authorId: 'a', createdAt: 1 };
  const result = { message, processingTimeMs: 1 };
  return new Response(JSON.stringify({ jobId, status, createdAt: 0, expiresAt: 30_000, result }), { status: 200 });
};
const idOf = (url) => url.split('/').pop();
const hangs = () => new Promise(() => {});

test('free() lets calls under way come to their end, and later calls say what is wrong', async () => {
  for (const end of ['free', Symbol.dispose].filter(Boolean)) {
    const answers = [];
    const fetch = (url) => new Promise((resolve) => answers.push(() => resolve(job(idOf(url)))));
    const client = new JobsClient({ baseUrl: 'https://h', fetch });
    const calls = ['a', 'b'].map((id) => client.getJob(id));
    await new Promise((next) => setImmediate(next));
    client[end]();
    client[end]();
    for (const answer of answers) answer();
    assert.deepEqual(
      (await Promise.all(calls)).map(({ jobId }) => jobId),
      ['a', 'b'],
    );
    for (const call of [
      () => client.createJob(params),
      () => client.createAndWaitForJob(params),
      () => client.getJob('x'),
      () => client.pollJob('x'),
      () => client.listJobs(),
      () => client.getJobsHealth(),
      () => client.pendingPayments(),
      () => client.resume('x'),
    ]) {
      await rejects(call(), 'ArgumentError', 'client_disposed', /released with free\(\); make another one/);
    }
    assert.throws(() => client.spent(), { code: 'client_disposed' });
  }
});

test('1,000 calls at once on one client, each with its own answer', async () => {
  const fetch = async (url) => {
    await new Promise((next) => setTimeout(next, Math.random() * 30));
    return job(idOf(url));
  };
  const client = new JobsClient({ baseUrl: 'https://h', fetch });
  const ids = Array.from({ length: 1_000 }, (_, index) => `job-${index}`);
  assert.deepEqual(
    (await Promise.all(ids.map((id) => client.getJob(id)))).map(({ jobId }) => jobId),
    ids,
  );
});

test('1,000 paid calls at once never spend more than the budget', async () => {
  let paid = 0;
  const fetch = async (_url, { headers }) => (headers.get('x-payment') ? job('j', 'pending') : price());
  const wallet = async () => ((paid += 1), HASH);
  const client = new JobsClient({ baseUrl: 'https://h', fetch, wallet, store: memoryStore(), spend: { budget: '1.00' } });
  const calls = await Promise.allSettled(Array.from({ length: 1_000 }, () => client.createJob(params)));
  assert.deepEqual([paid, calls.filter(({ status }) => status === 'fulfilled').length, client.spent()], [50, 50, '1']);
  for (const { reason } of calls.filter(({ status }) => status === 'rejected')) assert.equal(reason.code, 'payment_over_limit');
});

test('callbacks may call back: the wallet, confirm, the store, onUpdate, fetch', async () => {
  const seen = [];
  const again = async (who) => {
    seen.push(who);
    assert.equal((await client.getJob(`from-${who}`)).jobId, `from-${who}`);
    client.spent();
  };
  const inner = memoryStore();
  const client = new JobsClient({
    baseUrl: 'https://h',
    async fetch(url, { method, headers }) {
      if (method === 'GET') return job(idOf(url));
      await again('fetch');
      return headers.get('x-payment') ? job('j', 'pending') : price();
    },
    wallet: async () => (await again('wallet'), HASH),
    confirm: async () => (await again('confirm'), true),
    store: { ...inner, set: async (key, value) => (await again('store'), inner.set(key, value)) },
  });
  await client.createJob(params, { onUpdate: ({ type }) => void again(type) });
  for (const who of ['fetch', 'confirm', 'store', 'wallet', 'quote', 'payment', 'created']) assert.ok(seen.includes(who), who);
});

for (const [how, id] of [
  ['in the middle of its work', 'trap'],
  ['as it is called', 'trap now'],
]) {
  test(`a module that traps ${how}: whoever waits is told, later calls work, nothing that was paid is lost`, async () => {
    const store = trapping.memoryStore();
    const server = await faultServer(
      reply(402, JSON.stringify({ payment: [offer] })),
      () => {},
      reply(200, '{"jobs":[]}'),
      reply(201, '{"jobId":"j","status":"pending"}'),
      reply(200, await job('j').text()),
    );
    const options = { baseUrl: server.url, store, wallet: () => HASH, spend: { budget: '0.02' } };
    const client = new trapping.JobsClient(options);
    const other = new trapping.JobsClient({ baseUrl: 'https://h', fetch: hangs });
    const paying = rejection(client.createAndWaitForJob(params));
    const waiting = [rejection(other.getJob('x')), rejection(other.pollJob('y'))];
    while (server.requests.length < 2) await server.next();

    const error = await rejection(client.getJob(id));
    for (const told of [error, await paying, ...(await Promise.all(waiting))]) {
      assert.deepEqual([told.name, told.code, told.retryable], ['ElizaJobsError', 'wasm_panic', false]);
      assert.match(told.message, /pendingPayments\(\) knows what is open, and later calls work/);
      assert.ok(told instanceof trapping.ElizaJobsError && told.cause instanceof WebAssembly.RuntimeError);
    }
    const moved = [error, await paying, ...(await Promise.all(waiting))].map(({ fundsMoved }) => fundsMoved);
    assert.deepEqual(moved, [false, 'unknown', false, false], 'only the call that was paying may have moved money');
    assert.equal(client.spent(), '0.02', 'what was spent is not forgotten');
    const [open] = await client.pendingPayments();
    assert.deepEqual([open.state, open.transaction], ['sent', HASH]);
    assert.equal((await client.resume(open)).status, 'completed');
    const before = server.requests.filter(({ headers }) => headers['x-payment']);
    assert.deepEqual(new Set(before.map(({ headers }) => headers['x-payment'])), new Set([HASH]));
    other.free();
    client.free();
  });
}

test('a module that traps aborts its requests, and leaves no listener with anybody', async () => {
  const signals = [];
  const fetch = (url, { signal }) => (idOf(url) === 'later' ? job('later') : (signals.push(signal), hangs()));
  const added = new Map();
  const listens = (target) => {
    const { addEventListener, removeEventListener } = target;
    const count = (type, by) => added.set(type, (added.get(type) ?? 0) + by);
    target.addEventListener = (...given) => (count(given[0], 1), addEventListener?.apply(target, given));
    target.removeEventListener = (...given) => (count(given[0], -1), removeEventListener?.apply(target, given));
    return () => Object.assign(target, { addEventListener, removeEventListener });
  };
  const controller = new AbortController();
  listens(controller.signal);
  // Node has no such events of its own.
  const restore = listens(globalThis);
  try {
    const client = new trapping.JobsClient({ baseUrl: 'https://h', fetch });
    const calls = [
      client.getJob('x', { signal: controller.signal }),
      // This one sleeps between two polls.
      new trapping.JobsClient({
        baseUrl: 'https://h',
        fetch: () => job('y', 'processing'),
      }).pollJob('y', { signal: controller.signal }),
    ].map((call) => rejection(call));
    while (!(added.get('online') && signals.length)) await new Promise((next) => setImmediate(next));
    assert.equal(added.get('abort'), 1);
    await rejects(client.getJob('trap'), 'ElizaJobsError', 'wasm_panic');
    for (const error of await Promise.all(calls)) assert.equal(error.code, 'wasm_panic');
    assert.deepEqual(
      signals.map(({ aborted }) => aborted),
      [true],
    );
    assert.deepEqual([...new Set(added.values())], [0], JSON.stringify([...added]));
    assert.equal((await client.getJob('later')).jobId, 'later');
  } finally {
    restore();
  }
});

/** A wallet that is open, and what ends it. */
function openWallet() {
  let ends;
  const answer = new Promise((resolve, reject) => (ends = { resolve, reject }));
  let open;
  const asked = new Promise((next) => (open = next));
  return { wallet: () => (open(), answer), asked, ...ends };
}

for (const [what, finish, open] of [
  ['the hash', ({ resolve }) => resolve(HASH), ['proven', HASH]],
  ['an error with the hash', ({ reject }) => reject(new Error(`timed out while waiting for ${HASH}`)), ['proven', HASH]],
  ['an error', ({ reject }) => reject(new Error('broke')), ['unknown', undefined]],
  ['a no', ({ reject }) => reject(Object.assign(new Error('no'), { code: 4001 })), undefined],
]) {
  test(`a module that traps while a transfer wallet is open: ${what} that comes later is written down, and told`, async () => {
    const store = trapping.memoryStore();
    const said = [];
    const logger = { warn: (words) => said.push(words) };
    let paid = 0;
    const fetch = async (url, { method, headers }) => {
      if (method === 'GET') return url.endsWith('/j') ? job('j') : new Response('{"jobs":[]}');
      paid += headers.get('x-payment') === HASH;
      return headers.get('x-payment') ? new Response('{"jobId":"j","status":"pending"}', { status: 201 }) : price();
    };
    const { wallet, asked, ...ends } = openWallet();
    const client = new trapping.JobsClient({ baseUrl: 'https://h', fetch, store, wallet, logger, spend: { budget: '0.02' } });
    const paying = rejection(client.createJob(params));
    await asked;
    await rejection(client.getJob('trap'));
    assert.equal((await paying).fundsMoved, 'unknown');
    // Also for an application that has freed its client.
    client.free();
    finish(ends);
    const told =
      'eliza-jobs: the wallet has answered after its call had ended, or after an internal error; pendingPayments() knows what is open';
    while (!said.includes(told)) await new Promise((next) => setImmediate(next));
    const later = new trapping.JobsClient({ baseUrl: 'https://h', fetch, store, wallet, logger, spend: { budget: '0.02' } });
    const [found, ...others] = await later.pendingPayments();
    assert.deepEqual([found && [found.state, found.transaction], others], [open, []]);
    const { total } = await later.spending();
    assert.equal(total.remaining, open ? '0' : '0.02');
    if (open?.[1]) assert.deepEqual([(await later.resume(found)).status, paid], ['completed', 1]);
    later.free();
  });
}

test('whoever keeps the signal of a finished request keeps nothing of its response', async () => {
  const signals = [];
  const fetch = async (url, { signal }) => {
    signals.push(signal);
    return job(idOf(url));
  };
  const client = new JobsClient({ baseUrl: 'https://h', fetch });
  await Promise.all([client.getJob('a'), client.getJob('b', { signal: new AbortController().signal })]);
  assert.deepEqual(
    signals.map((signal) => getEventListeners(signal, 'abort').length),
    [0, 0],
  );
});

test('100,000 calls leave the module’s memory as it was', { timeout: 120_000 }, async () => {
  const program = `
    const memories = [];
    const { Instance } = WebAssembly;
    WebAssembly.Instance = function (...given) {
      const instance = new Instance(...given);
      memories.push(instance.exports[Object.keys(instance.exports).find((name) => instance.exports[name] instanceof WebAssembly.Memory)]);
      return instance;
    };
    const { JobsClient, memoryStore } = await import('eliza-jobs');
    const body = JSON.stringify({ jobId: 'j', status: 'completed', result: { message: { content: 'x'.repeat(2000) } } });
    const bytes = new TextEncoder().encode(body);
    const stream = () => ({ getReader: () => ({ read: async function () { return this.over ? { done: true } : ((this.over = true), { value: bytes }); } }) });
    const fetch = async () => ({ status: 200, headers: new Headers(), body: stream() });
    const client = new JobsClient({ baseUrl: 'https://h', fetch, store: memoryStore() });
    const calls = async (count) => {
      for (let done = 0; done < count; done += 100) await Promise.all(Array.from({ length: 100 }, () => client.getJob('j')));
    };
    await calls(2_000);
    // The first one decodes the module, and is gone.
    const { buffer } = memories.at(-1);
    const before = buffer.byteLength;
    await calls(100_000);
    console.log(JSON.stringify([memories.length, before, memories.at(-1).buffer.byteLength]));`;
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: folder, encoding: 'utf8' });
  const [instances, before, after] = JSON.parse(said);
  assert.deepEqual([instances, after], [2, before], said);
});
