// A Jobs endpoint in memory, to stand behind somebody's paywall, and what all test servers have in
// common.
import { once } from 'node:events';
import express from 'express';

/**
 * An Express app that keeps what it was asked and answers jobs at once. `paywall(app)` puts its
 * middleware in between. `lose(count)` says whether the answer to the paid request number `count`
 * is lost: the job is made, the money moves, and the connection breaks. A message of "fail" fails
 * with a 500 after the payment was verified. `handler` comes before the one that makes a job, and
 * may answer instead. `closed`: the list of jobs is not shown, until `open()`.
 */
export async function startJobs({ paywall, handler = pass, lose = () => false, closed = false }) {
  const app = express();
  const requests = [];
  const jobs = [];
  let paid = 0;
  app.use(express.json());
  app.use((request, response, next) => {
    const { method, url, path, headers, body } = request;
    requests.push({ method, url, path, headers: { ...headers }, body });
    const proof = headers['x-payment'] ?? headers['payment-signature'];
    if (proof && lose((paid += 1))) {
      // The paywall's own `end` comes before this one: by now it has settled.
      response.end = () => response.socket.destroy();
    }
    next();
  });
  app.get('/api/messaging/jobs', (_request, response) => {
    if (closed) response.status(403).json({ success: false, error: 'the list is closed' });
    else response.json({ jobs, total: jobs.length, filtered: jobs.length });
  });
  app.get('/api/messaging/jobs/:id', (request, response) => {
    const job = jobs.find(({ jobId }) => jobId === request.params.id);
    if (job) response.json(job);
    else response.status(404).json({ success: false, error: 'Job not found' });
  });
  paywall(app);
  app.post('/api/messaging/jobs', handler, ({ body }, response) => {
    if (body.content === 'fail') return response.status(500).json({ success: false, error: 'the handler failed' });
    const createdAt = Date.now();
    const message = { id: 'm', content: `echo: ${body.content}`, authorId: 'agent', createdAt };
    jobs.unshift({
      jobId: `job-${jobs.length + 1}`,
      status: 'completed',
      agentId: 'agent',
      userId: body.userId,
      prompt: body.content,
      createdAt,
      expiresAt: createdAt + 30_000,
      result: { message, processingTimeMs: 1 },
      ...(body.metadata && { metadata: body.metadata }),
    });
    const { jobId, expiresAt } = jobs[0];
    response.status(201).json({ jobId, status: 'processing', createdAt, expiresAt });
  });
  return { ...(await listen(app)), requests, jobs, open: () => (closed = false) };
}

const pass = (_request, _response, next) => next();

/** An Express app on a free port of loopback. */
export async function listen(app) {
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
