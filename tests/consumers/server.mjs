// A server that charges: elizaOS's paywall and Jobs API, as small as they can be.
import { once } from 'node:events';
import http from 'node:http';

const PRICE = [{ network: 'base', recipient: '0x209693Bc6afc0C5328bA36FaF03C514EF312287C', amount: '0.02' }];
const CORS = { 'access-control-allow-origin': '*', 'access-control-allow-headers': '*' };

/** `paid` counts the proofs that the server has taken for each question. */
export async function startServer() {
  const jobs = new Map();
  const paid = new Map();
  const server = http.createServer(async (request, response) => {
    const reply = (status, body) =>
      response.writeHead(status, { 'content-type': 'application/json', ...CORS }).end(JSON.stringify(body));
    if (request.method === 'OPTIONS') return reply(200, {});
    if (request.method === 'GET') {
      const job = jobs.get(request.url.split('/').at(-1).split('?')[0]);
      if (!job) return reply(200, { jobs: [...jobs.values()], total: jobs.size, filtered: jobs.size });
      return reply(200, job);
    }
    let body = '';
    for await (const chunk of request) body += chunk;
    if (!request.headers['x-payment-proof'] && !request.headers['x-payment']) return reply(402, { error: 'pay', payment: PRICE });
    const { content, userId } = JSON.parse(body);
    paid.set(content, (paid.get(content) ?? 0) + 1);
    const jobId = crypto.randomUUID();
    const times = { createdAt: Date.now(), expiresAt: Date.now() + 30_000 };
    const message = { id: jobId, content: `you said ${content}`, authorId: userId, createdAt: Date.now() };
    const details = { agentId: userId, userId, prompt: content, result: { message, processingTimeMs: 1 } };
    jobs.set(jobId, { jobId, status: 'completed', ...times, ...details });
    reply(201, { jobId, status: 'pending', ...times });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    paid,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
