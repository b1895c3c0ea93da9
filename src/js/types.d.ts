import type { Logger } from './callbacks.js';
import type { FetchFunction, HeadersInput, LibraryWallet, SendTransfer, Wallet } from './injected.js';
import type { Store } from './stores/store.js';

/** Whether money has moved. `'unknown'`: it may have, or may still. */
export type FundsMoved = boolean | 'unknown';

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
   * const params = { userId: crypto.randomUUID(), content: 'What is the weather?' };
   * const job = await client.createAndWaitForJob(params);
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
   * const onUpdate = (update) => console.log(update.type);
   * const job = await client.pollJob(jobId, { timeoutMs: 60_000, onUpdate });
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
