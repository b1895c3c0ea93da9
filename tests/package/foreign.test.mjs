// What applications give is made by others and may be odd, or throw anywhere: that is an error of
// the one call, and nobody else's.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { test } from 'node:test';
import vm from 'node:vm';
import { faultServer, reply } from './fault-server.mjs';
import { HASH, installed, params, rejection, rejects } from './setting.mjs';

const { ElizaClient, JobsClient, memoryStore } = await installed('foreign');
const job = { jobId: 'job-1', status: 'completed', createdAt: 0, expiresAt: 30_000 };
const text = JSON.stringify({ ...job, result: { message: { id: 'm', content: 'héllo', authorId: 'a', createdAt: 1 } } });
const content = ({ result }) => result.message.content;
const throws = () => {
  throw new Error('not with me');
};
const at = (server, options) => new JobsClient({ baseUrl: server.url, retries: 0, ...options });

/** The error of a call, while another client waits, which must not hear of it. */
async function alone(call) {
  let answer;
  const fetch = () => new Promise((resolve) => (answer = resolve));
  const other = new JobsClient({ baseUrl: 'https://other.example', fetch }).getJob('job-1');
  const error = await rejection(call());
  assert.notEqual(error.code, 'wasm_panic', error.stack);
  answer(Response.json(JSON.parse(text)));
  assert.equal(content(await other), 'héllo');
  return error;
}

/** As older libraries have it: the body is a stream of Node's. */
function nodeFetch(url, { method, headers, body, signal }) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers: Object.fromEntries(headers), signal }, (response) =>
      resolve({
        status: response.statusCode,
        headers: { get: (name) => response.headers[name] ?? null },
        body: response,
        async text() {
          return Buffer.concat(await response.toArray()).toString();
        },
      }),
    );
    request.on('error', reject).end(body);
  });
}

test('a body that is a stream of Node’s is read as a text', async () => {
  const server = await faultServer(reply(200, text));
  assert.equal(content(await at(server, { fetch: nodeFetch }).getJob('job-1')), 'héllo');
  const large = at(server, { fetch: nodeFetch, maxResponseBytes: 20 }).getJob('job-1');
  await rejects(large, 'ApiError', 'response_too_large');
});

for (const type of ['text/event-stream', 'Text/Event-Stream; charset=utf-8'])
  for (const [how, fetch] of Object.entries({ 'a stream of Node’s': nodeFetch, 'a stream of the web': globalThis.fetch })) {
    test(`an event stream (${type}) that is ${how} is read in whole`, async () => {
      // More than what is kept of a body that is no JSON.
      const piece = 'x'.repeat(5_000);
      const kinds = ['user_message', 'chunk', 'done'];
      const events = kinds.map((kind) => `event: ${kind}\ndata: ${JSON.stringify({ chunk: piece })}\n\n`);
      const server = await faultServer(reply(200, events.join(''), { 'content-type': type }));
      const { sessions } = new ElizaClient({ baseUrl: server.url, retries: 0, fetch });
      const seen = [];
      for await (const update of sessions.streamMessage('s', { content: 'hello' })) seen.push(update.chunk ?? update.type);
      assert.ok(seen.includes(piece), String(seen));
    });
  }

for (const [how, read] of [
  ['read to its end', (response) => response.text()],
  ['being read', (response) => void response.body.getReader()],
]) {
  test(`a body that a wrapper has ${how} is an error of that call, which says what to do`, async () => {
    const server = await faultServer(reply(200, text));
    const fetch = async (...given) => {
      const response = await globalThis.fetch(...given);
      await read(response);
      return response;
    };
    const error = await alone(() => at(server, { fetch }).getJob('job-1'));
    assert.deepEqual([error.name, error.code], ['ApiError', 'invalid_response'], error.stack);
    assert.match(error.message, /read already; read a clone\(\)/);
  });
}

const bytes = new TextEncoder().encode(text);
const streamOf = (...chunks) => ({
  getReader: () => ({ read: async () => (chunks.length ? { done: false, value: chunks.shift() } : { done: true }) }),
});
const answering = (response) => async () => ({
  status: 200,
  headers: new Headers({ 'content-type': 'application/json' }),
  ...response,
});
const asking = (fetch, ...given) => new JobsClient({ baseUrl: 'https://h', retries: 0, fetch }).getJob('job-1', ...given);

test('the bytes of another realm are as good, an empty piece is not the end, and values need not be promises', async () => {
  const foreign = vm.runInNewContext('(bytes) => new Uint8Array(bytes)');
  const body = streamOf(bytes.slice(0, 9), new Uint8Array(0), foreign([...bytes.slice(9)]));
  assert.equal(content(await asking(answering({ body }))), 'héllo');
  assert.equal(content(await asking(answering({ text: () => text }))), 'héllo');
});

