// Queues of callers that want the same lock, in this program and in all tabs.
import { shared } from './shared.js';
import type { Store } from './store.js';

/** The last caller in the queue of each name. */
export type Queues = Map<string, Promise<void>>;

/**
 * Waits until everybody that has asked for this name before has given it back. Resolves with what
 * gives it back.
 */
export function takePlace(queues: Queues, name: string): Promise<() => void> {
  return new Promise((resolve) => {
    const before = Promise.resolve(queues.get(name));
    const mine = before.then(() => new Promise<void>((over) => resolve(over)));
    queues.set(name, mine);
    void mine.then(() => queues.get(name) === mine && queues.delete(name));
  });
}

/**
 * The same for all tabs, where there are Web Locks, and in this program elsewhere. A caller that
 * goes away (`signal`) has no place in the tabs' queue any more.
 */
export async function takePlaceAmongTabs(name: string, signal: AbortSignal | undefined): Promise<() => void> {
  const { locks } = (globalThis.navigator ?? {}) as { locks?: LockManager };
  if (!locks) return takePlace(shared.held, name);
  return new Promise((resolve) => {
    const hold = () => new Promise<void>((over) => resolve(over));
    const held = signal ? locks.request(name, { signal }, hold) : locks.request(name, hold);
    held.catch(() => {
      // A page without an origin of its own has no Web Locks. Who has gone away wants none.
      resolve(signal?.aborted ? () => undefined : takePlace(shared.held, name));
    });
  });
}

/**
 * Where the clients of a store that has locks wait in this program. Each store has queues of its
 * own: one that does not answer holds up nobody who has another store.
 *
 * @param folder The store is the same as others in this folder.
 */
export function queuesOf(store: Store, folder?: string): Queues {
  const all = (shared.queues ??= new WeakMap<Store, Queues>());
  const folders = (shared.folders ??= new Map<string, Queues>());
  const known = all.get(store) ?? (folder === undefined ? undefined : folders.get(folder));
  const queues = known ?? new Map<string, Promise<void>>();
  all.set(store, queues);
  if (folder !== undefined) folders.set(folder, queues);
  return queues;
}
