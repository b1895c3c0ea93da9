// An application with every strict switch of the compiler on: what it writes down, passes on and
// wraps compiles.
import {
  ApiError,
  ArgumentError,
  ConnectionError,
  ElizaClient,
  ElizaJobsError,
  JobError,
  JobsClient,
  JobStatus,
  PaymentError,
  SessionError,
  SessionsClient,
  fileStore,
  localStorageStore,
  memoryStore,
} from 'eliza-jobs';
import type {
  AskOptions,
  BudgetOptions,
  CompletedJob,
  CreateJobOptions,
  CreateJobRequest,
  CreateJobResponse,
  ErrorCode,
  FetchFunction,
  HeadersInput,
  Job,
  JobsClientOptions,
  JobUpdate,
  LibraryWallet,
  Logger,
  MessageUpdate,
  PaymentAttempt,
  PaymentErrorCode,
  PaymentRow,
  PendingPayment,
  PriceQuote,
  Quote,
  RequestOptions,
  SpendOptions,
  Spending,
  Store,
  TypedData,
  WaitOptions,
  Wallet,
} from 'eliza-jobs';
import {
  createSandbox,
  serveSandbox,
  type Sandbox,
  type SandboxOptions,
  type ServedSandbox,
  type ServeOptions,
} from 'eliza-jobs/sandbox';
import { fromEip1193, fromEthers, fromViem, type Eip1193Provider, type MadeWallet, type SigningWallet } from 'eliza-jobs/wallets';
import { PaymentError as SamePaymentError } from 'eliza-jobs/errors';
import { JobStatus as SameJobStatus } from 'eliza-jobs/job-status';

/** What an application gives itself may be missing. */
interface Settings {
  url: string;
  apiKey?: string;
  budget?: string;
  timeoutMs?: number;
  store?: Store;
  wallet?: Wallet;
  logger?: Logger;
  headers?: HeadersInput;
  fetch?: FetchFunction;
}
function clientOf({ url, ...given }: Settings): JobsClient {
  const spend: SpendOptions = { maxPerPayment: '0.05', ...(given.budget === undefined ? {} : { budget: given.budget }) };
  const options: JobsClientOptions = { baseUrl: url, ...given, spend };
  return new JobsClient(options);
}

/** Options as constants, which are never written to. */
const SPEND = { budget: { perDay: '1.00' } satisfies BudgetOptions, networks: ['base'] } satisfies SpendOptions;
const WAIT: Readonly<WaitOptions> = { timeoutMs: 1000, onUpdate: (update) => void said(update) };
const params: Readonly<CreateJobRequest> = { userId: 'u', content: 'c', metadata: { n: 1, deep: { list: [null, 'x'] } } };

function said(update: JobUpdate): string {
  switch (update.type) {
    case 'quote':
      return update.quote.amount;
    case 'payment':
      return update.payment.attemptId;
    case 'created':
      return update.job.jobId;
    case 'status':
      return update.job.status;
    default:
      return update satisfies never;
  }
}

/** A client that is wrapped keeps its types. */
class Asker implements Pick<JobsClient, 'getJob' | 'createJob'> {
  readonly #client: JobsClient;
  constructor(client: JobsClient) {
    this.#client = client;
  }
  getJob(jobId: string, options?: RequestOptions): Promise<Job> {
    return this.#client.getJob(jobId, options);
  }
  createJob(params: CreateJobRequest, options?: CreateJobOptions): Promise<CreateJobResponse> {
    return this.#client.createJob(params, options);
  }
  async ask(question: string, options?: AskOptions): Promise<string> {
    return this.#client.ask(question, options);
  }
}
type Given = Parameters<JobsClient['ask']>;
type Answer = Awaited<ReturnType<JobsClient['createAndWaitForJob']>>;
const given: Given = ['question'];
declare const answer: Answer;
void (answer satisfies CompletedJob);

async function everything(client: JobsClient, sessions: SessionsClient): Promise<void> {
  const quote: PriceQuote = await client.quote();
  const chosen = quote.chosen?.amount ?? quote.why;
  const rows: PaymentRow[] = await client.payments({ since: new Date(0), state: 'accepted' });
  for await (const row of client.payments()) void (row.createdAt + Number(row.amount));
  const open: PendingPayment[] = await client.pendingPayments();
  const [first] = open;
  if (first && first.state !== 'unreadable') await client.resume(first, WAIT);
  const spending: Spending = await client.spending();
  for await (const job of client.watchJob('id')) void job.status;
  const messages = await sessions.getMessages('id', { limit: 5 });
  for await (const update of sessions.streamMessage('id', { content: 'hi' })) void textOf(update);
  const created = await client.createJob(params, { idempotencyKey: 'x' });
  void [chosen, rows, spending, created.payment?.amount, messages.messages[0]?.content, given];
}
const textOf = (update: MessageUpdate): string => (update.type === 'chunk' ? update.chunk : update.type);

/** Which errors an application tells apart, and what each has. */
function explained(error: unknown): string {
  if (error instanceof ArgumentError) return error.field ?? error.code;
  if (error instanceof PaymentError) return paid(error.code, error.payment);
  if (error instanceof ApiError) return `${error.status ?? 0} ${error.serverMessage ?? ''}`;
  if (error instanceof JobError) return error.job?.status ?? error.jobId ?? error.code;
  if (error instanceof SessionError) return error.sessionId ?? error.code;
  if (error instanceof ConnectionError) return String(error.retryable);
  if (error instanceof ElizaJobsError) return error.code satisfies ErrorCode;
  return String(error);
}
const paid = (code: PaymentErrorCode, payment: PaymentAttempt | undefined): string => payment?.transaction ?? code;
void (PaymentError === SamePaymentError && JobStatus === SameJobStatus);

/** Wallets and stores of the application's own. */
const wallet: Wallet = {
  address: async () => '0x',
  signTypedData: async ({ domain, message }: TypedData) => `${domain.name}${message.nonce}`,
  sendTransfer: ({ recipient }: Quote) => recipient,
  pay: () => [['x-payment', 'x']],
};
class OwnStore implements Store {
  readonly #records = new Map<string, string>();
  get(key: string): string | undefined {
    return this.#records.get(key);
  }
  set(key: string, value: string): void {
    this.#records.set(key, value);
  }
  delete(key: string): void {
    this.#records.delete(key);
  }
  keys(): string[] {
    return [...this.#records.keys()];
  }
}
declare const provider: Eip1193Provider;
const made: MadeWallet = fromEip1193(provider);
const signs: SigningWallet = fromViem({ address: '0x', signTypedData: async () => '0x' });
const library: LibraryWallet = provider;
const sandboxOptions: SandboxOptions = { paywall: 'x402-v2', price: '0.02' };
const sandbox: Sandbox = createSandbox(sandboxOptions);
const serveOptions: ServeOptions = { port: 3000 };
const served: Promise<ServedSandbox> = serveSandbox(sandbox, serveOptions);
void served.then(({ close }) => close());
for (const each of [wallet, made, signs, library, sandbox.wallet])
  new JobsClient({ baseUrl: sandbox.url, fetch: sandbox.fetch, wallet: each });
for (const store of [new OwnStore(), memoryStore(), fileStore('x'), localStorageStore()])
  new JobsClient({ baseUrl: 'x', store, spend: SPEND });
const { messaging, sessions } = new ElizaClient({ baseUrl: 'x' });
void [everything(messaging, sessions), new Asker(clientOf({ url: 'x' })), explained, fromEthers];
