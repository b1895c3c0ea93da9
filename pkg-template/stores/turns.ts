// What one tab has written into localStorage, another one may see a moment later, though it has got
// the first one's Web Lock already: in Chromium each process has a copy of the storage, and copies
// and locks travel apart. So whoever holds a lock leaves a sign of it, and whoever has the lock
// next waits until it sees the end of that turn in the storage, and with it all that was written
// before.
//
// A turn is a random id. While it goes on, and for a while after it, its tab holds the Web Lock
// `eliza-jobs/turn/<lock>/<id>`, which others see at once; its end is the key
// `eliza-jobs/turn/<id>`.
import type { KeyValueStorage } from './local-storage.js';
import type { LockRequest, ReleaseLock } from './store.js';

const TURN = 'eliza-jobs/turn/';
/** How long a turn can be seen after its end: far longer than a write takes to get around. */
const SEEN_MS = 3_000;
/** How long the end of a turn is waited for. A tab whose storage is full cannot write it. */
const LIMIT_MS = 1_000;
/** How often the storage is read meanwhile. */
const POLL_MS = 2;

/** The turns of this program, which sees its own writes. */
const own = new Set<string>();
/** Whether what closed tabs have left in the storage was removed. */
let isTidy = false;

/** Begins a turn of this lock, which the program holds, when the turn before can be seen. */
export async function takeTurn(
  storage: KeyValueStorage,
  locks: LockManager,
  name: string,
  request: LockRequest,
): Promise<ReleaseLock> {
  const prefix = `${TURN}${name}/`;
  const id = crypto.randomUUID();
  const over = await hold(locks, prefix + id);
  own.add(id);
  // Ends are read before the locks are. The lock of a turn outlives its end: an end without a lock
  // is of a tab that was closed before it could remove it.
  const left = isTidy ? [] : endsIn(storage);
  isTidy = true;
  const { held = [] } = await locks.query();
  for (const end of left) {
    if (!held.some(({ name: other = '' }) => other.endsWith(`/${end.slice(TURN.length)}`))) storage.removeItem(end);
  }
  for (const { name: other = '' } of held) {
    const before = other.startsWith(prefix) ? other.slice(prefix.length) : id;
    const limit = performance.now() + LIMIT_MS;
    while (!own.has(before) && !storage.getItem(TURN + before) && performance.now() < limit && !request.gone) {
      await new Promise((next) => setTimeout(next, POLL_MS));
    }
  }
  return () => {
    const end = () => {
      over();
      own.delete(id);
      storage.removeItem(TURN + id);
    };
    setTimeout(end, SEEN_MS);
    storage.setItem(TURN + id, '1');
  };
}

/** The ends of turns that can be seen. */
function endsIn(storage: KeyValueStorage): string[] {
  const keys = Array.from({ length: storage.length }, (_, index) => storage.key(index) ?? '');
  return keys.filter((key) => key.startsWith(TURN));
}

/** Holds a lock that nobody else wants, and returns what gives it back. */
function hold(locks: LockManager, name: string): Promise<() => void> {
  return new Promise((resolve, reject) => {
    locks.request(name, () => new Promise<void>((over) => resolve(over))).catch(reject);
  });
}
