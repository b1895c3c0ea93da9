// The real server's own answers: its words beside ours, the jobs that fail, the order of lists, and
// its rate limit (last: it ends the server's usefulness).
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { AGENT, startEliza } from '../servers/elizaos.mjs';
import { installed, params, rejects, USER } from './setting.mjs';

const { JobsClient } = await installed('answers');
let server, client;
before(async () => {
  server = await startEliza();
  client = new JobsClient({ baseUrl: server.url });
});
after(() => server?.stop());

const post = async (body, headers = { 'content-type': 'application/json' }) => {
  const response = await fetch(`${server.url}/api/messaging/jobs`, { method: 'POST', headers, body });
  return [response.status, await response.json()];
};

for (const [theirs, field, change, ours = theirs] of [
  ['agentId must be a valid UUID string', 'agentId', { agentId: null }, 'agentId must be a UUID'],
  ['agentId must be a valid UUID string', 'agentId', { agentId: 5 }, 'agentId must be a UUID'],
  ['Invalid agentId format (must be valid UUID)', 'agentId', { agentId: 'x' }, 'agentId must be a UUID'],
  ['userId is required and must be a valid UUID string', 'userId', { userId: undefined }, 'userId must be a UUID'],
  ['Invalid userId format (must be valid UUID)', 'userId', { userId: `{${USER}}` }, 'userId must be a UUID'],
  ['content is required and must be a string', 'content', { content: 5 }, 'content must be a string'],
  ['content cannot be empty', 'content', { content: '' }],
  ['content exceeds maximum length of 50000 characters', 'content', { content: 'x'.repeat(50_001) }, '50000 characters'],
  ['metadata must be an object', 'metadata', { metadata: 'x' }, 'metadata must be a'],
  ['metadata exceeds maximum size of 10000 bytes', 'metadata', { metadata: { k: 'x'.repeat(9_993) } }, '10000 characters'],
  ['timeoutMs must be a positive number', 'timeoutMs', { timeoutMs: -1 }, 'timeoutMs of params must be a number'],
  ['timeoutMs must be at least 1000ms', 'timeoutMs', { timeoutMs: 999 }, '1000'],
  ['timeoutMs cannot exceed 300000ms', 'timeoutMs', { timeoutMs: 300_001 }, '300000'],
]) {
  test(`the server says "${theirs}", and the client has said it before (${JSON.stringify(change).slice(0, 30)})`, async () => {
    const [status, answer] = await post(JSON.stringify({ ...params, ...change }));
    assert.deepEqual([status, answer], [400, { success: false, error: theirs }]);
    const error = await rejects(client.createJob({ ...params, ...change }), 'ArgumentError', 'invalid_argument');
    assert.equal(error.field, field);
    assert.ok(error.message.includes(ours), error.message);
  });
}

test('text that the server cannot store fails there, job by job; the client refuses it before it could be paid for', async () => {
  for (const content of ['a\u0000b', 'a\ud800b']) {
    const [status, job] = await post(JSON.stringify({ ...params, content }));
    assert.deepEqual([status, job.status], [201, 'failed']);
    const error = await rejects(client.pollJob(job.jobId), 'JobError', 'job_failed', /Failed to create user message/);
    assert.deepEqual([error.jobId, error.job.status, error.job.error], [job.jobId, 'failed', 'Failed to create user message']);
    await rejects(client.createJob({ ...params, content }), 'ArgumentError', 'invalid_argument', /^content /);
  }
  for (const text of ['\u0000', '\ud800']) {
    const metadata = { text };
    const [status, answer] = await post(JSON.stringify({ ...params, metadata }));
    assert.deepEqual([status, answer.error], [500, 'Failed to create job channel']);
    await rejects(client.createJob({ ...params, metadata }), 'ArgumentError', 'invalid_argument', /^metadata /);
  }
});

/** A client whose requests are changed on their way. */
const meddled = (change) =>
  new JobsClient({ baseUrl: server.url, retries: 0, fetch: (url, init) => fetch(url, { ...init, ...change }) });

