// The question behind eliza-jobs/react, without React: what it shows, sends, writes down and finds
// again.
import assert from 'node:assert/strict';
import { readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeEach, test } from 'node:test';
import { build } from 'esbuild';
import { installed, rejection, rejects } from './setting.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const { folder, JobsClient, memoryStore } = await installed('react');
const place = path.join(folder, 'node_modules/eliza-jobs');
const { createSandbox } = await import(path.join(place, 'sandbox-node.js'));
// No entry of the package: what stands behind the hook is tested by itself.
const outfile = path.join(folder, 'job-store.mjs');
await build({ entryPoints: [path.join(root, 'pkg-template/react/job-store.ts')], outfile, bundle: true, format: 'esm' });
const { JobStores } = await import(pathToFileURL(outfile).href);

/** A page's localStorage. */
class Storage {
  items = new Map();
  get length() {
    return this.items.size;
  }
  key = (index) => [...this.items.keys()][index] ?? null;
  getItem = (key) => this.items.get(key) ?? null;
  setItem = (key, value) => void this.items.set(key, value);
  removeItem = (key) => void this.items.delete(key);
}
let events;
beforeEach(() => {
  events = new EventTarget();
  for (const name of ['addEventListener', 'removeEventListener']) globalThis[name] = events[name].bind(events);
  Object.defineProperty(globalThis, 'document', { value: {}, configurable: true });
  Object.defineProperty(globalThis, 'localStorage', { value: new Storage(), configurable: true });
  withLocks(undefined);
});
/** Tells the page that another one has changed the storage. */
const changed = (key = written()[0]?.key) => events.dispatchEvent(Object.assign(new Event('storage'), { key }));
const written = () => [...globalThis.localStorage.items].map(([key, value]) => ({ key, ...JSON.parse(value) }));

const Q = 'What is the weather?';
const answer = (content) => ({ jobId: 'job-1', status: 'completed', result: { message: { content } } });
/** A client whose calls the test ends: `calls` has them, with what they were given. */
function scripted() {
  const calls = [];
  const call = (name) => (given, options) => {
    const { promise, resolve, reject } = Promise.withResolvers?.() ?? deferred();
    options?.signal.addEventListener('abort', () => reject(options.signal.reason));
    calls.push({ name, given, options, resolve, reject });
    return promise;
  };
  return { calls, createAndWaitForJob: call('create'), resume: call('resume'), forgetPayment: call('forget') };
}
function deferred() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}
/** What a page that is loaded has for a client and a key: nothing is left but the storage. */
const loaded = (client, key) => new JobStores().of(client, key);
/** Mounts, and lists every status that is seen from then on. */
function mounted(store) {
  const seen = [store.getSnapshot().status];
  const unmount = store.subscribe(() => seen.push(store.getSnapshot().status));
  return { seen, unmount };
}
const failure = (code, members = {}) => Object.assign(new Error(code), { code, fundsMoved: false, ...members });
const price = { paywall: 'x402-v2', price: '0.02' };
const paying = (sandbox, options) =>
  new JobsClient({ baseUrl: sandbox.url, fetch: sandbox.fetch, wallet: sandbox.wallet, store: memoryStore(), ...options });
const distinct = (seen) => seen.filter((status, at) => status !== seen[at - 1]);

test('a paid question shows each step, its price and its payment', async () => {
  const sandbox = createSandbox(price);
  const store = loaded(paying(sandbox), 'k');
  const { seen } = mounted(store);
  assert.match(await store.getSnapshot().ask(Q), /weather/);
  assert.deepEqual(distinct(seen), ['idle', 'asking', 'confirming', 'paying', 'waiting', 'answered']);
  const { quote, payment, job, answer, question, isBusy, error } = store.getSnapshot();
  assert.deepEqual(
    [quote.amount, payment.amount, payment.state, question, isBusy, error],
    ['0.02', '0.02', 'accepted', Q, false, undefined],
  );
  assert.equal(answer, job.result.message.content);
  assert.equal(sandbox.payments.length, 1);
});

test('a free question shows no price', async () => {
  const store = loaded(paying(createSandbox()), undefined);
  const { seen } = mounted(store);
  await store.ask(Q);
  assert.deepEqual(distinct(seen), ['idle', 'asking', 'waiting', 'answered']);
  assert.deepEqual([store.getSnapshot().quote, store.getSnapshot().payment], [undefined, undefined]);
});

