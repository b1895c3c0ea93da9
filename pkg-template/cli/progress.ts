// What happens to a job, as lines on a terminal.
import type { CompletedJob, JobUpdate } from '../wasm.js';
import type { Connection } from './connect.js';
import { inShort, type Output } from './output.js';
import { paymentOf, priceOf } from './report.js';

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
      if (update.payment.state === 'accepted')
        output.step('paid', `${update.payment.amount} ${update.payment.currency}, taken by the server`);
      else if (!isSent) output.waiting('paying', 'sending the same question with the proof');
      isSent = true;
    } else if (update.type === 'created') {
      output.step('job', update.job.jobId);
      think();
    } else if (update.job.status !== 'completed') think();
  };
}

/** The answer, set apart on a terminal; with what it cost. */
export async function answered(output: Output, connection: Connection, job: CompletedJob, began: number): Promise<void> {
  const { content } = job.result.message;
  if (output.json) {
    output.document(answerOf(job));
    return;
  }
  output.step('answered', `in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  output.answer(content);
  if (!output.isTerminal || !output.showsProgress) return;
  const { payment } = job;
  const parts = payment
    ? [priceOf(payment), ...(payment.transaction ? [`transaction ${payment.transaction}`] : [])]
    : ['nothing was paid'];
  if (payment && connection.isSandbox) parts.push('sandbox: no money exists there');
  output.remark([...parts, ...(await leftToday(connection))].map((part) => inShort(part, 200)).join(' · '));
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
