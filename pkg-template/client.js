// The class that applications use: each of its calls goes to the Rust class of the same name. What is added is what only this side can
// do: to load the module on first use, to say what a client that was let go of is, and to survive a trap. WebAssembly that has
// trapped stays as it was in the middle of what it did; nothing of it is used again. Whatever waits is told, and the next call begins
// with a fresh instance. Payments are in the store, so nothing is lost with the old one.
import { instantiate } from 'eliza-jobs:glue';
import { makeError } from './errors.js';

const PROMISES = [
  ...['createAndWaitForJob', 'createJob', 'getJob', 'getJobsHealth', 'listJobs'],
  ...['pendingPayments', 'pollJob', 'resume'],
];

/** One instance of the module. */
class Instance {
  dead = false;
  /** How deep calls of applications are in it. */
  depth = 0;
  waiting = new Set();

  constructor(module) {
    this.Client = instantiate(module, (exports) => this.guarded(exports));
  }

  /** The module's functions; an exception that crosses one of them has left the module in the middle of something. */
  guarded(exports) {
    const guard =
      (call) =>
      (...given) => {
        // What the old instance was still called back for. The glue looks for errors in what comes back: there is none in this.
        if (this.dead) return [];
        try {
          return call(...given);
        } catch (cause) {
          const error = this.trap(cause);
          // Nobody catches what a timer or a promise throws.
          if (this.depth) throw error;
          return [];
        }
      };
    return Object.fromEntries(
      Object.entries(exports).map(([name, value]) => [name, typeof value === 'function' ? guard(value) : value]),
    );
  }

  trap(cause) {
    if (!this.dead) {
      this.dead = true;
      const message = `eliza-jobs met a fault of its own (${cause?.message ?? cause}); pendingPayments() knows what is open, and later calls work`;
      this.error = makeError(5, message, { code: 'wasm_panic', retryable: false }, {}, cause);
      for (const reject of this.waiting) reject(this.error);
      this.waiting.clear();
    }
    return this.error;
  }

  run(work) {
    this.depth += 1;
    try {
      return work();
    } catch (error) {
      throw this.dead ? this.error : error;
    } finally {
      this.depth -= 1;
    }
  }

  /** A promise that ends with the instance at the latest. */
  watch(promise) {
    return new Promise((resolve, reject) => {
      this.waiting.add(reject);
      const over = (settle) => (value) => {
        this.waiting.delete(reject);
        settle(value);
      };
      promise.then(over(resolve), over(reject));
    });
  }
}

/** The class, over a module that `compile` gives. */
export function defineClient(compile) {
  let current;
  const alive = () => (current && !current.dead ? current : (current = new Instance(compile())));

  class JobsClient {
    #options;
    #instance;
    #client;
    /** What was spent, for the instance that comes after a trap. */
    #spent = {};

    constructor(options) {
      this.#begin(options);
      // What the application changes later changes nothing.
      this.#options = { ...options };
    }

    #begin(options) {
      this.#instance = alive();
      this.#client = this.#instance.run(() => new this.#instance.Client(options, this.#spent));
    }

    #call(name, given) {
      if (!this.#options) {
        throw makeError(
          0,
          'the client was let go of with free(); make another one',
          { code: 'client_disposed', retryable: false },
          {},
        );
      }
      if (this.#instance.dead) this.#begin(this.#options);
      return this.#instance.run(() => this.#client[name](...given));
    }

    spent(...given) {
      return this.#call('spent', given);
    }

    free() {
      if (!this.#options) return;
      this.#options = undefined;
      if (!this.#instance.dead) this.#client.free();
    }

    static {
      for (const name of PROMISES) {
        const method = function (...given) {
          try {
            const promise = this.#call(name, given);
            return this.#instance.watch(promise);
          } catch (error) {
            return Promise.reject(error);
          }
        };
        Object.defineProperty(method, 'name', { value: name });
        Object.defineProperty(this.prototype, name, { value: method, writable: true, configurable: true });
      }
      Object.defineProperty(this, 'name', { value: 'JobsClient' });
      if (Symbol.dispose) this.prototype[Symbol.dispose] = this.prototype.free;
    }
  }
  return JobsClient;
}