test('what is seen is the same value until something changes, and the functions stay', async () => {
  const client = scripted();
  const store = loaded(client, 'k');
  const before = store.getSnapshot();
  assert.equal(store.getSnapshot(), before);
  assert.equal(store.getServerSnapshot(), before);
  before.ask(Q);
  client.calls[0].resolve(answer('rain'));
  await before.ask(Q);
  const after = store.getSnapshot();
  for (const name of ['ask', 'resume', 'cancel', 'reset']) assert.equal(after[name], before[name]);
  assert.equal(store.getServerSnapshot(), before, 'a server has nothing but idle');
});

test('components with the same client and key share a question; without a key nobody does', () => {
  const [one, other] = [scripted(), scripted()];
  const stores = new JobStores();
  assert.equal(stores.of(one, 'k'), stores.of(one, 'k'));
  assert.notEqual(stores.of(one, 'k'), stores.of(one, 'l'));
  assert.notEqual(stores.of(one, 'k'), stores.of(other, 'k'));
});

test('mount, unmount, mount, and the same question twice: one call', async () => {
  const client = scripted();
  const store = loaded(client, 'k');
  const { unmount } = mounted(store);
  const first = store.ask(Q);
  unmount();
  mounted(store);
  assert.equal(store.ask(Q), first);
  assert.equal(store.resume(), first);
  assert.equal(client.calls.length, 1);
  client.calls[0].resolve(answer('rain'));
  assert.equal(await first, 'rain');
  // Under a key the same question is asked once, until it is forgotten.
  assert.equal(await store.ask(Q), 'rain');
  assert.equal(client.calls.length, 1);
  store.reset();
  assert.equal(store.getSnapshot().status, 'idle');
  assert.deepEqual(written(), []);
  store.ask(Q);
  assert.equal(client.calls.length, 2);
  assert.notEqual(client.calls[1].options.idempotencyKey, client.calls[0].options.idempotencyKey);
});

test('without a key the same question again is another job', async () => {
  const client = scripted();
  const store = loaded(client, undefined);
  store.ask(Q);
  client.calls[0].resolve(answer('rain'));
  await store.ask(Q);
  store.ask(Q);
  assert.equal(client.calls.length, 2);
  assert.deepEqual(written(), []);
});

test('another question, no question and a misspelt option are refused, and change nothing', async () => {
  const client = scripted();
  const store = loaded(client, 'k');
  store.ask(Q);
  const before = store.getSnapshot();
  const busy = await rejects(store.ask('And tomorrow?'), 'ArgumentError', 'invalid_argument', /another question is under way/);
  assert.deepEqual([busy.field, busy.fundsMoved], ['question', false]);
  await rejects(store.ask({ type: 'click' }), 'ArgumentError', 'invalid_argument', /question must be a string; given: object/);
  const odd = await rejects(store.ask(Q, { userid: 'u' }), 'ArgumentError', 'invalid_argument', /did you mean `userId`/);
  assert.equal(odd.field, 'userid');
  await rejects(store.ask(Q, { userId: 'somebody else' }), 'ArgumentError', 'invalid_argument', /another question/);
  await rejects(loaded(client, 'l').resume(), 'ArgumentError', 'invalid_argument', /nothing to resume/);
  assert.equal(store.getSnapshot(), before);
  assert.equal(client.calls.length, 1);
});

test('a failure is in the state, and a promise that nobody awaits is no unhandled rejection', async () => {
  const unhandled = [];
  const listen = (reason) => unhandled.push(reason);
  process.on('unhandledRejection', listen);
  const client = scripted();
  const store = loaded(client, 'k');
  store.ask(Q);
  const error = failure('payment_outcome_unknown', {
    fundsMoved: 'unknown',
    payment: { attemptId: 'a', amount: '0.02', proof: { secret: 'x' } },
  });
  client.calls[0].reject(error);
  await new Promise((next) => setImmediate(next));
  process.off('unhandledRejection', listen);
  assert.deepEqual(unhandled, []);
  const state = store.getSnapshot();
  assert.deepEqual([state.status, state.error, state.answer], ['failed', error, undefined]);
  assert.deepEqual(state.payment, { attemptId: 'a', amount: '0.02' }, 'no proof gets into what is rendered');
  assert.equal(error.payment.proof.secret, 'x');
  // Asked again, it is the same job.
  const again = store.ask(Q);
  assert.equal(store.getSnapshot().status, 'asking');
  assert.equal(client.calls[1].options.idempotencyKey, client.calls[0].options.idempotencyKey);
  client.calls[1].reject(error);
  assert.equal(await rejection(again), error);
});

