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

/** A network that can be paid on. */
export type NetworkName = 'base' | 'polygon';

/** A job with its answer. */
export type CompletedJob = JobDetailsResponse & { status: 'completed'; result: JobResult };

/** elizaOS's own name for `ListJobsResponse`. */
export type JobListResponse = ListJobsResponse;
/** elizaOS's own name for `JobsHealthResponse`. */
export type JobHealthResponse = JobsHealthResponse;

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
  /** Makes the token transfer that the quote asks for, and gives its transaction hash. Called at most once for a job. */
  wallet?: (quote: Quote) => string | Promise<string>;
  /** What may be paid. */
  spend?: SpendOptions;
}

/** What may be paid. */
export interface SpendOptions {
  /** The most that one job may cost, as a decimal string of USDC. @default "0.10" */
  maxPerPayment?: string;
  /** The networks that may be paid on, the preferred one first. @default ["base", "polygon"] */
  networks?: NetworkName[];
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
  /** Called when something has happened. What it throws is reported on the console and does not end the call. */
  onUpdate?: (update: JobUpdate) => void;
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
  /** The price was read and accepted; the wallet is about to be asked. */
  | { type: 'quote'; quote: Quote }
  /** The wallet has paid; the proof is about to be sent. */
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
  | 'payment_required'
  | 'payment_requirements_invalid'
  | 'payment_over_limit'
  | 'payment_network_not_allowed'
  | 'payment_not_supported_here'
  | 'payment_refused'
  | 'payment_outcome_unknown'
  | 'wallet_rejected'
  | 'wallet_failed'
  | 'wallet_invalid_proof'
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
/** No answer came. */
export class ConnectionError extends ElizaJobsError {}
/** An argument or option can never work. Nothing was sent. Also an `ElizaJobsError` for `instanceof`. */
export class ArgumentError extends TypeError {
  protected constructor();
  readonly code: 'invalid_argument';
  readonly retryable: false;
  /** The argument's or option's name. */
  readonly field: string;
}
