// `resume`: goes on with what is open, and pays nothing again.
import type { CompletedJob, PendingPayment } from '../wasm.js';
import type { Command } from './command.js';
import { connect, PAY_OPTIONS, type Connection } from './connect.js';
import { EXIT } from './exit.js';
import { Interrupt } from './interrupt.js';
import { findOpen, lineOf, SANDBOX_OPTION } from './open.js';
import { inShort, type Output } from './output.js';
import { answered, answerOf, progress } from './progress.js';
import { report } from './report.js';

export const resume: Command = {
  name: 'resume',
  summary: 'get paid answers that are open, and pay nothing again',
  takes: ['[url]', '[id]'],
  about: `Goes on with what is open: at all servers, at this one, or with the payment or the job of this id. A job that is there is waited for;
else the same proof of payment is sent. Nothing is ever paid again.`,
  options: [...PAY_OPTIONS.filter(({ name }) => name === 'rpc' || name === 'store'), SANDBOX_OPTION],
  examples: ['eliza-jobs resume', 'eliza-jobs resume https://agents.example'],
  async run(given, output) {
    const [url = '', id] = given.positionals;
    try {
      const found = await findOpen(given, output, 'pay');
      if (id === undefined) return await resumeAll(output, found);
      const open = found.find(
        ({ payment }) => payment.attemptId === id || (payment.state !== 'unreadable' && payment.jobId === id),
      );
      // A job that cost nothing has no record.
      const connection = open?.connection ?? (await connect(given, output, url, { wallet: 'none' }));
      return await one(output, connection, open?.payment ?? id);
    } catch (error) {
      return report(error, output);
    }
  },
};

async function one(output: Output, connection: Connection, handle: PendingPayment | string): Promise<number> {
  const result = await goOn(output, connection, handle);
  if (typeof result === 'number') return result;
  await answered(output, connection, result.job, result.began);
  return EXIT.done;
}

/** All that is open, one after the other. The exit code is that of the worst. */
async function resumeAll(output: Output, found: readonly { connection: Connection; payment: PendingPayment }[]): Promise<number> {
  if (found.length === 0) output.remark('Nothing is open.');
  let worst: number = EXIT.done;
  const documents: unknown[] = [];
  for (const open of found) {
    if (!output.json) output.step('resume', inShort(lineOf(open), 200), 'cyan');
    const result = await goOn(output.json ? collecting(output, documents) : output, open.connection, open.payment);
    if (typeof result === 'number') worst = Math.max(worst, result);
    else if (output.json) documents.push(answerOf(result.job));
    else await answered(output, open.connection, result.job, result.began);
    if (result === EXIT.interrupted) break;
  }
  if (output.json) output.document(documents);
  return worst;
}

/** The job, or the exit code of what was reported. */
async function goOn(
  output: Output,
  { client, ...connection }: Connection,
  handle: PendingPayment | string,
): Promise<number | { job: CompletedJob; began: number }> {
  const began = performance.now();
  const interrupt = new Interrupt();
  output.waiting('resume', 'looking for the job');
  try {
    return { job: await client.resume(handle, { signal: interrupt.signal, onUpdate: progress(output) }), began };
  } catch (error) {
    if (!interrupt.signal.aborted) return report(error, output, { client, ...connection });
    output.error('interrupted', 'What was open is open still.');
    return EXIT.interrupted;
  } finally {
    interrupt.end();
  }
}

/** An output whose documents become parts of a list. */
const collecting = (output: Output, documents: unknown[]): Output =>
  Object.assign(Object.create(output) as Output, { document: (value: unknown) => void documents.push(value) });