test('what the user found in the wallet goes on with the payment', async () => {
  const client = scripted();
  const store = loaded(client, 'k');
  await rejects(store.resume({ transaction: '0x1' }), 'ArgumentError', 'invalid_argument');
  store.ask(Q);
  client.calls[0].reject(failure('payment_outcome_unknown', { fundsMoved: 'unknown', payment: { attemptId: 'a' } }));
  await rejection(store.ask(Q));
  store.resume({ transaction: '0xab' });
  assert.deepEqual([client.calls[1].name, client.calls[1].given], ['resume', { attemptId: 'a', transaction: '0xab' }]);
  client.calls[1].resolve(answer('rain'));
  assert.equal(await store.resume(), 'rain');
});

test('a job that ended without an answer is over: the next one is another job', async () => {
  for (const code of ['job_failed', 'job_timeout', 'job_gone']) {
    const client = scripted();
    const store = loaded(client, code);
    store.ask(Q);
    client.calls[0].reject(failure(code, { fundsMoved: true }));
    await rejection(store.ask(Q));
    assert.ok(!written().some(({ key }) => key.endsWith(code)), code);
    store.ask(Q);
    assert.notEqual(client.calls[1].options.idempotencyKey, client.calls[0].options.idempotencyKey, code);
  }
});

test('cancel stops at once, what comes later changes nothing, and resume goes on without another payment', async () => {
  const sandbox = createSandbox({ ...price, answer: () => gate.promise });
  const gate = deferred();
  const store = loaded(paying(sandbox), 'k');
  const waiting = deferred();
  const unsubscribe = store.subscribe(() => store.getSnapshot().status === 'waiting' && waiting.resolve());
  const first = store.ask(Q);
  await waiting.promise;
  unsubscribe();
  store.cancel();
  const stopped = store.getSnapshot();
  assert.deepEqual([stopped.status, stopped.isBusy, stopped.question, stopped.payment.amount], ['stopped', false, Q, '0.02']);
  assert.equal((await rejection(first)).name, 'AbortError');
  assert.equal(store.getSnapshot(), stopped);
  store.cancel();
  assert.equal(store.getSnapshot(), stopped);
  gate.resolve('rain');
  assert.equal(await store.resume(), 'rain');
  assert.equal(sandbox.payments.length, 1);
});

test('a page that is loaded again goes on with what was under way, as the same job', async () => {
  const before = scripted();
  loaded(before, 'k').ask(Q, { agentId: 'a', metadata: { page: 1 }, headers: { secret: 'x' }, timeoutMs: 5 });
  const [{ given, options }] = before.calls;
  assert.doesNotMatch(JSON.stringify(written()), /secret/);
  const client = scripted();
  const store = loaded(client, 'k');
  assert.equal(store.getSnapshot().status, 'idle');
  assert.equal(client.calls.length, 0, 'not while it is rendered');
  mounted(store).unmount();
  mounted(store);
  assert.equal(store.getSnapshot().status, 'asking');
  assert.equal(client.calls.length, 1);
  assert.deepEqual(client.calls[0].given, given);
  assert.equal(client.calls[0].options.idempotencyKey, options.idempotencyKey);
  client.calls[0].resolve(answer('rain'));
  assert.equal(await store.ask(Q, { agentId: 'a' }), 'rain');
  // And once more, after the answer: nothing is sent.
  const last = scripted();
  const answered = loaded(last, 'k');
  mounted(answered);
  assert.deepEqual([answered.getSnapshot().status, answered.getSnapshot().answer], ['answered', 'rain']);
  assert.equal(await answered.ask(Q, { agentId: 'a' }), 'rain');
  assert.equal(last.calls.length, 0);
});

test('what is forgotten before it was looked for is not asked', () => {
  loaded(scripted(), 'k').ask(Q);
  const client = scripted();
  const store = loaded(client, 'k');
  store.reset();
  mounted(store);
  assert.deepEqual([client.calls.length, store.getSnapshot().status, written()], [0, 'idle', []]);
});

