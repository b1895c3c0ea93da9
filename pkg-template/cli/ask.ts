// `ask`: one question, its payment, and its answer.
import { randomUUID } from 'node:crypto';
import type { OpenPayment } from '../wasm.js';
import type { Command, Given } from './command.js';
import { connect, PAY_OPTIONS, type Connection } from './connect.js';
import { EXIT, UsageError } from './exit.js';
import { Interrupt } from './interrupt.js';
import { inShort, type Output } from './output.js';
import { answered, progress } from './progress.js';
import { paymentOf, priceOf, report, resumeCommand } from './report.js';
import { uuid, whole } from './values.js';

/** The longest time that an agent may be given, in seconds: the server's own limit. */
const MOST_SECONDS = 300;

export const ask: Command = {
  name: 'ask',
  summary: 'ask a question, pay for the answer, and print it',
  takes: ['<url>', '<question>'],
  about: `Asks an agent and prints its answer: set apart on a terminal, bare in a pipe. "-" reads the question from standard input.
A server that charges is paid with the key in ELIZA_JOBS_PRIVATE_KEY, by viem or ethers, when --max or --per-day allows it. A sandbox is
paid with a test wallet.`,
  options: [
    ...PAY_OPTIONS,
    { name: 'agent', value: '<id>', help: "the agent to ask (default: the server's first)" },
    { name: 'user', value: '<id>', help: 'who asks (default: a random id)' },
    { name: 'timeout', value: '<seconds>', help: "how long the agent may take (default: the server's 30)" },
  ],
  examples: [
    'eliza-jobs ask localhost:3000 "What is the weather in New York?"',
    'eliza-jobs ask https://agents.example "What is x402?" --max 0.05 --per-day 1',
    'git diff | eliza-jobs ask https://agents.example - --max 0.05 > review.txt',
  ],
  async run(given, output) {
    const [url = '', asked = ''] = given.positionals;
    const seconds = whole(given, 'timeout', 1, MOST_SECONDS);
    const content = asked === '-' ? await standardInput() : asked;
    if (!content.trim()) throw new UsageError('the question is empty');
    const connection = await connect(given, output, url, { wallet: 'pay' });
    const { client } = connection;
    const params = {
      content,
      userId: uuid(given, 'user') ?? randomUUID(),
      ...named(given),
      ...(seconds && { timeoutMs: seconds * 1000 }),
    };
    const began = performance.now();
    const interrupt = new Interrupt();
    output.step('ask', `${inShort(content, 60)}${connection.isSandbox ? ' (a sandbox: no money exists there)' : ''}`, 'cyan');
    try {
      const job = await client.createAndWaitForJob(params, { signal: interrupt.signal, onUpdate: progress(output) });
      await answered(output, connection, job, began);
      return EXIT.done;
    } catch (error) {
      if (interrupt.signal.aborted) return await stopped(output, connection, params.userId);
      return report(error, output, connection);
    } finally {
      interrupt.end();
    }
  },
};

function named(given: Given): { agentId?: string } {
  const agentId = uuid(given, 'agent');
  return agentId ? { agentId } : {};
}

async function standardInput(): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8').trim();
}

const openAs = ({ state }: OpenPayment): string =>
  state === 'accepted' ? 'is paid, and its answer was not seen' : 'may have been paid';

/** After Ctrl-C: what is open of this question. The asker's id tells it from what else is open. */
async function stopped(output: Output, connection: Connection, userId: string): Promise<number> {
  const pending = await connection.client.pendingPayments();
  const open = pending.filter((payment) => payment.state !== 'unreadable').filter((payment) => payment.userId === userId);
  const exitCode = open.length > 0 ? EXIT.mayHavePaid : EXIT.interrupted;
  const next = open.length > 0 ? [`To go on without paying again: ${resumeCommand(connection)}`] : [];
  if (output.json) {
    const fundsMoved = open.length > 0 ? 'unknown' : false;
    output.document({
      error: { name: 'Interrupted', code: 'interrupted', message: 'interrupted', fundsMoved, open: open.map(paymentOf) },
      next,
      exitCode,
    });
    return exitCode;
  }
  const money = open.map((payment) => `Open: ${priceOf(payment)} ${openAs(payment)}.`);
  output.error('interrupted', ...(open.length > 0 ? money : ['Nothing was paid.']), ...next);
  return exitCode;
}
