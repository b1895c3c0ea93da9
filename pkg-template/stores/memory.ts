import { type Queues, takePlace } from './queue.js';
import type { Store } from './store.js';

/** A store in memory: its records live as long as the program. */
export function memoryStore(): Store {
  const records = new Map<string, string>();
  const queues: Queues = new Map();
  return {
    get: (key) => records.get(key),
    set: (key, value) => void records.set(key, value),
    add: (key, value) => !records.has(key) && Boolean(records.set(key, value)),
    delete: (key) => void records.delete(key),
    keys: (prefix = '') => [...records.keys()].filter((key) => key.startsWith(prefix)),
    lock: (name) => takePlace(queues, name),
  };
}
