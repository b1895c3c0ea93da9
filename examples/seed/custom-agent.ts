// A job for an agent of your choice, with its own time limit and with metadata that come back with
// the job.
import { ElizaClient } from 'eliza-jobs';

const client = new ElizaClient({ baseUrl: process.env.ELIZA_URL ?? 'http://localhost:3000' });
const agentId = process.env.ELIZA_AGENT;

const created = await client.messaging.createJob({
  ...(agentId ? { agentId } : {}), // without one, the server takes its first agent
  userId: process.env.ELIZA_USER ?? crypto.randomUUID(),
  content: 'Write a haiku about tides',
  timeoutMs: 120_000, // the server keeps the job for two minutes
  metadata: { page: 'poems', draft: 3 },
});
console.log(`${created.jobId} is ${created.status}`);
console.log(`the server waits ${Math.round((created.expiresAt - created.createdAt) / 1000)} s for the agent`);

const job = await client.messaging.getJob(created.jobId);
console.log(`asked: ${job.agentId}`);
console.log(`metadata: ${JSON.stringify(job.metadata)}`);
