// The package against a server that misbehaves.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { faultServer, reply } from './fault-server.mjs';
import { HASH, installed, params, rejection, rejects } from './setting.mjs';

const { JobsClient, memoryStore } = await installed('faults');
const job = (status, more) =>
  JSON.stringify({ jobId: 'job-1', status, agentId: 'a', userId: 'u', prompt: 'p', createdAt: 0, expiresAt: 30_000, ...more });
const done = job('completed', {
  result: { message: { id: 'm', content: 'here', authorId: 'a', createdAt: 1 }, processingTimeMs: 1 },
});
const price = JSON.stringify({
  payment: [{ network: 'base', recipient: '0x209693Bc6afc0C5328bA36FaF03C514EF312287C', amount: '0.02' }],
});
const reset = (socket) => socket.resetAndDestroy();
const stall = (socket) => socket.write(reply(200, '', { 'content-length': 100 }));
const cut = (status, body) => (socket) => socket.end(reply(status, body, { 'content-length': 1000 }));
/** The requests to create a job. */
const posts = (server) => server.requests.filter(({ method }) => method === 'POST');
const open = (server, options) => new JobsClient({ baseUrl: server.url, retries: 0, ...options });

for (const [what, step, name, code, message] of [
  ['an empty 200', reply(200), 'ApiError', 'invalid_response', /empty body/],
  ['a 204', 'HTTP/1.1 204 X\r\nconnection: close\r\n\r\n', 'ApiError', 'invalid_response', /empty body/],
  ['truncated JSON', reply(201, '{"jobId":"job-1","st'), 'ApiError', 'invalid_response', /no complete JSON/],
  ['JSON without a job', reply(201, '{"success":true}'), 'ApiError', 'invalid_response', /jobId/],
  [
    'a web page',
    reply(200, '<!doctype html><title>Login</title>', { 'content-type': 'text/html' }),
    'ApiError',
    'unexpected_html',
    /"Login".*baseUrl/,
  ],
  [
    "a proxy's page",
    reply(502, '<html><head><title>502 Bad Gateway</title>'),
    'ApiError',
    'server_error',
    /^502 Bad Gateway \(HTTP 502/,
  ],
  ['an error text', reply(403, 'Forbidden by the proxy'), 'ApiError', 'forbidden', /^Forbidden by the proxy/],
  [
    'an error object',
    reply(500, '{"success":false,"error":{"message":"Unexpected token","code":500}}'),
    'ApiError',
    'server_error',
    /^Unexpected token/,
  ],
  [
    'an error text in JSON',
    reply(400, '{"success":false,"error":"content cannot be empty"}'),
    'ApiError',
    'bad_request',
    /^content cannot be empty/,
  ],
  ['a reset before the answer', reset, 'ConnectionError', 'connection_reset', /127\.0\.0\.1/],
  ['a reset in the body', cut(201, '{"jobId":"job-1"'), 'ConnectionError', 'connection_reset', /before the answer was complete/],
]) {
  test(`${what} in answer to a create is one request and an error that says so`, async () => {
    const server = await faultServer(step);
    await rejects(open(server).createJob(params), name, code, message);
    assert.equal(server.requests.length, 1);
  });
}

test('a refused connection and an unknown name are named, with the cause', async () => {
  const server = await faultServer(reset);
  await server.close();
  const error = await rejects(open(server).getJobsHealth(), 'ConnectionError', 'connection_failed', /ECONNREFUSED/);
  assert.ok(error.cause instanceof TypeError);
  // A name of the kind that no server may have: resolvers say so themselves, where there are any.
  const nowhere = new JobsClient({ baseUrl: 'http://nowhere.invalid', retries: 0 });
  const unknown = await rejects(nowhere.createJob(params), 'ConnectionError', 'connection_failed', /nowhere\.invalid.*E\w+/);
  assert.ok(unknown.cause instanceof TypeError);
  // Node says it in the cause, and gives it no code.
  const barred = new JobsClient({ baseUrl: 'http://localhost:1', retries: 0 });
  await rejects(barred.getJobsHealth(), 'ConnectionError', 'connection_failed', /no connection to localhost:1 .*: bad port/);
});

test('a server that is only just starting is reached, by reads and by unpaid creates, within the time limit', async () => {
  for (const [answer, call] of [
    [reply(200, done), (client) => client.getJob('job-1')],
    [reply(201, job('processing')), (client) => client.createJob(params)],
  ]) {
    const gone = await faultServer(reset);
    await gone.close();
    let server;
    const refused = [];
    const fetch = async (...given) => {
      // The first try finds nobody; whoever was refused is told before the server is there.
      if (!refused.length)
        return globalThis.fetch(...given).catch((error) => (refused.push(error.cause.code), Promise.reject(error)));
      server ??= await faultServer(answer);
      return globalThis.fetch(given[0].replace(gone.url, server.url), given[1]);
    };
    assert.equal((await call(new JobsClient({ baseUrl: gone.url, fetch }))).jobId, 'job-1');
    assert.deepEqual([refused, server.requests.length], [['ECONNREFUSED'], 1]);
  }
  const gone = await faultServer(reset);
  await gone.close();
  const began = performance.now();
  await rejects(open(gone, { retries: 10, timeoutMs: 300 }).getJob('x'), 'ConnectionError', 'connection_failed');
  assert.ok(performance.now() - began < 2_000, 'the time limit ends the tries');
});

test('a connection that ends after the proof was written may have paid, whatever the code of its error', async () => {
  const server = await faultServer(reply(402, price));
  const thrown = (code, syscall) =>
    Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error(`${syscall} ${code}`), { code, syscall }) });
  for (const [code, syscall, fundsMoved] of [
    ['EHOSTUNREACH', 'read', 'unknown'],
    ['ENETUNREACH', 'write', 'unknown'],
    ['ECONNREFUSED', 'read', 'unknown'],
    ['EHOSTUNREACH', undefined, 'unknown'],
  ]) {
    let sent = 0;
    const fetch = (url, init) => {
      if (new Headers(init.headers).get('x-payment')) sent += 1;
      return sent ? Promise.reject(thrown(code, syscall)) : globalThis.fetch(url, init);
    };
    const client = new JobsClient({ baseUrl: server.url, wallet: { sendTransfer: () => HASH }, fetch, timeoutMs: 1_000 });
    const error = await rejection(client.createJob(params));
    assert.deepEqual([error.code, error.fundsMoved], ['payment_outcome_unknown', fundsMoved], `${syscall} ${code}`);
  }
});

