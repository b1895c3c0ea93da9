export { ApiError, ArgumentError, ConnectionError, ElizaJobsError, JobError, PaymentError, SessionError } from './errors.js';
export { fileStore, localStorageStore, memoryStore } from './stores.js';

export const JobStatus = Object.freeze({
  PENDING: 'pending',
  PROCESSING: 'processing',
  COMPLETED: 'completed',
  FAILED: 'failed',
  TIMEOUT: 'timeout',
  UNKNOWN: 'unknown',
});
