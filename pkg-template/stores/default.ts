import { localStorageStore } from './local-storage.js';
import { memoryStore } from './memory.js';
import { shared } from './shared.js';
import type { Store } from './store.js';

/**
 * The page's localStorage where it can be used, else memory; the same for all clients of a program.
 */
export function defaultStore(): Store {
  try {
    const { document, localStorage } = globalThis as { document?: unknown; localStorage?: unknown };
    if (!shared.store && document && localStorage) shared.store = localStorageStore();
  } catch {
    // The browser blocks storage on this page: reading the global throws.
  }
  return (shared.store ??= memoryStore());
}
