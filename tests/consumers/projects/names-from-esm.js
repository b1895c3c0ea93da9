// Names of a CommonJS file in an import, as programs get them whose tools prefer `require`.
import { JobsClient } from '../node_modules/eliza-jobs/cjs/node.js';
import { fromViem } from '../node_modules/eliza-jobs/cjs/wallets.js';

const [baseUrl, question] = process.argv.slice(2);
const client = new JobsClient({ baseUrl, wallet: () => `0x${'ab'.repeat(32)}` });
const job = await client.createAndWaitForJob({ userId: crypto.randomUUID(), content: question });
console.log(`${fromViem ? 'right' : 'wrong'}: ${job.result.message.content} for ${client.spent()}`);
