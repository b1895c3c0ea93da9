// What comes one after the other: a stream's pieces, a job's states, the pages of messages; and
// what happens to whoever leaves early.
import assert from 'node:assert/strict';
import { getEventListeners, once } from 'node:events';
import path from 'node:path';
import { test } from 'node:test';
import { faultServer, reply } from './fault-server.mjs';
import { installed, params, rejects } from './setting.mjs';

const { ArgumentError, ElizaClient, JobsClient, SessionsClient } = await installed('streams');
const trapping = await import(path.resolve(import.meta.dirname, '../../target/trap/pkg/index.js'));

const said = { id: 'm1', content: 'hello', authorId: 'u', createdAt: '2026-01-01T00:00:00.000Z', metadata: {} };
const head = reply(200, '', { 'content-type': 'text/event-stream', 'content-length': null });
const event = (name, data) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
const job = (status, more) => JSON.stringify({ jobId: 'job-1', status, createdAt: 0, expiresAt: 30_000, ...more });
const result = { message: { id: 'm', content: 'here', authorId: 'a', createdAt: 1 }, processingTimeMs: 1 };
const all = async (iterable) => {
  const values = [];
  for await (const value of iterable) values.push(value);
  return values;
};

/**
 * A server whose first answer is a stream; `write` puts pieces into it, `closed` is when the client
 * has gone.
 */
async function streaming(...later) {
  let found;
  const socket = new Promise((resolve) => (found = resolve));
  const server = await faultServer((given) => (given.write(head), found(given)), ...later);
  const sessions = new SessionsClient({ baseUrl: server.url });
  return { server, sessions, socket };
}

test('the pieces of an answer arrive as they are sent, however they are cut', async () => {
  const { sessions, socket } = await streaming();
  const stream = sessions.streamMessage('s', { content: 'hello' });
  const next = stream.next();
  const text = event('user_message', said) + event('chunk', { chunk: 'hé😀', index: 0 });
  const bytes = Buffer.from(text);
  const wire = await socket;
  for (const byte of bytes.subarray(0, 90)) wire.write(Buffer.of(byte));
  wire.write(bytes.subarray(90, bytes.indexOf(0xf0) + 2));
  assert.deepEqual((await next).value, {
    type: 'user_message',
    message: { id: 'm1', content: 'hello', isAgent: false, authorId: 'u', createdAt: Date.UTC(2026, 0), metadata: {} },
  });
  const chunk = stream.next();
  wire.write(bytes.subarray(bytes.indexOf(0xf0) + 2));
  assert.deepEqual((await chunk).value, { type: 'chunk', chunk: 'hé😀', index: 0 });
  wire.write(event('done', { text: 'hé😀' }));
  // The connection stays open: the answer is over all the same, and so is the connection then.
  assert.deepEqual(await all(stream), [{ type: 'done', response: { text: 'hé😀' } }]);
  if (!wire.destroyed) await once(wire, 'close');
  assert.deepEqual(await stream.next(), { done: true, value: undefined });
});

test('an event stream is one under whatever name it comes, and what is none is read as before', async () => {
  const text = `: hello\n\n${event('user_message', said)}${event('chunk', { chunk: 'hé', index: 0 })}${event('done', { text: 'hé' })}`;
  for (const kind of ['Text/Event-Stream', 'TEXT/EVENT-STREAM; charset=UTF-8', 'text/plain', 'application/octet-stream', null]) {
    const server = await faultServer((socket) => {
      socket.write(reply(200, '', { 'content-type': kind, 'content-length': null }));
      for (const piece of [text.slice(0, 3), text.slice(3, 20), text.slice(20)]) socket.write(piece);
    });
    const updates = await all(new SessionsClient({ baseUrl: server.url }).streamMessage('s', { content: 'hello' }));
    assert.deepEqual(
      updates.map(({ type }) => type),
      ['user_message', 'chunk', 'done'],
      kind,
    );
  }
  const whole = JSON.stringify({ success: true, userMessage: said, agentResponse: { text: 'whole' } });
  const server = await faultServer(reply(200, whole, { 'content-type': 'text/plain' }), reply(200, '{"messages":[]}'));
  const updates = await all(new SessionsClient({ baseUrl: server.url }).streamMessage('s', { content: 'hello' }));
  assert.equal(updates.at(-1).response.text, 'whole');
});

