// What is open, as `pending` lists it and `resume` goes on with it.
import { JobsClient } from '../node.js';
import type { Store } from '../stores.js';
import type { PendingPayment } from '../wasm.js';
import type { Command, Given } from './command.js';
import { connect, type Connection, type Needs } from './connect.js';
import { inSandboxes, openServers, openStore, otherFolder, storeFolder, storeFolders } from './folders.js';
import { inShort, type Output } from './output.js';
import { priceOf } from './report.js';
import { address, isSameServer } from './values.js';

export const SANDBOX_OPTION: Command['options'][number] = {
  name: 'sandbox',
  help: 'what is open in sandboxes, where no server is named',
};

/** Something open, and the client that goes on with it. */
export interface Open {
  readonly connection: Connection;
  readonly payment: PendingPayment;
}

/** Where to look for what is open. */
export interface Where {
  /** The server's address. @default all servers of the store */
  readonly url?: string | undefined;
  /**
   * Whether to look at payments with money and at those in sandboxes. @default one of both, by
   * `--sandbox`
   */
  readonly everywhere?: boolean;
}

/** What is open: at the server that is named, or at all servers of the store. */
export async function findOpen(given: Given, output: Output, wallet: Needs['wallet'], where: Where): Promise<Open[]> {
  const named = where.url;
  const found: Open[] = [];
  const seen = new Set<string>();
  const isEverywhere = named !== undefined || where.everywhere;
  for (const folder of isEverywhere ? storeFolders(given) : [storeFolder(given, given.has('sandbox'))]) {
    const store = openStore(folder);
    const isSandbox = folder === storeFolder(given, true);
    for (const url of await serversOf(store, named)) {
      // A record that cannot be read belongs to no server, and is listed at each.
      const open = (await new JobsClient({ baseUrl: url, store }).pendingPayments()).filter(
        ({ attemptId }) => !seen.has(attemptId),
      );
      if (open.length === 0) continue;
      const connection = await connect(given, output, url, { wallet, folder, isSandbox });
      for (const payment of open) {
        seen.add(payment.attemptId);
        found.push({ connection, payment });
      }
    }
  }
  return found;
}

/** The servers of a store that have something open, or the one that is named. */
async function serversOf(store: Store, named: string | undefined): Promise<string[]> {
  const servers = await openServers(store);
  if (named === undefined) return servers;
  const url = address(named);
  const same = servers.filter((server) => isSameServer(server, url));
  return same.length > 0 ? same : [url];
}

/** Says what is open in sandboxes, where only payments with money were looked at. */
export async function tellOfSandboxes(given: Given, output: Output): Promise<void> {
  const folder = otherFolder(given);
  if (folder === undefined) return;
  const store = openStore(folder);
  const ids = new Set<string>();
  for (const baseUrl of await openServers(store)) {
    for (const { attemptId } of await new JobsClient({ baseUrl, store }).pendingPayments()) ids.add(attemptId);
  }
  if (ids.size > 0) output.remark(inSandboxes(ids.size));
}

/** Something open, in one line. */
export function lineOf({ connection, payment }: Open): string {
  if (payment.state === 'unreadable') return `${payment.attemptId}  a record that cannot be read, in ${connection.folder}`;
  const { createdAt, state, content } = payment;
  const at = new Date(createdAt).toISOString().replace('T', ' ').slice(0, 19);
  return [at, state.padEnd(8), priceOf(payment), inShort(connection.url, 60), inShort(content, 60)].join('  ');
}
