// The six methods against the real server, with nothing to pay.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { startEliza } from '../servers/eliza.mjs';
import { assertError, eliza, recording, rejection, userId, uuid } from './fixtures.mjs';

const { JobsClient, JobStatus } = eliza;
let server;
let client;
before(async () => {
  server = await startEliza();
  client = new JobsClient({ baseUrl: server.url });
});
after(() => server?.stop());

const ask = (content, more) => ({ userId, content, ...more });

test('createJob gives the job’s id, its status and its times, and nothing about a payment', async () => {
  const job = await client.createJob(ask('/echo one'));
  assert.deepEqual(Object.keys(job).sort(), ['createdAt', 'expiresAt', 'jobId', 'status']);
  assert.match(job.jobId, uuid);
  assert.equal(job.status, JobStatus.PROCESSING);
  assert.equal(job.expiresAt - job.createdAt, 30_000);
});

test('createAndWaitForJob gives the completed job with its answer', async () => {
  const job = await client.createAndWaitForJob(ask('/echo pong'));
  assert.equal(job.status, JobStatus.COMPLETED);
  assert.equal(job.prompt, '/echo pong');
  assert.equal(job.userId, userId);
  assert.equal(job.agentId, server.agentId);
  const { message, processingTimeMs } = job.result;
  assert.equal(message.content, 'pong');
  assert.equal(message.authorId, server.agentId);
  assert.ok(processingTimeMs > 0 && message.createdAt >= job.createdAt);
});

test('question and answer come through untouched: markup, quotes, line feeds, emoji, all of it', async () => {
  const text = 'a <b> & "c" \'d\'\n\ttab {{name1}} ünï 漢字 👩‍👩‍👧‍👦 \\ /';
  const job = await client.createAndWaitForJob(ask(`/echo ${text}`));
  assert.equal(job.prompt, `/echo ${text}`);
  assert.equal(job.result.message.content, text);
});

test('a question of 50,000 UTF-16 units is answered', async () => {
  const job = await client.createAndWaitForJob(ask('🎉'.repeat(25_000)));
  assert.match(job.result.message.content, /^You asked/);
});

test('the agent says what it is', async () => {
  const job = await client.createAndWaitForJob(ask('What is the weather in New York?'));
  assert.match(job.result.message.content, /weather.*scripted test agent, not a language model/s);
  const sum = await client.createAndWaitForJob(ask('Calculate 2+2'));
  assert.match(sum.result.message.content, /^2 \+ 2 = 4\./);
});

test('metadata come back as plain objects, exactly as they were given', async () => {
  const metadata = { source: 'api', priority: 'high', nested: { list: [1, 'two', null, { three: 3.5 }], yes: true }, ü: '🎉' };
  const job = await client.createAndWaitForJob(ask('/echo meta', { metadata }));
  assert.deepEqual(job.metadata, metadata);
  assert.equal(Object.getPrototypeOf(job.metadata.nested), Object.prototype);
});

test('timeoutMs sets the job’s time; agentId asks that agent, in any case of letters', async () => {
  const job = await client.createJob(ask('/echo x', { timeoutMs: 1_500, agentId: server.agentId }));
  assert.equal(job.expiresAt - job.createdAt, 1_500);
  const details = await client.getJob(job.jobId);
  assert.equal(details.agentId, server.agentId);
});

test('only what was asked for is sent: an absent option is absent in the body, and two headers at most', async () => {
  await server.forget();
  const { jobId } = await client.createJob(ask('/echo bare'));
  const [request] = (await server.requests()).filter(({ url }) => url === '/api/messaging/jobs');
  assert.equal(request.body, JSON.stringify(ask('/echo bare')));
  assert.equal(request.headers['content-type'], 'application/json');
  const ours = Object.keys(request.headers).filter((name) => name.startsWith('x-') || name === 'authorization');
  assert.deepEqual(ours, []);
  await server.forget();
  await client.getJob(jobId);
  const [get] = (await server.requests()).filter(({ url }) => url.startsWith('/api/messaging/jobs'));
  assert.equal(get.url, `/api/messaging/jobs/${jobId}`);
  assert.equal(get.headers['content-type'], undefined);
});

