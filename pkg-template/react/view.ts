// How each update of the client changes what a component sees, as plain values.
import type { ElizaJobsError } from '../errors.js';
import type { CompletedJob, JobUpdate, PaymentAttempt } from '../wasm.js';
import type { AnsweredState, AskingState, FailedState, IdleState, JobFacts, JobFailure, StoppedState } from './types.js';

const NOTHING = { quote: undefined, payment: undefined, job: undefined, answer: undefined, error: undefined };

export const idle: IdleState = { status: 'idle', isBusy: false, question: undefined, ...NOTHING };

/** Begins a question, or goes on with one of which something is known. */
export const asking = (question: string, known: JobFacts = NOTHING): AskingState => {
  const { quote, payment, job } = known;
  return { status: 'asking', isBusy: true, question, quote, payment, job, answer: undefined, error: undefined };
};

/** What an update of the client changes. */
export function updated(state: AskingState, update: JobUpdate): AskingState {
  switch (update.type) {
    case 'quote':
      return { ...state, status: 'confirming', quote: update.quote };
    case 'payment':
      return { ...state, status: update.payment.state === 'accepted' ? 'waiting' : 'paying', payment: update.payment };
    case 'created':
    case 'status':
      return { ...state, status: 'waiting', job: update.job };
  }
}

export const answered = (state: AskingState, job: CompletedJob): AnsweredState => {
  const payment = job.payment ?? state.payment;
  return { ...state, status: 'answered', isBusy: false, job, payment, answer: job.result.message.content };
};

export const failed = (state: AskingState, error: JobFailure): FailedState => {
  const { payment, job } = error as Partial<ElizaJobsError>;
  return {
    ...state,
    status: 'failed',
    isBusy: false,
    error,
    payment: withoutProof(payment) ?? state.payment,
    job: job ?? state.job,
  };
};

export const stopped = (state: AskingState): StoppedState => ({ ...state, status: 'stopped', isBusy: false });

/**
 * An error's payment may hold the proof, which is a secret: what components get is printed and
 * rendered.
 */
function withoutProof(payment: PaymentAttempt | undefined): PaymentAttempt | undefined {
  if (!payment) return undefined;
  const shown = { ...payment };
  delete shown.proof;
  return shown;
}

/** The job has ended without an answer, whatever was paid: to ask again means another job. */
const ENDED = ['job_failed', 'job_timeout', 'job_gone'];

/**
 * What a failure leaves behind: `over`, nothing to go on with; `open`, money may have moved, so
 * that a page that is loaded again goes on by itself; `stopped`, nobody's money has moved, so that
 * the user decides.
 */
export function remains(error: JobFailure): 'over' | 'open' | 'stopped' {
  if (ENDED.includes(error.code)) return 'over';
  return error.fundsMoved === false ? 'stopped' : 'open';
}

/** The payment for which a wallet was asked to sign, and has not: no money has moved. */
export function unsigned(error: JobFailure): PaymentAttempt | undefined {
  const { code, fundsMoved, payment } = error as Partial<ElizaJobsError>;
  return code === 'wallet_timeout' && fundsMoved === false ? payment : undefined;
}
