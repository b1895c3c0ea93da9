// What happens to a job, as lines on a terminal.
import type { CompletedJob, JobUpdate, PaymentAttempt } from '../wasm.js';
import type { Connection } from './connect.js';
import { EXIT } from './exit.js';
import { inShort, type Output } from './output.js';
import { chargeOf, paymentOf, priceOf, resumeCommand } from './report.js';
import { isUuid } from './values.js';

/** A listener that writes one line for each step. */
export function progress(output: Output): (update: JobUpdate) => void {
  let isSent = false;
  let isThinking = false;
  // The clock goes on when a job that was pending is being processed.
  const think = () => {
    if (!isThinking) output.waiting('thinking', 'the agent is at work');
    isThinking = true;
  };
  return (update) => {
    if (update.type === 'quote') {
      output.step('price', priceOf(update.quote));
      output.waiting('wallet', 'asked');
    } else if (update.type === 'payment') {
      if (update.payment.state === 'accepted') taken(output, update.payment);
      else if (!isSent) output.waiting('paying', 'sending the same question with the proof');
      isSent = true;
    } else if (update.type === 'created') {
      output.step('job', update.job.jobId);
      think();
    } else if (update.job.status !== 'completed') think();
  };
}

/** The server has taken the payment. Whether it has charged it is another matter. */
function taken(output: Output, payment: PaymentAttempt) {
  const price = `${payment.amount} ${payment.currency}`;
  const doubt = chargeOf(payment);
  if (doubt) output.step('signed', `${price}; ${doubt}`, 'yellow');
  else output.step('paid', `${price}, taken by the server`);
}

/** Writes the answer: set apart on a terminal, with what it cost. Returns the exit code. */
export async function answered(output: Output, connection: Connection, job: CompletedJob, began: number): Promise<number> {
  if (output.json) output.document(answerOf(job));
  else await writeAnswer(output, connection, job, began);
  return await unlessLost(output, connection, job);
}

/** The exit code of an answer that was written, or could not be: on a full disk, say. */
async function unlessLost(output: Output, connection: Connection, { jobId, payment }: CompletedJob): Promise<number> {
  const failed = await output.written();
  if (!failed) return EXIT.done;
  const next = isUuid(jobId) ? [`The server has the job for some time: ${resumeCommand(connection, jobId)}`] : [];
  output.error(`the answer could not be written: ${failed.message}`, ...(payment ? [costOf(payment)] : []), ...next);
  return payment ? EXIT.mayHavePaid : EXIT.nothingPaid;
}

function costOf(payment: PaymentAttempt): string {
  const doubt = chargeOf(payment);
  return doubt ? `Signed: ${priceOf(payment)}; ${doubt}.` : `Paid: ${priceOf(payment)}.`;
}

async function writeAnswer(output: Output, connection: Connection, job: CompletedJob, began: number): Promise<void> {
  const { content } = job.result.message;
  output.step('answered', `in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  output.answer(content);
  if (!output.isTerminal || !output.showsProgress) return;
  const { payment } = job;
  const parts = payment
    ? [priceOf(payment), ...(payment.transaction ? [`transaction ${payment.transaction}`] : [])]
    : ['nothing was paid'];
  const doubt = payment && chargeOf(payment);
  if (doubt) parts.push(doubt);
  if (payment && connection.isSandbox) parts.push('sandbox: no money exists there');
  for (const part of [...parts, ...(await leftToday(connection))]) output.remark(inShort(part, 200));
}

/** A job with its answer, for programs. */
export function answerOf(job: CompletedJob) {
  const { jobId, agentId, userId, createdAt, result, payment } = job;
  const { processingTimeMs } = result;
  return {
    answer: result.message.content,
    jobId,
    agentId,
    userId,
    createdAt,
    processingTimeMs,
    payment: payment && paymentOf(payment),
  };
}

/** How much of the day's budget is left. */
async function leftToday({ client, hasBudget }: Connection): Promise<string[]> {
  if (!hasBudget) return [];
  try {
    const { perDay, currency } = await client.spending();
    return perDay ? [`${perDay.remaining} ${currency} left today`] : [];
  } catch {
    // The answer is there. A remark about money is not worth an error.
    return [];
  }
}
