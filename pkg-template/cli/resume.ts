// `resume`: goes on with what is open, and pays nothing again.
import type { CompletedJob, PendingPayment } from '../wasm.js';
import type { Command } from './command.js';
import { connect, PAY_OPTIONS, type Connection } from './connect.js';
import { EXIT } from './exit.js';
import { Interrupt } from './interrupt.js';
import { findOpen, lineOf, SANDBOX_OPTION, type Open } from './open.js';
import { inShort, type Output } from './output.js';
import { answered, answerOf, progress } from './progress.js';
import { interrupted, report, reportOf, write, type Report } from './report.js';

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

/** What came of something open: its job, or what went wrong. */
type Result =
  | { readonly job: CompletedJob; readonly began: number }
  | { readonly report: Report; readonly isInterrupted: boolean };

async function one(output: Output, connection: Connection, handle: PendingPayment | string): Promise<number> {
  const result = await goOn(output, connection, handle);
  if ('report' in result) return write(result.report, output);
  await answered(output, connection, result.job, result.began);
  return EXIT.done;
}

/** All that is open, one after the other. The exit code is that of the worst. */
async function resumeAll(output: Output, found: readonly Open[]): Promise<number> {
  if (found.length === 0) output.remark('Nothing is open.');
  let worst: number = EXIT.done;
  const documents: unknown[] = [];
  for (const open of found) {
    output.step('resume', inShort(lineOf(open), 200), 'cyan');
    const result = await goOn(output, open.connection, open.payment);
    if ('report' in result) worst = Math.max(worst, result.report.document.exitCode);
    if (output.json) documents.push('report' in result ? result.report.document : answerOf(result.job));
    else if ('report' in result) write(result.report, output);
    else await answered(output, open.connection, result.job, result.began);
    if ('report' in result && result.isInterrupted) break;
  }
  if (output.json) output.document(documents);
  return worst;
}

async function goOn(output: Output, connection: Connection, handle: PendingPayment | string): Promise<Result> {
  const began = performance.now();
  const interrupt = new Interrupt();
  output.waiting('resume', 'looking for the job');
  try {
    return { job: await connection.client.resume(handle, { signal: interrupt.signal, onUpdate: progress(output) }), began };
  } catch (error) {
    const isInterrupted = interrupt.signal.aborted;
    // A job's id alone is no payment. What was open is open still.
    const open = typeof handle === 'string' ? [] : [handle];
    return { report: isInterrupted ? interrupted(connection, open) : reportOf(error, connection), isInterrupted };
  } finally {
    interrupt.end();
  }
}
