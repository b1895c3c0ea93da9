// The package against the real elizaOS server, without a paywall.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { AGENT, startEliza } from '../servers/elizaos.mjs';
import { installed, params, rejects, USER } from './setting.mjs';

const { folder, JobsClient, JobStatus } = await installed('server');
let server, client;
before(async () => {
  server = await startEliza();
  client = new JobsClient({ baseUrl: `${server.url}/` });
});
after(() => server.stop());

test('createAndWaitForJob gives the answer, and says what happens on the way', async () => {
  const told = [];
  const job = await client.createAndWaitForJob(params, { onUpdate: (update) => told.push(update.type) });
  assert.equal(job.status, JobStatus.COMPLETED);
  assert.match(job.result.message.content, /What is the weather in New York\?/);
  assert.equal(typeof job.result.processingTimeMs, 'number');
  assert.deepEqual(told.slice(0, 2), ['created', 'status']);
});

test('createJob, getJob and pollJob with positional interval and attempts', async () => {
  const created = await client.createJob({
    ...params,
    agentId: AGENT,
    content: 'wait:300 hi',
    timeoutMs: 60_000,
    metadata: { a: [1, null, { b: 'é' }] },
  });
  assert.equal(created.status, 'processing');
  assert.ok(new Date(created.expiresAt) > new Date());
  assert.ok(Math.abs(created.expiresAt - created.createdAt - 60_000) < 1000);
  const seen = await client.getJob(created.jobId);
  assert.deepEqual(seen.metadata, { a: [1, null, { b: 'é' }] });
  assert.ok(!('result' in seen) && !('error' in seen), 'absent, not undefined');
  const done = await client.pollJob(created.jobId, 100, 50);
  assert.match(done.result.message.content, /"hi"/);
});

test('listJobs with limit and status, getJobsHealth', async () => {
  await client.createAndWaitForJob(params);
  const { jobs, total, filtered } = await client.listJobs({ limit: 1 });
  assert.deepEqual([jobs.length, filtered, total > 1], [1, 1, true]);
  const completed = await client.listJobs({ status: JobStatus.COMPLETED, limit: 50 });
  assert.ok(completed.jobs.length > 0 && completed.jobs.every((job) => job.status === 'completed'));
  const health = await client.getJobsHealth();
  assert.deepEqual([health.healthy, health.maxJobs, health.totalJobs], [true, 10_000, total]);
  assert.ok(health.statusCounts.completed > 0);
});

test('a job that the agent does not answer is a JobError with the job', async () => {
  const error = await rejects(
    client.createAndWaitForJob({ ...params, content: 'ignore this', timeoutMs: 1000 }),
    'JobError',
    'job_timeout',
  );
  assert.equal(error.job.status, JobStatus.TIMEOUT);
  assert.equal(error.jobId, error.job.jobId);
});

test("attempts that run out reject with the job's id, and the wait can go on", async () => {
  const error = await rejects(
    client.createAndWaitForJob({ ...params, content: 'wait:700 slow' }, 50, 2),
    'JobError',
    'wait_timeout',
  );
  assert.match((await client.pollJob(error.jobId)).result.message.content, /slow/);
});

test("the server's own words come with unknown jobs, agents and routes", async () => {
  const gone = await rejects(client.getJob(USER), 'ApiError', 'job_not_found', /^Job not found \(HTTP 404/);
  assert.deepEqual([gone.status, gone.statusCode, gone.serverMessage, gone.jobId], [404, 404, 'Job not found', USER]);
  await rejects(client.createJob({ ...params, agentId: USER }), 'ApiError', 'not_found', new RegExp(`Agent ${USER} not found`));
  const elsewhere = new JobsClient({ baseUrl: `${server.url}/api/nothing/here` });
  const error = await rejects(elsewhere.getJobsHealth(), 'ApiError', 'not_found', /API endpoint not found/);
  assert.equal(error.serverCode, '404');
  await rejects(client.getJob('../sessions'), 'ApiError', 'job_not_found');
  await rejects(client.getJob('..'), 'ArgumentError', 'invalid_argument');
  await rejects(client.getJob('health/../health'), 'ApiError', 'job_not_found');
});

test('what the client refuses the server refuses too, and what the server takes the client sends', async () => {
  const post = (body) =>
    fetch(`${server.url}/api/messaging/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const bad = [
    { agentId: null },
    { agentId: 5 },
    { agentId: 'x' },
    { userId: undefined },
    { userId: 5 },
    { userId: 'x' },
    { userId: `${USER}0` },
    { content: undefined },
    { content: 5 },
    { content: '' },
    { content: 'x'.repeat(50_001) },
    { metadata: 'x' },
    { metadata: null },
    { metadata: { k: 'x'.repeat(9_993) } },
    { timeoutMs: '5s' },
    { timeoutMs: 999 },
    { timeoutMs: 300_001 },
    { timeoutMs: -1 },
  ];
  for (const change of bad) {
    const error = await rejects(client.createJob({ ...params, ...change }), 'ArgumentError', 'invalid_argument');
    assert.equal(error.field, Object.keys(change)[0]);
    const answer = await post({ ...params, ...change });
    assert.equal(answer.status, 400, `the server takes ${JSON.stringify(change).slice(0, 80)}`);
  }
  const good = [
    { agentId: '' },
    { content: 'x'.repeat(50_000) },
    { content: ' ' },
    { metadata: { k: 'x'.repeat(9_992) } },
    { timeoutMs: 1000 },
    { userId: USER.toUpperCase() },
  ];
  for (const change of good) assert.ok((await client.createJob({ ...params, ...change })).jobId);
});

test('without an agent, and with an API key', async () => {
  const locked = await startEliza({ agent: false, apiKey: 'right key'.replace(' ', '-') });
  try {
    const noKey = await rejects(
      new JobsClient({ baseUrl: locked.url }).createJob(params),
      'ApiError',
      'unauthorized',
      /API key required: .*set apiKey/,
    );
    assert.equal(noKey.status, 401);
    const wrong = await rejects(
      new JobsClient({ baseUrl: locked.url, apiKey: 'wrong-key' }).getJobsHealth(),
      'ApiError',
      'unauthorized',
    );
    assert.ok(!wrong.message.includes('wrong-key'));
    await rejects(
      new JobsClient({ baseUrl: locked.url, apiKey: 'right-key' }).createJob(params),
      'ApiError',
      'not_found',
      /No agents available/,
    );
  } finally {
    await locked.stop();
  }
});

test("the README's first program runs as it is printed", () => {
  const readme = readFileSync(path.join(import.meta.dirname, '../../README.md'), 'utf8');
  const program = /```js\n(.*?)```/s.exec(readme)[1];
  assert.ok(program.includes('http://localhost:3000'));
  const file = path.join(folder, 'readme.mjs');
  writeFileSync(file, program.replace('http://localhost:3000', server.url));
  const printed = execFileSync(process.execPath, [file], { encoding: 'utf8' });
  assert.match(printed, /^You asked: "What is the weather in New York\?"\. .+\n$/);
});