const overridden = () => Object.assign(Promise.resolve(), { then: throws });
for (const [what, response] of [
  ['whose text() throws', { text: throws }],
  ['without body and text()', {}],
  ['whose text() gives a promise that throws', { text: overridden }],
  ['whose body gives no reader', { body: { getReader: () => undefined } }],
  ['whose reader cannot be had', { body: { getReader: throws } }],
  ['whose reader cannot read', { body: { getReader: () => ({}) } }],
  ['whose reader throws', { body: { getReader: () => ({ read: throws }) } }],
  ['whose reader rejects', { body: { getReader: () => ({ read: async () => throws() }) } }],
  ['whose reader gives nothing', { body: { getReader: () => ({ read: () => undefined }) } }],
  ['whose pieces are texts', { body: streamOf(text) }],
  [
    'whose pieces have getters that throw',
    { body: { getReader: () => ({ read: () => Object.defineProperty({}, 'value', { get: throws }) }) } },
  ],
  ['whose headers throw', { headers: { get: throws }, text }],
  ['whose headers are none', { headers: 5, text }],
]) {
  test(`a response ${what} is an error of that call`, async () => {
    const error = await alone(() => asking(answering(response)));
    assert.match(`${error.name} ${error.code}`, /^(ApiError invalid_response|ConnectionError connection_reset)$/, error.stack);
  });
}

test('headers that are no texts are not there', async () => {
  for (const value of [5, {}, ['application/json'], null]) {
    assert.equal(content(await asking(answering({ headers: { get: () => value }, text: async () => text }))), 'héllo');
  }
});

test('fetch, wallet, store and confirm may give promises that throw when they are asked', async () => {
  assert.equal((await alone(() => asking(overridden))).code, 'connection_failed');
  const price = { payment: [{ network: 'base', recipient: '0x209693Bc6afc0C5328bA36FaF03C514EF312287C', amount: '0.02' }] };
  const paid = (options) => {
    const fetch = async () => Response.json(price, { status: 402 });
    return alone(() => new JobsClient({ baseUrl: 'https://h', fetch, wallet: () => HASH, ...options }).createJob(params));
  };
  assert.equal((await paid({ wallet: overridden })).code, 'wallet_failed');
  assert.equal((await paid({ confirm: overridden })).code, 'payment_declined');
  assert.equal((await paid({ store: { ...memoryStore(), set: overridden } })).code, 'store_failed');
});

test('keys() of a store may be any list; what is none means that the store has failed', async () => {
  const pending = (keys) => new JobsClient({ baseUrl: 'https://h', store: { ...memoryStore(), keys } }).pendingPayments();
  for (const keys of [() => new Map().keys(), () => new Set(), async () => new Proxy([], {})]) {
    assert.deepEqual(await pending(keys), []);
  }
  const endless = () => ({ [Symbol.iterator]: throws });
  for (const keys of [
    () => undefined,
    () => null,
    () => 5,
    () => 'eliza',
    () => ({}),
    endless,
    async () => new Proxy([], { get: throws }),
  ]) {
    const error = await alone(() => pending(keys));
    assert.deepEqual([error.name, error.code], ['PaymentError', 'store_failed'], error.stack);
  }
});

test('a store that loses a method fails', async () => {
  const store = memoryStore();
  const client = new JobsClient({ baseUrl: 'https://h', store });
  delete store.keys;
  assert.equal((await alone(() => client.pendingPayments())).code, 'store_failed');
});

const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
test('options that throw when they are looked at are refused', async () => {
  for (const spend of [
    new Proxy({}, { ownKeys: throws }),
    revoked(),
    { networks: revoked() },
    { networks: new Proxy(['base'], { get: throws }) },
  ]) {
    const error = await alone(async () => new JobsClient({ baseUrl: 'https://h', spend }));
    assert.deepEqual([error.name, error.field?.split('.')[0]], ['ArgumentError', 'spend'], error.stack);
  }
});

test('a signal may be odd: it ends the call, or it does not', async () => {
  let aborted = false;
  const odd = {
    get aborted() {
      return aborted || throws();
    },
    addEventListener: throws,
    removeEventListener: throws,
  };
  assert.equal((await alone(() => asking(answering({}), { signal: odd }))).code, 'invalid_argument');
  aborted = true;
  const reason = await asking(answering({}), { signal: odd }).then(assert.fail, (reason) => reason);
  assert.equal(reason.name, 'AbortError', 'it gives no reason of its own');
  const silent = { aborted: false, addEventListener: throws, removeEventListener: throws };
  assert.equal(content(await asking(answering({ text: async () => text }), { signal: silent })), 'héllo');
});

