// Two that are at the same payment: in two copies of the package in one program, and in two
// programs over one folder.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { faultServer, reply } from './fault-server.mjs';
import { HASH, installed, params, rejection, rejects } from './setting.mjs';

const { folder, fileStore, JobsClient, localStorageStore, memoryStore } = await installed('locks');
const Required = createRequire(path.join(folder, 'x.js'))('eliza-jobs');
const scratch = mkdtempSync(path.join(tmpdir(), 'eliza-jobs-'));
const children = new Set();
after(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(scratch, { recursive: true });
});

const offer = { network: 'base', recipient: '0x209693Bc6afc0C5328bA36FaF03C514EF312287C', amount: '0.02' };
const price = reply(402, JSON.stringify({ payment: [offer] }));
const created = reply(201, JSON.stringify({ jobId: 'job-1', status: 'pending', createdAt: 0, expiresAt: 30_000 }));
const nothing = reply(200, '{"jobs":[],"total":0,"filtered":0}');
const pause = (ms) => new Promise((next) => setTimeout(next, ms));
/** A server that wants to be paid, and is; and what it was given. */
async function shop() {
  const proofs = [];
  const server = await faultServer((socket, { method, headers }) => {
    if (method !== 'POST') return socket.end(nothing);
    const proof = headers['x-payment'];
    if (proof) proofs.push(proof);
    socket.end(proof ? created : price);
  });
  return { url: server.url, proofs };
}
/** Another program, which has the package and a store in `place`; `said` is what it has printed. */
function program(place, code) {
  const text = `import { fileStore, JobsClient } from 'eliza-jobs';
    const store = fileStore(${JSON.stringify(place)});
    const pause = (ms) => new Promise((next) => setTimeout(next, ms));
    ${code}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', text], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.add(child);
  const running = { child, said: '', over: once(child, 'close') };
  child.stdout.setEncoding('utf8').on('data', (text) => (running.said += text));
  return running;
}
const until = async (is) => {
  while (!is()) await pause(5);
};
const hidden = (place) => readdirSync(place).filter((name) => name.startsWith('.'));

test('a program that imports and requires the package pays once for one idempotencyKey, and has one store', async () => {
  for (const store of [memoryStore(), undefined]) {
    const { url, proofs } = await shop();
    let asked = 0;
    const wallet = async () => ((asked += 1), await pause(50), HASH);
    const options = { baseUrl: url, wallet, ...(store && { store }) };
    const call = (Client) => new Client(options).createJob(params, { idempotencyKey: 'copies' });
    const jobs = await Promise.all([call(JobsClient), call(Required.JobsClient), call(JobsClient)]);
    assert.deepEqual([asked, proofs.length, new Set(jobs.map(({ jobId }) => jobId)).size], [1, 1, 1]);
  }
});

test('a store that never gives a lock holds up nobody who has another store', { timeout: 10_000 }, async () => {
  const { url, proofs } = await shop();
  const options = { baseUrl: url, wallet: () => HASH, spend: { budget: '1' } };
  for (const call of [{}, { idempotencyKey: 'same' }]) {
    const controller = new AbortController();
    let ask, give;
    const asked = new Promise((resolve) => (ask = resolve));
    const given = new Promise((resolve) => (give = resolve));
    const stuck = { ...memoryStore(), lock: () => (ask(), given) };
    const waiting = new JobsClient({ ...options, store: stuck }).createJob(params, { ...call, signal: controller.signal });
    await asked;
    await new JobsClient({ ...options, store: memoryStore() }).createJob(params, call);
    controller.abort(new Error('enough'));
    await assert.rejects(waiting, /enough/);
    give(() => undefined);
  }
  assert.equal(proofs.length, 2);
});

test('two stores over one, as a logger or a cipher makes them, have its locks', { timeout: 10_000 }, async () => {
  const items = new Map();
  const storage = {
    get length() {
      return items.size;
    },
    key: (index) => [...items.keys()][index] ?? null,
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
  const local = () => localStorageStore(storage);
  const memory = memoryStore();
  const folder = fileStore(path.join(scratch, 'wrapped'));
  for (const base of [local, () => memory, () => folder]) {
    const { url, proofs } = await shop();
    let asked = 0;
    const wallet = async () => ((asked += 1), await pause(50), HASH);
    const call = () =>
      new JobsClient({ baseUrl: url, wallet, store: { ...base() } }).createJob(params, { idempotencyKey: 'wrapped' });
    await Promise.all([call(), call(), call()]);
    assert.deepEqual([asked, proofs.length], [1, 1]);
  }
});

test('a lock counts as held only while valid() says true itself', async () => {
  const { url, proofs } = await shop();
  let asked = 0;
  for (const valid of [async () => false, async () => true, () => 'yes', () => false]) {
    const store = { ...memoryStore(), lock: async () => Object.assign(() => undefined, { valid }) };
    const client = new JobsClient({ baseUrl: url, store, wallet: () => ((asked += 1), HASH) });
    assert.equal((await rejection(client.createJob(params))).code, 'store_failed');
  }
  assert.deepEqual([asked, proofs.length], [0, 0]);
});

test('a store may take Web Locks of the name that it is given', { timeout: 20_000 }, async () => {
  const { url } = await shop();
  const running = program(
    path.join(scratch, 'web-locks'),
    `import { memoryStore } from 'eliza-jobs';
       const last = new Map();
       const request = (name, options, work) => {
         const mine = Promise.resolve(last.get(name)).then(work);
         last.set(name, mine);
         return mine;
       };
       Object.defineProperty(globalThis, 'navigator', { value: { locks: { request } }, configurable: true });
       const lock = (name) => new Promise((resolve) => request(name, {}, () => new Promise((over) => resolve(over))));
       const options = { baseUrl: '${url}', wallet: () => '0x' + '1'.repeat(64), spend: { budget: '1' } };
       const client = new JobsClient({ ...options, store: { ...memoryStore(), lock } });
       console.log((await client.createJob(${JSON.stringify(params)}, { idempotencyKey: 'a' })).jobId);`,
  );
  await running.over;
  assert.equal(running.said, 'job-1\n');
});

test('two programs on one folder pay once for one idempotencyKey, and leave no lock behind', { timeout: 20_000 }, async () => {
  const { url, proofs } = await shop();
  const place = path.join(scratch, 'key');
  // A program may end as soon as it has its job.
  const programs = Array.from({ length: 3 }, () =>
    program(
      place,
      `const wallet = async () => (console.log('wallet'), await pause(100), '0x' + String(process.pid).padStart(64, 'a'));
       const client = new JobsClient({ baseUrl: '${url}', store, wallet });
       const job = await client.createJob(${JSON.stringify(params)}, { idempotencyKey: 'order-7' });
       console.log(job.jobId);
       process.exit();`,
    ),
  );
  await Promise.all(programs.map(({ over }) => over));
  const said = programs.map((program) => program.said).join('');
  assert.deepEqual([said.match(/wallet/g)?.length, said.match(/job-1/g)?.length, proofs.length], [1, 3, 1], said);
  assert.deepEqual(hidden(place), []);
});

test(
  'a program that is suspended before its payment is written down finds its lock gone, and asks no wallet',
  { timeout: 30_000 },
  async () => {
    const { url, proofs } = await shop();
    const place = path.join(scratch, 'suspended');
    const call = `createJob(${JSON.stringify(params)}, { idempotencyKey: 'order-8' })`;
    // Six seconds in which nothing of the program runs, its renewals neither. The key is claimed,
    // and nothing else is written.
    const first = program(
      place,
      `let suspends = true;
     const suspended = { ...store, async add(key, value) {
       const added = await store.add(key, value);
       if (suspends) {
         suspends = false;
         console.log('suspended');
         Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 6_000);
       }
       return added;
     } };
     const wallet = () => (console.log('wallet'), '0x' + '1'.repeat(64));
     const client = new JobsClient({ baseUrl: '${url}', store: suspended, wallet });
     await client.${call}.catch(({ code, message, fundsMoved }) => console.log(code, fundsMoved, message));
     console.log((await client.${call}).jobId);`,
    );
    await until(() => first.said.includes('suspended'));
    const second = program(
      place,
      `const client = new JobsClient({ baseUrl: '${url}', store, wallet: () => (console.log('wallet'), '0x' + '2'.repeat(64)) });
     console.log((await client.${call}).jobId);`,
    );
    await Promise.all([first.over, second.over]);
    assert.equal(second.said, 'wallet\njob-1\n');
    assert.match(first.said, /^suspended\nstore_failed false a lock of the payment was lost[^\n]*call again[^\n]*\njob-1\n$/);
    assert.deepEqual(proofs, [`0x${'2'.repeat(64)}`]);
  },
);

test('two programs that resume one attempt at once: one sends', { timeout: 20_000 }, async () => {
  const place = path.join(scratch, 'resume');
  const refusing = await faultServer(price, reply(400, '{"error":"not yet mined"}'));
  const error = await rejects(
    new JobsClient({ baseUrl: refusing.url, store: fileStore(place), wallet: () => HASH }).createJob(params),
    'PaymentError',
    'payment_refused',
  );
  const proofs = [];
  const message = { id: 'm', content: 'here', authorId: 'a', createdAt: 1 };
  const done = { jobId: 'job-1', status: 'completed', result: { message, processingTimeMs: 1 } };
  const answer = async (socket, { method, path, headers }) => {
    if (method === 'POST') proofs.push(headers['x-payment']);
    if (method === 'POST') await pause(200);
    socket.end(method === 'POST' ? created : path.includes('job-1') ? reply(200, JSON.stringify(done)) : nothing);
  };
  await refusing.close();
  const server = await faultServer(answer);
  const record = path.join(place, readdirSync(place)[0]);
  writeFileSync(record, readFileSync(record, 'utf8').replaceAll(refusing.url, server.url));
  const id = JSON.stringify(error.payment.attemptId);
  const programs = Array.from({ length: 2 }, () =>
    program(
      place,
      `const client = new JobsClient({ baseUrl: '${server.url}', store });
       const open = (await client.pendingPayments()).find(({ attemptId }) => attemptId === ${id});
       await client.resume(open).then(() => console.log('answered'), (error) => console.log(error.code));`,
    ),
  );
  await Promise.all(programs.map(({ over }) => over));
  assert.deepEqual(proofs, [HASH]);
  assert.match(programs.map((program) => program.said).join(), /answered/);
  assert.deepEqual(hidden(place), []);
});

test('a lock whose program was killed is taken over, and never one whose program runs', { timeout: 20_000 }, async () => {
  const place = path.join(scratch, 'killed');
  const store = fileStore(place);
  const holder = program(place, `await store.lock('a'); console.log('held'); setInterval(() => {}, 1_000);`);
  await until(() => holder.said);
  let letGo;
  const waiting = store.lock('a').then((given) => (letGo = given));
  await pause(400);
  assert.equal(letGo, undefined, 'its program runs');
  assert.equal(typeof (await store.lock('b')), 'function', 'another name is another lock');
  holder.child.kill('SIGKILL');
  await waiting;
  assert.equal(hidden(place).length, 2, 'this lock and the other one');
  for (const name of hidden(place)) assert.equal(statSync(path.join(place, name)).mode & 0o077, 0);
  letGo();
  letGo();
  assert.equal(hidden(place).length, 1);
});

/** The name of the lock that a call with this key takes. */
async function lockOfKey(baseUrl, idempotencyKey) {
  let name;
  const lock = async (wanted) => {
    name ??= wanted;
    throw new Error('not now');
  };
  const client = new JobsClient({ baseUrl, store: { ...memoryStore(), lock }, wallet: () => HASH });
  await rejects(client.createJob(params, { idempotencyKey }), 'PaymentError', 'store_failed');
  return name;
}

test('who gives up on a lock gets none later, and its program may end', { timeout: 20_000 }, async () => {
  const { url, proofs } = await shop();
  const place = path.join(scratch, 'gone');
  const holder = program(
    place,
    `await store.lock('${await lockOfKey(url, 'k')}'); console.log('held'); setInterval(() => {}, 1_000);`,
  );
  await until(() => holder.said);
  const options = `{ baseUrl: '${url}', store, wallet: () => '${HASH}' }`;
  const other = program(
    place,
    `const call = new JobsClient(${options}).createJob(${JSON.stringify(params)}, { idempotencyKey: 'k', timeoutMs: 200 });
     await call.catch((error) => console.log(error.code));
     const began = performance.now();
     process.on('exit', () => console.log(performance.now() - began < 1_000 ? 'soon' : 'late'));`,
  );
  await other.over;
  assert.equal(other.said, 'request_timeout\nsoon\n');
  const stop = new AbortController();
  const client = new JobsClient({ baseUrl: url, store: fileStore(place), wallet: () => HASH });
  const aborted = rejection(client.createJob(params, { idempotencyKey: 'k', signal: stop.signal }));
  await pause(100);
  stop.abort();
  assert.equal((await aborted).name, 'AbortError');
  holder.child.kill('SIGKILL');
  await holder.over;
  assert.equal((await client.createJob(params, { idempotencyKey: 'k' })).jobId, 'job-1');
  assert.deepEqual([proofs, hidden(place)], [[HASH], []]);
});

test('a lock that cannot be had means no payment', async () => {
  const file = path.join(scratch, 'a file');
  writeFileSync(file, '');
  const full = () => {
    throw new Error('no locks today');
  };
  for (const [store, words] of [
    [fileStore(path.join(file, 'in it')), /ENOTDIR/],
    [{ ...memoryStore(), lock: full }, /no locks today/],
    [{ ...memoryStore(), lock: async () => full() }, /no locks today/],
    [{ ...memoryStore(), lock: 'none' }, /not a function/],
  ]) {
    const { url, proofs } = await shop();
    let asked = 0;
    const client = new JobsClient({ baseUrl: url, store, wallet: () => ((asked += 1), HASH) });
    // With a name and without one.
    const calls = [{ idempotencyKey: 'a' }, { idempotencyKey: 'b' }, {}].map((options) =>
      rejects(client.createJob(params, options), 'PaymentError', 'store_failed', words),
    );
    await Promise.all(calls);
    assert.deepEqual([asked, proofs.length, client.spent()], [0, 0, '0']);
  }
  // It was for once.
  let fails = true;
  const { url } = await shop();
  const store = { ...memoryStore(), lock: () => (fails ? full() : () => undefined) };
  const client = new JobsClient({ baseUrl: url, store, wallet: () => HASH });
  await rejects(client.createJob(params, { idempotencyKey: 'a' }), 'PaymentError', 'store_failed', /no locks today/);
  fails = false;
  assert.equal((await client.createJob(params, { idempotencyKey: 'a' })).jobId, 'job-1');
});

test('a store’s lock is let go of once, whatever comes of that', async () => {
  const { url } = await shop();
  const said = [];
  const lock = async (name) => {
    said.push(name);
    return () => (said.push('let go'), Promise.reject(new Error('gone')));
  };
  const client = new JobsClient({ baseUrl: url, store: { ...memoryStore(), lock }, wallet: () => HASH });
  await client.createJob(params, { idempotencyKey: 'a' });
  assert.match(said.join(), /^eliza-jobs\/create\/0x[0-9a-f]{32},eliza-jobs\/resume\/[-0-9a-f]{36},let go,let go$/);
});

test('a lock is held until what its call has begun to delete is deleted, also when the call has given up', async () => {
  const { url } = await faultServer((socket) => socket.end(created));
  const items = new Map();
  let [held, finish] = [0, undefined];
  const store = {
    get: async (key) => items.get(key) ?? null,
    set: async (key, value) => void items.set(key, value),
    add: async (key, value) => !items.has(key) && Boolean(items.set(key, value)),
    keys: async () => [...items.keys()],
    delete: (key) => new Promise((deleted) => (finish = () => deleted(items.delete(key)))),
    lock: async () => ((held += 1), async () => void (held -= 1)),
  };
  await new JobsClient({ baseUrl: url, store }).createJob(params, { idempotencyKey: 'a' });
  // The key is over: the next call with it deletes the claim before it makes its own.
  const [key, claim] = [...items].find(([key]) => key.startsWith('eliza-jobs/key/'));
  items.set(key, JSON.stringify({ ...JSON.parse(claim), createdAt: 0 }));
  const late = new JobsClient({ baseUrl: url, store }).createJob(params, { idempotencyKey: 'a', timeoutMs: 100 });
  await rejects(late, 'PaymentError', 'store_failed');
  assert.equal(held, 1, 'the deletion may still land');
  finish();
  await until(() => held === 0);
  assert.ok(!items.has(key));
});
