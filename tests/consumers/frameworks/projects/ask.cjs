const { JobError, JobsClient, JobStatus } = require('eliza-jobs');

exports.ask = async (baseUrl, question) => {
  const client = new JobsClient({ baseUrl, wallet: () => `0x${'ab'.repeat(32)}` });
  const job = await client.createAndWaitForJob({ userId: '22222222-2222-4222-8222-222222222222', content: question });
  const isRight = job.status === JobStatus.COMPLETED && JobError;
  return `${isRight ? 'right' : 'wrong'}: ${job.result.message.content} for ${client.spent()}`;
};
