// Locks as the Rust side asks for them: one holder in this program, in all tabs, and in all
// programs that share the store.
import { shown } from '../values.js';
import { queuesOf, takePlace, takePlaceAmongTabs } from './queue.js';
import type { ReleaseLock, Store } from './store.js';

const LOCK_RULE = 'lock() must resolve with a function that releases the lock';

/** A lock that is wanted or held. */
export interface LockCall {
  /** Set when the lock is not wanted any more. */
  gone?: boolean;
  /** The same, for the package's own stores. Set by `lock`. */
  signal?: AbortSignal;
  /** Releases the lock, or ends the wait for it. Set by `lock`. */
  release?(): void;
  /** Whether the lock is held at this moment. Set by `lock`. */
  valid?(): boolean;
}

/** Every lock that is wanted or held. */
const calls = new Set<LockCall>();

/**
 * Waits for the lock of this name: first in this program, then in the store. A store without locks
 * has those of the program (of all tabs, where there are Web Locks). Rejects when the store cannot
 * lock. `call.release()` ends it at any time, also when the store never answers; the promise
 * resolves then.
 */
export function lock(name: string, call: LockCall, store: Store | undefined): Promise<void> {
  calls.add(call);
  return new Promise((resolve, reject) => {
    let held: ReleaseLock | undefined;
    let isHeld = false;
    const queue = new AbortController();
    call.signal = queue.signal;
    const released = new Promise<void>((end) => {
      call.release = () => {
        call.gone = true;
        if (!calls.delete(call)) return;
        // At once: the program may end when the call that held the lock has ended.
        if (held) giveBack(held);
        queue.abort();
        end();
        resolve();
      };
    });
    call.valid = () => isHeld && calls.has(call) && (!held?.valid || held.valid() === true);
    const askStore = async () => {
      const given: unknown = store?.lock ? await store.lock(name, call) : await takePlaceAmongTabs(name, queue.signal);
      if (typeof given !== 'function') throw new TypeError(`${LOCK_RULE}; it resolved with ${shown(given)}`);
      const release = given as ReleaseLock;
      if (call.gone) return giveBack(release);
      held = release;
      isHeld = true;
      resolve();
    };
    const inTurn = (leave: () => void) => {
      if (call.gone) return leave();
      void released.then(leave);
      askStore().catch((error: unknown) => {
        reject(error as Error);
        call.release?.();
      });
    };
    if (store?.lock) void takePlace(queuesOf(store), name).then(inTurn);
    else inTurn(() => undefined);
  });
}

/** Releases every lock: for a module that has trapped and cannot do it any more. */
export function releaseAllLocks(): void {
  for (const call of [...calls]) call.release?.();
}

/** What a store throws when it releases a lock changes nothing: the lock's lease ends by itself. */
function giveBack(release: ReleaseLock): void {
  new Promise((done) => done(release())).catch(() => undefined);
}
