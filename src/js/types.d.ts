import type { Store } from './stores/store.js';
/** Eight, four, four, four and twelve hexadecimal digits. */
export type UUID = string;

/** Where a job stands. */
export const JobStatus: {
  readonly PENDING: 'pending';
  readonly PROCESSING: 'processing';
  readonly COMPLETED: 'completed';
  readonly FAILED: 'failed';
  readonly TIMEOUT: 'timeout';
  /** The server said something else; `rawStatus` has it. Not final. */
  readonly UNKNOWN: 'unknown';
};
/** Where a job stands. */
export type JobStatus = (typeof JobStatus)[keyof typeof JobStatus];
/** Each status as a type, as an enum has them. */
export declare namespace JobStatus {
  type PENDING = 'pending';
  type PROCESSING = 'processing';
  type COMPLETED = 'completed';
  type FAILED = 'failed';
  type TIMEOUT = 'timeout';
  type UNKNOWN = 'unknown';
}

/** A network that can be paid on. */
export type NetworkName = 'base' | 'polygon' | 'base-sepolia' | 'polygon-amoy' | (string & {});

/** A job with its answer. */
export type CompletedJob = JobDetailsResponse & { status: 'completed'; result: JobResult };

/** elizaOS's own name for `ListJobsResponse`. */
export type JobListResponse = ListJobsResponse;
/** elizaOS's own name for `JobsHealthResponse`. */
export type JobHealthResponse = JobsHealthResponse;

/**
 * Asks elizaOS agents one-off questions ("jobs") over the Jobs API, and pays for the answers where that is asked for.
 *
 * Every method gives a promise. State is shared and immutable, so that any number of calls may run at once, `free()` may be
 * called while they do, and callbacks may call back.
 */
export class JobsClient {
  /**
   * A client for the server at `options.baseUrl`. Sends nothing.
   *
   * @throws {ArgumentError} (a `TypeError`) when an option can never work.
   */
  constructor(options: JobsClientOptions);
  /**
   * Creates a job, pays for it when asked to, and waits for its answer.
   */
  createAndWaitForJob(
    params: CreateJobRequest,
    pollInterval?: number | WaitOptions,
    maxAttempts?: number,
    options?: WaitOptions,
  ): Promise<CompletedJob>;
  /**
   * Creates a job; when the server asks for a payment, pays for it once through the wallet.
   */
  createJob(params: CreateJobRequest, options?: CreateJobOptions): Promise<CreateJobResponse>;
  /**
   * The job as it is now.
   */
  getJob(jobId: string, options?: RequestOptions): Promise<JobDetailsResponse>;
  /**
   * How the Jobs service is.
   */
  getJobsHealth(options?: RequestOptions): Promise<JobsHealthResponse>;
  /**
   * The server's jobs, the newest first. These are the jobs of everyone who uses the server.
   */
  listJobs(params?: ListJobsParams, options?: RequestOptions): Promise<ListJobsResponse>;
  /**
   * What is open at this server, the oldest first: payments whose outcome is not known, proofs that were not used, and paid
   * jobs whose answers were not seen; after a reload or a crash too, when the store has outlived it. A record that cannot be
   * read has the state `unreadable`, and is kept.
   */
  pendingPayments(options?: RequestOptions): Promise<PendingPayment[]>;
  /**
   * Forgets a payment that is open: one of which you know that no money has moved, or a record that cannot be read. What was paid
   * and is forgotten is lost.
   *
   * @param attempt An attempt: of an error (`error.payment`) or of `pendingPayments()`.
   */
  forgetPayment(attempt: PendingPayment, options?: RequestOptions): Promise<void>;
  /**
   * Waits for a job's answer. A number for `interval` (milliseconds, 1000 when only `maxAttempts` is given) or
   * `maxAttempts` (30 when only `interval` is given) is obeyed exactly; without both the wait lasts until the job's own expiry.
   */
  pollJob(jobId: string, interval?: number | WaitOptions, maxAttempts?: number, options?: WaitOptions): Promise<CompletedJob>;
  /**
   * Goes on where a payment or a job was left, and waits for the job's answer. A payment goes on with the job that is there, else
   * with the same proof; nothing is ever paid again.
   *
   * @param handle A job's id, or an attempt: of an error (`error.payment`) or of `pendingPayments()`.
   */
  resume(handle: string | PendingPayment, options?: WaitOptions): Promise<CompletedJob>;
  /**
   * What this client has spent of a token so far, as a decimal number of tokens (`"0.04"`), with what is set aside for
   * payments under way.
   *
   * @param currency The token's symbol. @default "USDC"
   * @throws {ArgumentError} (a `TypeError`) when it is no token of `spend.assets`.
   */
  spent(currency?: string): string;
  /**
   * Looks at a job as `pollJob` does, and gives it each time that it is seen in another status; ends when the job is completed, and throws
   * what `pollJob` would reject with.
   */
  watchJob(jobId: string, options?: WaitOptions): AsyncIterableIterator<JobDetailsResponse>;
  /** Lets go of the client's memory; calls that are under way are finished. */
  free(): void;
  [Symbol.dispose](): void;
}