for (const [what, end, expected] of [
  ['was cancelled', (store) => store.cancel(), 'stopped'],
  ['the user refused', (_, { reject }) => reject(failure('wallet_rejected')), 'stopped'],
  ['may have been paid', (_, { reject }) => reject(failure('payment_outcome_unknown', { fundsMoved: 'unknown' })), 'asking'],
  ['was paid, and took too long', (_, { reject }) => reject(failure('wait_timeout', { fundsMoved: true })), 'asking'],
  ['failed', (_, { reject }) => reject(failure('job_failed', { fundsMoved: true })), 'idle'],
]) {
  test(`a page that is loaded again shows what ${what} as ${expected}`, async () => {
    const before = scripted();
    const store = loaded(before, 'k');
    const asked = store.ask(Q);
    end(store, before.calls[0]);
    await rejection(asked);
    const client = scripted();
    const after = loaded(client, 'k');
    mounted(after);
    assert.equal(after.getSnapshot().status, expected);
    assert.equal(client.calls.length, expected === 'asking' ? 1 : 0);
    if (expected === 'idle') return;
    after.resume();
    assert.equal(client.calls.length, 1);
    assert.equal(client.calls[0].options.idempotencyKey, before.calls[0].options.idempotencyKey);
  });
}

/** With or without Web Locks. */
const withLocks = (locks) => Object.defineProperty(globalThis, 'navigator', { value: { locks }, configurable: true });
const unsigned = () => failure('wallet_timeout', { payment: { attemptId: 'a' } });
const turn = () => new Promise((next) => setImmediate(next));

test('a page that is loaded again while the wallet was open forgets that payment and asks the wallet again', async () => {
  loaded(scripted(), 'k').ask(Q);
  withLocks({});
  const client = scripted();
  mounted(loaded(client, 'k'));
  client.calls[0].reject(unsigned());
  await turn();
  assert.deepEqual([client.calls[1].name, client.calls[1].given], ['forget', { attemptId: 'a' }]);
  client.calls[1].resolve();
  await turn();
  assert.equal(client.calls[2].options.idempotencyKey, client.calls[0].options.idempotencyKey);
});

test('a wallet that may still be open is not asked again: of this page, without Web Locks, or after a transfer', async () => {
  const quote = { type: 'quote', quote: { amount: '0.02' } };
  for (const [what, isLoaded, locks, error, update] of [
    ['of this page', false, {}, unsigned()],
    ['of this page, which was loaded again', true, {}, unsigned(), quote],
    ['another tab may have it open', true, undefined, unsigned()],
    ['money may have moved', true, {}, Object.assign(unsigned(), { fundsMoved: 'unknown' })],
  ]) {
    withLocks(locks);
    if (isLoaded) loaded(scripted(), what).ask(Q);
    const client = scripted();
    const store = loaded(client, what);
    if (isLoaded) mounted(store);
    else store.ask(Q);
    if (update) client.calls[0].options.onUpdate(update);
    client.calls[0].reject(error);
    await turn();
    assert.deepEqual([client.calls.length, store.getSnapshot().error], [1, error], what);
  }
});

for (const [how, tells] of [
  ['its write is seen', true],
  ['its write comes late', false],
]) {
  for (const [what, decide] of [
    ['cancels while it is asked to confirm', (tab) => (tab.store.cancel(), new Promise(() => {}))],
    ['refuses in the wallet', () => true],
  ]) {
    test(`whoever ${what} in one tab is asked by no other tab (${how})`, async () => {
      const sandbox = createSandbox(price);
      const payments = memoryStore();
      const asked = [];
      const gates = { confirm: deferred(), wallet: deferred() };
      const tab = (name, behaviour) => ({
        store: loaded(paying(sandbox, { store: payments, ...behaviour((what) => asked.push(`${name}: ${what}`)) }), 'k'),
      });
      const refusal = Object.assign(new Error('User rejected'), { code: 4001 });
      const one = tab('one', (tell) => ({
        confirm: async () => (tell('confirm'), gates.confirm.resolve(), await gates.wallet.promise, decide(one)),
        wallet: { ...sandbox.wallet, signTypedData: async () => (tell('wallet'), Promise.reject(refusal)) },
      }));
      const other = tab('other', (tell) => ({
        confirm: () => (tell('confirm'), true),
        wallet: { ...sandbox.wallet, signTypedData: async (data) => (tell('wallet'), sandbox.wallet.signTypedData(data)) },
      }));
      const first = rejection(one.store.ask(Q));
      await gates.confirm.promise;
      const { seen } = mounted(other.store);
      const stopped = deferred();
      other.store.subscribe(() => other.store.getSnapshot().status === 'stopped' && stopped.resolve());
      assert.equal(other.store.getSnapshot().status, 'asking');
      gates.wallet.resolve();
      await first;
      if (tells) changed();
      await stopped.promise;
      assert.deepEqual([distinct(seen).at(-1), sandbox.payments.length, written()[0].phase], ['stopped', 0, 'stopped']);
      assert.ok(!asked.some((line) => line.startsWith('other')), asked.join());
      if (tells) return;
      // The user of this tab may still want it.
      assert.match(await other.store.resume(), /weather/);
      assert.equal(sandbox.payments.length, 1);
    });
  }
}

