// The error classes alone: `eliza-jobs/errors`. They load no WebAssembly.
export { ApiError, ArgumentError, ConnectionError, ElizaJobsError, JobError, PaymentError, SessionError } from './errors.js';
export type {
  ApiErrorCode,
  ArgumentErrorCode,
  ConnectionErrorCode,
  JobErrorCode,
  PaymentErrorCode,
  SessionErrorCode,
} from './wasm.js';
