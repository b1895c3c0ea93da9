// What the application is told beside its answers, and that whatever it does when it is told harms
// nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultServer, reply } from './fault-server.mjs';
import { HASH, installed, params } from './setting.mjs';

const { JobsClient, memoryStore } = await installed('logger');
const offer = { network: 'base', recipient: '0x209693Bc6afc0C5328bA36FaF03C514EF312287C', amount: '0.02' };
const price = reply(402, JSON.stringify({ payment: [offer] }));
const result = { message: { id: 'm', content: 'here', authorId: 'a', createdAt: 1 }, processingTimeMs: 1 };
const job = (status) =>
  JSON.stringify({ jobId: 'job-1', status, createdAt: 0, expiresAt: 30_000, ...(status === 'completed' && { result }) });
const steps = () => [price, reply(201, job('processing')), reply(200, job('processing')), reply(200, job('completed'))];

/** A logger that keeps what it is told. */
function keeping() {
  const said = [];
  const level =
    (name) =>
    (...words) =>
      void said.push([name, ...words]);
  return { said, logger: { debug: level('debug'), info: level('info'), warn: level('warn'), error: level('error') } };
}

test('a logger is told a line for each request, and nothing that is a secret', async () => {
  const server = await faultServer(...steps(), reply(200, '{"jobs":[]}'));
  const { said, logger } = keeping();
  const options = { apiKey: 'the-key', headers: { authorization: 'Bearer the-token' }, store: memoryStore() };
  const client = new JobsClient({ baseUrl: server.url, logger, wallet: () => HASH, ...options });
  await client.createAndWaitForJob({ ...params, metadata: { mine: 'the-metadata' } }, 10);
  await client.listJobs({ limit: 7 });
  const lines = said.map(([level, words]) => `${level} ${words.replace(/\d+ ms$/, 'n ms')}`);
  assert.deepEqual(lines, [
    'debug eliza-jobs: POST /api/messaging/jobs 402 in n ms',
    'debug eliza-jobs: POST /api/messaging/jobs 201 in n ms',
    'debug eliza-jobs: GET /api/messaging/jobs/job-1 200 in n ms',
    'debug eliza-jobs: GET /api/messaging/jobs/job-1 200 in n ms',
    'debug eliza-jobs: GET /api/messaging/jobs 200 in n ms',
  ]);
  for (const secret of [HASH, 'the-key', 'the-token', 'the-metadata', params.content, params.userId, 'limit']) {
    assert.ok(!JSON.stringify(said).includes(secret), secret);
  }
  const broken = await faultServer((socket) => socket.resetAndDestroy());
  said.length = 0;
  await new JobsClient({ baseUrl: broken.url, logger, retries: 0 }).getJobsHealth().catch(() => {});
  assert.match(said.join(), /^debug,eliza-jobs: GET \/api\/messaging\/jobs\/health connection_reset in \d+ ms$/);
});

test('without a logger nothing is said but warnings, on the console', async (t) => {
  for (const method of ['debug', 'info', 'log', 'warn', 'error']) t.mock.method(console, method, () => {});
  const server = await faultServer(...steps());
  const client = new JobsClient({ baseUrl: server.url, wallet: () => HASH, store: memoryStore() });
  await client.createAndWaitForJob(params, 10, 20, {
    onUpdate() {
      throw new Error('mine');
    },
  });
  const counts = ['debug', 'info', 'log', 'warn', 'error'].map((method) => console[method].mock.callCount());
  assert.deepEqual(counts, [0, 0, 0, 1, 0]);
});

test('JSON under another name is read, and reported once; the name is not repeated', async () => {
  const odd = reply(200, job('processing'), { 'content-type': 'text/plain; x="the-name"' });
  const server = await faultServer(odd);
  const { said, logger } = keeping();
  const client = new JobsClient({ baseUrl: server.url, logger });
  for (let calls = 0; calls < 3; calls += 1) assert.equal((await client.getJob('job-1')).jobId, 'job-1');
  const warned = said.filter(([level]) => level === 'warn');
  assert.equal(warned.length, 1);
  assert.match(warned[0][1], /^eliza-jobs: the server's content-type is not that of JSON \(GET \/api\/messaging\/jobs\/job-1\)/);
  assert.ok(!warned[0][1].includes('the-name'));
});

test('an onUpdate that throws, or whose promise rejects, is reported once in a call, with what it threw', async () => {
  const mine = new Error('mine');
  for (const onUpdate of [
    () => {
      throw mine;
    },
    async () => {
      throw mine;
    },
  ]) {
    const server = await faultServer(...steps());
    const { said, logger } = keeping();
    const client = new JobsClient({ baseUrl: server.url, logger, wallet: () => HASH, store: memoryStore() });
    assert.equal((await client.createAndWaitForJob(params, 10, 20, { onUpdate })).status, 'completed');
    const warned = said.filter(([level]) => level === 'warn');
    assert.deepEqual(warned, [['warn', 'eliza-jobs: onUpdate threw; the wait goes on.', mine]]);
  }
});

test('a logger that fails, in whatever way, harms nothing', async () => {
  const failed = [];
  const unhandled = (error) => failed.push(error);
  process.on('unhandledRejection', unhandled);
  const thrown = new Error('full');
  const ways = [
    () => {
      throw thrown;
    },
    async () => {
      throw thrown;
    },
    () => ({
      get then() {
        throw thrown;
      },
    }),
  ];
  for (const fails of ways) {
    const server = await faultServer(...steps());
    const logger = { debug: fails, warn: fails };
    const client = new JobsClient({ baseUrl: server.url, logger, wallet: () => HASH, store: memoryStore() });
    assert.equal((await client.createAndWaitForJob(params, { intervalMs: 10, onUpdate: fails })).status, 'completed');
  }
  await new Promise((next) => setImmediate(next));
  process.off('unhandledRejection', unhandled);
  assert.deepEqual(failed, []);
});

test('confirm and wallet that throw end the call and cost nothing', async () => {
  const throws = () => {
    throw new Error('mine');
  };
  for (const [options, code] of [
    [{ confirm: throws, wallet: () => assert.fail('asked') }, 'payment_declined'],
    [{ wallet: { address: throws, signTypedData: throws, sendTransfer: () => assert.fail('asked') } }, 'wallet_failed'],
  ]) {
    const server = await faultServer(price);
    const client = new JobsClient({ baseUrl: server.url, store: memoryStore(), ...options });
    await assert.rejects(client.createJob(params), { name: 'PaymentError', code });
    assert.deepEqual([server.requests.length, client.spent(), await client.pendingPayments()], [1, '0', []]);
  }
});
