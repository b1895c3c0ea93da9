// Where a job stands, in words.
import { ElizaClient, JobStatus, type JobDetailsResponse } from 'eliza-jobs';

const client = new ElizaClient({ baseUrl: process.env.ELIZA_URL ?? 'http://localhost:3000' });

function inWords(job: JobDetailsResponse): string {
  switch (job.status) {
    case JobStatus.PENDING:
      return 'nobody has looked at it yet';
    case JobStatus.PROCESSING:
      return 'the agent is at it';
    case JobStatus.COMPLETED:
      return `answered: ${job.result?.message.content}`;
    case JobStatus.FAILED:
      return `failed: ${job.error}`;
    case JobStatus.TIMEOUT:
      return 'the agent said nothing in time';
    case JobStatus.UNKNOWN:
      return `something new: ${job.rawStatus}`;
  }
}

const { jobId } = await client.messaging.createJob({
  userId: process.env.ELIZA_USER ?? crypto.randomUUID(),
  content: 'wait:500 Name a river',
});
console.log(inWords(await client.messaging.getJob(jobId)));
await client.messaging.pollJob(jobId);
console.log(inWords(await client.messaging.getJob(jobId)));
