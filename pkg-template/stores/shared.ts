// What all copies of the package in one program share: one copy may be imported and another
// required.
import type { Store } from './store.js';

interface Shared {
  /** The last caller in the queue of each lock of the program, by the lock's name. */
  held: Map<string, Promise<void>>;
  /** The same of each store that has locks. An older copy of the package has none. */
  queues?: WeakMap<Store, Map<string, Promise<void>>>;
  /** The same of each folder that `fileStore` was given. */
  folders?: Map<string, Map<string, Promise<void>>>;
  /**
   * The last write in the queue of each file, by its path. An older copy of the package has none.
   */
  writes?: Map<string, Promise<void>>;
  /** The default store. */
  store?: Store;
  /** What makes wallets of those of the usual libraries; set by `eliza-jobs/wallets`. */
  adapted?: (wallet: object) => object;
}

export const shared = sharedByCopies();

function sharedByCopies(): Shared {
  const own: Shared = { held: new Map() };
  try {
    return ((globalThis as Record<symbol, unknown>)[Symbol.for('eliza-jobs')] ??= own) as Shared;
  } catch {
    // The global object is frozen: each copy is on its own.
    return own;
  }
}
