// One paid job from the terminal: starts the real elizaOS server with its paywall, pays with a test wallet, prints the answer.
//
//   Q="…"                the question
//   SERVER=http://…      a server of yours instead; KEY=… its API key. A test wallet pays nobody: a server that looks will refuse.
import { randomBytes } from 'node:crypto';
import { installPackage } from './install-package.mjs';

const question = process.env.Q?.trim();
if (!question) {
  console.error('What is the question? Say: make ask Q="What is the weather in New York?"');
  process.exit(1);
}
const began = performance.now();
const say = (what, text) =>
  console.log(`${((performance.now() - began) / 1000).toFixed(2).padStart(7)}s  ${what.padEnd(8)} ${text}`);

let server;
let code = 1;
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => server?.stop().finally(() => process.exit(130)) ?? process.exit(130));
try {
  const { JobsClient } = await import(installPackage('ask').entry);
  let baseUrl = process.env.SERVER;
  if (baseUrl) {
    say('server', baseUrl);
  } else {
    say('server', 'starting elizaOS 1.7.0 with its paywall …');
    const { startEliza } = await import('../tests/servers/elizaos.mjs');
    server = await startEliza({ paywall: { strict: true } });
    baseUrl = server.url;
    say('server', `${baseUrl} is ready`);
  }
  const client = new JobsClient({
    baseUrl,
    ...(process.env.KEY ? { apiKey: process.env.KEY } : {}),
    // A hash that no chain knows: this paywall looks at its shape, and takes it once.
    wallet: async () => `0x${randomBytes(32).toString('hex')}`,
  });
  say('ask', `"${question}"`);
  let cost = 'nothing';
  const asked = performance.now();
  const job = await client.createAndWaitForJob(
    { userId: '22222222-2222-4222-8222-222222222222', content: question },
    {
      onUpdate(update) {
        if (update.type === 'quote')
          say('quote', `${update.quote.amount} ${update.quote.currency} on ${update.quote.network} to ${update.quote.recipient}`);
        if (update.type === 'payment') {
          cost = `${update.payment.amount} USDC on ${update.payment.network} (test wallet: no money has moved)`;
          say(
            'payment',
            update.payment.state === 'accepted'
              ? 'the server has taken it'
              : 'the test wallet has given a transaction hash; sending the same request with it',
          );
        }
        if (update.type === 'created') say('job', `${update.job.jobId} created`);
        if (update.type === 'status') say('status', update.job.status);
      },
    },
  );
  console.log(`\n${job.result.message.content}\n`);
  say('done', `in ${Math.round(performance.now() - asked)} ms (the agent took ${job.result.processingTimeMs} ms); cost: ${cost}`);
  code = 0;
} catch (error) {
  console.error(`\n${error.name} ${error.code ?? ''}: ${error.message}`);
  if (error.jobId) console.error(`The job is ${error.jobId}.`);
} finally {
  await server?.stop();
}
process.exit(code);
