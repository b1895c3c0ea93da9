// A quick question as a job, and a conversation as a session.
import { ElizaClient } from 'eliza-jobs';

const client = new ElizaClient({ baseUrl: process.env.ELIZA_URL ?? 'http://localhost:3000' });
const userId = process.env.ELIZA_USER ?? crypto.randomUUID();
const agentId = process.env.ELIZA_AGENT ?? '';

const quick = await client.messaging.createAndWaitForJob({ userId, content: 'What day is it in Auckland?' });
console.log(quick.result.message.content);

const session = await client.sessions.createSession({ userId, agentId, metadata: { type: 'garden' } });
for (const content of ['My roses have black spots', 'And the tulips are late']) {
  const { agentResponse } = await client.sessions.sendMessageAndWait(session.sessionId, { content });
  console.log(agentResponse.text);
}

const own: string[] = [];
for await (const message of client.sessions.getMessages(session.sessionId)) {
  if (!message.isAgent) own.push(message.content);
}
console.log(`said: ${own.sort().join(', ')}`);
await client.sessions.deleteSession(session.sessionId);