/**
 * Conversations with an agent that last. Every method gives a promise, or what `for await` takes.
 */
export class SessionsClient {
  /**
   * The sessions of the server at `options.baseUrl`. Sends nothing.
   *
   * @throws {ArgumentError} (a `TypeError`) when an option can never work.
   */
  constructor(options: JobsClientOptions);
  /**
   * Begins a session between a user and an agent.
   */
  createSession(params: CreateSessionRequest, options?: RequestOptions): Promise<Session>;
  /**
   * Ends the session. The server forgets it at once.
   */
  deleteSession(sessionId: string, options?: RequestOptions): Promise<DeleteSessionResponse>;
  /**
   * A page of the session's messages, the newest first. In `for await` all of them, page by page; with `after` alone the oldest first.
   */
  getMessages(
    sessionId: string,
    params?: GetMessagesParams,
    options?: RequestOptions,
  ): Promise<GetMessagesResponse> & AsyncIterable<SessionMessage>;
  /**
   * The session as it is now.
   */
  getSession(sessionId: string, options?: RequestOptions): Promise<Session>;
  /**
   * How the Sessions service is.
   */
  getSessionsHealth(options?: RequestOptions): Promise<SessionsHealthResponse>;
  /**
   * Says that the user is still there, which renews a session that renews itself.
   */
  heartbeat(sessionId: string, options?: RequestOptions): Promise<Session>;
  /**
   * The sessions that have not expired, of everyone who uses the server.
   */
  listSessions(options?: RequestOptions): Promise<ListSessionsResponse>;
  /**
   * Gives the session its whole time again, whether or not it renews itself with each message.
   */
  renewSession(sessionId: string, options?: RequestOptions): Promise<Session>;
  /**
   * Puts a message into the session and waits for the agent's answer, `options.timeoutMs` at most. @default 60000
   *
   * Where the server does not wait for the agent, or gives up on it (after 30 seconds), the answer is looked for among the session's
   * messages: it is the agent's first one after this message, so send one message of a session after the other. Every error
   * (`SessionError`) has the `sessionId`, and the `userMessage` when that is in the session.
   */
  sendMessageAndWait(sessionId: string, params: SendMessageRequest, options?: RequestOptions): Promise<AnsweredMessage>;
  /**
   * Puts a message into the session and does not wait for the agent; the answer will be among the session's messages.
   *
   * A reply that is lost is made up for by a look into the session; where that is not possible, it rejects with
   * `message_outcome_unknown`. Nothing is sent twice.
   */
  sendMessage(sessionId: string, params: SendMessageRequest, options?: RequestOptions): Promise<MessageResponse>;
  /**
   * Puts a message into the session and gives the agent's answer as it comes: `user_message`, then any number of `chunk`, then `done`.
   * Where the server has no streams, or the stream breaks off, the answer comes as a whole with `done`. Leaving the loop ends the request.
   * `options.timeoutMs` is for the whole. @default 300000
   */
  streamMessage(
    sessionId: string,
    params: Omit<SendMessageRequest, 'transport'>,
    options?: RequestOptions,
  ): AsyncIterableIterator<MessageUpdate>;
  /** Lets go of the client's memory; calls that are under way are finished. */
  free(): void;
  [Symbol.dispose](): void;
}

