// A folder whose files survive a power cut: what has resolved is on the disk, whole.
import type { Builtins } from './builtins.js';
import { shared } from './shared.js';

/** How many files are open at once: programs may have no more than a few hundred. */
const MAX_OPEN_FILES = 32;
/** How many names are read at once: some tens of microseconds of work. */
const NAMES_AT_ONCE = 256;
/** How often a folder that changes meanwhile is read at most. */
const MOST_READS = 3;
/** Changes of a folder that are closer together than this may have the same time. */
const COARSE_MS = 100;
/** What file systems answer that cannot sync a folder, or link files. */
const UNSUPPORTED = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EPERM', 'EISDIR', 'EMLINK']);
/** What Android answers besides, which lets no app link files. */
const NO_LINKS = 'EACCES';

/** What is used of an open file. */
interface Handle {
  readonly fd: number;
  sync(): Promise<void>;
}

/** The code of a file system's error. */
export function codeOf(error: unknown): string {
  const { code } = Object(error) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

export class Folder {
  readonly path: string;
  readonly #node: Builtins;
  readonly #limit = new Limit(MAX_OPEN_FILES);
  #syncing: Promise<void> = Promise.resolve();
  #nextSync: Promise<void> | undefined;

  /** @param path An absolute path. */
  constructor(path: string, node: Builtins) {
    this.path = path;
    this.#node = node;
  }

  /** The text of a file, as it is; `undefined` only when there is no such file. */
  read(name: string): Promise<string | undefined> {
    const { readFile } = this.#node.fs.promises;
    return this.#limit.run(() => unlessMissing(readFile(this.file(name), 'utf8')));
  }

  /** Writes a file in place of an earlier one. */
  replace(name: string, text: string): Promise<void> {
    const { rename } = this.#node.fs.promises;
    return this.#inOrder(name, () => this.#publish(text, (draft) => rename(draft, this.file(name))));
  }

  /** Writes a file unless there is one; says whether it did. */
  create(name: string, text: string): Promise<boolean> {
    return this.#inOrder(name, () => this.#publish(text, (draft) => this.#link(draft, name, text)));
  }

  /** Removes a file. One that does not exist is no error. */
  remove(name: string): Promise<void> {
    return this.#inOrder(name, async () => {
      if (await removed(this.#node.fs.promises.unlink(this.file(name)))) await this.#sync();
    });
  }

  /**
   * The names of all that is in the folder, each once. Between the pieces other work of the program
   * gets its turn.
   *
   * A file that is written anew while the folder is read may be left out: Btrfs and tmpfs put its
   * name at the end, behind what a reader gets to see. So a folder that has changed is read again.
   */
  async *names(): AsyncGenerator<string> {
    const { opendir, stat } = this.#node.fs.promises;
    const seen = new Set<string>();
    for (let reads = 0; reads < MOST_READS; reads += 1) {
      const before = await unlessMissing(stat(this.path));
      if (!before) return;
      const folder = await unlessMissing(opendir(this.path, { bufferSize: NAMES_AT_ONCE }));
      if (!folder) return;
      const isRecent = Math.abs(Date.now() - before.mtimeMs) < COARSE_MS;
      for await (const { name } of folder) {
        if (!seen.has(name)) yield name;
        seen.add(name);
      }
      const after = await unlessMissing(stat(this.path));
      if (!isRecent && before.mtimeMs === after?.mtimeMs) return;
    }
  }

  /**
   * Makes the folder when it is missing, for nobody else's eyes: a record can hold a proof of
   * payment.
   */
  async make(): Promise<void> {
    const { path } = this.#node;
    const first = await this.#makeFolder(this.path);
    if (first === undefined) return;
    for (let made = this.path; made.length >= first.length; made = path.dirname(made)) {
      await this.#syncFolder(path.dirname(made));
    }
  }

  /**
   * Makes a folder and those that lead to it; the first one that was missing. Node's own recursion
   * never ends where the file system takes no folders, as in /proc.
   */
  async #makeFolder(folder: string, hasParent = false): Promise<string | undefined> {
    const { fs, path } = this.#node;
    try {
      await fs.promises.mkdir(folder, { mode: 0o700 });
      return folder;
    } catch (error) {
      const parent = path.dirname(folder);
      if (codeOf(error) === 'ENOENT' && !hasParent && parent !== folder) {
        const first = await this.#makeFolder(parent);
        const made = await this.#makeFolder(folder, true);
        return first ?? made;
      }
      const there = await fs.promises.stat(folder).catch(() => undefined);
      if (!there?.isDirectory()) throw error;
      return undefined;
    }
  }

  file(name: string): string {
    return this.#node.path.join(this.path, name);
  }

  /**
   * Writes a hidden draft to the disk and has it published under its name. Whatever happens, no
   * draft stays behind.
   */
  async #publish<T>(text: string, publish: (draft: string) => Promise<T>): Promise<T> {
    const done = await this.#limit.run(async () => {
      for (let attempt = 1; ; attempt += 1) {
        const draft = this.file(`.draft-${this.#node.crypto.randomUUID()}`);
        try {
          await this.make();
          await this.#writeNew(draft, text);
          return await publish(draft);
        } catch (error) {
          // The folder or the draft was removed by somebody: that is worth one more attempt.
          if (codeOf(error) !== 'ENOENT' || attempt > 1) {
            throw failure(`fileStore could not write to ${this.path}, and has changed no record`, error);
          }
        } finally {
          await this.#node.fs.promises.unlink(draft).catch(() => undefined);
        }
      }
    });
    try {
      await this.#sync();
    } catch (error) {
      throw failure(`fileStore has written the record in ${this.path}, and a power cut can still undo that`, error);
    }
    return done;
  }

  /** Writes a file that is not there yet. Of one that cannot be written whole nothing stays. */
  async #writeNew(path: string, text: string): Promise<void> {
    const { open, unlink } = this.#node.fs.promises;
    const handle = await open(path, 'wx', 0o600);
    const written = handle.writeFile(text).then(() => this.#flush(handle));
    try {
      await written.finally(() => handle.close());
    } catch (error) {
      await unlink(path).catch(() => undefined);
      throw error;
    }
  }

  /**
   * Has a file or a folder on the disk. The handles of Yarn's Plug'n'Play have no `sync` that
   * works; what is behind them has. An error with a code is the file system's own.
   */
  async #flush(handle: Handle): Promise<void> {
    try {
      await handle.sync();
    } catch (error) {
      if (codeOf(error)) throw error;
      await this.#flushNumber(handle.fd);
    }
  }

  async #flushNumber(file: number): Promise<void> {
    try {
      await new Promise<void>((done, failed) => this.#node.fs.fsync(file, (error) => (error ? failed(error) : done())));
    } catch (error) {
      // Nothing here can sync: what is written is as safe as the system makes it.
      if (codeOf(error) && codeOf(error) !== 'ERR_INVALID_ARG_TYPE') throw error;
    }
  }

  /** Gives the draft its name unless that is taken. */
  async #link(draft: string, name: string, text: string): Promise<boolean> {
    const { link } = this.#node.fs.promises;
    try {
      await link(draft, this.file(name)).catch((error: unknown) => {
        if (!UNSUPPORTED.has(codeOf(error)) && codeOf(error) !== NO_LINKS) throw error;
        // No links on this file system. A crash in the middle leaves half a record, which is
        // refused when it is read: it cannot lead to a second payment.
        return this.#writeNew(this.file(name), text);
      });
      return true;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      throw error;
    }
  }

  /**
   * Runs after all earlier writes to this file, of any store and copy of the package in this
   * program.
   */
  #inOrder<T>(name: string, write: () => Promise<T>): Promise<T> {
    const writes = (shared.writes ??= new Map());
    const path = this.file(name);
    const result = (writes.get(path) ?? Promise.resolve()).then(write);
    const settled = result.then(
      () => undefined,
      () => undefined,
    );
    writes.set(path, settled);
    void settled.then(() => writes.get(path) === settled && writes.delete(path));
    return result;
  }

  /**
   * Has the names in the folder on the disk. Calls that come while one is under way share the next
   * one.
   */
  #sync(): Promise<void> {
    return (this.#nextSync ??= this.#syncing.then(() => {
      this.#nextSync = undefined;
      const sync = this.#syncFolder(this.path);
      this.#syncing = sync.catch(() => undefined);
      return sync;
    }));
  }

  async #syncFolder(path: string): Promise<void> {
    try {
      const handle = await this.#node.fs.promises.open(path, 'r');
      await this.#flush(handle).finally(() => handle.close());
    } catch (error) {
      // Windows has no such thing, and its file system keeps names safe itself.
      if (!UNSUPPORTED.has(codeOf(error))) throw error;
    }
  }
}

/** Runs no more than so many pieces of work at once, in the order in which they come. */
class Limit {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#free = most;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((next) => this.#waiting.push(next));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }
}

async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

const removed = (work: Promise<void>): Promise<boolean | undefined> => unlessMissing(work.then(() => true));

function failure(what: string, cause: unknown): Error {
  const why = codeOf(cause) === 'ENOSPC' ? 'the disk is full' : String((cause as Error | null)?.message ?? cause);
  return Object.assign(new Error(`${what}: ${why}`, { cause }), { code: codeOf(cause) });
}
