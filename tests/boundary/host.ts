// The functions that Rust calls in JavaScript, for the boundary tests: there they are a global.
import { host } from '../../pkg-template/host.js';

/** As of an instance of the module that never traps. */
function deferred() {
  let settle = {};
  const promise = new Promise((resolve, reject) => (settle = { resolve, reject }));
  return { promise, about() {}, ...settle };
}

export function installHost() {
  const walletAnswer = (given: unknown) => Promise.resolve(given);
  const own = { deferred, walletAnswer, iterate: (feed: unknown) => feed, pagePromise: (first: unknown) => first };
  Object.assign(globalThis, { host: { ...host, ...own } });
}
