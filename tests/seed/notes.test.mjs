// What the document promises of the server's side of a job, seen on the real elizaOS server through
// the client.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { installed, params, rejects } from '../package/setting.mjs';
import { startEliza } from '../servers/elizaos.mjs';

const { ElizaClient, JobStatus } = await installed('notes');
const server = await startEliza();
after(() => server.stop());
const sent = [];
const counted = (url, init) => {
  sent.push(`${init.method} ${new URL(url).pathname}`);
  return fetch(url, init);
};
const { messaging } = new ElizaClient({ baseUrl: server.url, fetch: counted });
// The server looks for what has expired once a minute: the job that goes is made first, and looked
// for last.
const short = await messaging.createAndWaitForJob({ ...params, timeoutMs: 1000 });

test('a job lives for 30 seconds, or as long as it was given: from one second to five minutes', async () => {
  const lifetime = async (timeoutMs) => {
    const { createdAt, expiresAt } = await messaging.createJob({ ...params, ...(timeoutMs && { timeoutMs }) });
    return expiresAt - createdAt;
  };
  assert.equal(await lifetime(), 30_000);
  assert.equal(await lifetime(1000), 1000);
  assert.equal(await lifetime(300_000), 300_000);
  sent.length = 0;
  for (const timeoutMs of [999, 300_001]) {
    const error = await rejects(messaging.createJob({ ...params, timeoutMs }), 'ArgumentError', 'invalid_argument');
    assert.equal(error.field, 'timeoutMs');
  }
  assert.deepEqual(sent, []);
});

test('the agent that does not answer in time: the status says so, without anybody’s doing', async () => {
  const { jobId } = await messaging.createJob({ ...params, content: 'ignore me', timeoutMs: 1000 });
  const error = await rejects(messaging.pollJob(jobId), 'JobError', 'job_timeout');
  assert.equal(error.job.status, JobStatus.TIMEOUT);
  assert.equal((await messaging.getJob(jobId)).status, JobStatus.TIMEOUT);
});

test('one request makes a job and its channel; the channel is the server’s business', async () => {
  sent.length = 0;
  const { jobId } = await messaging.createJob(params);
  assert.deepEqual(sent, ['POST /api/messaging/jobs']);
  const channels = `${server.url}/api/messaging/message-servers/00000000-0000-0000-0000-000000000000/channels`;
  const { data } = await (await fetch(channels)).json();
  assert.equal(data.channels.filter(({ name }) => name === `job-${jobId}`).length, 1);
});

test('an expired job is cleaned up by the server, and the client says that it is not there', { timeout: 120_000 }, async () => {
  assert.equal(short.status, JobStatus.COMPLETED);
  for (;;) {
    const last = await messaging.getJob(short.jobId).catch((error) => error);
    if (last instanceof Error) {
      assert.equal(`${last.name} ${last.code} ${last.status}`, 'ApiError job_not_found 404');
      break;
    }
    await new Promise((done) => setTimeout(done, 1000));
  }
  await rejects(messaging.pollJob(short.jobId), 'ApiError', 'job_not_found');
});
