// An application in strict TypeScript: it compiles, and what must not compile is marked.
import {
  ApiError,
  ArgumentError,
  ElizaJobsError,
  JobsClient,
  JobStatus,
  PaymentError,
  type CompletedJob,
  type CreateJobRequest,
  type ErrorCode,
  type FundsMoved,
  type JobDetailsResponse,
  type JobHealthResponse,
  type JobListResponse,
  type LibraryWallet,
  type PriceQuote,
  type Quote,
  type Wallet,
} from 'eliza-jobs';
import { createSandbox, serveSandbox } from 'eliza-jobs/sandbox';
import { fromEip1193, fromViem, type MadeWallet } from 'eliza-jobs/wallets';

const client = new JobsClient({
  baseUrl: 'http://localhost:3000',
  wallet: async ({ network, recipient, amount }: Quote) => `${network}${recipient}${amount}`,
  spend: { maxPerPayment: '0.05', networks: ['base', 'polygon'] },
});
const provider: { request(args: { method: string; params?: unknown[] }): Promise<unknown> } = { request: async () => null };
const wallet: Wallet = fromEip1193(provider, { address: '0x' });
const money = new JobsClient({
  baseUrl: 'http://localhost:3000',
  wallet: { ...wallet, pay: async (quote) => ({ 'PAYMENT-SIGNATURE': String(quote.paymentRequirements?.['scheme']) }) },
  logger: console,
  confirm: ({ amount, currency }) => currency === 'USDC' && amount === '0.02',
  walletTimeoutMs: 60_000,
  spend: {
    budget: '2.00',
    recipients: ['0x'],
    allowResource: 'https://example.com/api/messaging/jobs',
    assets: [{ network: 'base', asset: '0x', symbol: 'EURC', decimals: 6, maxPerPayment: '0.10' }],
  },
});
new JobsClient({ baseUrl: 'http://localhost:3000', logger: { warn: (...said) => void said } });
// @ts-expect-error a logger has methods
new JobsClient({ baseUrl: 'http://localhost:3000', logger: 'console' });
const spent: string = money.spent('EURC') + money.spent();
// @ts-expect-error money is never a number
new JobsClient({ baseUrl: 'http://localhost:3000', spend: { budget: 2 } });
// A wallet of one's own gets its parameters' types, beside those of the libraries.
new JobsClient({
  baseUrl: 'http://localhost:3000',
  wallet: {
    address: '0x',
    signTypedData: async ({ domain }) => String(domain.chainId),
    sendTransfer: async ({ amount }) => amount,
  },
});
declare const library: LibraryWallet;
new JobsClient({ baseUrl: 'http://localhost:3000', wallet: library });
// @ts-expect-error nothing of this pays
new JobsClient({ baseUrl: 'http://localhost:3000', wallet: { getAddress: async () => '0x' } });
// @ts-expect-error a key is not a wallet
new JobsClient({ baseUrl: 'http://localhost:3000', wallet: '0xkey' });
const signs: NonNullable<Wallet['signTypedData']> = async ({ domain, message }) => `${domain.chainId}${message.nonce}`;
const made: MadeWallet = fromViem({
  account: undefined,
  signTypedData: async () => '0x',
  sendTransaction: async () => '0x',
  getChainId: async () => 1,
});
const params: CreateJobRequest = { userId: 'u', content: 'c', metadata: { a: [1] } };
const done: CompletedJob = await client.createAndWaitForJob(params, 1000, 30);
const text: string = done.result.message.content;
const job: JobDetailsResponse = await client.getJob('id', { signal: new AbortController().signal });
// @ts-expect-error the answer may not be there yet
const absent: string = job.result.message.content;
switch (job.status) {
  case JobStatus.PENDING:
  case 'completed':
    break;
  // @ts-expect-error no such status
  case 'done':
    break;
}
const answer: string = await client.ask('hi', { userId: 'u', agentId: 'a', timeoutMs: 5 });
const [agent] = await client.listAgents();
const price: PriceQuote = await client.quote({ signal: null });
const paid: string | undefined = done.payment?.transaction ?? agent?.name ?? price.chosen?.amount;
for (const open of await client.pendingPayments()) {
  if (open.state === 'unreadable') continue;
  console.log(open.amount, open.currency, open.content, new Date(open.createdAt), open.userId, open.agentId);
  await client.resume(open);
}
// A job says by its status what it has.
const seen = await client.getJob('id');
if (seen.status === 'completed') void (seen.result.message.content satisfies string);
else void (seen.result?.message satisfies object | undefined);
// @ts-expect-error before the status is looked at, the answer may not be there
void seen.result.message;
// What may be missing in the application may be missing here.
declare const maybe: string | undefined;
new JobsClient({ baseUrl: 'x', apiKey: maybe, timeoutMs: undefined, spend: { budget: maybe }, logger: { debug: undefined } });
void client.createJob({ userId: 'u', content: 'c', agentId: maybe }, { idempotencyKey: maybe, signal: undefined });
void client.pollJob('id', undefined, 5);
// @ts-expect-error options come in place of the interval, or after it
void client.pollJob('id', { timeoutMs: 5 }, 30);
// @ts-expect-error a misspelt member
void client.createJob({ userId: 'u', content: 'c', agentid: 'a' });
const list: JobListResponse = await client.listJobs({ limit: 10, status: JobStatus.COMPLETED });
const health: JobHealthResponse = await client.getJobsHealth();
await client.pollJob('id', { intervalMs: 5, onUpdate: (update) => update.type === 'quote' && update.quote.amount });
await client.pollJob('id', 1000, 30, { timeoutMs: 5 });
try {
  await client.createJob(params);
} catch (error) {
  if (error instanceof ArgumentError) console.log(error.field, error.fundsMoved satisfies false);
  else if (error instanceof PaymentError) {
    console.log(error.payment?.transaction, error.code === 'wallet_rejected');
    // @ts-expect-error no code of this class
    console.log(error.code === 'bad_request');
  } else if (error instanceof ApiError) console.log(error.statusCode satisfies number | undefined);
  else if (error instanceof ElizaJobsError) console.log(error.code satisfies ErrorCode, error.fundsMoved satisfies FundsMoved);
}
// @ts-expect-error the address is missing
new JobsClient({});
// @ts-expect-error amounts are strings
new JobsClient({ baseUrl: 'x', spend: { maxPerPayment: 0.1 } });
// @ts-expect-error ids are strings
void client.getJob(5);
// @ts-expect-error the package makes its errors itself
new ApiError();
{
  using short = new JobsClient({ baseUrl: 'http://h' });
  void short;
}
const pending: JobStatus.PENDING = JobStatus.PENDING;
void [answer, paid, text, absent, list, health, pending];
void serveSandbox(createSandbox({ paywall: 'x402-v2' }), { port: 3000 }).then(({ url }) => url.length);
// @ts-expect-error there is no such option
void serveSandbox(createSandbox(), { prt: 3000 });
