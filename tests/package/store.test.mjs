// What is written down of a payment outlives the call, the client and the program.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs, { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, watch, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { faultServer, reply } from './fault-server.mjs';
import { HASH, installed, params, rejection, rejects } from './setting.mjs';

const { folder, fileStore, JobsClient, localStorageStore, memoryStore } = await installed('store');
const scratch = mkdtempSync(path.join(tmpdir(), 'eliza-jobs-'));
after(() => rmSync(scratch, { recursive: true }));

const offer = { network: 'base', recipient: '0x209693Bc6afc0C5328bA36FaF03C514EF312287C', amount: '0.02' };
const price = reply(402, JSON.stringify({ payment: [offer] }));
const created = reply(201, JSON.stringify({ jobId: 'job-1', status: 'pending', createdAt: 0, expiresAt: 30_000 }));
const nothing = reply(200, '{"jobs":[],"total":0,"filtered":0}');
const message = { id: 'm', content: 'here', authorId: 'a', createdAt: 1 };
const done = reply(200, JSON.stringify({ jobId: 'job-1', status: 'completed', result: { message, processingTimeMs: 1 } }));
const posts = (server) => server.requests.filter(({ method }) => method === 'POST');
/** A wallet that counts how often it is asked. */
function counted(give = () => HASH) {
  const wallet = (quote) => {
    wallet.asked += 1;
    return give(quote);
  };
  wallet.asked = 0;
  return wallet;
}

for (const [name, make] of [
  ['memoryStore', memoryStore],
  ['fileStore', () => fileStore(path.join(scratch, 'new/folder'))],
  ['localStorageStore', () => localStorageStore(fakeStorage())],
]) {
  test(`${name} gives back what it was given`, async () => {
    const store = make();
    const key = 'eliza-jobs/payment/ä/../x y%';
    assert.deepEqual([...(await store.keys())], []);
    assert.equal((await store.get(key)) ?? null, null);
    await store.delete(key);
    for (const value of ['{"a":"é😀"}', '']) {
      await store.set(key, value);
      assert.equal(await store.get(key), value);
    }
    assert.deepEqual([...(await store.keys())], [key]);
    await store.delete(key);
    assert.deepEqual([...(await store.keys())], []);
  });
}
test('localStorageStore: what closed tabs have left of their locks is removed, and nothing of those that are open', async (t) => {
  const storage = fakeStorage();
  const held = [{ name: 'eliza-jobs/turn/other lock/of-an-open-tab' }];
  const locks = {
    query: async () => ({ held }),
    request: (name, work) => {
      held.push({ name });
      return work();
    },
  };
  const descriptors = ['localStorage', 'navigator'].map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]);
  t.after(() => {
    for (const [name, descriptor] of descriptors) Object.defineProperty(globalThis, name, descriptor ?? { value: undefined });
  });
  Object.defineProperty(globalThis, 'localStorage', { value: storage, configurable: true });
  Object.defineProperty(globalThis, 'navigator', { value: { locks }, configurable: true });
  t.mock.timers.enable({ apis: ['setTimeout'] });
  for (const key of ['turn/of-a-closed-tab', 'turn/of-an-open-tab', 'payment/of-a-closed-tab'])
    storage.setItem(`eliza-jobs/${key}`, '1');
  const release = await localStorageStore(storage).lock('lock');
  const keys = () => Array.from({ length: storage.length }, (_, at) => storage.key(at));
  assert.deepEqual(keys(), ['eliza-jobs/turn/of-an-open-tab', 'eliza-jobs/payment/of-a-closed-tab']);
  release();
  assert.equal(storage.length, 3);
  t.mock.timers.tick(3_000);
  assert.equal(storage.length, 2);
});

/** The Storage of browsers, as far as it is used; the demo page's tests have the real one. */
function fakeStorage() {
  const items = new Map();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => items.set(key, value),
    removeItem: (key) => items.delete(key),
    key: (index) => [...items.keys()][index],
    get length() {
      return items.size;
    },
  };
}

