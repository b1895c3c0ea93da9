// Only the jobs that were answered; and those that were not.
import { ElizaClient, JobStatus } from 'eliza-jobs';

const client = new ElizaClient({ baseUrl: process.env.ELIZA_URL ?? 'http://localhost:3000' });
const userId = process.env.ELIZA_USER ?? crypto.randomUUID();

await client.messaging.createAndWaitForJob({ userId, content: 'Name a lake' });
const { jobId } = await client.messaging.createJob({ userId, content: 'ignore this one', timeoutMs: 1000 });
await client.messaging.pollJob(jobId).catch((error: Error) => console.log(error.name));

const completed = await client.messaging.listJobs({ status: JobStatus.COMPLETED, limit: 50 });
console.log(`answered: ${completed.jobs.some(({ prompt }) => prompt === 'Name a lake')}`);
console.log(`the other among them: ${completed.jobs.some((job) => job.jobId === jobId)}`);

const timedOut = await client.messaging.listJobs({ status: JobStatus.TIMEOUT });
console.log(`timed out: ${timedOut.jobs.some((job) => job.jobId === jobId)}`);
