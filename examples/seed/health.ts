// How the Jobs service is, before and after one job.
import { ElizaClient } from 'eliza-jobs';

const client = new ElizaClient({ baseUrl: process.env.ELIZA_URL ?? 'http://localhost:3000' });

const before = await client.messaging.getJobsHealth();
await client.messaging.createAndWaitForJob({
  userId: process.env.ELIZA_USER ?? crypto.randomUUID(),
  content: 'How are you?',
});
const after = await client.messaging.getJobsHealth();

console.log(`healthy: ${after.healthy}; room for ${after.maxJobs} jobs`);
console.log(`jobs: ${after.totalJobs - before.totalJobs} more`);
const { pending, processing, completed, failed, timeout } = after.statusCounts;
console.log(`completed: ${completed - before.statusCounts.completed} more`);
console.log(`together: ${pending + processing + completed + failed + timeout === after.totalJobs}`);
