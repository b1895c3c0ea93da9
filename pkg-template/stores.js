// Where payments are written down, so that none is lost when a page is closed or a program ends.

/** For how many seconds nothing in a folder is taken for left over that may be on its way. */
const YOUNG_S = 5;

/** What all copies of the package in a program share, for one may be imported and another one required: the locks by name, those in files, and the store. */
let common = { held: new Map(), files: new Set() };
try {
  common = globalThis[Symbol.for('eliza-jobs')] ??= common;
} catch {
  // A world that takes nothing new: each copy is alone.
}

/** In memory: lives as long as the program. */
export function memoryStore() {
  const records = new Map();
  return {
    get: (key) => records.get(key),
    set: (key, value) => void records.set(key, value),
    delete: (key) => void records.delete(key),
    keys: () => [...records.keys()],
  };
}

/** In the page's localStorage: lives as long as the browser keeps the site's data, and is shared by its tabs. */
export function localStorageStore(storage = globalThis.localStorage) {
  if (typeof storage?.setItem !== 'function') {
    throw new TypeError('localStorageStore needs localStorage, which this runtime does not have; use memoryStore or fileStore');
  }
  return {
    get: (key) => storage.getItem(key),
    set: (key, value) => storage.setItem(key, value),
    delete: (key) => storage.removeItem(key),
    keys: () => Array.from({ length: storage.length }, (_, index) => storage.key(index)),
  };
}

