// One paid job from the terminal: pays with a test wallet, prints the answer.
//
//   Q="…"                the question
//   SERVER=sandbox       the package's own sandbox, in this process: the default
//   SERVER=eliza         the real elizaOS server 1.7.0 with its paywall, started for this
//   SERVER=http://…      a server of yours; KEY=… its API key. A test wallet pays nobody: a server that looks will refuse.
import { randomBytes } from 'node:crypto';
import { installPackage } from './install-package.mjs';

const question = process.env.Q?.trim() || 'What is the weather in New York?';
const began = performance.now();
const say = (what, text) =>
  console.log(`${((performance.now() - began) / 1000).toFixed(2).padStart(7)}s  ${what.padEnd(8)} ${text}`);

let server;
let code = 1;
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => server?.stop().finally(() => process.exit(130)) ?? process.exit(130));
try {
  const { entry } = installPackage('ask');
  const { JobsClient } = await import(entry);
  const client = new JobsClient({ ...(await reach(process.env.SERVER || 'sandbox', entry)), ...key() });
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
              : 'the test wallet has given a proof; sending the same request with it',
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

/** The client's options for a server: its address, and the wallet that pays there. */
async function reach(name, entry) {
  // A hash that no chain knows: elizaOS's paywall looks at its shape, and takes it once.
  const wallet = async () => `0x${randomBytes(32).toString('hex')}`;
  if (name === 'sandbox') {
    const { createSandbox } = await import(new URL('./sandbox-node.js', entry));
    const sandbox = createSandbox({ paywall: 'x402-v2', price: '0.02', answerMs: 300 });
    say('server', 'the sandbox, in this process (SERVER=eliza starts the real one)');
    return { baseUrl: sandbox.url, fetch: sandbox.fetch, wallet: sandbox.wallet };
  }
  if (name !== 'eliza') {
    say('server', name);
    return { baseUrl: name, wallet };
  }
  say('server', 'starting elizaOS 1.7.0 with its paywall …');
  const { startEliza } = await import('../tests/servers/elizaos.mjs');
  server = await startEliza({ paywall: { strict: true } });
  say('server', `${server.url} is ready`);
  return { baseUrl: server.url, wallet };
}

function key() {
  return process.env.KEY ? { apiKey: process.env.KEY } : {};
}