test('what a job says of its failure shows no key and no proof in the error', async () => {
  const key = 'sk-live_0123456789abcdef';
  const proof = Buffer.from(JSON.stringify({ x402Version: 1, payload: { signature: `0x${'ab'.repeat(65)}` } })).toString(
    'base64',
  );
  for (const status of ['failed', 'timeout']) {
    for (const error of [`upstream refused ${key} and ${proof}`, { message: `upstream refused ${key} and ${proof}` }]) {
      const server = await faultServer(reply(200, JSON.stringify({ ...JSON.parse(job(status)), error })));
      const thrown = await rejection(open(server, { apiKey: key }).pollJob('job-1'));
      assert.match(thrown.message, /upstream refused … and …/);
      for (const text of [thrown.message, JSON.stringify(thrown), inspect(thrown, { depth: 9 }), JSON.stringify(thrown.job)]) {
        assert.ok(!text.includes(key) && !text.includes(proof.slice(0, 40)), text);
      }
    }
  }
});

test('a server that was gone when the proof was sent gets the same proof when it is back, and the attempt is kept meanwhile', async () => {
  const server = await faultServer(reply(402, price));
  const back = await faultServer(reply(200, '{"jobs":[]}'), reply(201, job('processing')), reply(200, done));
  const store = memoryStore();
  let asked = 0;
  const wallet = async () => {
    asked += 1;
    await server.close();
    return HASH;
  };
  let isBack = false;
  const fetch = (url, init) => globalThis.fetch(isBack ? url.replace(server.url, back.url) : url, init);
  const client = new JobsClient({ baseUrl: server.url, store, wallet, fetch });
  const error = await rejects(client.createJob(params), 'ConnectionError', 'connection_failed', /ECONNREFUSED/);
  const [kept, ...more] = await client.pendingPayments();
  assert.deepEqual([kept.attemptId, kept.transaction, more.length], [error.payment.attemptId, HASH, 0]);
  isBack = true;
  assert.equal((await client.resume(kept)).result.message.content, 'here');
  assert.deepEqual(
    posts(back).map(({ headers, body }) => [headers['x-payment'], body]),
    [[HASH, posts(server)[0].body]],
  );
  assert.equal(asked, 1);
});