/**
 * All of a server: `messaging` asks one-off questions, `sessions` holds conversations.
 *
 * @throws {ArgumentError} (a `TypeError`) when an option can never work.
 */
export class ElizaClient {
  constructor(options: JobsClientOptions);
  /** One-off questions ("jobs"). */
  readonly messaging: JobsClient;
  /** Conversations that last. */
  readonly sessions: SessionsClient;
  /** Lets go of the client's memory; calls that are under way are finished. */
  free(): void;
  [Symbol.dispose](): void;
}

/** A message with the agent's answer. */
export type AnsweredMessage = MessageResponse & { agentResponse: AgentResponse };

/** What `streamMessage` gives. */
export type MessageUpdate =
  /** The message is in the session. */
  | { type: 'user_message'; message: SessionMessage }
  /** A piece of the answer. */
  | { type: 'chunk'; chunk: string; index: number; messageId?: string }
  /** The whole answer. */
  | { type: 'done'; response: AgentResponse };

/** Which messages `getMessages` gives. */
export interface GetMessagesParams {
  /** How many in one page, 1 to 100. @default 50 (the server's) */
  limit?: number;
  /** Only those written before this instant: a `Date`, or milliseconds since 1970, such as a page's `cursors.before`. */
  before?: number | Date;
  /** Only those written after this instant: a `Date`, or milliseconds since 1970, such as a page's `cursors.after`. */
  after?: number | Date;
}

/** What a client is made with. */
export interface JobsClientOptions {
  /** The server's address: http or https, a path is fine; no credentials, query or fragment. */
  baseUrl: string;
  /** Sent as `X-API-KEY`. */
  apiKey?: string;
  /** Sent with every request. */
  headers?: HeadersInit;
  /** Used in place of the global `fetch`. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** The longest time for one request, with its whole answer and its retries, in milliseconds. The time that a wallet takes does not count. @default 30000 */
  timeoutMs?: number;
  /** How often a read that failed is tried again. @default 2 */
  retries?: number;
  /** The largest answer that is read, in bytes. @default 8388608 */
  maxResponseBytes?: number;
  /** What pays: a function that makes a token transfer and gives its hash, or an object that can do more. */
  wallet?: Wallet | SendTransfer;
  /** Asked before the wallet is, with the price. Anything but `true` means that nothing is paid. */
  confirm?: (quote: Quote) => boolean | Promise<boolean>;
  /** The longest time for the wallet, and for `confirm`, in milliseconds. @default 300000; without a limit in a page */
  walletTimeoutMs?: number;
  /** What may be paid. */
  spend?: SpendOptions;
  /** Where payments are written down. @default localStorage in a page, else memory */
  store?: Store;
  /** Told what happens, never with a header, a body or a proof in it. @default warnings go to the console */
  logger?: Logger;
}

/** Where lines for people go; the console is one. What it throws harms nothing. */
export interface Logger {
  /** One line for each request: method, path, status, duration. */
  debug?(...said: unknown[]): void;
  info?(...said: unknown[]): void;
  /** What somebody should look at: a callback that threw, an odd answer, a wallet that answered too late. */
  warn?(...said: unknown[]): void;
  error?(...said: unknown[]): void;
}

/**
 * Makes the token transfer that the quote asks for, and gives its transaction hash once it is mined. An error with `noMoneyMoved: true`
 * says that certainly nothing was sent.
 */
export type SendTransfer = (quote: Quote) => string | Promise<string>;

/** A payment that is open, or a record that cannot be read. */
export type PendingPayment = PaymentAttempt | { attemptId: string; state: 'unreadable' };

/**
 * What pays. Each member opens more servers; `eliza-jobs/wallets` makes such objects of the usual libraries. An error with
 * `noMoneyMoved: true` says that certainly nothing was sent: the budget has it back, and the payment is not open.
 */
