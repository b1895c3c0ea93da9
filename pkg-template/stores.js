// Where payments are written down, so that none is lost when a page is closed or a program ends.

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
  // The name is put together so that bundlers for browsers do not look for it.
  const fs = () => import(/* webpackIgnore: true */ /* @vite-ignore */ ['node:fs', 'promises'].join('/'));
  const file = (key) => `${folder}/${encodeURIComponent(key)}`;
  const unlessMissing = (error) => {
    if (error.code !== 'ENOENT') throw error;
  };
  let writes = 0;
  return {
    get: async (key) => (await fs()).readFile(file(key), 'utf8').catch(unlessMissing),
    async set(key, value) {
      const { mkdir, open, rename } = await fs();
      await mkdir(folder, { recursive: true, mode: 0o700 });
      // Hidden until it is complete and on the disk. Nobody else may read it: it can hold a proof of payment.
      const draft = `${folder}/.${globalThis.process?.pid ?? 0}-${(writes += 1)}-${Math.random()}`;
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
  };
}

let shared;

/** A page's localStorage, where there is one that may be used; else memory, the same for all clients of this program. */
export function defaultStore() {
  if (shared) return shared;
  try {
    if (globalThis.document && globalThis.localStorage) shared = localStorageStore();
  } catch {
    // A page whose storage is blocked throws when it is looked at.
  }
  return (shared ??= memoryStore());
}

const held = new Map();
/** Who holds a lock or waits for one. */
const requests = new Set();

/**
 * Waits until nobody holds the lock of this name: in any tab where the browser can tell (Web Locks), else in this program.
 * `request.letGo()` gives it back; when `request.gone` is set before it is there, it is given back at once.
 */
export function lock(name, request) {
  requests.add(request);
  const grant = (letGo) => {
    request.letGo = () => {
      requests.delete(request);
      letGo();
    };
    if (request.gone) request.letGo();
  };
  const here = () => {
    const before = held.get(name) ?? Promise.resolve();
    const mine = before.then(
      () =>
        new Promise((letGo) => {
          grant(letGo);
        }),
    );
    held.set(name, mine);
    void mine.then(() => held.get(name) === mine && held.delete(name));
    return before;
  };
  const { locks } = globalThis.navigator ?? {};
  if (!locks) return here();
  return new Promise((granted) => {
    const work = () =>
      new Promise((letGo) => {
        grant(letGo);
        granted();
      });
    // A page without an origin of its own has no locks.
    locks.request(name, work).catch(() => here().then(granted));
  });
}

/** Gives every lock back: of a module that has trapped, which cannot do it any more. */
export function letGoOfLocks() {
  for (const request of requests) {
    request.gone = true;
    request.letGo?.();
  }
}
