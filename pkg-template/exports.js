export { ApiError, ArgumentError, ConnectionError, ElizaJobsError, JobError, PaymentError } from './errors.js';

export const JobStatus = Object.freeze({
  PENDING: 'pending',
  PROCESSING: 'processing',
  COMPLETED: 'completed',
  FAILED: 'failed',
  TIMEOUT: 'timeout',
  UNKNOWN: 'unknown',
});
