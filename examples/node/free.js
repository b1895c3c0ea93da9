// One question to a server that asks for no money: npm run free
// A real server: ELIZA_URL=http://localhost:3000 npm run free
import { JobsClient } from 'eliza-jobs';
import { createSandbox } from 'eliza-jobs/sandbox';

const { ELIZA_URL } = process.env;
const sandbox = createSandbox();
const server = ELIZA_URL ? { baseUrl: ELIZA_URL } : { baseUrl: sandbox.url, fetch: sandbox.fetch };

const client = new JobsClient(server);
console.log(await client.ask('What is the weather in New York?'));
