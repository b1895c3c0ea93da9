// `payments`: what was paid, of all servers.
import { existsSync } from 'node:fs';
import { JobsClient } from '../node.js';
import type { JobsClient as Client, PaymentRow, PaymentsOptions, PaymentState } from '../wasm.js';
import type { Command, Given } from './command.js';
import { EXIT, UsageError } from './exit.js';
import { inSandboxes, openStore, otherFolder, storeFolder, storeFolders, STORE_OPTION } from './folders.js';
import { inShort, paint, shown, type Output, type Part } from './output.js';
import { chargeOf, paymentOf, report } from './report.js';
import { date, oneOf } from './values.js';

const STATES: readonly PaymentState[] = ['intended', 'proven', 'sent', 'accepted', 'refused', 'unknown'];
/** The list is of all servers: no request is sent, and this address is not used. */
const NO_SERVER = 'http://localhost';

export const payments: Command = {
  name: 'payments',
  summary: 'list what was paid',
  takes: [],
  about: 'Lists every payment that moved or may have moved money, the oldest first, of all servers.',
  options: [
    { name: 'csv', help: 'print a table for spreadsheets' },
    { name: 'since', value: '<date>', help: 'payments of this day and later: 2026-01-31' },
    { name: 'until', value: '<date>', help: 'payments before this day' },
    { name: 'state', value: '<state>', help: `payments in this state: ${STATES.join(', ')}` },
    { name: 'sandbox', help: 'those in sandboxes, which moved no money' },
    STORE_OPTION,
  ],
  examples: ['eliza-jobs payments', 'eliza-jobs payments --since 2026-01-01 --csv > payments.csv'],
  async run(given, output) {
    if (given.has('csv') && output.json) throw new UsageError('--csv and --json exclude each other', 'Leave one of them out.');
    const options = filterOf(given);
    const folder = storeFolder(given, given.has('sandbox'));
    const client = new JobsClient({ baseUrl: NO_SERVER, store: openStore(folder) });
    try {
      if (given.has('csv')) output.raw(await client.paymentsCsv(options));
      else if (output.json) output.document((await client.payments(options)).map(paymentOf));
      else await list(client, options, output, folder, given);
      return EXIT.done;
    } catch (error) {
      return report(named(error, given), output);
    }
  },
};

/** The recorded payment with this id, or of the job with it: with money, or in a sandbox. */
export async function findPayment(given: Given, id: string): Promise<PaymentRow | undefined> {
  for (const folder of storeFolders(given)) {
    if (!existsSync(folder)) continue;
    for await (const row of new JobsClient({ baseUrl: NO_SERVER, store: openStore(folder) }).payments()) {
      if (row.attemptId === id || row.jobId === id) return row;
    }
  }
  return undefined;
}

function filterOf(given: Given): PaymentsOptions {
  const [since, until, state] = [date(given, 'since'), date(given, 'until'), oneOf(given, 'state', STATES)];
  return { ...(since && { since }), ...(until && { until }), ...(state && { state }) };
}

/** One payment at a time: there may be any number. */
async function list(client: Client, options: PaymentsOptions, output: Output, folder: string, given: Given) {
  let count = 0;
  for await (const row of client.payments(options)) {
    count += 1;
    output.line(...lineOf(row));
  }
  if (count === 0) output.remark(`No payments in ${folder}.`);
  const other = otherFolder(given);
  if (other === undefined) return;
  const { length } = await new JobsClient({ baseUrl: NO_SERVER, store: openStore(other) }).payments(options);
  if (length > 0) output.remark(inSandboxes(length));
}

/** What the library says of a date, with the option and what was typed. */
function named(error: unknown, given: Given): unknown {
  const { code, field, message } = error as { code?: unknown; field?: unknown; message?: unknown };
  const typed = typeof field === 'string' ? given.value(field) : undefined;
  if (code !== 'invalid_argument' || typed === undefined) return error;
  const [rule = ''] = String(message).split('; given: ');
  return new UsageError(`--${rule}; given: ${JSON.stringify(typed)}`);
}

function lineOf(row: PaymentRow): Part[] {
  const at = new Date(row.createdAt).toISOString().replace('T', ' ').slice(0, 19);
  const state = row.state.padEnd(8);
  const price = `${row.amount.padStart(8)} ${row.currency}  ${shown(row.network).padEnd(8)}`;
  const doubt = row.state === 'accepted' ? chargeOf(row) : undefined;
  const mark = paint(row.state === 'accepted' && !doubt ? 'green' : 'yellow', state);
  return [`${at}  ${price}  `, mark, `  ${inShort(row.server, 60)}  ${row.recipient}${doubt ? `  ${doubt}` : ''}`];
}