test('the time limit covers a body that stalls and one that drips', async () => {
  const drip = (socket) => {
    stall(socket);
    const timer = setInterval(() => socket.write(' '), 5);
    socket.on('close', () => clearInterval(timer));
  };
  for (const step of [stall, drip, () => {}]) {
    const server = await faultServer(step);
    const began = performance.now();
    await rejects(open(server, { timeoutMs: 100 }).getJob('x'), 'ConnectionError', 'request_timeout');
    await rejects(open(server).getJob('x', { timeoutMs: 100 }), 'ConnectionError', 'request_timeout');
    assert.ok(performance.now() - began < 2000);
  }
});

test('an answer above the limit is cut off while it comes', async () => {
  let written = 0;
  const flood = (socket) => {
    socket.write(reply(200, '', { 'content-length': null }));
    const chunk = 'x'.repeat(65_536);
    const more = () => {
      while (!socket.destroyed && written < 100_000_000 && socket.write(chunk)) written += chunk.length;
    };
    socket.on('drain', more);
    more();
  };
  const server = await faultServer(flood);
  await rejects(open(server).listJobs(), 'ApiError', 'response_too_large', /maxResponseBytes/);
  assert.ok(written < 50_000_000, `${written} bytes were taken`);
  const small = await faultServer(reply(200, `"${'x'.repeat(2000)}"`));
  await rejects(open(small, { maxResponseBytes: 1000 }).getJobsHealth(), 'ApiError', 'response_too_large');
});

test('a small answer that unpacks to a large one is cut off while it is unpacked', async () => {
  const bomb = gzipSync(Buffer.alloc(100_000_000, ' '), { level: 9 });
  assert.ok(bomb.length < 200_000);
  const server = await faultServer((socket) => {
    socket.write(reply(200, '', { 'content-length': bomb.length, 'content-encoding': 'gzip' }));
    socket.end(bomb);
  });
  const before = process.memoryUsage().rss;
  await rejects(open(server).listJobs(), 'ApiError', 'response_too_large', /maxResponseBytes/);
  assert.ok(process.memoryUsage().rss - before < 80_000_000);
});

test('answers that are JSON of the worst kind crash nothing and change nothing', async () => {
  const deep = (levels) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
  const client = (body, options) => open({ url: 'https://h' }, { fetch: async () => new Response(body), ...options });
  for (const [more, look] of [
    [`"metadata":{"deep":${deep(10_000)}}`, ({ metadata }) => Array.isArray(metadata.deep)],
    ['"metadata":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}', () => ({}).polluted === undefined],
    ['"__proto__":{"status":"failed","polluted":1}', (found) => found.status === 'processing' && found.polluted === undefined],
    ['"error":"\\ud800","prompt":"\\udfff\\ud83d"', ({ prompt }) => prompt.length === 2],
    ['"createdAt":1e400,"expiresAt":-1e400', ({ createdAt }) => createdAt === Infinity],
    ['"createdAt":"soon","expiresAt":null,"result":7', ({ result }) => result === 7],
  ]) {
    const body = `{"jobId":"job-1","status":"processing",${more}}`;
    assert.ok(look(await client(body).getJob('job-1')), more.slice(0, 60));
    assert.equal((await client(`{"jobs":[${body},null,5,[]]}`).listJobs()).jobs.length, 4);
    await rejects(client(body).pollJob('job-1', 5, 2), 'JobError', 'wait_timeout');
  }
  for (const body of [deep(100_000), '1e400', 'NaN', '"\\ud800"', '{"jobId":NaN}', '\u0000', '{"jobId":"\u0000']) {
    await rejects(client(body).getJob('x'), 'ApiError', 'invalid_response');
  }
});

