import { builtins } from './builtins.js';
import { storeIn } from './store-in-folder.js';
import type { Store } from './store.js';

/**
 * A store in a folder, a file for each record. For Node, Bun and Deno; several programs of one
 * machine may share the folder. A record is on the disk, whole, when `set` or `add` has resolved:
 * it survives a crash and a power cut. The folder is made when it is missing (0700), and files are
 * for their owner only (0600).
 *
 * @param folder A relative path is resolved now: a later `process.chdir` changes nothing.
 * @throws {TypeError} when it is no path, or the runtime has no file system.
 */
export function fileStore(folder: string): Store {
  return storeIn(folder, builtins);
}
