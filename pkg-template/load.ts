// Compiles the module on first use. Importing the package compiles nothing, so it is safe where
// nothing will ever be called (server-side rendering).
import { wasm } from 'eliza-jobs:wasm';
import { initError } from './errors.js';

let module: WebAssembly.Module | undefined;

export function compile(): WebAssembly.Module {
  if (module) return module;
  if (typeof WebAssembly === 'undefined') throw initError('eliza-jobs needs WebAssembly, which this runtime does not have');
  try {
    return (module = new WebAssembly.Module(wasm()));
  } catch (cause) {
    const message = String((cause as Error | undefined)?.message ?? cause);
    const why = /CSP|Content Security Policy|unsafe-eval|disallowed by embedder/i.test(message)
      ? "the page's Content-Security-Policy forbids it: add 'wasm-unsafe-eval' to script-src"
      : message;
    throw initError(`eliza-jobs could not compile its WebAssembly module: ${why}`, cause);
  }
}
