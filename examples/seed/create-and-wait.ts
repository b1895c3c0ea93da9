// One question, one answer: the job is created, waited for and given back with its result.
import { ElizaClient } from 'eliza-jobs';

const client = new ElizaClient({ baseUrl: process.env.ELIZA_URL ?? 'http://localhost:3000' });

const job = await client.messaging.createAndWaitForJob({
  userId: process.env.ELIZA_USER ?? crypto.randomUUID(),
  content: 'Which tea goes well with lemon cake?',
});

console.log(job.result.message.content);