test('whoever leaves a stream ends the request', async () => {
  const { sessions, socket } = await streaming();
  const wire = socket.then((wire) => (wire.write(event('user_message', said)), wire));
  for await (const { type } of sessions.streamMessage('s', { content: 'hello' })) {
    assert.equal(type, 'user_message');
    break;
  }
  if (!(await wire).destroyed) await once(await wire, 'close');
});

test('a stream that is left while somebody waits ends for him too', async () => {
  const { sessions, socket } = await streaming();
  const stream = sessions.streamMessage('s', { content: 'hello' });
  const waiting = [stream.next(), stream.next()];
  await socket;
  assert.deepEqual(await stream.return('enough'), { done: true, value: 'enough' });
  for (const end of await Promise.all(waiting)) assert.deepEqual(end, { done: true, value: undefined });
});

test('an aborted stream throws the signal’s reason, a stream of a bad argument its error, both once', async () => {
  const { sessions, socket } = await streaming();
  const stop = new AbortController();
  const stream = sessions.streamMessage('s', { content: 'hello' }, { signal: stop.signal });
  const waiting = stream.next();
  await socket;
  stop.abort('enough');
  await assert.rejects(waiting, (reason) => reason === 'enough');
  assert.deepEqual(await stream.next(), { done: true, value: undefined });

  const bad = sessions.streamMessage('s', { content: '' });
  await assert.rejects(bad.next(), (error) => error instanceof ArgumentError && error.field === 'content');
  assert.deepEqual(await bad.next(), { done: true, value: undefined });
  const none = sessions.streamMessage(5, { content: 'x' });
  await assert.rejects(all(none), { code: 'invalid_argument', field: 'sessionId' });
});

test('an abort ends a stream at once, while nobody waits too; what was buffered does not come any more', async () => {
  const { sessions, socket } = await streaming();
  const stop = new AbortController();
  const stream = sessions.streamMessage('s', { content: 'hello' }, { signal: stop.signal });
  const first = stream.next();
  const wire = await socket;
  wire.write(event('user_message', said) + event('chunk', { chunk: 'a', index: 0 }) + event('done', { text: 'a' }));
  assert.equal((await first).value.type, 'user_message');
  assert.equal((await stream.next()).value.type, 'chunk');
  stop.abort('enough');
  await assert.rejects(stream.next(), (reason) => reason === 'enough');
  assert.deepEqual(await stream.next(), { done: true, value: undefined });
});

test('an abort between two pieces closes the connection, though nobody comes back', async () => {
  const { sessions, socket } = await streaming();
  const stop = new AbortController();
  const stream = sessions.streamMessage('s', { content: 'hello' }, { signal: stop.signal });
  const first = stream.next();
  const wire = await socket;
  wire.write(event('user_message', said));
  await first;
  assert.equal(getEventListeners(stop.signal, 'abort').length, 1);
  stop.abort();
  if (!wire.destroyed) await once(wire, 'close', { signal: AbortSignal.timeout(2000) });

  // Whoever stays to the end, and whoever leaves, is not listening any more.
  const whole = await faultServer(reply(200, job('pending')), reply(200, job('completed', { result })));
  const jobs = new JobsClient({ baseUrl: whole.url });
  const { signal } = new AbortController();
  assert.equal((await all(jobs.watchJob('job-1', { intervalMs: 2, signal }))).length, 2);
  assert.equal(getEventListeners(signal, 'abort').length, 0);
  const again = await faultServer(reply(200, job('pending')));
  for await (const { status } of new JobsClient({ baseUrl: again.url }).watchJob('job-1', { signal })) {
    assert.equal(status, 'pending');
    assert.equal(getEventListeners(signal, 'abort').length, 1);
    break;
  }
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});

test('an abort ends a watched job and the pages of messages where they are', async () => {
  const server = await faultServer(
    reply(200, job('pending')),
    reply(200, JSON.stringify({ messages: ['2', '1'].map((id) => ({ ...said, id, createdAt: Number(id) })), hasMore: true })),
  );
  const { messaging, sessions } = new ElizaClient({ baseUrl: server.url });
  for (const begin of [
    (signal) => messaging.watchJob('job-1', { signal }),
    (signal) => sessions.getMessages('s', {}, { signal }),
  ]) {
    const stop = new AbortController();
    const seen = [];
    const read = async () => {
      for await (const value of begin(stop.signal)) {
        seen.push(value);
        stop.abort('enough');
      }
    };
    await assert.rejects(read(), (reason) => reason === 'enough');
    assert.equal(seen.length, 1);
  }
  assert.equal(server.requests.length, 2);
});