test('a tab that waits for another one takes over what that one writes down: an answer, another question, nothing', async () => {
  const before = scripted();
  const first = loaded(before, 'k');
  first.ask(Q);
  const waiting = scripted();
  const store = loaded(waiting, 'k');
  mounted(store);
  changed('another key');
  changed();
  assert.deepEqual([waiting.calls.length, waiting.calls[0].options.signal.aborted], [1, false], 'nothing has changed');
  before.calls[0].resolve(answer('rain'));
  await first.ask(Q);
  changed();
  assert.deepEqual([store.getSnapshot().status, store.getSnapshot().answer], ['answered', 'rain']);
  assert.equal(waiting.calls[0].options.signal.aborted, true);

  first.ask('And tomorrow?');
  const next = scripted();
  const late = loaded(next, 'k');
  mounted(late);
  first.cancel();
  first.ask('And on Sunday?');
  changed();
  assert.deepEqual(
    [next.calls.length, next.calls[0].options.signal.aborted, late.getSnapshot().question],
    [2, true, 'And on Sunday?'],
  );
  first.reset();
  changed(null);
  assert.deepEqual([next.calls[1].options.signal.aborted, late.getSnapshot().status], [true, 'idle']);
  changed(null);
  assert.deepEqual([next.calls.length, written()], [2, []]);
});

test('a question that another tab has asked is one call here too', async () => {
  const here = scripted();
  const store = loaded(here, 'k');
  mounted(store);
  loaded(scripted(), 'k').ask(Q);
  const asked = store.ask(Q);
  assert.equal(here.calls.length, 1);
  here.calls[0].resolve(answer('rain'));
  assert.equal(await asked, 'rain');
});

test('a question that another tab has answered is not asked again, and a later one of another tab is kept', async () => {
  const here = scripted();
  const store = loaded(here, 'k');
  mounted(store);
  const there = scripted();
  const other = loaded(there, 'k');
  other.ask(Q);
  there.calls[0].resolve(answer('rain'));
  await other.ask(Q);
  assert.equal(await store.ask(Q), 'rain');
  assert.deepEqual([here.calls.length, store.getSnapshot().answer], [0, 'rain']);
  // Here another one is asked, and there one more before this one is answered.
  store.ask('And tomorrow?');
  other.ask('And on Sunday?');
  here.calls[0].resolve(answer('sun'));
  await store.ask('And tomorrow?');
  assert.deepEqual(
    written().map(({ question, phase }) => [question, phase]),
    [['And on Sunday?', 'open']],
  );
});

test('questions of different servers are apart under the same key', async () => {
  const gate = deferred();
  const [one, other] = ['https://one.test', 'https://other.test'].map((url) =>
    createSandbox({ url, answer: () => gate.promise }),
  );
  const asked = loaded(paying(one), 'k').ask(Q);
  const store = loaded(paying(other), 'k');
  mounted(store);
  assert.equal(store.getSnapshot().status, 'idle');
  assert.match(written()[0].key, /^eliza-jobs\/react\/https:\/\/one\.test k$/);
  gate.resolve('rain');
  await asked;
});

