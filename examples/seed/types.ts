// The types by name: what is asked, what comes back, and a page's own list of the statuses.
import { ElizaClient, JobStatus, type CreateJobRequest, type JobDetailsResponse, type JobResult, type UUID } from 'eliza-jobs';

const client = new ElizaClient({ baseUrl: process.env.ELIZA_URL ?? 'http://localhost:3000' });

const userId: UUID = process.env.ELIZA_USER ?? crypto.randomUUID();
const request: CreateJobRequest = {
  userId,
  content: 'Name a planet',
  metadata: { nested: { deep: [1, null] } },
  timeoutMs: 10_000,
};

const labels: Record<JobStatus, string> = {
  [JobStatus.PENDING]: 'queued',
  [JobStatus.PROCESSING]: 'running',
  [JobStatus.COMPLETED]: 'done',
  [JobStatus.FAILED]: 'broken',
  [JobStatus.TIMEOUT]: 'too late',
  [JobStatus.UNKNOWN]: 'new here',
};

const job: JobDetailsResponse = await client.messaging.createAndWaitForJob(request);
const result: JobResult | undefined = job.result;
console.log(`${labels[job.status]}: ${job.prompt}, by ${job.userId === userId ? 'us' : 'somebody else'}`);
console.log(
  `numbers: ${[job.createdAt, job.expiresAt, result?.processingTimeMs, result?.message.createdAt].every(Number.isFinite)}`,
);
console.log(`metadata: ${JSON.stringify(job.metadata)}`);