/** In a folder, a file for each payment, for Node, Bun and Deno. A file is there whole or not at all. */
export function fileStore(folder) {
  if (typeof folder !== 'string' || !folder) {
    throw new TypeError(`fileStore needs the path of a folder (it is made when it is missing); given: ${String(folder)}`);
  }
  // The name is put together, and not in a template, so that bundlers for browsers do not look for it.
  const node = (name) => import(/* webpackIgnore: true */ /* @vite-ignore */ ['node', name].join(':'));
  const fs = async () => (await node('fs')).promises;
  const file = (key) => `${folder}/${encodeURIComponent(key)}`;
  const ready = async () => (await fs()).mkdir(folder, { recursive: true, mode: 0o700 });
  const unlessMissing = (error) => {
    if (error.code !== 'ENOENT') throw error;
  };
  const { process } = globalThis;
  const pid = process?.pid ?? 0;
  let writes = 0;

  /** The folder's locks. What is looked at and what is then done are one step, without a wait in between. */
  const locks = async () => {
    const { readFileSync, statSync, unlinkSync, writeFileSync } = await node('fs');
    const os = await node('os');
    const read = (path) => {
      try {
        return readFileSync(path, 'utf8');
      } catch (error) {
        return unlessMissing(error);
      }
    };
    /** Whether the process that made this file is no more; a file has to be so many seconds old. What cannot be told counts as running. */
    const isOver = (path, owner, patience = 0) => {
      try {
        const number = parseInt(owner);
        const age = (Date.now() - statSync(path).mtimeMs) / 1_000;
        // After a sleep of the machine its own may look older than the program.
        if (age < patience || common.files.has(owner)) return false;
        // Numbers are given again: when the machine restarts, or a container in which each program has the same one.
        if (age > (number === pid ? process : os).uptime()) return true;
        // Without an owner it was killed before it wrote that.
        if (!owner) return age > YOUNG_S;
        process.kill(number, 0);
        return false;
      } catch (error) {
        return error.code === 'ESRCH';
      }
    };
    /** Removes a lock whose process is no more. That needs a lock too: two that see it dead would each remove what the other has taken. */
    const clear = async (path, owner) => {
      if (!isOver(path, owner)) return false;
      const letGo = await take(`${path}-${owner}`, {});
      try {
        if (read(path) === owner) unlinkSync(path);
      } finally {
        letGo();
      }
      return true;
    };
    const take = async (path, request) => {
      const mine = `${pid}-${Math.random()}`;
      common.files.add(mine);
      for (let wait = 20; !request.gone; wait = Math.min(wait * 1.5, 250)) {
        try {
          writeFileSync(path, mine, { flag: 'wx', mode: 0o600 });
        } catch (error) {
          if (error.code !== 'EEXIST') throw error;
        }
        const owner = read(path);
        if (owner === mine) break;
        if (!(await clear(path, owner))) await new Promise((next) => setTimeout(next, wait));
      }
      return () => {
        common.files.delete(mine);
        if (read(path) === mine) unlinkSync(path);
      };
    };
    /** Removes what processes have left that were killed. */
    const sweep = async (names) => {
      for (const name of names) {
        const path = `${folder}/${name}`;
        if (name.startsWith('.lock-')) await clear(path, read(path));
        // Where processes do not see each other, as in containers, a draft that is being written is let be.
        if (/^\.\d+-\d+-\d/.test(name) && isOver(path, name.slice(1), YOUNG_S)) unlinkSync(path);
      }
    };
    return { sweep, take };
  };

  return {
    get: async (key) => (await fs()).readFile(file(key), 'utf8').catch(unlessMissing),
    async set(key, value) {
      const { open, rename } = await fs();
      await ready();
      // Hidden until it is complete and on the disk. Nobody else may read it: it can hold a proof of payment.
      const draft = `${folder}/.${pid}-${(writes += 1)}-${Math.random()}`;
      const handle = await open(draft, 'wx', 0o600);
      try {
        await handle.writeFile(value);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(draft, file(key));
    },
    delete: async (key) => (await fs()).unlink(file(key)).catch(unlessMissing),
    async keys() {
      const names = (await (await fs()).readdir(folder).catch(unlessMissing)) ?? [];
      // What stays is in nobody's way.
      await (await locks()).sweep(names).catch(() => {});
      return names.flatMap((name) => {
        if (name.startsWith('.')) return [];
        try {
          return [decodeURIComponent(name)];
        } catch {
          // Somebody else's file: no key is written so.
          return [];
        }
      });
    },
    async lock(name, request = {}) {
      const { createHash } = await node('crypto');
      await ready();
      return (await locks()).take(`${folder}/.lock-${createHash('sha256').update(name).digest('hex')}`, request);
    },
  };
}

/** A page's localStorage, where there is one that may be used; else memory, the same for all clients of this program. */
export function defaultStore() {
  try {
    if (!common.store && globalThis.document && globalThis.localStorage) common.store = localStorageStore();
  } catch {
    // A page whose storage is blocked throws when it is looked at.
  }
  return (common.store ??= memoryStore());
}

/** Who holds a lock or waits for one. */
const requests = new Set();

/**
 * Waits until nobody holds the lock of this name: in any tab where the browser can tell (Web Locks), else in this program; then wherever the
 * store can tell. Rejects when that fails. `request.letGo()` gives it back; when `request.gone` is set before it is there, it is given
 * back at once.
 */
export function lock(name, request, store) {
  requests.add(request);
  return new Promise((granted, failed) => {
    const work = async () => {
      let others;
      try {
        if (!request.gone) others = await store?.lock?.(name, request);
      } catch (error) {
        failed(error);
      }
      await new Promise((end) => {
        request.letGo = () => {
          requests.delete(request);
          // Now and not a moment later: the program may end when its call has.
          new Promise((done) => done(others?.())).catch(() => {});
          end();
        };
        if (request.gone) request.letGo();
        granted();
      });
    };
    const here = () => {
      const mine = Promise.resolve(common.held.get(name)).then(work);
      common.held.set(name, mine);
      void mine.then(() => common.held.get(name) === mine && common.held.delete(name));
    };
    const { locks } = globalThis.navigator ?? {};
    // A page without an origin of its own has no locks.
    if (locks) locks.request(name, work).catch(here);
    else here();
  });
}

/** Gives every lock back: of a module that has trapped, which cannot do it any more. */
export function letGoOfLocks() {
  for (const request of requests) {
    request.gone = true;
    request.letGo?.();
  }
}
