// A lock that several programs share, as a lease. Its holder renews it every second. A caller that
// waits and sees no renewal for LEASE_MS of its own time takes it over. No clocks are compared, and
// no process numbers: a counter has changed since the last poll, or it has not.
//
//   .lease-<hash of the name>/          the lock; an empty folder is a free lock
//   .lease-<hash of the name>/<holder>/ its holder, a random id; the time stamp is the counter
//
// Each step is one call of the file system that succeeds for one caller only:
//
//   take      rename(draft folder with <me> in it, lock)  fails while the lock has a holder
//   take over rename(lock/<holder>, lock/<me>)            fails when that holder is not there any more
//   renew     utimes(lock/<me>)                           fails when another caller has taken over
//   release   rmdir(lock/<me>), rmdir(lock)               fail, and do nothing, in the same case
import type { Builtins } from './builtins.js';
import { codeOf } from './folder.js';
import type { LockRequest, ReleaseLock } from './store.js';

/** How often a holder renews its lease. */
const RENEWAL_MS = 1_000;
/** After how long without a renewal the holder counts as dead. */
export const LEASE_MS = 4_000;
/** The delay of the first poll of a lock that is taken; it grows to the last one. */
const FIRST_POLL_MS = 20;
const LAST_POLL_MS = 250;
/**
 * How much time one poll can count for: a caller that was suspended itself has not waited
 * meanwhile.
 */
const MOST_PER_POLL_MS = 2 * LAST_POLL_MS;
/** The counter's step in seconds. Some file systems round to two. */
const COUNTER_STEP_S = 2;
const COUNTER_SIZE = 32;

/**
 * What file systems answer to a rename onto a lock that is held, or onto something that is no
 * folder.
 */
const HELD = new Set(['ENOTEMPTY', 'EEXIST', 'ENOTDIR', 'EPERM', 'EACCES']);
/** What is over in a moment: no file descriptor is free, or the draft was swept. */
const PASSING = new Set(['EMFILE', 'ENFILE', 'EAGAIN', 'EBUSY', 'EINTR', 'ENOENT']);

/** Decides when a holder counts as dead. */
export class LeaseWatch {
  #seen: string | undefined;
  #quietMs = 0;

  /**
   * @param state What the lock looks like now; a renewal changes it.
   * @param elapsedMs The time since the last call.
   */
  isOver(state: string, elapsedMs: number): boolean {
    this.#quietMs = state === this.#seen ? this.#quietMs + Math.min(elapsedMs, MOST_PER_POLL_MS) : 0;
    this.#seen = state;
    return this.#quietMs >= LEASE_MS;
  }
}

/**
 * Waits for the lock at this path. When the request is gone first, what is returned holds nothing.
 *
 * @param pause How to wait between two polls. @default a timer, which keeps the program running
 */
export async function takeLease(
  lock: string,
  request: LockRequest,
  node: Builtins,
  pause = (ms: number) => new Promise<void>((next) => setTimeout(next, ms)),
): Promise<ReleaseLock> {
  const lease = new Lease(lock, node);
  const watch = new LeaseWatch();
  let polled = performance.now();
  try {
    for (let delay = FIRST_POLL_MS; !request.gone; delay = Math.min(delay * 1.5, LAST_POLL_MS)) {
      let isTaken = await lease.take();
      if (!isTaken) {
        const { state, holders } = await lease.inspect();
        const now = performance.now();
        isTaken = watch.isOver(state, now - polled) && (await lease.takeOver(holders));
        polled = now;
      }
      if (isTaken && lease.renew()) return lease.held();
      await pause(delay);
    }
  } finally {
    lease.dropDraft();
  }
  return Object.assign(() => undefined, { valid: () => false });
}

class Lease {
  readonly #lock: string;
  readonly #draft: string;
  readonly #mine: string;
  readonly #id: string;
  readonly #node: Builtins;
  readonly #begunS = Math.floor(Date.now() / 1_000);
  #renewals = 0;

  constructor(lock: string, node: Builtins) {
    this.#id = node.crypto.randomUUID();
    this.#lock = lock;
    this.#draft = `${lock}.${this.#id}`;
    this.#mine = node.path.join(lock, this.#id);
    this.#node = node;
  }