test('the body of a fetch that does not take the signal is cancelled with its request', async () => {
  const body = () => {
    let cancelled;
    const isCancelled = new Promise((resolve) => (cancelled = resolve));
    const stream = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(400_000).fill(32)),
      cancel: () => {
        cancelled();
        throw new Error('whatever a stream says to that');
      },
    });
    return { stream, isCancelled };
  };
  const endless = () => new ReadableStream({ pull: () => new Promise(() => {}) });
  const open = (stream, options) =>
    new JobsClient({ baseUrl: 'https://h', retries: 0, fetch: async () => new Response(stream), ...options });

  const large = body();
  await rejects(open(large.stream, { maxResponseBytes: 500_000 }).getJobsHealth(), 'ApiError', 'response_too_large');
  await large.isCancelled;

  // Its time is over, or its call is, while it comes or before it has begun.
  const given = [];
  const watched = () => {
    const stream = endless();
    const reader = stream.getReader();
    const cancelled = new Promise((resolve) => given.push(resolve));
    const getReader = () => ({ read: () => reader.read(), cancel: async () => given.shift()() });
    return { response: { status: 200, headers: new Headers(), body: { getReader } }, cancelled };
  };
  const slow = watched();
  const limited = new JobsClient({ baseUrl: 'https://h', retries: 0, fetch: async () => slow.response });
  await rejects(limited.getJobsHealth({ timeoutMs: 30 }), 'ConnectionError', 'request_timeout');
  await slow.cancelled;
  const late = watched();
  let answer;
  const fetch = () => new Promise((resolve) => (answer = () => resolve(late.response)));
  const aborted = new JobsClient({ baseUrl: 'https://h', retries: 0, fetch });
  const controller = new AbortController();
  const call = aborted.getJobsHealth({ signal: controller.signal });
  await new Promise((next) => setImmediate(next));
  controller.abort();
  await assert.rejects(call, { name: 'AbortError' });
  answer();
  await late.cancelled;
});

test('a signal that does not say why it has aborted ends a call with an AbortError', async () => {
  // As in browsers before 2022, and in polyfills.
  const signal = { aborted: false, listeners: new Set() };
  signal.addEventListener = (_, listener) => signal.listeners.add(listener);
  signal.removeEventListener = (_, listener) => signal.listeners.delete(listener);
  const client = new JobsClient({ baseUrl: 'https://h', fetch: () => new Promise(() => {}) });
  const call = client.getJobsHealth({ signal });
  await new Promise((next) => setImmediate(next));
  signal.aborted = true;
  for (const listener of signal.listeners) listener({ type: 'abort' });
  await assert.rejects(call, { name: 'AbortError', message: 'This operation was aborted' });
  assert.equal(signal.listeners.size, 0);
});

test('reads are tried again, creates are not', async () => {
  const server = await faultServer(reset, reply(500), reply(200, done));
  assert.equal((await new JobsClient({ baseUrl: server.url }).getJob('job-1')).status, 'completed');
  const other = await faultServer(reply(500), reply(201, job('processing')));
  await rejects(new JobsClient({ baseUrl: other.url }).createJob(params), 'ApiError', 'server_error');
  assert.equal(other.requests.length, 1);
});

test('no blip ends a wait', async () => {
  const server = await faultServer(
    reply(201, job('processing')),
    reset,
    reply(502, '<html>'),
    cut(200, '{"jo'),
    reply(200, job('paused')),
    reply(200, done),
  );
  const found = await open(server).createAndWaitForJob(params, 10, 10);
  assert.equal(found.result.message.content, 'here');
  assert.equal(server.requests.length, 6);
});

