// `resume`: goes on with what is open, and pays nothing again.
import type { CompletedJob, OpenPayment, PaymentRow, PendingPayment, ResumeOptions } from '../wasm.js';
import { agent, AGENT_OPTIONS, checkAgent } from './agents.js';
import type { Command, Given } from './command.js';
import { connect, PAY_OPTIONS, type Connection } from './connect.js';
import { EXIT, UsageError } from './exit.js';
import { Interrupt } from './interrupt.js';
import { storeGiven } from './folders.js';
import { findOpen, lineOf, SANDBOX_OPTION, tellOfSandboxes, type Open } from './open.js';
import { inShort, type Output } from './output.js';
import { findPayment } from './payments.js';
import { PROGRAM } from './program.js';
import { answered, answerOf, progress } from './progress.js';
import { report, reportOf, resumeCommand, write, type Report } from './report.js';
import { stopped } from './stop.js';
import { isAddress, isUuid, quoted, transactionHash } from './values.js';

const TRANSACTION = 'transaction';

export const resume: Command = {
  name: 'resume',
  summary: 'get paid answers that are open, and pay nothing again',
  takes: ['[url]', '[id]'],
  about: `Goes on with what is open: at all servers, at this one, or with the payment or the job of this id. A job that is there is waited for;
else the same proof of payment is sent. Nothing is ever paid again. --agent is for a payment whose request the server refused: the same question
goes to another agent. --transaction is for a transfer whose hash is not recorded: the wallet, or a block explorer, has it.`,
  options: [
    ...PAY_OPTIONS.filter(({ name }) => name === 'rpc' || name === 'store'),
    { name: TRANSACTION, value: '<hash>', help: 'the transfer that was made for this payment' },
    SANDBOX_OPTION,
    ...AGENT_OPTIONS,
  ],
  examples: [
    'eliza-jobs resume',
    'eliza-jobs resume https://agents.example',
    'eliza-jobs resume 5e0b3a52-7c1d-4c4e-9d57-0f6a3f1c2b10',
  ],
  async run(given, output) {
    const { url, id } = named(given);
    const corrected = agent(given);
    const hash = transactionHash(given, TRANSACTION);
    if (id === undefined && hash !== undefined) {
      throw new UsageError(`--${TRANSACTION} is for one payment`, `Name its id: "${PROGRAM} pending" lists them.`);
    }
    if (id === undefined && (corrected.agentId ?? corrected.timeoutMs) !== undefined) {
      throw new UsageError('--agent and --timeout are for one payment', `Name its id: "${PROGRAM} pending" lists them.`);
    }
    if (corrected.timeoutMs !== undefined && corrected.agentId === undefined) {
      throw new UsageError('--timeout needs --agent', 'Only a request that is corrected is given another time.');
    }
    try {
      const found = await findOpen(given, output, 'pay', { url, everywhere: id !== undefined });
      if (id === undefined) {
        const code = await resumeAll(output, found);
        if (url === undefined) await tellOfSandboxes(given, output);
        return code;
      }
      const open = found.find(
        ({ payment }) => payment.attemptId === id || (payment.state !== 'unreadable' && payment.jobId === id),
      );
      if (!open) return await withoutRecord(given, output, url, id);
      return await one(output, open.connection, withHash(open.payment, hash), corrected);
    } catch (error) {
      return report(error, output);
    }
  },
};

/** What is open, with the hash that was found for it. */
function withHash(payment: PendingPayment, hash: string | undefined): PendingPayment {
  if (hash === undefined) return payment;
  // A signature is its own proof, and a job needs none.
  if (payment.state === 'unreadable' || payment.dialect !== 'elizaos' || payment.jobId) {
    throw new UsageError(`the payment ${payment.attemptId} needs no transaction`, `Leave --${TRANSACTION} out.`);
  }
  return { ...payment, transaction: hash };
}