test('fileStore: a file is there whole or not at all, and for nobody else’s eyes', async () => {
  const place = path.join(scratch, 'atomic');
  const store = fileStore(place);
  const values = Array.from({ length: 20 }, (_, index) => String(index).repeat(50_000));
  let writing = true;
  const written = Promise.all(values.map((value) => store.set('k', value))).then(() => (writing = false));
  while (writing) {
    const seen = await store.get('k');
    assert.ok(seen === undefined || values.includes(seen), 'half a record');
    assert.ok((await store.keys()).length <= 1, 'a draft is no record');
  }
  await written;
  assert.deepEqual(readdirSync(place), ['k']);
  assert.equal(statSync(path.join(place, 'k')).mode & 0o077, 0);
});

test('fileStore: the files of others in its folder are no records, whatever they are called', async () => {
  const place = path.join(scratch, 'shared');
  const store = fileStore(place);
  await store.set('eliza-jobs/payment/old', '{"version":99}');
  for (const name of ['100%.txt', '%', '%E0%A4%A', 'notes.txt', 'päy ment']) writeFileSync(path.join(place, name), 'mine');
  const open = await new JobsClient({ baseUrl: 'http://127.0.0.1:9', store }).pendingPayments();
  assert.deepEqual(open, [{ attemptId: 'old', state: 'unreadable' }]);
  assert.equal(readdirSync(place).length, 6);
});

test('fileStore: where handles cannot sync, as those of Yarn, the files are on the disk all the same', async (t) => {
  const { fsync } = fs;
  const { open } = fs.promises;
  const missing = () => {
    throw new Error('Method not implemented.');
  };
  t.after(() => {
    Object.assign(fs, { fsync });
    Object.assign(fs.promises, { open });
    syncBuiltinESMExports();
  });
  const synced = new Set();
  fs.promises.open = async (...given) => Object.assign(await open(...given), { sync: missing, datasync: missing });
  fs.fsync = (file, done) => {
    synced.add(fs.fstatSync(file).isDirectory() ? 'folder' : 'file');
    fsync(file, done);
  };
  syncBuiltinESMExports();
  const store = fileStore(path.join(scratch, 'yarn'));
  await store.set('k', 'v');
  assert.deepEqual([await store.get('k'), [...synced].sort()], ['v', ['file', 'folder']]);
  // What the disk says is an error.
  fs.fsync = (_, done) => done(Object.assign(new Error('i/o error'), { code: 'EIO' }));
  syncBuiltinESMExports();
  await assert.rejects(store.set('k', 'w'), { code: 'EIO' });
  // Where nothing can sync, the record is written.
  fs.fsync = missing;
  syncBuiltinESMExports();
  assert.equal(await store.add('other', 'v'), true);
  assert.equal(await store.get('other'), 'v');
});

test('stores that cannot be are refused at once', () => {
  for (const given of [undefined, '', 5, null])
    assert.throws(() => fileStore(given), { name: 'TypeError', message: /path of a folder/ });
  assert.throws(() => localStorageStore(), { name: 'TypeError', message: /localStorageStore needs localStorage/ });
  for (const store of [{}, 'x', null, { get() {}, set() {}, delete() {} }]) {
    assert.throws(() => new JobsClient({ baseUrl: 'https://h', store }), { name: 'ArgumentError', field: 'store' });
  }
});

/** The files of payments that are open. */
const left = (place) => readdirSync(place).filter((name) => name.startsWith('eliza-jobs%2Fpayment%2F'));

