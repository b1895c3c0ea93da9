const { JobError, JobsClient, JobStatus } = require('eliza-jobs');
const { fileStore } = require('eliza-jobs/node');
const { fromViem } = require('eliza-jobs/wallets');

async function main([baseUrl, question, folder]) {
  const client = new JobsClient({ baseUrl, wallet: () => `0x${'ab'.repeat(32)}`, store: fileStore(folder) });
  const job = await client.createAndWaitForJob({ userId: crypto.randomUUID(), content: question });
  const isRight = job.status === JobStatus.COMPLETED && JobError && fromViem;
  console.log(`${isRight ? 'right' : 'wrong'}: ${job.result.message.content} for ${client.spent()}`);
}
main(process.argv.slice(2));
