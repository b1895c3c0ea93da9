// What every consumer does: one paid job, and a look at what else it imports.
import { JobError, JobsClient, JobStatus } from 'eliza-jobs';
import { fromViem } from 'eliza-jobs/wallets';

export async function ask(baseUrl, question) {
  const client = new JobsClient({ baseUrl, wallet: () => `0x${'ab'.repeat(32)}` });
  const job = await client.createAndWaitForJob({ userId: crypto.randomUUID(), content: question });
  const gone = await client.getJob('').catch((error) => error);
  const isRight = job.status === JobStatus.COMPLETED && !(gone instanceof JobError) && gone.field === 'jobId' && fromViem;
  return `${isRight ? 'right' : 'wrong'}: ${job.result.message.content} for ${client.spent()}`;
}
