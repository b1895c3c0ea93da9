// The functions that Rust calls in JavaScript, for the boundary tests: there they are a global.
import { Calls } from '../../pkg-template/calls.js';
import { host } from '../../pkg-template/host.js';

export function installHost() {
  const walletAnswer = (given: unknown) => Promise.resolve(given);
  // As of an instance of the module that never traps.
  const own = { ...new Calls(), walletAnswer, iterate: (feed: unknown) => feed, pagePromise: (first: unknown) => first };
  Object.assign(globalThis, { host: { ...host, ...own } });
}
