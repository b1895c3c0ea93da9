// A waiting of one's own: seldom at first, then twice as often each time. (`pollJob` without an
// interval has a good one built in.)
import { ElizaClient, JobStatus, type JobDetailsResponse } from 'eliza-jobs';

const client = new ElizaClient({ baseUrl: process.env.ELIZA_URL ?? 'http://localhost:3000' });
const userId = process.env.ELIZA_USER ?? crypto.randomUUID();

async function waitFor(jobId: string, longestMs: number): Promise<JobDetailsResponse> {
  const end = Date.now() + longestMs;
  let pauseMs = 400;
  for (let looks = 1; Date.now() < end; looks += 1) {
    const job = await client.messaging.getJob(jobId);
    if (job.status === JobStatus.COMPLETED) {
      console.log(`more than one look: ${looks > 1}`);
      return job;
    }
    if (job.status === JobStatus.FAILED || job.status === JobStatus.TIMEOUT) throw new Error(`the job ended as ${job.status}`);
    await new Promise((done) => setTimeout(done, pauseMs));
    pauseMs = Math.max(pauseMs / 2, 50);
  }
  throw new Error('not in time');
}

const slow = await client.messaging.createJob({ userId, content: 'wait:600 Count to ten' });
console.log((await waitFor(slow.jobId, 20_000)).result?.message.content);

const silent = await client.messaging.createJob({ userId, content: 'ignore me', timeoutMs: 1000 });
await waitFor(silent.jobId, 20_000).catch((error: Error) => console.log(error.message));
