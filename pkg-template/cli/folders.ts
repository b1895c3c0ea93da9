// Where the command line keeps its payments: in the user's data folder, so that a crash, and
// another terminal, lose nothing.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileStore } from '../node.js';
import type { Store } from '../stores.js';
import type { Given, Option } from './command.js';
import { quoted } from './values.js';

export const STORE_OPTION: Option = {
  name: 'store',
  value: '<folder>',
  help: "the folder of payments (default: ELIZA_JOBS_STORE, else the user's data folder)",
};

/** The folder of payments in sandboxes, in the folder of the others where that was named. */
const SANDBOX = 'sandbox';

/** The user's folder for data of this program. */
function dataFolder(): string {
  const { env, platform } = process;
  // The specification wants a relative path ignored.
  if (env['XDG_DATA_HOME'] && path.isAbsolute(env['XDG_DATA_HOME'])) return path.join(env['XDG_DATA_HOME'], 'eliza-jobs');
  if (platform === 'darwin') return path.join(homedir(), 'Library/Application Support/eliza-jobs');
  if (platform === 'win32') return path.join(env['LOCALAPPDATA'] ?? path.join(homedir(), 'AppData/Local'), 'eliza-jobs');
  return path.join(homedir(), '.local/share/eliza-jobs');
}

/** The folder that was named, by the option or in the environment. */
function namedFolder(given: Given): string | undefined {
  const folder = given.value('store') ?? process.env['ELIZA_JOBS_STORE'];
  return folder ? path.resolve(folder) : undefined;
}

/**
 * The folder of payments with money, or of those in sandboxes: one of its own, so that these count
 * for no budget.
 */
export function storeFolder(given: Given, isSandbox: boolean): string {
  const named = namedFolder(given);
  if (named !== undefined) return isSandbox ? path.join(named, SANDBOX) : named;
  return path.join(dataFolder(), isSandbox ? SANDBOX : 'payments');
}

/** Both folders. */
export const storeFolders = (given: Given): string[] => [storeFolder(given, false), storeFolder(given, true)];

/** The option that names the folder, for a command that goes on; empty where none was named. */
export function storeGiven(given: Given): string[] {
  const named = namedFolder(given);
  return named === undefined ? [] : ['--store', quoted(named)];
}

/**
 * The folder of payments in sandboxes, if there is one, where a command looks at those with money.
 */
export function otherFolder(given: Given): string | undefined {
  const folder = storeFolder(given, true);
  return given.has('sandbox') || !existsSync(folder) ? undefined : folder;
}

/** That there is something in sandboxes, and the option that shows it. */
export const inSandboxes = (count: number): string => `${count} in sandboxes: --sandbox`;

/** What the keys of records of open payments begin with. */
const RECORDS = 'eliza-jobs/payment/';

/** The servers at which something is open, by the records of a store. */
export async function openServers(store: Store): Promise<string[]> {
  const servers = new Set<string>();
  for (const key of await store.keys(RECORDS)) {
    try {
      const { server } = JSON.parse((await store.get(key)) ?? '{}') as { server?: unknown };
      if (typeof server === 'string') servers.add(server);
    } catch {
      // A record that cannot be read names no server. It is listed with those of any server.
    }
  }
  return [...servers].sort();
}

export const openStore = (folder: string): Store => fileStore(folder);
