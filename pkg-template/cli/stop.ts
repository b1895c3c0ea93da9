// After Ctrl-C: what is open of a call.
import { setTimeout as pause } from 'node:timers/promises';
import type { OpenPayment, PendingPayment } from '../wasm.js';
import type { Connection } from './connect.js';
import type { Output } from './output.js';
import { interrupted, interruptedInDoubt, type Report } from './report.js';

/** The longest wait for a wallet that was asked. */
const MOST_WAIT_MS = 10_000;
const FIRST_PAUSE_MS = 10;
const LAST_PAUSE_MS = 250;

/**
 * What is open of an interrupted call. A wallet that was asked for a transfer may have made it, and
 * its hash is the proof of the payment: the program stays for some seconds until the record says
 * what the wallet has answered. The library writes that, though its call is over.
 */
export async function stopped(
  output: Output,
  { client, ...connection }: Connection,
  isOf: (payment: OpenPayment) => boolean,
): Promise<Report> {
  const end = performance.now() + MOST_WAIT_MS;
  try {
    for (let next = FIRST_PAUSE_MS; ; next = Math.min(next * 2, LAST_PAUSE_MS)) {
      const open = (await client.pendingPayments()).filter((payment) => payment.state !== 'unreadable' && isOf(payment));
      if (!open.some(isAsked) || performance.now() > end) return interrupted(connection, open);
      if (next === FIRST_PAUSE_MS) output.waiting('wallet', 'asked already: waiting for its answer; Ctrl-C again ends at once');
      await pause(next);
    }
  } catch (error) {
    return interruptedInDoubt(error, connection);
  }
}

/** Whether the wallet has a request whose answer is not recorded. */
const isAsked = (payment: PendingPayment): boolean => payment.state === 'intended' && !payment.transaction;
