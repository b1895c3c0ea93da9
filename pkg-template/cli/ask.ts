// `ask`: one question, its payment, and its answer.
import { randomUUID } from 'node:crypto';
import { agent, checkAgent, AGENT_OPTIONS } from './agents.js';
import type { Command } from './command.js';
import { connect, PAY_OPTIONS } from './connect.js';
import { UsageError } from './exit.js';
import { Interrupt, interruptible } from './interrupt.js';
import { inShort, type Output } from './output.js';
import { PROGRAM } from './program.js';
import { answered, progress } from './progress.js';
import { report, write } from './report.js';
import { stopped } from './stop.js';
import { holdsKey, isAddress, KEY_VARIABLE, quoted, uuid } from './values.js';

export const ask: Command = {
  name: 'ask',
  summary: 'ask a question, pay for the answer, and print it',
  takes: ['<url>', '<question>'],
  about: `Asks an agent and prints its answer: set apart on a terminal, bare in a pipe. "-" reads the question from standard input.
A server that charges is paid with the key in ELIZA_JOBS_PRIVATE_KEY, by viem or ethers, when --max or --per-day allows it. A sandbox is
paid with a test wallet.`,
  options: [...PAY_OPTIONS, ...AGENT_OPTIONS, { name: 'user', value: '<id>', help: 'who asks (default: a random id)' }],
  examples: [
    'eliza-jobs ask localhost:3000 "What is the weather in New York?"',
    'eliza-jobs ask https://agents.example "What is x402?" --max 0.05 --per-day 1',
    'git diff | eliza-jobs ask https://agents.example - --max 0.05 > review.txt',
  ],
  async run(given, output) {
    const [url = '', asked = ''] = given.positionals;
    if (!isAddress(url) && isAddress(asked)) throw swapped(url, asked);
    const chosen = agent(given);
    const content = checked(asked === '-' ? await interruptible(standardInput(output)) : asked);
    const connection = await connect(given, output, url, { wallet: 'pay' });
    const { client } = connection;
    const params = {
      content,
      userId: uuid(given, 'user') ?? randomUUID(),
      ...chosen,
    };
    const began = performance.now();
    const interrupt = new Interrupt();
    output.step('ask', `${inShort(content, 60)}${connection.isSandbox ? ' (a sandbox: no money exists there)' : ''}`, 'cyan');
    try {
      await checkAgent(connection, chosen.agentId, interrupt.signal);
      const job = await client.createAndWaitForJob(params, { signal: interrupt.signal, onUpdate: progress(output) });
      return await answered(output, connection, job, began);
    } catch (error) {
      if (interrupt.signal.aborted) {
        // The asker's id tells it from what else is open.
        return write(await stopped(output, connection, ({ userId }) => userId === params.userId), output);
      }
      return report(error, output, connection);
    } finally {
      interrupt.end();
    }
  },
};

/** The longest question that a server takes, in UTF-16 code units. */
const LONGEST = 50_000;

/** A question that may be sent. */
function checked(question: string): string {
  if (!question.trim()) throw new UsageError('the question is empty');
  if (question.length > LONGEST) {
    throw new UsageError(`the question has ${question.length} characters; a server takes ${LONGEST}`, 'Shorten it.');
  }
  // `ask <url> -` reads what was meant for the variable.
  if (holdsKey(question)) {
    throw new UsageError('the question holds a private key', `Nothing was sent. A key belongs into ${KEY_VARIABLE} alone.`);
  }
  return question;
}

/** The question stands where the address belongs. */
function swapped(question: string, url: string): UsageError {
  const hint = `Did you mean: ${PROGRAM} ask ${quoted(url)} ${question === '-' ? '-' : inQuotes(question)}`;
  return new UsageError(`${JSON.stringify(inShort(question, 60))} is no address`, hint);
}

/** A question as people write it, where the shell leaves that alone. */
const inQuotes = (text: string): string => (/["$`\\!\n]/.test(text) ? quoted(text) : `"${text}"`);

async function standardInput(output: Output): Promise<string> {
  if (process.stdin.isTTY) output.remark('Type the question, and end it with Ctrl-D in a line of its own.');
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8').trim();
}