export interface Wallet {
  /** Whose money it is. Needed with `signTypedData`. */
  address?: string | (() => string | Promise<string>);
  /** Makes a token transfer, for servers that want its hash. */
  sendTransfer?: SendTransfer;
  /** Signs typed data (EIP-712), for servers of x402 version 1 and 2. Gives the signature. */
  signTypedData?: (typedData: TypedData) => string | Promise<string>;
  /** Takes a whole payment over, for what the others cannot serve. Gives the request headers that prove it, such as `PAYMENT-SIGNATURE`. */
  pay?: (quote: Quote) => HeadersInit | Promise<HeadersInit>;
}

/** What a wallet signs, as `eth_signTypedData_v4` takes it. */
export interface TypedData {
  types: Record<string, { name: string; type: string }[]>;
  primaryType: 'TransferWithAuthorization';
  domain: { name: string; version: string; chainId: number; verifyingContract: string };
  /** Integers are decimal strings. */
  message: { from: string; to: string; value: string; validAfter: string; validBefore: string; nonce: string };
}

/** What may be paid. Everything that breaks a rule is refused before the wallet is asked. */
export interface SpendOptions {
  /** The most that one job may cost, as a decimal string of USDC. @default "0.10" */
  maxPerPayment?: string;
  /** The most that all jobs of this client together may cost, as a decimal string of USDC. @default no limit */
  budget?: string;
  /** The networks that may be paid on, the preferred one first. Testnets only when they are named. @default ["base", "polygon"] */
  networks?: NetworkName[];
  /** Tokens other than USDC that may be paid with. USDC is preferred, then the order of this list. */
  assets?: AssetOptions[];
  /** Who may be paid: addresses. @default anybody */
  recipients?: string[];
  /** What else may be paid for than the address that the request goes to: URLs. Needed when a server names itself otherwise, as behind a proxy; and for an address without https on a network of your own. */
  allowResource?: string | string[];
}

/** A token of the application's own choice. */
export interface AssetOptions {
  /** The network, as servers name it; one of those in `networks`. */
  network: NetworkName;
  /** The network's EVM chain id. Only for a network that the client does not know; without it that is no EVM chain, and only a wallet with `pay` can serve it. */
  chainId?: number;
  /** The token's contract. */
  asset: string;
  /** What it is called in limits, errors and `spent()`. */
  symbol: string;
  /** How many decimals it has. */
  decimals: number;
  /** The name in its EIP-712 domain. @default the symbol */
  name?: string;
  /** The version in its EIP-712 domain. @default "1" */
  version?: string;
  /** The most that one job may cost, as a decimal string of this token. */
  maxPerPayment: string;
  /** The most that all jobs of this client together may cost, as a decimal string of this token. @default no limit */
  budget?: string;
}

/** What every method takes. */
export interface RequestOptions {
  /** Ends the call at once; it rejects with the signal's own reason. */
  signal?: AbortSignal | null;
  /** The longest time for this call, in milliseconds: for one request with its retries, or for a whole wait. */
  timeoutMs?: number;
  /** Sent with this call's requests. */
  headers?: HeadersInit;
}

/** What `createJob` takes. */
export interface CreateJobOptions extends RequestOptions {
  /** Called when something has happened. What it throws is reported once to the logger and does not end the call. */
  onUpdate?: (update: JobUpdate) => void;
  /** A name for this job: two calls with the same name, at the same time or one after the other, make and pay one job. The same
   * name for another question (`agentId`, `userId`, `content`) is an `ArgumentError`. */
  idempotencyKey?: string;
}

/** What waiting takes. */
export interface WaitOptions extends CreateJobOptions {
  /** Milliseconds between two looks, obeyed exactly. @default 1000 when `maxAttempts` is given, else a schedule that follows the job's age */
  intervalMs?: number;
  /** How often to look at most, obeyed exactly. @default 30 when an interval is given, else until the job's own expiry */
  maxAttempts?: number;
}

