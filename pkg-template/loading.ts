// What loading a module of WebAssembly needs, and what to say where that fails.
import { internalError } from './errors.js';

/** What the modules need of their runtime. `fetch` may be passed as an option. */
const NEEDED = [
  'WebAssembly',
  'AbortController',
  'Headers',
  'TextDecoder',
  'TextEncoder',
  'URL',
  'crypto',
  'performance',
  'setTimeout',
];

/** A getter is not asked: some runtimes load a whole library then. */
function isThere(name: string): boolean {
  const own = Object.getOwnPropertyDescriptor(globalThis, name);
  return own && 'value' in own ? own.value !== undefined && own.value !== null : name in globalThis;
}

/**
 * Compiles what `wasm` gives: the module itself, where the runtime compiles nothing at run time.
 */
export function compiled(wasm: () => Uint8Array<ArrayBuffer> | WebAssembly.Module): WebAssembly.Module {
  const missing = NEEDED.filter((name) => !isThere(name));
  if (missing.length > 0) {
    throw internalError('init_failed', `eliza-jobs needs ${missing.join(', ')}, which this runtime does not have`);
  }
  return loading(() => {
    const source = wasm();
    return source instanceof Uint8Array ? new WebAssembly.Module(source) : source;
  });
}

/**
 * Does a part of the loading. Compiling and instantiating fail for the same reasons, in some
 * engines the one, in others the other.
 */
export function loading<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw internalError('init_failed', `eliza-jobs could not load its WebAssembly module: ${why(cause)}`, cause);
  }
}

function why(cause: unknown): string {
  const message = String((cause as Error | undefined)?.message ?? cause);
  // Only pages and their workers have these.
  const inBrowser = 'document' in globalThis || 'importScripts' in globalThis;
  if (/CSP|Content Security Policy|unsafe-eval/i.test(message) && inBrowser) {
    return "the page's Content-Security-Policy forbids it: add 'wasm-unsafe-eval' to script-src";
  }
  if (/larger than 4KB|disallowed on the main thread/i.test(message)) {
    return 'this browser compiles none of this size outside a worker: use Chrome 115 or newer, or make the client in a worker';
  }
  if (/disallowed by embedder/i.test(message)) {
    return `this runtime compiles nothing at run time (${message}); Cloudflare Workers need the package's "workerd" entry`;
  }
  return message;
}