test('a client’s own fetch may leave the iterator, or abort it, in the middle of a step', async () => {
  for (const [way, end] of [
    ['return', { done: true, value: undefined }],
    ['abort', 'enough'],
  ]) {
    const stop = new AbortController();
    let cancelled;
    const fetch = (_, { signal }) => {
      cancelled = once(signal, 'abort', { signal: AbortSignal.timeout(2000) });
      if (way === 'return') void stream.return();
      else stop.abort('enough');
      return new Promise(() => {});
    };
    const sessions = new SessionsClient({ baseUrl: 'http://127.0.0.1:9', fetch });
    const stream = sessions.streamMessage('s', { content: 'hello' }, { signal: stop.signal });
    assert.deepEqual(await stream.next().catch((reason) => reason), end);
    await cancelled;
  }
});

test('a stream has no transport to choose', async () => {
  const server = await faultServer(reply(500));
  const sessions = new SessionsClient({ baseUrl: server.url });
  for (const transport of ['http', 'websocket', 5, null]) {
    const read = all(sessions.streamMessage('s', { content: 'hello', transport }));
    assert.equal((await rejects(read, 'ArgumentError', 'invalid_argument', /stream/)).field, 'transport');
  }
  assert.equal(server.requests.length, 0);
});

test('nothing is sent before somebody asks for the first piece', async () => {
  const server = await faultServer(reply(500));
  const sessions = new SessionsClient({ baseUrl: server.url });
  const stream = sessions.streamMessage('s', { content: 'hello' });
  await new Promise((next) => setImmediate(next));
  await stream.return();
  assert.deepEqual(await all(stream), []);
  assert.equal(server.requests.length, 0);
});

test('a stream larger than the limit is cut off', async () => {
  const { server, socket } = await streaming(reply(500));
  const sessions = new SessionsClient({ baseUrl: server.url, maxResponseBytes: 1000, retries: 0 });
  const read = rejects(all(sessions.streamMessage('s', { content: 'hello' })), 'SessionError', 'message_outcome_unknown');
  (await socket).write(`: ${'x'.repeat(2000)}\n`);
  assert.match((await read).message, /maxResponseBytes/);
});

test('a job is watched: each state once, then the end', async () => {
  const server = await faultServer(
    reply(200, job('pending')),
    reply(200, job('pending')),
    reply(200, job('processing')),
    reply(200, job('completed', { result })),
  );
  const client = new JobsClient({ baseUrl: server.url });
  const seen = await all(client.watchJob('job-1', { intervalMs: 2 }));
  assert.deepEqual(
    seen.map(({ status }) => status),
    ['pending', 'processing', 'completed'],
  );
  assert.equal(seen.at(-1).result.message.content, 'here');
});

test('a watched job that fails is seen, then thrown', async () => {
  const server = await faultServer(reply(200, job('processing')), reply(200, job('failed', { error: 'no luck' })));
  const seen = [];
  const watch = async () => {
    for await (const { status } of new JobsClient({ baseUrl: server.url }).watchJob('job-1', { intervalMs: 2 }))
      seen.push(status);
  };
  await rejects(watch(), 'JobError', 'job_failed', /no luck/);
  assert.deepEqual(seen, ['processing', 'failed']);
});

test('pages are read one by one, as they are wanted', async () => {
  const page = (ids, hasMore) =>
    reply(200, JSON.stringify({ messages: ids.map((id) => ({ ...said, id, createdAt: 1000 + Number(id) })), hasMore }));
  const server = await faultServer(page([4, 3].map(String), true), page(['3', '2'], true), page(['2', '1'], false));
  const sessions = new SessionsClient({ baseUrl: server.url });
  const messages = sessions.getMessages('s', { limit: 2 });
  assert.ok(messages instanceof Promise);
  assert.equal((await messages).messages.length, 2);
  assert.equal(server.requests.length, 1);
  const ids = [];
  for await (const { id } of messages) {
    ids.push(id);
    if (id === '3') assert.equal(server.requests.length, 1, 'the second page is not asked for before it is wanted');
  }
  assert.deepEqual(ids, ['4', '3', '2', '1']);
  assert.deepEqual(
    server.requests.map(({ path }) => path.split('?')[1]),
    ['limit=2', 'limit=2&before=1004', 'limit=2&before=1003'],
  );
  await rejects(all(sessions.getMessages('s', { limit: 0 })), 'ArgumentError', 'invalid_argument', /limit/);
  await rejects(sessions.getMessages('s', { before: new Date(NaN) }), 'ArgumentError', 'invalid_argument', /before/);
});

