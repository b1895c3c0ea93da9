// The classes that applications use: each call goes to the Rust side by its name. Added here is what only
// JavaScript can do: compile the module on first use, say what a freed client is, survive a trap.
import type { Engine, Feed } from 'eliza-jobs:glue';
import { makeError } from './errors.js';
import { Instance } from './instance.js';

type Given = unknown[];
type Options = unknown;

/** The classes, over the module that `compile` returns. */
export function defineClients(compile: () => WebAssembly.Module) {
  let current: Instance | undefined;
  const alive = () => (current && !current.dead ? current : (current = new Instance(compile())));

  /** A Rust object, and another one after a trap. */
  class Live {
    /** Outlives an instance that traps. */
    readonly spentBefore: Record<string, unknown> = {};
    options: Options;
    instance!: Instance;
    inner!: Engine;

    constructor(options: Options) {
      this.begin(options);
    }

    begin(options: Options) {
      const given = [options];
      this.instance = alive();
      this.inner = this.instance.run(() => new this.instance.Engine(given, this.spentBefore));
      // The copy that was read: what the application changes later changes nothing.
      [this.options] = given;
    }

    /** Calls the Rust object. */
    enter<T>(call: (engine: Engine) => T): T {
      if (!this.options) {
        const message = 'the client was let go of with free(); make another one';
        throw makeError(0, message, { code: 'client_disposed', retryable: false });
      }
      if (this.instance.dead) this.begin(this.options);
      return this.instance.run(() => call(this.inner));
    }

    value(_method: string, given: Given) {
      return this.enter((engine) => engine.spent(given[0]));
    }

    promise(method: string, given: Given): Promise<unknown> {
      try {
        const promise = this.enter((engine) => engine.call(method, given));
        return this.instance.watch(promise);
      } catch (error) {
        return Promise.reject(error as Error);
      }
    }

    /** The first page as a promise; iterating over it goes through all pages, that one first. */
    pages(method: string, given: Given) {
      const first = this.promise(method, given);
      const all = async function* (live: Live) {
        // The other arguments are as they were read at the call.
        given[3] = await first;
        yield* live.iterator('messagesFrom', given);
      };
      const value = () => {
        // The iterator throws it.
        first.catch(() => {});
        return all(this);
      };
      return Object.defineProperty(first, Symbol.asyncIterator, { value });
    }

    /** An async iterator. Bad arguments are thrown by the first `next()`, as from a generator. */
    iterator(method: string, given: Given): AsyncIterableIterator<unknown> {
      let begin: () => Feed | undefined;
      try {
        const feed = this.enter((engine) => engine.feed(method, given));
        begin = () => feed;
      } catch (error) {
        begin = () => {
          begin = () => undefined;
          throw error as Error;
        };
      }
      const { instance } = this;
      const next = async (): Promise<IteratorResult<unknown>> => {
        const feed = begin();
        if (!feed) return { done: true, value: undefined };
        if (instance.error) throw instance.error;
        return instance.watch(instance.run(() => feed.next()));
      };
      // One after the other: callers that do not await get the values in order too.
      let last: Promise<unknown> = Promise.resolve();
      return {
        [Symbol.asyncIterator]() {
          return this;
        },
        next() {
          const result = last.then(next, next);
          last = result;
          return result;
        },
        return(value?: unknown) {
          try {
            const feed = begin();
            if (feed && !instance.dead) instance.run(() => void feed.stop());
          } catch {
            // Ending an iteration never fails.
          }
          begin = () => undefined;
          return Promise.resolve({ done: true, value });
        },
      };
    }

    free() {
      if (!this.options) return;
      this.options = undefined;
      if (!this.instance.dead) this.inner.free();
    }
  }

  type Way = 'value' | 'promise' | 'iterator' | 'pages';
  /** A class whose methods return what `ways` says: a value, a promise, an iterator, or a promise that is iterable too. */
  const define = (name: string, ways: Partial<Record<Way, string[]>>) => {
    const Client = class Client {
      readonly #live: Live;

      constructor(options: Options) {
        this.#live = options instanceof Live ? options : new Live(options);
      }

      free() {
        this.#live.free();
      }

      static {
        for (const [way, methods] of Object.entries(ways) as [Way, string[]][]) {
          for (const method of methods) {
            const value = function (this: Client, ...given: Given) {
              return this.#live[way](method, given);
            };
            Object.defineProperty(value, 'name', { value: method });
            Object.defineProperty(this.prototype, method, { value, writable: true, configurable: true });
          }
        }
      }
    };
    Object.defineProperty(Client, 'name', { value: name });
    return disposable(Client);
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
    readonly messaging: InstanceType<typeof JobsClient>;
    readonly sessions: InstanceType<typeof SessionsClient>;

    constructor(options: Options) {
      const live = new Live(options);
      this.messaging = new JobsClient(live);
      // As read for the first client: headers may be an iterator, which can be read only once.
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
function disposable<T extends { prototype: { free: () => void } }>(Class: T): T {
  if (Symbol.dispose) Object.assign(Class.prototype, { [Symbol.dispose]: Class.prototype.free });
  return Class;
}
