import { localStorageStore } from './local-storage.js';
import { memoryStore } from './memory.js';
import { shared } from './shared.js';
import type { Store } from './store.js';

/**
 * The page's localStorage where it can be used, else memory; the same for all clients of a program.
 */
export function defaultStore(): Store {
  try {
    const page = globalThis as { document?: unknown; localStorage?: unknown };
    // Outside of a page it is not asked for: Node 26 warns whoever does.
    if (!shared.store && page.document && page.localStorage) shared.store = localStorageStore();
  } catch {
    // The browser blocks storage on this page: reading the global throws.
  }
  return (shared.store ??= memoryStore());
}
