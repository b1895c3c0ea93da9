export {
  ApiError,
  ArgumentError,
  ConnectionError,
  ElizaJobsError,
  JobError,
  PaymentError,
  SessionError,
} from './error-classes.js';
export { ElizaClient, JobsClient, SessionsClient } from './eliza-client.js';
export { JobStatus } from './job-status.js';
export { fileStore, localStorageStore, memoryStore } from './stores.js';
