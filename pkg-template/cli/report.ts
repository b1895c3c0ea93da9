// What is said when something failed: what happened, what became of the money, and how to go on.
import type { ElizaJobsError } from '../errors.js';
import type { FundsMoved, PaymentAttempt, PaymentRow, PendingPayment, Price } from '../wasm.js';
import type { Connection } from './connect.js';
import { EXIT, Interrupted, Refusal, UsageError } from './exit.js';
import { inShort, type Output } from './output.js';
import { PROGRAM } from './program.js';
import { wayTo } from './unreached.js';
import { API_KEY_VARIABLE, isUuid, MOST_SECONDS, quoted } from './values.js';

type Failed = Partial<ElizaJobsError> & Error;

/** The end of a message of the library's: where its code is explained. */
const ENTRY = / \(see (https:\/\/\S+#\w+)\)$/;

/** What there is to say about an error: to people line by line, and to programs. */
export interface Report {
  readonly message: string;
  readonly lines: readonly string[];
  readonly document: { readonly error: object; readonly next: readonly string[]; readonly exitCode: number };
}

/** Reports an error, and returns the exit code. */
export function report(error: unknown, output: Output, connection?: Connection): number {
  return write(reportOf(error, connection), output);
}

/** Writes a report, and returns the exit code. */
export function write({ message, lines, document }: Report, output: Output): number {
  if (output.json) output.document(document);
  else output.error(message, ...lines);
  return document.exitCode;
}

/** What there is to say about an error. */
export function reportOf(error: unknown, connection?: Connection): Report {
  if (error instanceof UsageError) return wrongUse(error);
  if (error instanceof Refusal) return refusal(error);
  if (error instanceof Interrupted) return interrupted({ url: '', options: [] }, []);
  const failed = (error instanceof Error ? error : new Error(String(error))) as Failed;
  // Whatever says nothing about money, like a full disk, comes from neither a payment nor a server.
  const moved = failed.fundsMoved ?? false;
  const isArgument = failed.code === 'invalid_argument';
  const exitCode = isArgument ? EXIT.wrongUse : moved === false ? EXIT.nothingPaid : EXIT.mayHavePaid;
  const [, entry] = ENTRY.exec(failed.message) ?? [];
  const said = asOptions(failed.message.replace(ENTRY, ''));
  const { message, next } = connection ? inWords(failed, said, moved, connection) : { message: said, next: [] };
  const money = isArgument || connection?.pays === false ? [] : [aboutMoney(moved, failed.payment)];
  if (isStore(failed)) next.push(ANOTHER_FOLDER);
  const lines = [...money, ...next, ...(entry ? [`More: ${entry}`] : [])];
  return { message, lines, document: { error: forPrograms(failed, message, moved), next, exitCode } };
}

/** What systems call a folder that cannot be used. */
const FOLDER_ERRORS = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENOENT', 'ENOSPC'];
const ANOTHER_FOLDER = 'Payments are recorded in a folder that must be writable: name another one with --store <folder>.';

const isStore = ({ code }: Failed): boolean => code === 'store_failed' || FOLDER_ERRORS.includes(String(code));

function wrongUse({ message, hint }: UsageError): Report {
  const next = hint ? [hint] : [];
  const error = { name: 'UsageError', code: 'wrong_use', message, fundsMoved: false };
  return { message, lines: next, document: { error, next, exitCode: EXIT.wrongUse } };
}

function refusal({ code, message, next }: Refusal): Report {
  const error = { name: 'Refusal', code, message, fundsMoved: false };
  return { message, lines: next, document: { error, next, exitCode: EXIT.nothingPaid } };
}

/** What there is to say after Ctrl-C, when these payments are open. */
export function interrupted(connection: Pick<Connection, 'url' | 'options'>, open: readonly PendingPayment[]): Report {
  const message = 'interrupted';
  const isOpen = open.length > 0;
  const exitCode = isOpen ? EXIT.mayHavePaid : EXIT.interrupted;
  const canGoOn = open.some((payment) => !lacksHash(payment));
  const next = [
    ...(canGoOn ? [`To go on without paying again: ${resumeCommand(connection)}`] : []),
    ...open.filter(lacksHash).map((payment) => withHash(payment, connection)),
  ];
  const error = {
    name: 'Interrupted',
    code: message,
    message,
    fundsMoved: open.some((payment) => payment.state === 'accepted' && isCharged(payment)) || (isOpen && 'unknown'),
    open: open.map(paymentOf),
  };
  return {
    message,
    lines: [...(isOpen ? open.map(openAs) : ['Nothing was paid.']), ...next],
    document: { error, next, exitCode },
  };
}

/** The report after Ctrl-C where the store does not say what is open. */
export function interruptedInDoubt(thrown: unknown, { options }: Pick<Connection, 'options'>): Report {
  const report = reportOf(thrown);
  const next = [`Whether something is open is not known. To look again: ${[PROGRAM, 'pending', ...options].join(' ')}`];
  const exitCode = EXIT.mayHavePaid;
  const error = { ...report.document.error, fundsMoved: 'unknown' };
  return { message: `interrupted; ${report.message}`, lines: next, document: { error, next, exitCode } };
}

/**
 * Whether the wallet was asked for a transfer of which nothing is known: its hash is the proof, and
 * only the wallet has it.
 */
export function lacksHash(payment: PaymentAttempt | PendingPayment): boolean {
  if (payment.state !== 'intended' && payment.state !== 'unknown') return false;
  return payment.dialect === 'elizaos' && !payment.transaction && !payment.proof && !payment.jobId;
}

/** How to go on when the wallet has the hash of the transfer. */
const withHash = ({ attemptId }: { readonly attemptId: string }, connection: Pick<Connection, 'options'>): string =>
  `Look for the transfer in a block explorer, at the account that pays. If it is there: ${paymentCommand(attemptId, connection)} --transaction <hash>`;

function openAs(payment: PendingPayment): string {
  if (payment.state === 'unreadable') return `Open: the record ${payment.attemptId} cannot be read.`;
  const asked = lacksHash(payment) ? 'may have been paid: the hash of its transfer is not known' : 'may have been paid';
  if (payment.state !== 'accepted') return `Open: ${priceOf(payment)} ${asked}.`;
  const state = isCharged(payment) ? 'is paid' : `was taken by the server (${chargeOf(payment)})`;
  return `Open: ${priceOf(payment)} ${state}, and its answer was not seen.`;
}

/** What says whether a payment was charged. */
type Charge = Pick<PaymentAttempt, 'dialect' | 'receipt' | 'onChain'>;

/**
 * Whether money has moved for a payment that the server has taken: a transfer is made before, and a
 * signature is settled by the server, whose receipt says so. `undefined`: there is no receipt.
 */
const isCharged = ({ dialect, receipt, onChain }: Charge): boolean | undefined =>
  dialect === 'elizaos' || onChain === true || receipt?.success;

/**
 * What is known of the charge for a signature that the server has taken; nothing where it was
 * charged.
 */
export function chargeOf(payment: Charge): string | undefined {
  const charged = isCharged(payment);
  if (charged === true) return undefined;
  if (charged === undefined) return 'no receipt: whether the server has charged it is not known';
  const why = payment.receipt?.errorReason;
  return `the server says that it has not charged it so far${why ? `: ${inShort(why, 80)}` : ''}`;
}

/**
 * What the library calls by its own names, and what that is called here; and what a program would
 * do, where what can be done here is said apart. A message may have each of them more than once.
 */
const WORDS: readonly (readonly [RegExp, string | ((...found: string[]) => string)])[] = [
  [/spend: \{ allowResource: '([^']*)' \}/g, (_, url = '') => `--allow-resource ${quoted(url)}`],
  [/spend\.allowResource must be a URL or a list of URLs/g, '--allow-resource must be a URL'],
  [/spend\.networks must be a list of network names:/g, '--network (once for each network) must be one of:'],
  [/; set apiKey/g, () => `; ${process.env[API_KEY_VARIABLE] ? 'it does not take the key in' : 'set'} ${API_KEY_VARIABLE}`],
  [/\(use apiKey or headers\)/g, `(a key goes into ${API_KEY_VARIABLE})`],
  [/; give the client a wallet/g, ''],
  [/the wallet needs (\w+); fromViem .*? make such wallets/g, (_, member = '') => `what pays here lacks ${member}`],
  [/; wait on with pollJob\(error\.jobId\)/g, ''],
  [/; look in the wallet whether money has moved(, and if it has, put .* and resume that| before you pay again)/g, ''],
  [/; do not pay again: client\.resume\([^)]*\).*$/g, ''],
  [/spend\.maxPerPayment/g, '--max'],
  [/spend\.budget(\.perDay)?/g, '--per-day'],
  [/spend\.networks/g, '--network'],
  [/spend\.allowResource/g, '--allow-resource'],
  [/is baseUrl the address/g, 'is this the address'],
  [/set baseUrl to where/g, 'use the address where'],
  [/baseUrl/g, 'the address'],
];

/** A message of the library's, in the command line's words. */
export const asOptions = (message: string): string =>
  WORDS.reduce((text, [pattern, words]) => text.replace(pattern, words as string), message);

/** What happened, and what to do. */
function inWords(error: Failed, message: string, moved: FundsMoved, connection: Connection): { message: string; next: string[] } {
  const { refused, noWallet } = connection;
  if (error.code === 'payment_declined' && refused) {
    return {
      message: `the server asks for ${priceOf(refused)}, and no limit was given that allows it`,
      next: [`Say how much may be paid: --max ${refused.amount}, or a budget for each day: --per-day 1`],
    };
  }
  if (error.code === 'payment_required') {
    const limit = connection.hasBudget ? [] : ['And say how much may be paid: --max 0.05'];
    return { message, next: [...noWallet, ...limit] };
  }
  if (error.code === 'payment_over_limit') return { message, next: ['The limits are --max and --per-day.'] };
  if (error.code === 'wallet_failed' && moved === false && connection.hasNode) {
    return { message, next: ['Is --rpc a node of the network, and does it answer?'] };
  }
  if (error.code === 'wallet_cannot_pay') {
    return { message, next: ['For a server that wants a transfer, name a node of its network: --rpc <url>'] };
  }
  if (moved !== false && OVER.includes(String(error.code))) return { message, next: jobIsOver(error, connection) };
  if (moved !== false && error.code === 'job_gone') return { message, next: [jobIsGone(error, connection)] };
  if (error.code === 'job_not_found' && connection.isOpen === false) {
    return { message: 'nothing is open with this id any more, and the server has no job of it', next: [] };
  }
  if (error.code === 'payment_request_refused' && error.payment) {
    return { message, next: requestRefused(error.payment, connection) };
  }
  if (error.code === 'wait_timeout' && error.jobId) {
    const isSeen = error.job !== undefined;
    return {
      message,
      next: [...(isSeen ? [] : [notSeen(connection)]), jobGoesOn(error.jobId, error.payment, connection, isSeen)],
    };
  }
  if (moved === false) return { message, next: error.code === 'connection_failed' ? wayTo(connection.url, error.cause) : [] };
  if (error.payment && lacksHash(error.payment)) return { message, next: [withHash(error.payment, connection)] };
  return { message, next: [`To go on without paying again: ${resumeCommand(connection)}`] };
}

/** All that time the server has not said that it has the job. */
function notSeen({ url, isSandbox }: Connection): string {
  const lost = isSandbox ? ' A sandbox that has ended has lost its jobs.' : '';
  return `${url} has said nothing of the job: does the server run?${lost}`;
}

function jobGoesOn(jobId: string, payment: PaymentAttempt | undefined, connection: Connection, isSeen: boolean): string {
  const goesOn = isSeen ? 'The job goes on. Its' : 'When it is back, its';
  // What is no id is no argument either: a server could write anything there.
  if (isUuid(jobId)) return `${goesOn} answer: ${resumeCommand(connection, jobId)}`;
  return payment ? `${goesOn} answer: ${resumeCommand(connection)}` : `${goesOn} id is no UUID, and cannot be asked for here.`;
}

/** Codes of jobs that are over and have no answer. Their payments are closed. */
const OVER = ['job_failed', 'job_timeout'];
/** What is proposed to who gave the agent the server's 30 seconds. */
const MORE_SECONDS = 120;

function jobIsOver(error: Failed, { seconds = 0 }: Connection): string[] {
  const more = Math.min(Math.max(MORE_SECONDS, seconds * 2), MOST_SECONDS);
  const isShort = error.code === 'job_timeout' && more > seconds;
  return [
    'The job is over without an answer: there is nothing to resume.',
    ...(isShort ? [`Next time give the agent longer: --timeout ${more}`] : []),
  ];
}

/** The payment of a job that a server does not know stays open until the job's time is over. */
function jobIsGone({ jobId = '' }: Failed, connection: Connection): string {
  const command = resumeCommand(connection, isUuid(jobId) ? jobId : undefined);
  return `If several servers share the address, another one may have the job. To ask again without paying, until its time is over: ${command}`;
}

/**
 * The server took the proof, and not the request: the agent is what can be wrong with a request
 * that was checked here.
 */
function requestRefused(payment: PaymentAttempt, connection: Connection): string[] {
  const command = `${resumeCommand(connection, payment.attemptId)} --agent <id>`;
  const timeout = connection.seconds === undefined ? '' : ` --timeout ${connection.seconds}`;
  const { validUntil } = payment as { validUntil?: unknown };
  const until = typeof validUntil === 'number' ? new Date(validUntil).toISOString().replace('T', ' ').slice(0, 19) : undefined;
  return [
    `To ask another agent without paying again: ${command}${timeout}`,
    ...(until ? [`The signature can be used until ${until} UTC.`] : []),
  ];
}

function aboutMoney(moved: FundsMoved, payment: PaymentAttempt | undefined): string {
  if (moved === false) return 'Nothing was paid.';
  const price = payment ? priceOf(payment) : 'the price';
  return moved === true ? `Paid: ${price}.` : `Money may have moved: ${price}.`;
}

/**
 * The command that goes on with what is open at a server: with all of it, or with the payment or
 * the job of this id.
 */
export function resumeCommand({ url, options }: Pick<Connection, 'url' | 'options'>, id?: string): string {
  return [PROGRAM, 'resume', quoted(url), ...(id ? [quoted(id)] : []), ...options].join(' ');
}

/** The command that goes on with one payment. */
export const paymentCommand = (id: string, { options }: Pick<Connection, 'options'>): string =>
  [PROGRAM, 'resume', quoted(id), ...options].join(' ');

export const priceOf = ({
  amount,
  currency,
  network,
  recipient,
}: Pick<Price, 'amount' | 'currency' | 'network' | 'recipient'>): string => `${amount} ${currency} on ${network} to ${recipient}`;

/** An error for programs. No proof, question or answer is in it. */
function forPrograms(error: Failed, message: string, fundsMoved: FundsMoved) {
  const { name, code, retryable, status, serverMessage, retryAfterMs, jobId, payment } = error;
  const paid = payment && paymentOf(payment);
  return { name, code, message, fundsMoved, retryable, status, serverMessage, retryAfterMs, jobId, payment: paid };
}

/**
 * A payment for programs, without a proof. The hash of a transfer is one until the server has taken
 * it.
 */
export function paymentOf(payment: PaymentAttempt | PendingPayment | PaymentRow) {
  if (payment.state === 'unreadable') return payment;
  const { attemptId, state, dialect, amount, currency, network, recipient, transaction, jobId, onChain, receipt } = payment;
  const { createdAt, server, content } = payment as Partial<PaymentRow & { content: string }>;
  return {
    ...{ attemptId, state, amount, currency, network, recipient, dialect },
    transaction: state === 'accepted' ? transaction : undefined,
    settled: receipt?.success,
    ...{ jobId, onChain, createdAt, server, content },
  };
}