test('what pages are asked for with is read once, at the call', async () => {
  const page = (id, hasMore) => reply(200, JSON.stringify({ messages: [{ ...said, id, createdAt: Number(id) }], hasMore }));
  const server = await faultServer(page('3', true), page('2', true), page('1', false));
  const sessions = new SessionsClient({ baseUrl: server.url });
  const params = { limit: 1, before: new Date(9) };
  const options = { headers: new Map([['x-mine', 'yes']]).entries() };
  const messages = sessions.getMessages('s', params, options);
  params.limit = 77;
  params.before.setTime(1);
  options.timeoutMs = -1;
  assert.equal((await all(messages)).length, 3);
  assert.deepEqual(
    server.requests.map(({ path, headers }) => `${path.split('?')[1]} ${headers['x-mine']}`),
    ['limit=1&before=9 yes', 'limit=1&before=4 yes', 'limit=1&before=3 yes'],
  );
});

test('an iterator of pages that nobody has asked for anything fails for nobody', async () => {
  const server = await faultServer(reply(404, '{}'), reply(404, '{}'));
  const sessions = new SessionsClient({ baseUrl: server.url });
  const unhandled = [];
  const hear = (error) => unhandled.push(error);
  process.on('unhandledRejection', hear);
  try {
    const left = sessions.getMessages('s');
    await left[Symbol.asyncIterator]().return();
    // Long enough for the answer, which this one sees.
    await rejects(all(sessions.getMessages('s')), 'ApiError', 'not_found');
    await new Promise((next) => setTimeout(next, 20));
    assert.deepEqual(unhandled, []);
    await rejects(left, 'ApiError', 'not_found');
  } finally {
    process.off('unhandledRejection', hear);
  }
});

test('a trap ends whoever iterates, with its error', async () => {
  let found;
  const socket = new Promise((resolve) => (found = resolve));
  const server = await faultServer((given) => (given.write(head), found(given)));
  const client = new trapping.ElizaClient({ baseUrl: server.url });
  const stream = client.sessions.streamMessage('s', { content: 'hello' });
  const waiting = rejects(stream.next(), 'ElizaJobsError', 'wasm_panic');
  await socket;
  await rejects(client.messaging.getJob('trap'), 'ElizaJobsError', 'wasm_panic');
  await waiting;
  await rejects(stream.next(), 'ElizaJobsError', 'wasm_panic');
  client.free();
});

test('a client’s options are read once: for both halves, and for what comes after a trap', async () => {
  const server = await faultServer(...Array.from({ length: 4 }, () => reply(500)));
  for (const Client of [ElizaClient, trapping.ElizaClient]) {
    const options = { baseUrl: server.url, retries: 0, headers: new Map([['x-mine', 'yes']]).entries() };
    const client = new Client(Object.create(options));
    options.baseUrl = 'http://127.0.0.1:9';
    if (Client !== ElizaClient) await rejects(client.messaging.getJob('trap'), 'ElizaJobsError', 'wasm_panic');
    await rejects(client.messaging.getJobsHealth(), 'ApiError', 'server_error');
    await rejects(client.sessions.getSessionsHealth(), 'ApiError', 'server_error');
    client.free();
  }
  assert.deepEqual(
    server.requests.map(({ headers }) => headers['x-mine']),
    ['yes', 'yes', 'yes', 'yes'],
  );
});

test('ElizaClient is both clients, and lets go of both', async () => {
  const server = await faultServer(reply(200, job('completed', { result })));
  const client = new ElizaClient({ baseUrl: server.url });
  assert.ok(client.messaging instanceof JobsClient && client.sessions instanceof SessionsClient);
  assert.equal((await client.messaging.pollJob('job-1', 5, 2)).result.message.content, 'here');
  client.free();
  await rejects(client.messaging.createJob(params), 'ArgumentError', 'client_disposed');
  await rejects(client.sessions.getSession('s'), 'ArgumentError', 'client_disposed');
  await rejects(all(client.sessions.streamMessage('s', { content: 'x' })), 'ArgumentError', 'client_disposed');
  assert.throws(() => new ElizaClient({}), { name: 'ArgumentError', field: 'baseUrl' });
});