test('a 429 is obeyed in seconds and as a date, and reported when it asks for too long', async () => {
  const date = (ms) => new Date(ms).toUTCString();
  for (const headers of [{ 'retry-after': '1' }, { 'retry-after': date(11_000), date: date(10_000) }]) {
    const server = await faultServer(reply(429, '', headers), reply(200, done));
    const began = performance.now();
    await new JobsClient({ baseUrl: server.url }).getJob('job-1');
    assert.ok(performance.now() - began >= 950);
  }
  const server = await faultServer(
    reply(429, '{"success":false,"error":{"code":"RATE_LIMIT_EXCEEDED","message":"Too many requests"}}', {
      'retry-after': '900',
    }),
  );
  const error = await rejects(
    new JobsClient({ baseUrl: server.url }).getJob('x'),
    'ApiError',
    'rate_limited',
    /Too many requests/,
  );
  assert.deepEqual(
    [error.retryAfterMs, error.serverCode, error.retryable, server.requests.length],
    [900_000, 'RATE_LIMIT_EXCEEDED', true, 1],
  );
});

test('redirects are followed on the origin; key and proof never leave it', async () => {
  const thief = await faultServer(reply(200, done));
  const server = await faultServer(reply(307, '', { location: '/moved' }), reply(200, done));
  assert.equal((await open(server, { apiKey: 'k' }).getJob('job-1')).jobId, 'job-1');
  assert.equal(server.requests[1].path, '/moved');
  const away = await faultServer(reply(307, '', { location: `${thief.url}/x` }));
  await rejects(open(away, { apiKey: 'k' }).getJob('x'), 'ApiError', 'redirect_refused', /baseUrl/);
  const paid = await faultServer(reply(402, price), reply(307, '', { location: '/moved' }));
  await rejects(open(paid, { wallet: () => HASH }).createJob(params), 'PaymentError', 'payment_outcome_unknown');
  const { length } = posts(paid);
  assert.deepEqual([thief.requests.length, length], [0, 2], 'it is looked for, and not sent again');
});

test('what goes wrong after the payment is never paid for again, and carries the transaction', async () => {
  for (const step of [
    reset,
    cut(201, '{"jobId":"job-7","s'),
    reply(201, '{"jobId":"job-7","s'),
    reply(201),
    reply(500),
    reply(200, '<html>'),
    reply(402, price),
    reply(400, '{"error":"no"}'),
  ]) {
    const server = await faultServer(reply(402, price), step);
    let calls = 0;
    const client = new JobsClient({ baseUrl: server.url, wallet: () => (calls++, HASH) });
    const refused = typeof step === 'string' && / 40[02] /.test(step);
    const error = await rejects(
      client.createAndWaitForJob(params),
      'PaymentError',
      refused ? 'payment_refused' : 'payment_outcome_unknown',
      /do not pay again/,
    );
    assert.deepEqual([calls, error.payment.transaction, error.retryable], [1, HASH, false]);
    const [unpaid, ...paid] = posts(server);
    assert.ok(!unpaid.headers['x-payment'] && paid.length === (refused ? 1 : 3));
    for (const { headers, body } of paid) assert.deepEqual([headers['x-payment'], body], [HASH, unpaid.body]);
    assert.ok(!`${error.message}${error.stack}`.includes(HASH));
  }
});

test('reads are never paid', async () => {
  const server = await faultServer(reply(402, price));
  let calls = 0;
  const client = open(server, { wallet: () => (calls++, HASH) });
  const reads = [client.getJob('x'), client.listJobs(), client.getJobsHealth(), client.pollJob('x')];
  await Promise.all(reads.map((read) => rejects(read, 'PaymentError', 'payment_not_supported_here')));
  assert.ok(calls === 0 && server.requests.every((request) => !request.headers['x-payment']));
});

test('what one client has heard of a server’s limit, all of them keep to', async () => {
  const times = [];
  const server = await faultServer((socket) => {
    times.push(performance.now());
    socket.end(times.length === 1 ? reply(429, '', { 'retry-after': '1' }) : reply(200, done));
  });
  let first;
  // It is told of the answer as soon as that is there.
  await new Promise((heard) => {
    first = open(server, { logger: { debug: heard } }).pollJob('job-1');
  });
  await rejects(open(server).pollJob('job-1', { timeoutMs: 200 }), 'JobError', 'wait_timeout', /not seen yet/);
  const second = open(server).pollJob('job-1', 50, 5);
  assert.deepEqual([(await first).status, (await second).status], ['completed', 'completed']);
  assert.ok(times.length === 3 && times[1] - times[0] >= 950, times.join());
});