test('a date may be of another realm; one that is no date is refused', async () => {
  const asked = [];
  const fetch = async (url) => (asked.push(new URL(url).search), Response.json({ messages: [], hasMore: false }));
  const { sessions } = new ElizaClient({ baseUrl: 'https://h', fetch });
  await sessions.getMessages('s', { after: vm.runInNewContext('new Date(1234)') });
  assert.match(asked[0], /after=1234/);
  for (const before of [Object.create(Date.prototype), { getTime: throws }, { getTime: () => 5n }]) {
    const error = await alone(() => sessions.getMessages('s', { before }));
    assert.deepEqual([error.name, error.field], ['ArgumentError', 'before'], error.stack);
  }
});

test('no cache may answer: a fetch that repeats what it has seen before is told so with each request', async () => {
  const cached = new Map();
  let polls = 0;
  const origin = () => Response.json({ ...JSON.parse(text), status: (polls += 1) < 3 ? 'processing' : 'completed' });
  // As frameworks on servers and caches of browsers do it.
  const fetch = async (url, { method, cache }) => {
    if (method !== 'GET' || cache === 'no-store') return origin();
    if (!cached.has(url)) cached.set(url, await origin().text());
    return new Response(cached.get(url), { headers: { 'content-type': 'application/json' } });
  };
  const done = await new JobsClient({ baseUrl: 'https://h', fetch }).pollJob('job-1', 10, 5);
  assert.deepEqual([content(done), polls], ['héllo', 3]);
});

// Test environments such as jsdom replace AbortController, and the runtime's own fetch refuses its
// signals before it sends anything.
for (const words of [
  'RequestInit: Expected signal ("AbortSignal {}") to be an instance of AbortSignal.',
  "Failed to construct 'Request': member signal is not of type AbortSignal.",
  "Failed to execute 'fetch' on 'Window': member signal is not of type 'AbortSignal'.",
  "RequestInit.signal: 'signal' member of RequestInit does not implement interface AbortSignal.",
]) {
  test(`a signal that fetch refuses (${words}) is left out, and the time limit holds all the same`, async (t) => {
    const { AbortController, AbortSignal } = globalThis;
    class ForeignController {
      signal = Object.assign(new EventTarget(), { aborted: false });
      abort() {}
    }
    globalThis.AbortController = ForeignController;
    t.after(() => (globalThis.AbortController = AbortController));
    let calls = 0;
    const fetch = async (url, { signal, ...init }) => {
      calls += 1;
      if (signal && !(signal instanceof AbortSignal)) throw new TypeError(words);
      return globalThis.fetch(url, init);
    };
    const server = await faultServer(reply(200, text));
    assert.equal(content(await at(server, { fetch }).getJob('job-1')), 'héllo');
    assert.deepEqual([calls, server.requests.length], [2, 1]);
    const hangs = await faultServer(() => {});
    await rejects(at(hangs, { fetch }).getJob('job-1', { timeoutMs: 50 }), 'ConnectionError', 'request_timeout');
  });
}

test('a failure that only speaks of signals is not taken for a signal that was refused', async () => {
  let calls = 0;
  const fetch = () => {
    calls += 1;
    throw new TypeError('AbortSignal.any is not a function');
  };
  await rejects(asking(fetch), 'ConnectionError', 'connection_failed');
  assert.equal(calls, 1);
});

test('headers that are too large for Node, in the request or in the answer, are an error that says so', async (t) => {
  const server = http.createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'x-large': 'a'.repeat(17_000) }).end(text);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  let sent = 0;
  const fetch = (...given) => {
    sent += 1;
    return globalThis.fetch(...given);
  };
  const client = new JobsClient({ baseUrl: `http://127.0.0.1:${server.address().port}`, fetch });
  const large = await rejection(client.getJob('job-1', { headers: { 'x-large': 'a'.repeat(17_000) } }));
  assert.deepEqual([large.code, large.status, large.retryable, sent], ['request_refused', 431, false, 1], large.stack);
  assert.match(large.message, /request's headers are larger than the server reads \(Node: 16 KB/);
  const answer = await rejection(client.getJob('job-1'));
  assert.deepEqual([answer.code, answer.retryable, sent], ['response_too_large', false, 2], answer.stack);
  assert.match(answer.message, /answer's headers are larger than this runtime reads \(Node: 16 KB/);
});
