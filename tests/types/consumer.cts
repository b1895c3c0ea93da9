import { JobsClient, type JobDetailsResponse } from 'eliza-jobs';

const job: Promise<JobDetailsResponse> = new JobsClient({ baseUrl: 'http://h' }).getJob('x');
void job;
