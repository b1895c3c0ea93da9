// The classes that applications use: each call goes to the Rust side by its name. What is added is what only this side can
// do: to load the module on first use, to say what a client that was let go of is, and to survive a trap. WebAssembly that has
// trapped stays as it was in the middle of what it did; nothing of it is used again. Whatever waits is told, and the next call begins
// with a fresh instance. Payments are in the store, so nothing is lost with the old one.
import { instantiate } from 'eliza-jobs:glue';
import { makeError } from './errors.js';
import { releaseAllLocks } from './stores.ts';

/** One instance of the module. */
class Instance {
  dead = false;
  /** How deep calls of applications are in it. */
  depth = 0;
  waiting = new Set();
  timers = new Set();

  constructor(module) {
    this.Engine = instantiate(module, (exports) => this.guarded(exports), this.clock());
  }

  /** The module's timers: they end with it, so that none keeps a program from ending. */
  clock() {
    const { timers } = this;
    return {
      setTimeout(work, ms) {
        const timer = setTimeout(() => timers.delete(timer) && work(), ms);
        timers.add(timer);
        return timer;
      },
      clearTimeout(timer) {
        timers.delete(timer);
        clearTimeout(timer);
      },
    };
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
      this.error = makeError(6, message, { code: 'wasm_panic', retryable: false }, cause);
      for (const reject of this.waiting) reject(this.error);
      this.waiting.clear();
      for (const timer of this.timers) clearTimeout(timer);
      releaseAllLocks();
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

/** The classes, over a module that `compile` gives. */
export function defineClients(compile) {
  let current;
  const alive = () => (current && !current.dead ? current : (current = new Instance(compile())));

  /** A Rust object, and another one after a trap. */
  class Live {
    /** For the instance that comes after a trap. */
    spentBefore = {};

    constructor(options) {
      this.begin(options);
    }

    begin(options) {
      const given = [options];
      this.instance = alive();
      this.inner = this.instance.run(() => new this.instance.Engine(given, this.spentBefore));
      // As they were read: what the application changes later changes nothing.
      [this.options] = given;
    }

    /** `way` is the Rust object's. */
    enter(way, ...given) {
      if (!this.options) {
        const message = 'the client was let go of with free(); make another one';
        throw makeError(0, message, { code: 'client_disposed', retryable: false });
      }
      if (this.instance.dead) this.begin(this.options);
      return this.instance.run(() => this.inner[way](...given));
    }

    value(method, given) {
      return this.enter(method, ...given);
    }

    promise(method, given) {
      try {
        const promise = this.enter('call', method, given);
        return this.instance.watch(promise);
      } catch (error) {
        return Promise.reject(error);
      }
    }

    /** The first page as a promise; whoever iterates gets what is on all pages, that one first. */
    pages(method, given) {
      const first = this.promise(method, given);
      const all = async function* (live) {
        // The rest is as it was read at the call.
        given[3] = await first;
        yield* live.iterator('messagesFrom', given);
      };
      const value = () => {
        // Told to whoever asks the iterator, and to nobody else.
        first.catch(() => {});
        return all(this);
      };
      return Object.defineProperty(first, Symbol.asyncIterator, { value });
    }

    /** An async iterator. What is wrong with its arguments comes with the first value, as from a generator. */
    iterator(method, given) {
      let begin;
      try {
        const feed = this.enter('feed', method, given);
        begin = () => feed;
      } catch (error) {
        begin = () => {
          begin = () => undefined;
          throw error;
        };
      }
      const { instance } = this;
      const next = async () => {
        const feed = begin();
        if (!feed) return { done: true, value: undefined };
        if (instance.dead) throw instance.error;
        return instance.watch(instance.run(() => feed.next()));
      };
      // One after the other: whoever does not wait gets them in order all the same.
      let last = Promise.resolve();
      return {
        [Symbol.asyncIterator]() {
          return this;
        },
        next: () => (last = last.then(next, next)),
        async return(value) {
          try {
            const feed = begin();
            if (feed && !instance.dead) instance.run(() => feed.stop());
          } catch {
            // What nobody has asked for cannot fail.
          }
          begin = () => undefined;
          return { done: true, value };
        },
      };
    }

    free() {
      if (!this.options) return;
      this.options = undefined;
      if (!this.instance.dead) this.inner.free();
    }
  }

  /** A class whose methods give what `ways` says: a value at once, a promise, an iterator, or a promise that is iterable too. */
  const define = (name, ways) => {
    const Class = class {
      #live;

      constructor(options) {
        this.#live = options instanceof Live ? options : new Live(options);
      }

      free() {
        this.#live.free();
      }

      static {
        for (const [way, methods] of Object.entries(ways)) {
          for (const method of methods) {
            const value = function (...given) {
              return this.#live[way](method, given);
            };
            Object.defineProperty(value, 'name', { value: method });
            Object.defineProperty(this.prototype, method, { value, writable: true, configurable: true });
          }
        }
      }
    };
    Object.defineProperty(Class, 'name', { value: name });
    return disposable(Class);
  };

  const JobsClient = define('JobsClient', {
    value: ['spent'],
    promise: [
      ...['createAndWaitForJob', 'createJob', 'getJob', 'getJobsHealth', 'listJobs'],
      ...['forgetPayment', 'pendingPayments', 'pollJob', 'resume'],
    ],
    iterator: ['watchJob'],
  });
  const SessionsClient = define('SessionsClient', {
    promise: [
      ...['createSession', 'deleteSession', 'getSession', 'getSessionsHealth', 'heartbeat'],
      ...['listSessions', 'renewSession', 'sendMessage', 'sendMessageAndWait'],
    ],
    iterator: ['streamMessage'],
    pages: ['getMessages'],
  });

  class ElizaClient {
    constructor(options) {
      const live = new Live(options);
      this.messaging = new JobsClient(live);
      // As they were read for the first: headers may be an iterator, which gives them only once.
      this.sessions = new SessionsClient(live.options);
    }

    free() {
      this.messaging.free();
      this.sessions.free();
    }
  }
  Object.defineProperty(ElizaClient, 'name', { value: 'ElizaClient' });
  return { ElizaClient: disposable(ElizaClient), JobsClient, SessionsClient };
}

/** The class with what `using` calls, where the runtime knows that. */
function disposable(Class) {
  if (Symbol.dispose) Class.prototype[Symbol.dispose] = Class.prototype.free;
  return Class;
}