test('a program that is killed while the paid request is on its way: the next one goes on with the same proof', async () => {
  const place = path.join(scratch, 'killed');
  const server = await faultServer(price, () => {}, nothing, created, done);
  const program = `
    import { fileStore, JobsClient } from 'eliza-jobs';
    const client = new JobsClient({ baseUrl: ${JSON.stringify(server.url)}, store: fileStore(${JSON.stringify(place)}), wallet: () => '${HASH}' });
    await client.createAndWaitForJob(${JSON.stringify(params)});`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { cwd: folder, stdio: 'inherit' });
  while (posts(server).length < 2) await server.next();
  child.kill('SIGKILL');
  await once(child, 'exit');

  const wallet = counted();
  const client = new JobsClient({ baseUrl: server.url, store: fileStore(place), wallet });
  const [open, ...more] = await client.pendingPayments();
  assert.deepEqual([open.state, open.amount, open.transaction, more.length], ['sent', '0.02', HASH, 0]);
  const job = await client.resume(open);
  assert.equal(job.result.message.content, 'here');
  const [, first, second] = posts(server);
  assert.deepEqual([second.headers['x-payment'], second.body, wallet.asked], [HASH, first.body, 0]);
  // The record moves to the history once the call has its answer.
  const watcher = watch(place);
  while (left(place).length > 0) await once(watcher, 'change');
  watcher.close();
  assert.deepEqual(await client.pendingPayments(), []);
});

test('without a store of their own the clients of a program share one, each with its own server’s payments', async () => {
  const server = await faultServer(price, reply(400, '{"error":"no"}'));
  const other = await faultServer(done);
  const error = await rejects(
    new JobsClient({ baseUrl: server.url, wallet: () => HASH }).createJob(params),
    'PaymentError',
    'payment_refused',
  );
  const [open] = await new JobsClient({ baseUrl: server.url }).pendingPayments();
  assert.deepEqual([open.attemptId, open.state], [error.payment.attemptId, 'refused']);
  assert.deepEqual(await new JobsClient({ baseUrl: other.url }).pendingPayments(), []);
});

test('a store that fails, in whatever way, means no payment', async () => {
  const broken = () => {
    throw new Error('quota exceeded');
  };
  for (const set of [broken, async () => broken(), () => Promise.reject(new Error('quota exceeded'))]) {
    const server = await faultServer(price);
    const wallet = counted();
    const client = new JobsClient({ baseUrl: server.url, wallet, store: { ...memoryStore(), set } });
    await rejects(client.createJob(params), 'PaymentError', 'store_failed', /quota exceeded; nothing was paid/);
    assert.deepEqual([wallet.asked, server.requests.length, client.spent()], [0, 1, '0']);
  }
  const silent = new JobsClient({ baseUrl: 'https://h', store: { ...memoryStore(), keys: () => Promise.reject('locked') } });
  await rejects(silent.pendingPayments(), 'PaymentError', 'store_failed', /locked/);
});

