// An application in a runtime with `fetch`: its own types are those of the package.
import { JobsClient } from 'eliza-jobs';
import { createSandbox, type FaultName, type SandboxPayment } from 'eliza-jobs/sandbox';

const controller = new AbortController();
const client = new JobsClient({
  baseUrl: 'http://h',
  headers: new Headers({ 'x-mine': 'yes' }),
  fetch: (url, init) => fetch(url, init),
});
new JobsClient({ baseUrl: 'http://h', fetch });
new JobsClient({ baseUrl: 'http://h', fetch: async () => new Response('{}') });
void client.getJob('id', { signal: controller.signal, headers: new Headers() });

const faults: FaultName[] = ['lose-reply'];
const sandbox = createSandbox({
  paywall: 'x402-v2',
  faults,
  answer: async (question, { sleep }) => {
    await sleep(5);
    return question;
  },
});
new JobsClient({ baseUrl: sandbox.url, fetch: sandbox.fetch, wallet: sandbox.wallet });
const asked: Promise<Response> = sandbox.fetch(new Request('http://h'), { method: 'POST', signal: controller.signal });
void asked.then((response) => response.json());
void sandbox.fetch(new URL('http://h'));
const payments: readonly SandboxPayment[] = sandbox.payments;
void payments.map(({ amount }) => amount.length);
// @ts-expect-error there is no such fault
createSandbox({ faults: ['lose-repyl'] });
// @ts-expect-error amounts are strings
createSandbox({ paywall: 'x402-v2', price: 0.02 });