test('what the server says of a body that it cannot read comes through: its words, its code', async () => {
  const badJson = await rejects(meddled({ body: '{bad' }).createJob(params), 'ApiError', 'server_error', /JSON/);
  assert.deepEqual([badJson.status, badJson.serverCode], [500, '500']);
  const large = JSON.stringify({ x: 'x'.repeat(2_200_000) });
  await rejects(meddled({ body: large }).createJob(params), 'ApiError', 'server_error', /request entity too large/);
  const plain = { headers: { 'content-type': 'text/plain' } };
  const type = await rejects(meddled(plain).createJob(params), 'ApiError', 'bad_request', /Content-Type/);
  assert.equal(type.serverCode, 'INVALID_CONTENT_TYPE');
  await rejects(meddled({ body: '[]' }).createJob(params), 'ApiError', 'bad_request', /userId is required/);
  const storage = JSON.stringify({ ...params, metadata: { text: '\u0000' } });
  const failed = await rejects(meddled({ body: storage }).createJob(params), 'ApiError', 'server_error');
  assert.equal(failed.serverMessage, 'Failed to create job channel');
});

test('question and answer come through untouched: markup, quotes, line feeds, emoji', async () => {
  const text = 'a <b> & "c" \'d\'\n\tünï 漢字 👩‍👩‍👧‍👦 \\ /';
  const job = await client.createAndWaitForJob({ ...params, content: text });
  assert.equal(job.prompt, text);
  assert.ok(job.result.message.content.includes(text), job.result.message.content);
  assert.deepEqual([job.agentId, job.result.message.authorId], [AGENT, AGENT]);
});

test('a job on which the agent’s model fails times out, and is seen to soon after its expiry', async () => {
  const began = performance.now();
  const error = await rejects(
    client.createAndWaitForJob({ ...params, content: 'fail now', timeoutMs: 1_000 }),
    'JobError',
    'job_timeout',
    /Job timed out waiting for agent response/,
  );
  const took = performance.now() - began;
  assert.ok(took > 950 && took < 2_500, `${took} ms`);
  assert.equal((await client.getJob(error.jobId)).status, 'timeout', 'shown by getJob, not thrown');
});

test('lists: the newest first, as many as asked for, by status', async () => {
  const ids = [];
  for (let n = 0; n < 3; n += 1) ids.unshift((await client.createAndWaitForJob(params, 25, 200)).jobId);
  const { jobs, filtered, total } = await client.listJobs({ limit: 3 });
  assert.deepEqual(
    jobs.map(({ jobId }) => jobId),
    ids,
  );
  assert.ok(filtered === 3 && total > 3);
  assert.equal((await client.listJobs({ limit: 1_000_000 })).filtered, total);
  assert.equal((await client.listJobs()).filtered, Math.min(50, total));
  for (const status of ['completed', 'failed', 'timeout']) {
    const found = (await client.listJobs({ status })).jobs;
    assert.ok(found.length > 0 && found.every((job) => job.status === status), status);
  }
  assert.deepEqual((await client.listJobs({ status: 'pending' })).jobs, []);
});

test('the real limiter: 429 with its words and its wait, at once, whatever the method', async () => {
  // 1000 requests in 15 minutes: the rest of them, in bunches.
  let limited = false;
  for (let sent = 0; sent < 1_100 && !limited; sent += 50) {
    const answers = await Promise.all(Array.from({ length: 50 }, () => fetch(`${server.url}/api/messaging/jobs/health`)));
    await Promise.all(answers.map((answer) => answer.arrayBuffer()));
    limited = answers.some(({ status }) => status === 429);
  }
  assert.ok(limited, 'the server has a limit');
  const began = performance.now();
  for (const call of [
    () => client.getJobsHealth(),
    () => client.getJob(USER),
    () => client.listJobs(),
    () => client.createJob(params),
    () => client.createAndWaitForJob(params),
  ]) {
    const error = await rejects(call(), 'ApiError', 'rate_limited', /Too many requests. Please try again later./);
    assert.deepEqual([error.status, error.serverCode, error.retryable], [429, 'RATE_LIMIT_EXCEEDED', true]);
    assert.ok(error.retryAfterMs > 0 && error.retryAfterMs <= 900_000, String(error.retryAfterMs));
  }
  assert.ok(performance.now() - began < 3_000, 'a wait of minutes is told, not waited for');
});