test('a wallet’s error with noMoneyMoved gives the budget back and leaves nothing open; one without it does not', async () => {
  for (const [noMoneyMoved, open, spent, words] of [
    [true, 0, '0', /wrong chain; no money has moved \(see /],
    [undefined, 1, '0.02', /wrong chain/],
    ['yes', 1, '0.02', /wrong chain/],
  ]) {
    const server = await faultServer(price);
    const wallet = () => Promise.reject(Object.assign(new Error('wrong chain'), { noMoneyMoved }));
    const client = new JobsClient({ baseUrl: server.url, wallet, store: memoryStore() });
    await rejects(client.createJob(params), 'PaymentError', 'wallet_failed', words);
    assert.deepEqual([(await client.pendingPayments()).length, client.spent()], [open, spent]);
  }
});

test('a record that cannot be read is reported and stays', async () => {
  const place = path.join(scratch, 'unreadable');
  const store = fileStore(place);
  await store.set('eliza-jobs/payment/old', '{"version":99}');
  const client = new JobsClient({ baseUrl: 'http://127.0.0.1:9', store });
  const open = await client.pendingPayments();
  assert.deepEqual(open, [{ attemptId: 'old', state: 'unreadable' }]);
  await rejects(client.resume(open[0]), 'PaymentError', 'store_failed', /cannot be read; it was kept/);
  assert.equal(await store.get('eliza-jobs/payment/old'), '{"version":99}');
  writeFileSync(path.join(place, encodeURIComponent('eliza-jobs/payment/cut')), '{"version":1,"attem');
  assert.equal((await client.pendingPayments()).length, 2);
});

test('a double click with one idempotencyKey makes and pays one job', async () => {
  const server = await faultServer(price, created, done);
  const wallet = counted(async () => (await new Promise((next) => setTimeout(next, 20)), HASH));
  const client = new JobsClient({ baseUrl: server.url, wallet, store: memoryStore() });
  const calls = Array.from({ length: 5 }, () => client.createJob(params, { idempotencyKey: 'q' }));
  const ids = (await Promise.all(calls)).map(({ jobId }) => jobId);
  assert.deepEqual([new Set(ids).size, wallet.asked, posts(server).length], [1, 1, 2]);
  const waited = await client.createAndWaitForJob(params, { idempotencyKey: 'q' });
  assert.deepEqual([waited.jobId, wallet.asked, posts(server).length], ['job-1', 1, 2]);
  // Halves of surrogate pairs would all be one key: Rust's text has none.
  for (const idempotencyKey of ['', 5, 'x'.repeat(201), '\ud800', 'a\udfff', '\udc00\ud800', '\ud83dx']) {
    await rejects(client.createJob(params, { idempotencyKey }), 'ArgumentError', 'invalid_argument', /^idempotencyKey /);
  }
  assert.equal(wallet.asked, 1);
});

test('what a caller does to its job changes nothing for the next one with the same key', async () => {
  for (const answers of [[created], [price, created]]) {
    const server = await faultServer(...answers);
    const client = new JobsClient({ baseUrl: server.url, wallet: () => HASH, store: memoryStore() });
    const call = () => client.createJob(params, { idempotencyKey: 'q' });
    const spoil = (job) => {
      Object.assign(job, { jobId: 'another', status: 'failed', expiresAt: 0, more: 1 });
      if (job.payment) job.payment.price = 'changed';
    };
    const first = await call();
    const kept = structuredClone(first);
    spoil(first);
    for (let calls = 0; calls < 3; calls += 1) {
      const next = await call();
      assert.deepEqual([next.jobId, next.status, next.more], [kept.jobId, kept.status, undefined]);
      spoil(next);
    }
  }
});

test('however many records a list reads, the program goes on with other work meanwhile', async () => {
  const store = memoryStore();
  const refusing = await faultServer(price, price, reply(200, '{"jobs":[]}'));
  const options = { baseUrl: refusing.url, wallet: () => HASH, store };
  await rejection(new JobsClient(options).createJob(params));
  const [key] = [...store.keys('eliza-jobs/payment/')];
  const record = JSON.parse(store.get(key));
  for (let number = 0; number < 1_000; number += 1) {
    const attemptId = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
    store.set(`eliza-jobs/payment/${attemptId}`, JSON.stringify({ ...record, attemptId }));
  }
  const client = new JobsClient(options);
  for (const list of [() => client.pendingPayments(), () => client.payments(), () => client.paymentsCsv()]) {
    let turns = 0;
    const timer = setInterval(() => (turns += 1));
    assert.ok((await list()).length >= 1_001);
    clearInterval(timer);
    assert.ok(turns >= 8, `the program had ${turns} turns`);
  }
});

test('a call that is aborted at once and made again, as in a double effect, is one job', async () => {
  const server = await faultServer(price, created);
  const wallet = counted();
  const client = new JobsClient({ baseUrl: server.url, wallet, store: memoryStore() });
  const first = new AbortController();
  const aborted = rejection(client.createJob(params, { idempotencyKey: 'effect', signal: first.signal }));
  first.abort();
  const job = await client.createJob(params, { idempotencyKey: 'effect' });
  assert.deepEqual([(await aborted).name, job.jobId, wallet.asked], ['AbortError', 'job-1', 1]);
});

test('what the wallet gives after the call was aborted is kept, and used', async () => {
  const server = await faultServer(price, nothing, created, done);
  let pay;
  const asked = Promise.withResolvers?.() ?? deferred();
  const wallet = () => (asked.resolve(), new Promise((resolve) => (pay = resolve)));
  const store = memoryStore();
  const client = new JobsClient({ baseUrl: server.url, wallet, store });
  const stop = new AbortController();
  const call = rejection(client.createJob(params, { signal: stop.signal }));
  await asked.promise;
  stop.abort();
  assert.equal((await call).name, 'AbortError');
  assert.deepEqual(
    (await client.pendingPayments()).map(({ state }) => state),
    ['intended'],
  );
  pay(HASH);
  while ((await client.pendingPayments())[0].state === 'intended') await new Promise((next) => setImmediate(next));
  const [open] = await client.pendingPayments();
  assert.deepEqual([open.state, open.transaction], ['proven', HASH]);
  assert.equal((await client.resume(open)).status, 'completed');
  assert.equal(posts(server).at(-1).headers['x-payment'], HASH);
});

test('what the wallet gives after its time was up is kept, and used; the logger is told', async () => {
  const server = await faultServer(price, nothing, created, done);
  let pay;
  const warned = [];
  const client = new JobsClient({
    baseUrl: server.url,
    wallet: () => new Promise((resolve) => (pay = resolve)),
    walletTimeoutMs: 50,
    store: memoryStore(),
    logger: { warn: (words) => warned.push(words) },
  });
  const error = await rejects(client.createJob(params), 'PaymentError', 'wallet_timeout', /before you pay again/);
  // There is no callback for it: the call has ended, and after a reload nobody would hear it. What
  // is open is asked for.
  pay(HASH);
  while ((await client.pendingPayments())[0].state !== 'proven') await new Promise((next) => setImmediate(next));
  assert.match(warned.join(), /wallet has answered after its call had ended; pendingPayments\(\)/);
  assert.ok(!warned.join().includes(HASH));
  // The error's own attempt is enough to go on with.
  assert.equal((await client.resume(error.payment)).status, 'completed');
  assert.equal(posts(server).at(-1).headers['x-payment'], HASH);
});

function deferred() {
  let resolve;
  return { promise: new Promise((given) => (resolve = given)), resolve: () => resolve() };
}

test('two that resume the same attempt at once: one sends', async () => {
  const server = await faultServer(price, reply(500), nothing, reply(500), nothing, reply(500), nothing, nothing, created, done);
  const client = new JobsClient({ baseUrl: server.url, wallet: () => HASH, store: memoryStore() });
  const error = await rejects(client.createJob(params), 'PaymentError', 'payment_outcome_unknown');
  const before = posts(server).length;
  const jobs = await Promise.all([client.resume(error.payment), client.resume(error.payment)]);
  assert.deepEqual(
    jobs.map(({ jobId }) => jobId),
    ['job-1', 'job-1'],
  );
  assert.equal(posts(server).length, before + 1);
});

test('an error’s attempt goes on in another program, from its JSON', async () => {
  const server = await faultServer(price, reply(400, '{"error":"not yet mined"}'), nothing, created, done);
  const client = new JobsClient({ baseUrl: server.url, wallet: () => HASH, store: memoryStore() });
  const error = await rejects(client.createJob(params), 'PaymentError', 'payment_refused');
  const file = path.join(scratch, 'attempt.json');
  writeFileSync(file, JSON.stringify(error.payment));
  const elsewhere = new JobsClient({ baseUrl: server.url, store: memoryStore() });
  const job = await elsewhere.resume(JSON.parse(readFileSync(file, 'utf8')));
  assert.equal(job.status, 'completed');
  assert.equal(posts(server).at(-1).body, posts(server)[0].body);
});

test('resume takes a job’s id too, and refuses what is neither', async () => {
  const server = await faultServer(done);
  const client = new JobsClient({ baseUrl: server.url, store: memoryStore() });
  assert.equal((await client.resume('job-1')).status, 'completed');
  for (const odd of [undefined, null, 5, '', {}, { attemptId: 5 }, { attemptId: 'x' }, []]) {
    await rejects(client.resume(odd), 'ArgumentError', 'invalid_argument');
  }
});
