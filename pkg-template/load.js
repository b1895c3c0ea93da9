// Gets the module ready on first use. Importing the package compiles nothing, so it is safe where nothing will ever be called
// (server-side rendering), and the first call costs a millisecond or two.
import { wasm } from 'eliza-jobs:wasm';
import { initError } from './errors.js';
import { assemble } from './sorted.js';

let module;

export function compile() {
  if (module) return module;
  if (typeof WebAssembly === 'undefined') throw initError('eliza-jobs needs WebAssembly, which this runtime does not have');
  try {
    return (module = new WebAssembly.Module(assemble(wasm())));
  } catch (cause) {
    const why = /CSP|Content Security Policy|unsafe-eval|disallowed by embedder/i.test(cause?.message)
      ? "the page's Content-Security-Policy forbids it: add 'wasm-unsafe-eval' to script-src"
      : `${cause?.message ?? cause}`;
    throw initError(`eliza-jobs could not compile its WebAssembly module: ${why}`, cause);
  }
}
