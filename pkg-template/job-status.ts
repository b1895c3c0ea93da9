import type { JobStatus as Status } from './wasm.js';

/**
 * Where a job stands. `UNKNOWN`: the server said something else, which is in `rawStatus`; it is not
 * final.
 */
export const JobStatus: { readonly [S in Status as Uppercase<S>]: S } = Object.freeze({
  PENDING: 'pending',
  PROCESSING: 'processing',
  COMPLETED: 'completed',
  FAILED: 'failed',
  TIMEOUT: 'timeout',
  UNKNOWN: 'unknown',
});
/** Where a job stands. */
export type JobStatus = Status;
/** Each status as a type, as an enum has them. */
// eslint-disable-next-line @typescript-eslint/no-namespace -- types only
export declare namespace JobStatus {
  type PENDING = 'pending';
  type PROCESSING = 'processing';
  type COMPLETED = 'completed';
  type FAILED = 'failed';
  type TIMEOUT = 'timeout';
  type UNKNOWN = 'unknown';
}
