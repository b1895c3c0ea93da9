// What is said when something failed: what happened, what became of the money, and how to go on.
import type { ElizaJobsError } from '../errors.js';
import type { FundsMoved, PaymentAttempt, PaymentRow, PendingPayment, Price } from '../wasm.js';
import type { Connection } from './connect.js';
import { EXIT, UsageError } from './exit.js';
import { dataFolder } from './folders.js';
import { shown, type Output } from './output.js';
import { isLoopback } from './values.js';

type Failed = Partial<ElizaJobsError> & Error;

/** The end of a message of the library's: where its code is explained. */
const ENTRY = / \(see (https:\/\/\S+#\w+)\)$/;

/** Reports an error of a call, and returns the exit code. */
export function report(error: unknown, output: Output, connection?: Connection): number {
  if (error instanceof UsageError) return wrongUse(error, output);
  const failed = (error instanceof Error ? error : new Error(String(error))) as Failed;
  // Whatever says nothing about money, like a full disk, comes from neither a payment nor a server.
  const moved = failed.fundsMoved ?? false;
  const isArgument = failed.code === 'invalid_argument';
  const exitCode = isArgument ? EXIT.wrongUse : moved === false ? EXIT.nothingPaid : EXIT.mayHavePaid;
  const [, entry] = ENTRY.exec(failed.message) ?? [];
  const said = asOptions(failed.message.replace(ENTRY, ''));
  const { message, next } = connection ? inWords(failed, said, moved, connection) : { message: said, next: [] };
  if (output.json) {
    output.document({ error: forPrograms(failed, message, moved), next, exitCode });
    return exitCode;
  }
  const lines = [...(isArgument ? [] : [aboutMoney(moved, failed.payment)]), ...next, ...(entry ? [`More: ${entry}`] : [])];
  output.error(message, ...lines);
  return exitCode;
}

function wrongUse(error: UsageError, output: Output): number {
  const next = error.hint ? [error.hint] : [];
  if (!output.json) output.error(error.message, ...next);
  else {
    const { message } = error;
    output.document({
      error: { name: 'UsageError', code: 'wrong_use', message, fundsMoved: false },
      next,
      exitCode: EXIT.wrongUse,
    });
  }
  return EXIT.wrongUse;
}

/** What the library calls its options by, and what they are called here. */
const NAMES = {
  'spend.maxPerPayment': '--max',
  'spend.budget.perDay': '--per-day',
  'spend.budget': '--per-day',
  'spend.networks': '--network',
};

/** A message of the library's, with the names of the command line's options. */
export function asOptions(message: string): string {
  const text = message.replace(/spend: \{ allowResource: '([^']*)' \}/g, '--allow-resource $1');
  return Object.entries(NAMES).reduce((text, [member, option]) => text.replaceAll(member, option), text);
}

/** What happened, and what to do. */
function inWords(error: Failed, message: string, moved: FundsMoved, connection: Connection): { message: string; next: string[] } {
  const { refused, noWallet } = connection;
  if (error.code === 'payment_declined' && refused) {
    return {
      message: `the server asks for ${priceOf(refused)}, and no limit was given that allows it`,
      next: [`Say how much may be paid: --max ${refused.amount}, or a budget for each day: --per-day 1`],
    };
  }
  if (error.code === 'payment_required') return { message, next: [...noWallet, 'And say how much may be paid: --max 0.05'] };
  if (error.code === 'payment_over_limit') return { message, next: ['The limits are --max and --per-day.'] };
  if (error.code === 'wallet_cannot_pay') {
    return { message, next: ['For a server that wants a transfer, name a node of its network: --rpc <url>'] };
  }
  if (error.code === 'wait_timeout' && error.jobId) {
    return { message, next: [`The job goes on. Its answer: ${resumeCommand(connection, error.jobId)}`] };
  }
  if (moved === false) {
    const isHere = error.code === 'connection_failed' && isLoopback(connection.url);
    return {
      message,
      next: isHere ? ['Does the server run? "eliza-jobs sandbox" starts one for trying out.'] : [],
    };
  }
  return { message, next: [`To go on without paying again: ${resumeCommand(connection)}`] };
}

function aboutMoney(moved: FundsMoved, payment: PaymentAttempt | undefined): string {
  if (moved === false) return 'Nothing was paid.';
  const price = payment ? priceOf(payment) : 'the price';
  return moved === true ? `Paid: ${price}.` : `Money may have moved: ${price}.`;
}

/** The command that goes on with what is open. */
export function resumeCommand({ url, folder }: Pick<Connection, 'url' | 'folder'>, id?: string): string {
  const store = folder.startsWith(dataFolder()) ? [] : ['--store', quoted(folder)];
  return ['eliza-jobs resume', quoted(url), ...(id ? [quoted(id)] : []), ...store].join(' ');
}

/** As a shell takes it. */
const quoted = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

export const priceOf = ({
  amount,
  currency,
  network,
  recipient,
}: Pick<Price, 'amount' | 'currency' | 'network' | 'recipient'>): string =>
  shown(`${amount} ${currency} on ${network} to ${recipient}`);

/** An error for programs. No proof, question or answer is in it. */
function forPrograms(error: Failed, message: string, fundsMoved: FundsMoved) {
  const { name, code, retryable, status, serverMessage, retryAfterMs, jobId, payment } = error;
  const paid = payment && paymentOf(payment);
  return { name, code, message, fundsMoved, retryable, status, serverMessage, retryAfterMs, jobId, payment: paid };
}

/** A payment for programs, without a proof. The hash of a transfer is one until the server has taken it. */
export function paymentOf(payment: PaymentAttempt | PendingPayment | PaymentRow) {
  if (payment.state === 'unreadable') return payment;
  const { attemptId, state, dialect, amount, currency, network, recipient, transaction, jobId, onChain } = payment;
  const { createdAt, server, content } = payment as Partial<PaymentRow & { content: string }>;
  return {
    ...{ attemptId, state, amount, currency, network, recipient, dialect },
    transaction: state === 'accepted' ? transaction : undefined,
    ...{ jobId, onChain, createdAt, server, content },
  };
}
