// Where the library is loaded from that gets the key. What runs with a key in its environment can
// take it: only folders are looked at that nobody else can change, and none that the user does not
// mean.
import { existsSync, realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError } from './exit.js';

/** A library that is installed. */
export interface Library {
  /** Where it is. */
  readonly folder: string;
  /** Loads it, or a part of it: `viem/accounts`. */
  load<T>(name: string): T;
}

/** Bits of a file's mode. */
const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;

/**
 * The library of this name: beside this package, else of the project of the working directory.
 * Folders that have it and are not used are put into `avoided`.
 */
export function loadLibrary(name: string, avoided: Set<string>): Library | undefined {
  const beside = besideThis();
  for (const modules of [beside, ...ofProject(process.cwd())]) {
    const folder = path.join(modules, name);
    if (!existsSync(folder)) continue;
    // Whoever could change what is beside this program could change this program.
    const changeable = modules === beside ? undefined : [modules, folder].find((folder) => !isOurs(folder));
    if (changeable === undefined) return { folder, load: (part) => load(part, modules, folder) };
    avoided.add(changeable);
  }
  return undefined;
}

/**
 * The `node_modules` that this package was installed into, with what was installed along with it:
 * `npx -p eliza-jobs -p viem`.
 */
const besideThis = (): string => path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/**
 * The `node_modules` of the working directory, and of the folders above it up to the next
 * package.json: the project ends there.
 */
function ofProject(directory: string): string[] {
  const folders: string[] = [];
  for (let folder = directory; ; folder = path.dirname(folder)) {
    folders.push(path.join(folder, 'node_modules'));
    if (existsSync(path.join(folder, 'package.json'))) return folders;
    if (path.dirname(folder) === folder) break;
  }
  // In no project: the folders above are anybody's.
  return folders.slice(0, 1);
}

/** Whether a folder is the user's (or the system's), and nobody else may change what is in it. */
function isOurs(folder: string): boolean {
  // Windows has no such bits.
  if (!process.getuid || !process.getgid) return true;
  const { uid, gid, mode } = statSync(folder);
  if (uid !== process.getuid() && uid !== 0) return false;
  // Many systems give each user a group of their own, which may write by default.
  return (mode & OTHERS_WRITE) === 0 && ((mode & GROUP_WRITES) === 0 || gid === process.getgid());
}

/** Loads a part of the library in this folder. */
function load<T>(part: string, modules: string, folder: string): T {
  const require = createRequire(path.join(modules, 'here.js'));
  try {
    const found = require.resolve(part);
    // A part that it lacks would be looked for in the folders above.
    if (!found.startsWith(realpathSync(folder) + path.sep)) throw new Error(`there is no ${part} in it`);
    return require(found) as T;
  } catch (error) {
    throw new UsageError(`${folder} cannot be loaded: ${String((error as Error | null)?.message)}`);
  }
}
