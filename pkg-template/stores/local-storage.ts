import { takePlaceAmongTabs } from './queue.js';
import type { LockRequest, Store } from './store.js';
import { takeTurn } from './turns.js';

/** The part of the browser's `Storage` that is used. */
export interface KeyValueStorage {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/**
 * A store in the page's localStorage, shared by its tabs. The records live as long as the browser
 * keeps the site's data.
 *
 * @param storage Used in place of the page's own. @default globalThis.localStorage
 * @throws {TypeError} when there is no localStorage, or the browser blocks it.
 */
export function localStorageStore(storage: KeyValueStorage = pageStorage()): Store {
  if (typeof storage?.setItem !== 'function') throw new TypeError(MISSING);
  return {
    get: (key) => storage.getItem(key),
    set: (key, value) => storage.setItem(key, value),
    // Two tabs cannot both see that there is none: the client holds the key's lock meanwhile.
    add(key, value) {
      if (storage.getItem(key) !== null) return false;
      storage.setItem(key, value);
      return true;
    },
    delete: (key) => storage.removeItem(key),
    keys(prefix = '') {
      const keys = Array.from({ length: storage.length }, (_, index) => storage.key(index));
      // Another tab may delete records meanwhile: an index has no key then.
      return keys.filter((key) => key !== null && key.startsWith(prefix)) as string[];
    },
    async lock(name, request: LockRequest & { signal?: AbortSignal } = {}) {
      const leave = await takePlaceAmongTabs(name, request.signal);
      const { locks } = (globalThis.navigator ?? {}) as { locks?: LockManager };
      // Other storages are not shared by tabs.
      const isShared = locks && storage === (globalThis as { localStorage?: unknown }).localStorage;
      if (!isShared || request.gone) return leave;
      try {
        const endTurn = await takeTurn(storage, locks, name, request);
        return () => {
          try {
            endTurn();
          } finally {
            leave();
          }
        };
      } catch (error) {
        leave();
        throw error;
      }
    },
  };
}

const MISSING = 'localStorageStore needs localStorage, which this runtime does not have; use memoryStore or fileStore';

function pageStorage(): KeyValueStorage {
  try {
    return (globalThis as { localStorage?: KeyValueStorage }).localStorage as KeyValueStorage;
  } catch (cause) {
    throw new TypeError('localStorageStore needs localStorage, which the browser blocks on this page; use memoryStore', {
      cause,
    });
  }
}