test('getJob shows a job on its way and at its end', async () => {
  const { jobId } = await client.createJob(ask('/wait 300 done'));
  const early = await client.getJob(jobId);
  assert.equal(early.status, 'processing');
  assert.ok(!('result' in early) && !('error' in early) && !('payment' in early));
  await client.pollJob(jobId, 50);
  const late = await client.getJob(jobId);
  assert.equal(late.status, 'completed');
  assert.equal(late.result.message.content, 'done');
});

test('pollJob(id, interval, maxAttempts) looks at once and then exactly as often and as far apart as it was told', async () => {
  const { jobId } = await client.createJob(ask('/wait 5000 late'));
  const times = [];
  const fetch = (...given) => (times.push(performance.now()), globalThis.fetch(...given));
  const began = performance.now();
  const error = await rejection(new JobsClient({ baseUrl: server.url, fetch }).pollJob(jobId, 120, 4));
  assertError(error, 'wait_timeout', { jobId, retryable: true });
  assert.equal(error.job.status, 'processing');
  assert.equal(times.length, 4);
  assert.ok(times[0] - began < 100, 'the first look is at once');
  times.slice(1).forEach((time, index) => {
    const gap = time - times[index];
    assert.ok(gap >= 119 && gap < 400, `gap ${gap}`);
  });
});

test('pollJob with options: intervalMs and maxAttempts are obeyed, timeoutMs ends the wait, the job goes on', async () => {
  const { jobId } = await client.createJob(ask('/wait 1200 finally'));
  const counting = recording(globalThis.fetch);
  const other = new JobsClient({ baseUrl: server.url, fetch: counting });
  assertError(await rejection(other.pollJob(jobId, { intervalMs: 30, maxAttempts: 3 })), 'wait_timeout');
  assert.equal(counting.calls.length, 3);
  const began = performance.now();
  assertError(await rejection(client.pollJob(jobId, { timeoutMs: 200 })), 'wait_timeout', { jobId });
  assert.ok(performance.now() - began < 600);
  const job = await client.pollJob(jobId);
  assert.equal(job.result.message.content, 'finally');
});

test('pollJob(id, undefined, n) and pollJob(id, ms) fill in the seed’s other half', async () => {
  const { jobId } = await client.createJob(ask('/wait 150 soon'));
  assert.equal((await client.pollJob(jobId, 40)).result.message.content, 'soon');
  assert.equal((await client.pollJob(jobId, undefined, 1)).status, 'completed');
});

test('createAndWaitForJob takes the interval and the attempts by position too', async () => {
  const job = await client.createAndWaitForJob(ask('/wait 150 x'), 60, 40);
  assert.equal(job.result.message.content, 'x');
  const error = await rejection(client.createAndWaitForJob(ask('/wait 3000 x'), 20, 3));
  assertError(error, 'wait_timeout', { jobId: uuid });
  assert.equal(error.job.status, 'processing');
  assert.equal(error.jobId, error.job.jobId);
});

test('onUpdate tells what happened, in order: created, first sight, end; each status once', async () => {
  const updates = [];
  const job = await client.createAndWaitForJob(ask('/wait 300 x'), {
    intervalMs: 50,
    onUpdate: (update) => updates.push(update),
  });
  assert.deepEqual(
    updates.map(({ type, job }) => [type, job.status]),
    [
      ['created', 'processing'],
      ['status', 'processing'],
      ['status', 'completed'],
    ],
  );
  assert.ok(updates.every((update) => update.job.jobId === job.jobId));
  assert.deepEqual(updates.at(-1).job, job);
});

test('an onUpdate that throws does not end the wait, and is reported on the console', async (t) => {
  const warn = t.mock.method(console, 'warn', () => {});
  const oops = new Error('from the callback');
  const job = await client.createAndWaitForJob(ask('/echo x'), {
    onUpdate: () => {
      throw oops;
    },
  });
  assert.equal(job.status, 'completed');
  assert.ok(warn.mock.calls.length >= 1);
  assert.ok(warn.mock.calls[0].arguments.includes(oops));
});

test('an onUpdate may call the client', async () => {
  const seen = [];
  await client.createAndWaitForJob(ask('/echo x'), { onUpdate: ({ job }) => seen.push(client.getJob(job.jobId)) });
  for (const job of await Promise.all(seen)) assert.match(job.jobId, uuid);
});

