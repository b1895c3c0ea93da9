import { JobsClient, type JobDetailsResponse } from 'eliza-jobs';
import { createSandbox, serveSandbox } from 'eliza-jobs/sandbox';

const job: Promise<JobDetailsResponse> = new JobsClient({ baseUrl: 'http://h' }).getJob('x');
void job;
void serveSandbox(createSandbox({ paywall: 'x402-v2' }), { port: 3000 }).then(({ url }) => url.length);
// @ts-expect-error there is no such option
void serveSandbox(createSandbox(), { prt: 3000 });
