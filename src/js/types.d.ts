import type { Logger } from './callbacks.js';
import type { Store } from './stores/store.js';

declare global {
  // Projects without `lib: dom`, or with an older compiler, do not have these; elsewhere the declarations merge.
  interface AbortSignal {}
  interface Headers {}
  interface SymbolConstructor {
    readonly dispose: unique symbol;
  }
  interface Disposable {
    [Symbol.dispose](): void;
  }
}

/** Whether money has moved. `'unknown'`: it may have, or may still. */
export type FundsMoved = boolean | 'unknown';

/** What is sent as headers: an object, a list of pairs, or `Headers`. */
export type HeadersInput = Record<string, string> | readonly (readonly string[])[] | Headers;

/** What a `fetch` of your own is called with. */
export interface FetchInit {
  method: 'GET' | 'POST' | 'DELETE';
  headers: Headers;
  body?: string;
  redirect: 'manual';
  signal: AbortSignal;
  /** Absent in runtimes that do not know it. */
  cache?: 'no-store';
}
/** What a `fetch` of your own returns: a `Response`, or what reads like one. */
export interface FetchResponse {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
}
/** A `fetch` of your own. The global one is such a function. */
export type FetchFunction = (url: string, init: FetchInit) => Promise<FetchResponse>;

/**
 * Makes the token transfer that the quote asks for, and returns its transaction hash once it is mined. An error with `noMoneyMoved: true`
 * says that certainly nothing was sent.
 */
export type SendTransfer = (quote: Quote) => string | Promise<string>;

/**
 * What pays. Each member opens more servers; `eliza-jobs/wallets` makes such objects of the usual libraries. An error with
 * `noMoneyMoved: true` says that certainly nothing was sent: the budget has it back, and the payment is not open.
 */
export interface Wallet {
  /** Whose money it is. Needed with `signTypedData`. */
  address?: string | (() => string | Promise<string>);
  /** Makes a token transfer, for servers that want its hash. */
  sendTransfer?: SendTransfer;
  /** Signs typed data (EIP-712), for servers of x402 version 1 and 2. Returns the signature. */
  signTypedData?: (typedData: TypedData) => string | Promise<string>;
  /** Takes a whole payment over, for what the others cannot serve. Returns the request headers that prove it, such as `PAYMENT-SIGNATURE`. */
  pay?: (quote: Quote) => HeadersInput | Promise<HeadersInput>;
}

/** A job without an answer: the agent has not finished, or it has failed. */
export interface UnansweredJob extends JobDetailsResponse {
  status: Exclude<JobStatus, 'completed'>;
}

/** A job as the server describes it: with `status` `completed` it has its answer. */
export type Job = CompletedJob | UnansweredJob;

// Methods with two forms, beside those that are generated.
export interface JobsClient {
  /**
   * Creates a job, pays for it when the server asks for that, and waits for its answer.
   *
   * @example
   * const job = await client.createAndWaitForJob({ userId: crypto.randomUUID(), content: 'What is the weather?' });
   * console.log(job.result.message.content);
   */
  createAndWaitForJob(params: CreateJobRequest, options?: WaitOptions): Promise<CompletedJob>;
  /**
   * The same, with the interval and the number of polls of your own, which are kept exactly.
   *
   * @param pollInterval In milliseconds. @default 1000 when only `maxAttempts` is given
   * @param maxAttempts @default 30 when only `pollInterval` is given
   */
  createAndWaitForJob(
    params: CreateJobRequest,
    pollInterval: number | undefined,
    maxAttempts?: number,
    options?: WaitOptions,
  ): Promise<CompletedJob>;
  /**
   * Waits for a job's answer, until the job's own expiry.
   *
   * @example
   * const job = await client.pollJob(jobId, { timeoutMs: 60_000, onUpdate: (update) => console.log(update.type) });
   */
  pollJob(jobId: string, options?: WaitOptions): Promise<CompletedJob>;
  /**
   * The same, with the interval and the number of polls of your own, which are kept exactly.
   *
   * @param interval In milliseconds. @default 1000 when only `maxAttempts` is given
   * @param maxAttempts @default 30 when only `interval` is given
   */
  pollJob(jobId: string, interval: number | undefined, maxAttempts?: number, options?: WaitOptions): Promise<CompletedJob>;
}