for (const [what, content] of [
  ['to which the agent chooses not to answer', '/silence'],
  ['on which the agent’s model fails', '/crash'],
]) {
  test(`a job ${what} times out: JobError with the job`, async () => {
    const began = performance.now();
    const error = await rejection(client.createAndWaitForJob(ask(content, { timeoutMs: 1_000 })));
    const took = performance.now() - began;
    assertError(error, 'job_timeout', { jobId: uuid, retryable: false, status: undefined });
    assert.match(error.message, /Job timed out waiting for agent response/);
    assert.equal(error.job.status, JobStatus.TIMEOUT);
    assert.equal(error.job.error, 'Job timed out waiting for agent response');
    assert.equal(error.job.prompt, content);
    assert.ok(took > 950 && took < 1_600, `noticed soon after its expiry: ${took}`);
  });
}

test('a timed-out job is shown by getJob, not thrown', async () => {
  const error = await rejection(client.createAndWaitForJob(ask('/silence', { timeoutMs: 1_000 })));
  assert.equal((await client.getJob(error.jobId)).status, 'timeout');
});

test('listJobs gives the newest jobs first, with limit, total and filtered', async () => {
  const ids = [];
  for (const text of ['a', 'b', 'c']) {
    ids.unshift((await client.createAndWaitForJob(ask(`/echo ${text}`), 20)).jobId);
  }
  const { jobs, total, filtered } = await client.listJobs({ limit: 3 });
  assert.deepEqual(
    jobs.map(({ jobId }) => jobId),
    ids,
  );
  assert.equal(filtered, 3);
  assert.ok(total > 3);
  const everything = await client.listJobs();
  assert.equal(everything.filtered, Math.min(50, everything.total));
  assert.equal((await client.listJobs({})).filtered, everything.filtered);
  assert.equal((await client.listJobs({ limit: 1_000_000 })).filtered, total);
});

test('listJobs filters by status', async () => {
  const { jobId } = await client.createJob(ask('/wait 700 x'));
  const list = async (status) => (await client.listJobs({ status })).jobs;
  assert.deepEqual((await list(JobStatus.PROCESSING)).filter((job) => job.jobId === jobId).length, 1);
  for (const status of [JobStatus.COMPLETED, JobStatus.TIMEOUT]) {
    const jobs = await list(status);
    assert.ok(jobs.length > 0 && jobs.every((job) => job.status === status), status);
  }
  assert.deepEqual(await list(JobStatus.PENDING), []);
});

test('getJobsHealth gives the counts, the metrics and the limit', async () => {
  const health = await client.getJobsHealth();
  assert.equal(health.healthy, true);
  assert.equal(health.maxJobs, 10_000);
  assert.ok(Math.abs(health.timestamp - Date.now()) < 10_000);
  const counts = Object.values(health.statusCounts).reduce((sum, count) => sum + count, 0);
  assert.equal(counts, health.totalJobs);
  assert.ok(health.statusCounts.completed > 0 && health.statusCounts.timeout > 0);
  assert.ok(health.metrics.successRate > 0 && health.metrics.averageProcessingTimeMs > 0);
});

test('a server with a paywall that is switched off needs no wallet', async () => {
  await server.setPaywall(null);
  assert.equal((await client.createAndWaitForJob(ask('/echo free'))).result.message.content, 'free');
});

test('100 reads at once on one client, each with its own answer', async () => {
  const { jobs } = await client.listJobs({ limit: 10 });
  const wanted = Array.from({ length: 100 }, (_, index) => jobs[index % jobs.length].jobId);
  const got = await Promise.all(wanted.map((id) => client.getJob(id)));
  assert.deepEqual(
    got.map(({ jobId }) => jobId),
    wanted,
  );
});

test('10 questions at once on one client, each with its own answer', async () => {
  const texts = Array.from({ length: 10 }, (_, index) => `answer ${index}`);
  const jobs = await Promise.all(texts.map((text) => client.createAndWaitForJob(ask(`/echo ${text}`))));
  assert.deepEqual(
    jobs.map((job) => job.result.message.content),
    texts,
  );
});