/** The server's address and the id of a payment or a job: either, both or none. */
function named(given: Given): { url?: string; id?: string } {
  const [first, second] = given.positionals;
  if (first === undefined) return {};
  if (isUuid(first) && second !== undefined) {
    throw new UsageError('the id stands before the address', `Did you mean: ${PROGRAM} resume ${quoted(second)} ${first}`);
  }
  const isWrong = second === undefined ? !isUuid(first) && !isAddress(first) && !/^:?\d{1,5}$/.test(first) : !isUuid(second);
  if (isWrong) {
    const wrong = JSON.stringify(inShort(second ?? first, 60));
    const rule = second === undefined ? 'neither an address nor an id' : 'no id';
    throw new UsageError(
      `${wrong} is ${rule} (8-4-4-4-12 hexadecimal digits)`,
      `Usage: eliza-jobs resume [url] [id]; "${PROGRAM} pending" lists the ids.`,
    );
  }
  if (isUuid(first)) return { id: first };
  return second === undefined ? { url: first } : { url: first, id: second };
}

/**
 * Nothing is open with this id. A job that cost nothing, or whose payment is closed, may still be
 * at its server.
 */
async function withoutRecord(given: Given, output: Output, url: string | undefined, id: string): Promise<number> {
  const paid = await findPayment(given, id);
  if (paid?.attemptId === id) throw notOpen(given, paid);
  const server = url ?? paid?.server;
  if (server === undefined) {
    throw new UsageError(
      `nothing is open with the id ${id}, and no payment that is recorded here has it`,
      `A job that cost nothing is at its server: ${PROGRAM} resume <url> ${id}`,
    );
  }
  const connection = await connect(given, output, server, { wallet: 'none' });
  return await one(output, { ...connection, pays: false, isOpen: false }, id);
}

function notOpen(given: Given, { attemptId, server, jobId }: PaymentRow): UsageError {
  // What is no id is no argument either: a server could write anything there.
  const isNamed = jobId !== undefined && isUuid(jobId);
  const command = isNamed ? resumeCommand({ url: server, options: storeGiven(given) }, jobId) : undefined;
  return new UsageError(
    `the payment ${attemptId} is not open any more`,
    command === undefined
      ? `"${PROGRAM} payments" says what became of it.`
      : `Its job may still be at the server for some time: ${command}`,
  );
}

/** What is asked for in place of what was recorded. */
type Corrected = ReturnType<typeof agent>;

/** What came of something open: its job, or what went wrong. */
type Result =
  | { readonly job: CompletedJob; readonly began: number }
  | { readonly report: Report; readonly isInterrupted: boolean };

async function one(
  output: Output,
  connection: Connection,
  handle: PendingPayment | string,
  corrected: Corrected = {},
): Promise<number> {
  const result = await goOn(output, connection, handle, corrected);
  if ('report' in result) return write(result.report, output);
  return await answered(output, connection, result.job, result.began);
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
    else worst = Math.max(worst, await answered(output, open.connection, result.job, result.began));
    if ('report' in result && result.isInterrupted) break;
  }
  if (output.json) output.document(documents);
  const failed = await output.written();
  if (!failed || worst !== EXIT.done || found.length === 0) return worst;
  output.error(`the answers could not be written: ${failed.message}`);
  return EXIT.mayHavePaid;
}

async function goOn(
  output: Output,
  connection: Connection,
  handle: PendingPayment | string,
  corrected: Corrected = {},
): Promise<Result> {
  const began = performance.now();
  const interrupt = new Interrupt();
  output.waiting('resume', 'looking for the job');
  try {
    const { signal } = interrupt;
    const request = requestOf(handle, corrected);
    await checkAgent(connection, corrected.agentId, signal);
    return { job: await connection.client.resume(handle, { signal, onUpdate: progress(output), ...request }), began };
  } catch (error) {
    const isInterrupted = interrupt.signal.aborted;
    // A job's id alone is no payment.
    const isOf = ({ attemptId }: OpenPayment) => typeof handle !== 'string' && handle.attemptId === attemptId;
    return { report: isInterrupted ? await stopped(output, connection, isOf) : reportOf(error, connection), isInterrupted };
  } finally {
    interrupt.end();
  }
}

/** The question that is recorded, for another agent. */
function requestOf(handle: PendingPayment | string, corrected: Corrected): Pick<ResumeOptions, 'params'> {
  if (corrected.agentId === undefined) return {};
  if (typeof handle === 'string' || handle.state === 'unreadable' || !handle.content) {
    throw new UsageError('the record of this payment does not say what was asked', 'Leave --agent out.');
  }
  const { content, userId } = handle;
  return { params: { content, userId, ...corrected } };
}