  /** Takes a lock that nobody holds. */
  async take(): Promise<boolean> {
    const { promises } = this.#node.fs;
    await passing(promises.mkdir(this.#node.path.join(this.#draft, this.#id), { recursive: true, mode: 0o700 }), PASSING);
    if (await passing(promises.rename(this.#draft, this.#lock), HELD)) return true;
    // Windows puts no folder in the place of an empty one. One with a holder in it stays.
    await promises.rmdir(this.#lock).catch(() => undefined);
    return false;
  }

  /** Who holds the lock, and a text that changes with each renewal. */
  async inspect(): Promise<{ state: string; holders: string[] }> {
    const { promises } = this.#node.fs;
    const stamp = async (path: string) => {
      const stat = await promises.lstat(path);
      return { isFolder: stat.isDirectory(), counter: stat.mtimeMs };
    };
    try {
      // A link is no folder: what it points to is somebody else's.
      const { isFolder, counter } = await stamp(this.#lock);
      if (!isFolder) return { state: `no folder, of ${counter}`, holders: [] };
      const holders = (await promises.readdir(this.#lock)).sort();
      const stamps = await Promise.all(holders.map((holder) => stamp(this.#node.path.join(this.#lock, holder))));
      return { state: JSON.stringify([holders, stamps]), holders };
    } catch (error) {
      return { state: codeOf(error), holders: [] };
    }
  }

  /** Takes the place of a holder that counts as dead, unless another caller was quicker. */
  async takeOver([holder, ...others]: string[]): Promise<boolean> {
    const { promises } = this.#node.fs;
    // Something that is no folder is in the lock's place. `unlink` never removes a folder, and so
    // no lock.
    if (holder === undefined) return promises.unlink(this.#lock).then(notYet, notYet);
    try {
      await promises.rename(this.#node.path.join(this.#lock, holder), this.#mine);
    } catch {
      return false;
    }
    // Callers take over the first one: what else is there was put there by somebody else.
    for (const other of others) {
      await promises.rm(this.#node.path.join(this.#lock, other), { recursive: true, force: true }).catch(() => undefined);
    }
    return true;
  }

  /** Says that the holder lives, and whether it still is the holder. */
  renew(): boolean {
    this.#renewals = (this.#renewals + 1) % COUNTER_SIZE;
    const counter = this.#begunS + this.#renewals * COUNTER_STEP_S;
    return attempt(() => this.#node.fs.utimesSync(this.#mine, counter, counter));
  }

  /** The lock is taken: it is renewed from now on. */
  held(): ReleaseLock {
    let isHeld = true;
    const timer = setInterval(() => this.renew(), RENEWAL_MS) as unknown as { unref?(): void };
    // A program may end while it holds a lock.
    timer.unref?.();
    // Without a wait: the program may end right after this.
    const release = () => {
      if (!isHeld) return;
      isHeld = false;
      clearInterval(timer as unknown as number);
      this.#remove();
    };
    return Object.assign(release, { valid: () => isHeld && this.renew() });
  }

  /** Frees the lock, unless another caller has taken it over. */
  #remove(): void {
    const { rmdirSync, rmSync } = this.#node.fs;
    // Something that is no folder was there when it was taken over.
    if (!attempt(() => rmdirSync(this.#mine))) attempt(() => rmSync(this.#mine, { recursive: true, force: true }));
    attempt(() => rmdirSync(this.#lock));
  }

  dropDraft(): void {
    attempt(() => this.#node.fs.rmdirSync(this.#node.path.join(this.#draft, this.#id)));
    attempt(() => this.#node.fs.rmdirSync(this.#draft));
  }
}

const notYet = () => false;

/** Whether a call succeeded; errors other than these are thrown. */
async function passing(work: Promise<unknown>, expected: Set<string>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (expected.has(codeOf(error)) || PASSING.has(codeOf(error))) return false;
    throw error;
  }
}

/** Does what may fail: a lock that cannot be removed is free when its lease is over. */
function attempt(work: () => void): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}
