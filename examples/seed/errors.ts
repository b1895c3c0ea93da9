// What can go wrong, each told apart: the server's no, an argument that can never work, and a
// server that is not there.
import { ApiError, ArgumentError, ConnectionError, ElizaClient, type CreateJobRequest } from 'eliza-jobs';

const baseUrl = process.env.ELIZA_URL ?? 'http://localhost:3000';
const client = new ElizaClient({ baseUrl });
const userId = process.env.ELIZA_USER ?? crypto.randomUUID();

async function ask(asked: ElizaClient, params: CreateJobRequest) {
  try {
    const job = await asked.messaging.createAndWaitForJob(params);
    console.log(`answered: ${job.result.message.content}`);
  } catch (error) {
    if (error instanceof ApiError) console.log(`the server says ${error.statusCode}: ${error.serverMessage}`);
    else if (error instanceof ArgumentError) console.log(`my mistake: ${error.field}`);
    else if (error instanceof ConnectionError) console.log(`not reached: ${error.code}`);
    else throw error;
  }
}

await ask(client, { userId, content: 'Is anybody there?' });
await ask(client, { userId, content: 'Hello?', agentId: '99999999-9999-4999-8999-999999999999' });
await ask(client, { userId: 'somebody', content: 'Hello?' });
await ask(new ElizaClient({ baseUrl: 'http://127.0.0.1:9', retries: 0 }), { userId, content: 'Hello?' });