test('a record that cannot be read may stand for what is paid: nothing is asked until reset(), and it is kept', async () => {
  const client = scripted();
  loaded(client, 'k').ask(Q);
  const [[key, text]] = globalThis.localStorage.items;
  for (const damaged of [
    '',
    '{',
    'null',
    '[]',
    text.replace('"version":1', '"version":2'),
    text.replace('"open"', '"answered"'),
  ]) {
    globalThis.localStorage.setItem(key, damaged);
    const client = scripted();
    const store = loaded(client, 'k');
    mounted(store);
    const { status, error } = store.getSnapshot();
    assert.deepEqual([status, error.code, error.fundsMoved], ['failed', 'store_failed', 'unknown'], damaged);
    for (const call of [() => store.ask(Q), () => store.resume()]) {
      await rejects(
        call(),
        'PaymentError',
        'store_failed',
        /the record eliza-jobs\/react\/ k of localStorage cannot be read.*then call reset\(\)/,
      );
    }
    assert.deepEqual([client.calls.length, globalThis.localStorage.getItem(key)], [0, damaged]);
    store.reset();
    store.ask(Q);
    assert.equal(client.calls.length, 1);
  }
});

test('a storage that throws harms nothing', async () => {
  const client = scripted();
  const broken = () => {
    throw new Error('no room');
  };
  Object.assign(globalThis.localStorage, { getItem: broken, setItem: broken, removeItem: broken });
  const store = loaded(client, 'k');
  mounted(store);
  const asked = store.ask(Q);
  client.calls.at(-1).resolve(answer('rain'));
  assert.equal(await asked, 'rain');
  store.reset();
});

test('answered records are kept up to a number, what is open or was stopped always', async () => {
  loaded(scripted(), 'open').ask(Q);
  const stopped = loaded(scripted(), 'stopped');
  stopped.ask(Q).catch(() => {});
  stopped.cancel();
  for (let number = 0; number < 60; number += 1) {
    const client = scripted();
    const store = loaded(client, `k${number}`);
    store.ask(Q);
    client.calls[0].resolve(answer('rain'));
    await store.ask(Q);
  }
  assert.equal(written().length, 50);
  for (const phase of ['open', 'stopped']) assert.equal(written().filter((record) => record.phase === phase).length, 1);
});

const require = createRequire(path.join(place, 'react.js'));
for (const version of ['18', '19']) {
  test(`rendered on a server with React ${version} it is idle, and sends and reads nothing`, async () => {
    const module = (name) => path.join(root, 'node_modules', version === '18' ? `${name}-18` : name);
    const place = path.join(folder, `server-${version}`);
    const outfile = path.join(place, 'page.cjs');
    const contents = `const { createElement } = require('react');
      const { renderToString } = require('react-dom/server');
      const { useJob } = require('eliza-jobs/react');
      const Page = ({ client }) => createElement('p', null, useJob(client, { key: 'k' }).status);
      exports.render = (client) => renderToString(createElement(Page, { client }));`;
    const alias = { react: module('react'), 'react-dom': module('react-dom') };
    await build({ stdin: { contents, resolveDir: folder }, outfile, bundle: true, platform: 'node', alias, logLevel: 'error' });
    const client = scripted();
    loaded(client, 'k').ask(Q);
    const { render } = createRequire(outfile)(outfile);
    assert.equal(render(client), '<p>idle</p>');
    assert.equal(client.calls.length, 1);
  });
}

test('it is a client module for React, in both formats, and brings no WebAssembly with it', async () => {
  for (const file of ['react.js', 'cjs/react.js']) {
    assert.match(readFileSync(path.join(place, file), 'utf8'), /^(?:"use strict";\n)?"use client";\n/, file);
  }
  symlinkSync(path.join(root, 'node_modules/react'), path.join(folder, 'node_modules/react'));
  assert.deepEqual(Object.keys(require('eliza-jobs/react')), ['useJob']);
  assert.deepEqual(Object.keys(await import(path.join(place, 'react.js'))), ['useJob']);
  const stdin = { contents: "export { useJob } from 'eliza-jobs/react';", resolveDir: folder };
  const options = { bundle: true, minify: true, format: 'esm', external: ['react'], write: false, metafile: true };
  const { outputFiles, metafile } = await build({ stdin, ...options });
  const files = Object.keys(metafile.inputs).map((file) => path.basename(file));
  assert.deepEqual(files.sort(), ['<stdin>', 'errors.js', 'react.js']);
  assert.ok(outputFiles[0].contents.length < 16_000, `${outputFiles[0].contents.length} bytes`);
});
