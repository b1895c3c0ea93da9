// Removes what programs have left behind that were killed.
import type { Builtins } from './builtins.js';
import type { Folder } from './folder.js';
import { LEASE_MS, takeLease } from './lease.js';

/** How old something has to be to count as left behind. */
const LEFT_BEHIND_MS = 60_000;
/** Drafts of records; of 0.1.0 too. */
const DRAFT = /^\.draft-[-0-9a-f]{36}$|^\.\d+-\d+-\d\.\d+$/;
const LEASE = /^\.lease-[0-9a-f]{64}$/;
const LEASE_DRAFT = /^\.lease-[0-9a-f]{64}\.[-0-9a-f]{36}$/;
/** How much one sweep removes; what is left is in nobody's way. */
const MOST = 200;

/** Whether a store has made the file of this name, and it is no record. */
export const isOurs = (name: string): boolean => DRAFT.test(name) || LEASE.test(name) || LEASE_DRAFT.test(name);

export class Sweeper {
  readonly #folder: Folder;
  readonly #node: Builtins;
  #isSweeping = false;

  constructor(folder: Folder, node: Builtins) {
    this.#folder = folder;
    this.#node = node;
  }

  /** Sweeps these files in the background; one sweep at a time. */
  sweep(names: string[]): void {
    if (this.#isSweeping || !names.length) return;
    this.#isSweeping = true;
    void this.#sweep(names.slice(0, MOST))
      .catch(() => undefined)
      .then(() => (this.#isSweeping = false));
  }

  async #sweep(names: string[]): Promise<void> {
    const { lstat, rm } = this.#node.fs.promises;
    const locks: string[] = [];
    for (const name of names) {
      const path = this.#folder.file(name);
      const stat = await lstat(path).catch(() => undefined);
      if (!stat || Math.abs(Date.now() - stat.mtimeMs) < LEFT_BEHIND_MS) continue;
      if (LEASE.test(name)) locks.push(path);
      // Age is enough for drafts: a write whose draft is removed makes another one.
      else await rm(path, { recursive: true, force: true }).catch(() => undefined);
    }
    await Promise.all(locks.map((path) => this.#freeDeadLock(path)));
  }

  /** Takes the lock like any other caller, and releases it: a living holder keeps it. */
  async #freeDeadLock(path: string): Promise<void> {
    let waitedMs = 0;
    const request = {
      get gone() {
        return waitedMs > LEASE_MS + 2_000;
      },
    };
    const pause = (ms: number) => {
      waitedMs += ms;
      return backgroundPause(ms);
    };
    const release = await takeLease(path, request, this.#node, pause);
    release();
  }
}

/** A pause that does not keep the program running. */
const backgroundPause = (ms: number) =>
  new Promise<void>((next) => {
    const timer = setTimeout(next, ms) as unknown as { unref?(): void };
    timer.unref?.();
  });
