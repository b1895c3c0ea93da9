// One job through all six methods, each with all that it takes.
import {
  ElizaClient,
  JobStatus,
  type CreateJobRequest,
  type CreateJobResponse,
  type JobDetailsResponse,
  type JobsHealthResponse,
  type ListJobsParams,
  type ListJobsResponse,
} from 'eliza-jobs';

const { messaging } = new ElizaClient({ baseUrl: process.env.ELIZA_URL ?? 'http://localhost:3000' });

const params: CreateJobRequest = { userId: process.env.ELIZA_USER ?? crypto.randomUUID(), content: 'Name a star' };
const created: CreateJobResponse = await messaging.createJob(params);
const polled: JobDetailsResponse = await messaging.pollJob(created.jobId, 50, 200);
const job: JobDetailsResponse = await messaging.getJob(created.jobId);
const again: JobDetailsResponse = await messaging.createAndWaitForJob(params, 50, 200);
const filter: ListJobsParams = { status: JobStatus.COMPLETED, limit: 1 };
const list: ListJobsResponse = await messaging.listJobs(filter);
const health: JobsHealthResponse = await messaging.getJobsHealth();

console.log(`the same job: ${polled.jobId === created.jobId && job.jobId === created.jobId}`);
console.log(`another one: ${again.jobId !== created.jobId}`);
console.log(`the newest: ${list.jobs[0]?.jobId === again.jobId}`);
console.log(`counted: ${health.totalJobs === list.total}`);
