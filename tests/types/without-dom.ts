// An application whose project knows nothing of browsers: no `lib: dom`.
import { createSandbox, serveSandbox } from 'eliza-jobs/sandbox';
import { fromEip1193 } from 'eliza-jobs/wallets';
import { ConnectionError, JobsClient, JobStatus, memoryStore, type FetchFunction, type RequestOptions } from 'eliza-jobs';

const fetch: FetchFunction = async (url, { method, body }) => ({
  status: method === 'GET' && !body ? 200 : 404,
  headers: { get: (name) => (name === 'content-type' ? url : null) },
  text: async () => '{}',
});
const client = new JobsClient({ baseUrl: 'http://h', fetch, store: memoryStore(), headers: { 'x-mine': 'yes' } });
const options: RequestOptions = { timeoutMs: 5, headers: [['x-mine', 'yes']], signal: null };
client.getJob('id', options).then(
  (job) => job.status === JobStatus.COMPLETED,
  (error: unknown) => error instanceof ConnectionError && error.code,
);
client.free();
client[Symbol.dispose]();
const sandbox = createSandbox({ paywall: 'none' });
new JobsClient({ baseUrl: sandbox.url, fetch: sandbox.fetch, wallet: sandbox.wallet });
sandbox.fetch('/healthz', { method: 'GET' }).then(({ status }) => status === 200, String);
serveSandbox(sandbox, { port: 3000 }).then(({ url }) => url.length, String);
fromEip1193({ request: async () => null });
// @ts-expect-error there is no such method
void client.answer;