/** What happens while a job is created and waited for. */
export type JobUpdate =
  /** The price was read and keeps the rules; `confirm` and the wallet are about to be asked. */
  | { type: 'quote'; quote: Quote }
  /** A payment has come further: the wallet has given the proof, which is about to be sent; or the server has accepted it. */
  | { type: 'payment'; payment: PaymentAttempt }
  /** There is a job. */
  | { type: 'created'; job: CreateJobResponse }
  /** The job was seen for the first time, or in another status. */
  | { type: 'status'; job: JobDetailsResponse };

/** A stable name for each thing that can go wrong. */
export type ErrorCode =
  | 'invalid_argument'
  | 'connection_failed'
  | 'connection_reset'
  | 'request_timeout'
  | 'bad_request'
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'job_not_found'
  | 'session_not_found'
  | 'session_expired'
  | 'rate_limited'
  | 'server_error'
  | 'request_refused'
  | 'invalid_response'
  | 'unexpected_html'
  | 'response_too_large'
  | 'redirect_refused'
  | 'job_failed'
  | 'job_timeout'
  | 'job_gone'
  | 'wait_timeout'
  | 'agent_failed'
  | 'no_answer'
  | 'answer_timeout'
  | 'message_outcome_unknown'
  | 'payment_required'
  | 'payment_requirements_invalid'
  | 'payment_over_limit'
  | 'payment_network_not_allowed'
  | 'payment_recipient_not_allowed'
  | 'payment_resource_mismatch'
  | 'payment_insecure_connection'
  | 'payment_declined'
  | 'payment_not_supported_here'
  | 'payment_refused'
  | 'payment_outcome_unknown'
  | 'payment_not_open'
  | 'store_failed'
  | 'wallet_cannot_pay'
  | 'wallet_rejected'
  | 'wallet_failed'
  | 'wallet_invalid_proof'
  | 'wallet_timeout'
  | 'client_disposed'
  | 'wasm_panic'
  | 'init_failed';

/** What every error of this package is. `instanceof` works across copies of the package. */
export class ElizaJobsError extends Error {
  protected constructor();
  /** What went wrong. */
  readonly code: ErrorCode;
  /** Whether the same call may succeed later without any change, at no further cost. */
  readonly retryable: boolean;
  /** The job this is about. */
  readonly jobId?: string;
  /** The job as it was last seen. */
  readonly job?: JobDetailsResponse;
  /** The session this is about. Not enumerable: whoever has it can read the session, so that it must not get into logs. */
  readonly sessionId?: string;
  /** The message that was sent, when it is known to be in the session. */
  readonly userMessage?: SessionMessage;
  /** The HTTP status that the server answered. */
  readonly status?: number;
  /** The same as `status`. */
  readonly statusCode?: number;
  /** The server's own words. */
  readonly serverMessage?: string;
  /** The server's own code for the error. */
  readonly serverCode?: string;
  /** How long the server asks to stay away, in milliseconds. */
  readonly retryAfterMs?: number;
  /** The payment this is about. Not enumerable: it may hold a proof, which must not get into logs. */
  readonly payment?: PaymentAttempt;
  /** What the platform or the wallet threw. */
  readonly cause?: unknown;
}
/** The server said no, or said something that is no answer. */
export class ApiError extends ElizaJobsError {}
/** The job ended without an answer, is gone, or took longer than the caller waits. */
export class JobError extends ElizaJobsError {}
/** A payment was refused, by the limits, the wallet or the server, or its outcome is not known. */
export class PaymentError extends ElizaJobsError {}
/** A message in a session got no answer: the agent failed, chose not to answer, or took longer than the caller waits; or it is not known whether the message has arrived. */
export class SessionError extends ElizaJobsError {}
/** No answer came. */
export class ConnectionError extends ElizaJobsError {}
/** An argument or option can never work. Nothing was sent. Also an `ElizaJobsError` for `instanceof`. */
export class ArgumentError extends TypeError {
  protected constructor();
  readonly code: 'invalid_argument' | 'client_disposed';
  readonly retryable: false;
  /** The argument's or option's name; absent when the client itself was let go of. */
  readonly field?: string;
}
