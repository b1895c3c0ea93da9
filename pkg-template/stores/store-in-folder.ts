import { shown } from '../values.js';
import type { Builtins } from './builtins.js';
import { Folder } from './folder.js';
import { takeLease } from './lease.js';
import { queuesOf } from './queue.js';
import type { Store } from './store.js';
import { isOurs, Sweeper } from './sweep.js';

/** The longest name that file systems take, in bytes. */
const MAX_NAME = 255;

/** A store in a folder, over modules that the package's entries get in different ways. */
export function storeIn(given: string, load: () => Builtins): Store {
  if (typeof given !== 'string' || !given) {
    throw new TypeError(`fileStore needs the path of a folder (it is made when it is missing); given: ${shown(given)}`);
  }
  const node = load();
  const folder = new Folder(node.path.resolve(given), node);
  const sweeper = new Sweeper(folder, node);
  const store: Store = {
    get: async (key) => folder.read(fileName(key)),
    set: async (key, value) => folder.replace(fileName(key), value),
    add: async (key, value) => folder.create(fileName(key), value),
    delete: async (key) => folder.remove(fileName(key)),
    async keys(prefix = '') {
      const keys: string[] = [];
      const hidden: string[] = [];
      for await (const name of folder.names()) {
        if (isOurs(name)) hidden.push(name);
        const key = keyOf(name);
        if (key?.startsWith(prefix)) keys.push(key);
      }
      sweeper.sweep(hidden);
      return keys;
    },
    async lock(name, request = {}) {
      await folder.make();
      const hash = node.crypto.createHash('sha256').update(name).digest('hex');
      return takeLease(folder.file(`.lease-${hash}`), request, node);
    },
  };
  // Its clients in this program need not poll for each other's leases.
  queuesOf(store, node.path.resolve(given));
  return store;
}

/** The name of a record's file. No key leads out of the folder, and none is hidden. */
function fileName(key: string): string {
  const name = encodeURIComponent(key).replace(/^\.|\*/g, (sign) => (sign === '*' ? '%2A' : '%2E'));
  if (name.length > MAX_NAME) {
    throw new RangeError(
      `fileStore: the key needs ${name.length} bytes as a file's name, and ${MAX_NAME} are possible; use a hash`,
    );
  }
  return name;
}

/** The key of a record's file; nothing for hidden files, and for those of somebody else. */
function keyOf(name: string): string | undefined {
  try {
    return name.startsWith('.') ? undefined : decodeURIComponent(name);
  } catch {
    return undefined;
  }
}
