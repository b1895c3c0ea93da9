// Create now, wait later: ten looks a second, two hundred at most.
import { ElizaClient, JobError } from 'eliza-jobs';

const client = new ElizaClient({ baseUrl: process.env.ELIZA_URL ?? 'http://localhost:3000' });

async function answer(content: string) {
  const { jobId } = await client.messaging.createJob({
    userId: process.env.ELIZA_USER ?? crypto.randomUUID(),
    content,
    timeoutMs: 2000,
  });
  try {
    const job = await client.messaging.pollJob(jobId, 100, 200);
    console.log(job.result.message.content);
    console.log(`took the agent ${job.result.processingTimeMs} ms`);
  } catch (error) {
    if (!(error instanceof JobError)) throw error;
    console.log(`no answer to "${content}": ${error.code}, the job is ${error.job?.status}`);
  }
}

await answer('How many legs have three spiders?');
await answer('ignore the doorbell');
