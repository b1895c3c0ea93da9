// Jobs on elizaOS before and after 1.7.0, the version that all other tests use.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { AGENT, startEliza } from '../servers/elizaos.mjs';
import { installed, params, rejects } from './setting.mjs';

const { JobsClient, JobStatus } = await installed('versions');

for (const version of ['1.6.5', '1.7.2']) {
  const server = await startEliza({ version });
  after(() => server.stop());
  const client = new JobsClient({ baseUrl: server.url });

  test(`${version}: a job is answered`, async () => {
    const told = [];
    // On 1.7.2 the job never hears of its answer, which is in its channel.
    const job = await client.createAndWaitForJob(
      { ...params, timeoutMs: 60_000 },
      { onUpdate: (update) => update.type === 'status' && told.push(update.job.status) },
    );
    assert.equal(job.status, JobStatus.COMPLETED);
    assert.match(job.result.message.content, /^You asked: "What is the weather in New York\?"/);
    assert.deepEqual(Object.keys(job.result.message).sort(), ['authorId', 'content', 'createdAt', 'id', 'metadata']);
    assert.ok(job.result.processingTimeMs >= 0);
    assert.ok(!('error' in job));
    assert.equal(told.at(-1), JobStatus.COMPLETED);
    const again = await client.getJob(job.jobId);
    assert.deepEqual([again.status, again.result], [JobStatus.COMPLETED, job.result]);
    // Found long before the job's own end.
    const seen = version === '1.7.2' ? JobStatus.PROCESSING : JobStatus.COMPLETED;
    assert.equal((await client.listJobs()).jobs[0].status, seen, 'the job as the server has it');
    // The next one is found with the first looks.
    const looks = [];
    const next = await client.createAndWaitForJob(params, { onUpdate: (update) => looks.push(update.type) });
    assert.match(next.result.message.content, /^You asked/);
    assert.deepEqual(looks, ['created', 'status']);
  });

  test(`${version}: an answer that a job never heard of is found when the job has timed out, by whoever comes then`, async () => {
    const { jobId } = await client.createJob({ ...params, timeoutMs: 1000 });
    const job = await new JobsClient({ baseUrl: server.url }).pollJob(jobId, 1500, 3);
    assert.equal(job.status, JobStatus.COMPLETED);
  });

  test(`${version}: a job that the agent does not answer times out`, async () => {
    const silent = { ...params, content: 'ignore me', timeoutMs: 1000 };
    const error = await rejects(client.createAndWaitForJob(silent), 'JobError', 'job_timeout');
    assert.equal(error.job.status, JobStatus.TIMEOUT);
  });

  test(`${version}: lists and health`, async () => {
    const { jobs, total, filtered } = await client.listJobs({ limit: 1 });
    assert.deepEqual([jobs.length, filtered, total], [1, 1, 4]);
    const health = await client.getJobsHealth();
    assert.deepEqual([health.healthy, health.totalJobs, health.maxJobs], [true, 4, 10_000]);
  });

  test(`${version}: a question is asked in one line, and the agents are listed`, async () => {
    assert.match(await client.ask(params.content), /^You asked: "What is the weather in New York\?"/);
    const [agent, ...others] = await client.listAgents();
    assert.deepEqual([agent.id, agent.name, agent.status, others], [AGENT, 'Test agent', 'active', []]);
    assert.match(await client.ask(params.content, { agentId: agent.id, timeoutMs: 20_000 }), /^You asked/);
  });
}
