// One instance of the wasm module, which survives no trap: WebAssembly that has trapped stays as it
// was in the middle of its work, and nothing of it is used again. All pending calls reject, its timers
// and locks end, and the next call begins with a fresh instance. Payments are in the store, so nothing
// is lost with the old one.
import { makeGlue, type Glue } from 'eliza-jobs:glue';
import { makeError } from './errors.js';
import { host } from './host.js';
import { releaseAllLocks } from './stores.js';

type Export = (...given: unknown[]) => unknown;

export class Instance {
  dead = false;
  /** What pending and later calls of a dead instance reject with. */
  error: Error | undefined;
  readonly Engine: Glue['Engine'];
  /** How many calls of applications are on the stack. */
  #depth = 0;
  readonly #pending = new Set<(error: unknown) => void>();
  /** They end with the instance, so that none keeps a program from ending. */
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  constructor(module: WebAssembly.Module) {
    const guarded = (exports: WebAssembly.Exports) => this.#guarded(exports);
    const Instance = class {
      readonly exports: WebAssembly.Exports;
      constructor(module: WebAssembly.Module, imports: WebAssembly.Imports) {
        this.exports = guarded(new WebAssembly.Instance(module, imports).exports);
      }
    };
    const setTimer = (work: () => void, ms: number) => {
      const timer = setTimeout(() => {
        if (this.#timers.delete(timer)) work();
      }, ms);
      this.#timers.add(timer);
      return timer;
    };
    const clearTimer = (timer: unknown) => {
      this.#timers.delete(timer as ReturnType<typeof setTimeout>);
      clearTimeout(timer as ReturnType<typeof setTimeout>);
    };
    const glue = makeGlue({ Module: WebAssembly.Module, Instance }, setTimer, clearTimer, host);
    glue.initSync({ module });
    this.Engine = glue.Engine;
  }

  /** Runs `work`, which calls the module; rejects or throws with what ended the instance, if that happens. */
  run<T>(work: () => T): T {
    this.#depth += 1;
    try {
      return work();
    } catch (error) {
      throw this.dead ? this.error : error;
    } finally {
      this.#depth -= 1;
    }
  }

  /** A promise that settles when `promise` does, or when the instance dies. */
  watch<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#pending.add(reject);
      const settled =
        <V>(settle: (value: V) => void) =>
        (value: V) => {
          this.#pending.delete(reject);
          settle(value);
        };
      promise.then(settled(resolve), settled(reject));
    });
  }

  /** The module's functions. An exception that crosses one of them has interrupted the module: it is dead. */
  #guarded(exports: WebAssembly.Exports): WebAssembly.Exports {
    const guard =
      (call: Export): Export =>
      (...given) => {
        // Callbacks of a dead instance. The glue reads an error's index in what comes back: there is none.
        if (this.dead) return [];
        try {
          return call(...given);
        } catch (cause) {
          const error = this.#die(cause);
          // Nothing catches what a timer or a promise's callback throws.
          if (this.#depth) throw error;
          return [];
        }
      };
    return Object.fromEntries(
      Object.entries(exports).map(([name, value]) => [name, typeof value === 'function' ? guard(value as Export) : value]),
    );
  }

  #die(cause: unknown): Error {
    if (this.error) return this.error;
    this.dead = true;
    const reason = String((cause as Error | undefined)?.message ?? cause);
    const message = `eliza-jobs met a fault of its own (${reason}); pendingPayments() knows what is open, and later calls work`;
    const error = makeError(6, message, { code: 'wasm_panic', retryable: false }, cause);
    this.error = error;
    for (const reject of this.#pending) reject(error);
    this.#pending.clear();
    for (const timer of this.#timers) clearTimeout(timer);
    releaseAllLocks();
    return error;
  }
}
