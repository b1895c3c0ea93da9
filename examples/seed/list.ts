// The newest jobs of the server, everyone's.
import { ElizaClient } from 'eliza-jobs';

const client = new ElizaClient({ baseUrl: process.env.ELIZA_URL ?? 'http://localhost:3000' });

for (const content of ['Name a bird', 'Name a fish', 'Name a tree']) {
  await client.messaging.createAndWaitForJob({ userId: process.env.ELIZA_USER ?? crypto.randomUUID(), content });
}

const { jobs, total, filtered } = await client.messaging.listJobs({ limit: 2 });
console.log(`${filtered} shown, more than two there: ${total > 2}`);
for (const { jobId, status, prompt } of jobs) console.log(`${jobId} ${status} ${prompt}`);
