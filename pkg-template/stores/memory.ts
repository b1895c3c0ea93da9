import type { Store } from './store.js';

/** A store in memory: its records live as long as the program. */
export function memoryStore(): Store {
  const records = new Map<string, string>();
  return {
    get: (key) => records.get(key),
    set: (key, value) => void records.set(key, value),
    add: (key, value) => !records.has(key) && Boolean(records.set(key, value)),
    delete: (key) => void records.delete(key),
    keys: (prefix = '') => [...records.keys()].filter((key) => key.startsWith(prefix)),
    // Nobody outside this program has it, and within a program the client queues.
    lock: () => Promise.resolve(() => undefined),
  };
}
