// What is open, as `pending` lists it and `resume` goes on with it.
import type { PendingPayment } from '../wasm.js';
import type { Command, Given } from './command.js';
import { connect, type Connection, type Needs } from './connect.js';
import { openServers, openStore, storeFolder, storeFolders } from './folders.js';
import { inShort, type Output } from './output.js';
import { priceOf } from './report.js';

export const SANDBOX_OPTION: Command['options'][number] = {
  name: 'sandbox',
  help: 'what is open in sandboxes, where no server is named',
};

/** Something open, and the client that goes on with it. */
export interface Open {
  readonly connection: Connection;
  readonly payment: PendingPayment;
}

/** What is open: at the server that is named, or at all servers of the store. */
export async function findOpen(given: Given, output: Output, wallet: Needs['wallet']): Promise<Open[]> {
  const [named] = given.positionals;
  const found: Open[] = [];
  const seen = new Set<string>();
  for (const folder of named ? storeFolders(given) : [storeFolder(given, given.has('sandbox'))]) {
    for (const url of named ? [named] : await openServers(openStore(folder))) {
      const connection = await connect(given, output, url, { wallet, folder });
      for (const payment of await connection.client.pendingPayments()) {
        // A record that cannot be read belongs to no server, and is listed at each.
        if (seen.has(payment.attemptId)) continue;
        seen.add(payment.attemptId);
        found.push({ connection, payment });
      }
    }
  }
  return found;
}

/** Something open, in one line. */
export function lineOf({ connection, payment }: Open): string {
  if (payment.state === 'unreadable') return `${payment.attemptId}  a record that cannot be read, in ${connection.folder}`;
  const { createdAt, state, content } = payment;
  const at = new Date(createdAt).toISOString().replace('T', ' ').slice(0, 19);
  return [at, state.padEnd(8), priceOf(payment), inShort(connection.url, 60), inShort(content, 60)].join('  ');
}
