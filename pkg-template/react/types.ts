// The public types of eliza-jobs/react.
import type { ArgumentError, ElizaJobsError } from '../errors.js';
import type {
  AskOptions,
  CompletedJob,
  CreateJobResponse,
  JobDetailsResponse,
  JobsClient,
  PaymentAttempt,
  Quote,
} from '../wasm.js';

/** A `JobsClient`, or what stands for one in a test. */
export type AskingClient = Pick<JobsClient, 'createAndWaitForJob' | 'resume' | 'forgetPayment'>;

/** What `ask` takes. */
export type AskJobOptions = Pick<AskOptions, 'userId' | 'agentId' | 'metadata' | 'timeoutMs' | 'headers'>;

/**
 * An error of the client: its `code` says what went wrong, its `fundsMoved` whether money has
 * moved.
 */
export type JobFailure = ElizaJobsError | ArgumentError;

/** What is known besides the answer. */
export interface JobFacts {
  /** The price, once the server has asked for a payment. */
  readonly quote: Quote | undefined;
  /** What is paid for it, once the wallet has been asked. */
  readonly payment: PaymentAttempt | undefined;
  /** The job, as it was last seen. */
  readonly job: CreateJobResponse | JobDetailsResponse | undefined;
}

/** Nothing was asked. */
export interface IdleState extends JobFacts {
  readonly status: 'idle';
  readonly isBusy: false;
  readonly question: undefined;
  readonly answer: undefined;
  readonly error: undefined;
}

/** The question is under way. */
export interface AskingState extends JobFacts {
  /**
   * - `asking`: the question is on its way, or what was begun before a reload is looked for.
   * - `confirming`: the price is known; `confirm` and the wallet are asked.
   * - `paying`: the wallet has paid or signed, and the proof is on its way.
   * - `waiting`: there is a job, and the agent works on it.
   */
  readonly status: 'asking' | 'confirming' | 'paying' | 'waiting';
  /** Whether the question is under way. */
  readonly isBusy: true;
  /** What was asked; also after a reload. */
  readonly question: string;
  readonly answer: undefined;
  readonly error: undefined;
}

/** There is an answer. */
export interface AnsweredState extends JobFacts {
  readonly status: 'answered';
  readonly isBusy: false;
  readonly question: string;
  /** The answer's text. */
  readonly answer: string;
  /** The whole job, with `result` and, where something was paid, `payment`. */
  readonly job: CompletedJob;
  readonly error: undefined;
}

/** It failed. */
export interface FailedState extends JobFacts {
  readonly status: 'failed';
  readonly isBusy: false;
  readonly question: string;
  readonly answer: undefined;
  /** What went wrong. Its `code` says what, its `fundsMoved` whether money has moved. */
  readonly error: JobFailure;
}

/**
 * `cancel()` was called, here or before a reload. What was paid is recorded, and `resume()` goes
 * on.
 */
export interface StoppedState extends JobFacts {
  readonly status: 'stopped';
  readonly isBusy: false;
  readonly question: string;
  readonly answer: undefined;
  readonly error: undefined;
}

/** Where a question stands: `status` says what else there is. */
export type JobState = IdleState | AskingState | AnsweredState | FailedState | StoppedState;
/** All values of `status`. */
export type JobPhase = JobState['status'];
/** What `useJob` returns. It is the same object until something changes. */
export type JobView = JobState & JobActions;

/** What `resume` takes. */
export interface ResumeJobOptions {
  /**
   * The hash of the transfer, as the user found it in the wallet: for a payment of which nobody
   * else knows what became.
   */
  readonly transaction?: string;
}

/** What can be done with a question. The functions stay the same as long as client and key do. */
export interface JobActions {
  /**
   * Asks, pays where the server asks for that, and resolves with the answer's text. Whoever does
   * not await it need not catch: what goes wrong is in `error`. The same question while it is under
   * way, or again under the same key, is the same call. Another question is refused while one is
   * under way.
   */
  readonly ask: (question: string, options?: AskJobOptions) => Promise<string>;
  /** Goes on with a question that failed or was stopped. What was paid is not paid again. */
  readonly resume: (options?: ResumeJobOptions) => Promise<string>;
  /** Stops waiting. What was paid stays recorded, and `resume()` goes on with it. */
  readonly cancel: () => void;
  /**
   * Stops waiting, and forgets question and answer: the next `ask` is a new job. The client's own
   * records of payments stay.
   */
  readonly reset: () => void;
}
