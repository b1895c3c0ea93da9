// Locks as the Rust side asks for them: one holder in this program, in all tabs, and in all
// programs that share the store.
import { shown } from '../values.js';
import { shared } from './shared.js';
import type { ReleaseLock, Store } from './store.js';

const LOCK_RULE = 'lock() must resolve with a function that releases the lock';

/** A lock that is wanted or held. */
export interface LockCall {
  /** Set when the lock is not wanted any more. */
  gone?: boolean;
  /** Releases the lock, or ends the wait for it. Set by `lock`. */
  release?(): void;
  /** Whether the lock is held at this moment. Set by `lock`. */
  valid?(): boolean;
}

/** Every lock that is wanted or held. */
const calls = new Set<LockCall>();

/**
 * Waits for the lock of this name: first in this program (in all tabs, where there are Web Locks),
 * then in the store. Rejects when the store cannot lock. `call.release()` ends it at any time, also
 * when the store never answers; the promise resolves then.
 */
export function lock(name: string, call: LockCall, store: Store | undefined): Promise<void> {
  calls.add(call);
  return new Promise((resolve, reject) => {
    let held: ReleaseLock | undefined;
    let isHeld = false;
    const queue = new AbortController();
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
    call.valid = () => isHeld && calls.has(call) && (held?.valid?.() ?? true);
    const askStore = async () => {
      const given: unknown = store?.lock ? await store.lock(name, call) : () => undefined;
      if (typeof given !== 'function') throw new TypeError(`${LOCK_RULE}; it resolved with ${shown(given)}`);
      const release = given as ReleaseLock;
      if (call.gone) return giveBack(release);
      held = release;
      isHeld = true;
      resolve();
    };
    const work = async () => {
      if (call.gone) return;
      askStore().catch((error: unknown) => {
        reject(error as Error);
        call.release?.();
      });
      await released;
    };
    enqueue(name, queue.signal, work);
  });
}

/** Releases every lock: for a module that has trapped and cannot do it any more. */
export function releaseAllLocks(): void {
  for (const call of [...calls]) call.release?.();
}

/** Runs `work` when nobody else in this program, or in another tab, runs work of this name. */
function enqueue(name: string, signal: AbortSignal, work: () => Promise<void>): void {
  const inThisProgram = () => {
    const mine = Promise.resolve(shared.held.get(name)).then(work);
    shared.held.set(name, mine);
    void mine.then(() => shared.held.get(name) === mine && shared.held.delete(name));
  };
  const { locks } = (globalThis.navigator ?? {}) as { locks?: LockManager };
  if (!locks) return inThisProgram();
  locks.request(name, { signal }, work).catch(() => {
    // A page without an origin of its own has no Web Locks.
    if (!signal.aborted) inThisProgram();
  });
}

/** What a store throws when it releases a lock changes nothing: the lock's lease ends by itself. */
function giveBack(release: ReleaseLock): void {
  new Promise((done) => done(release())).catch(() => undefined);
}
