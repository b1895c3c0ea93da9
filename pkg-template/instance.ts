// One instance of the wasm module, which survives no trap: WebAssembly that has trapped stays as it
// was in the middle of its work, and nothing of it is used again. Its pending calls reject, its
// timers and locks end, and the next call runs on a fresh instance. Payments are in the store, so
// nothing is lost.
import { makeGlue, type Feed, type Glue, type Pages } from 'eliza-jobs:glue';
import { Calls } from './calls.js';
import { internalError } from './errors.js';
import { host } from './host.js';
import { FeedIterator, pagePromise } from './iterator.js';
import { loading } from './loading.js';
import { releaseAllLocks } from './stores.js';

type Export = (...given: unknown[]) => unknown;
type Timer = ReturnType<typeof setTimeout>;

/** Ends something that belongs to an instance. A signal of the application's own may throw. */
function endInSilence(end: () => void) {
  try {
    end();
  } catch {
    // It goes with the program.
  }
}

/**
 * What outlives an instance: of it, what takes the answer of a wallet that was asked by a dead one.
 */
interface Kept {
  walletAnswered(attemptId: string, value: unknown, isThrown: boolean): void;
}

/** What is called, on what, with what; whether it makes a transfer; and for which payment. */
type WalletCall = [
  ask: (...given: unknown[]) => unknown,
  wallet: unknown,
  given: unknown,
  isTransfer: boolean,
  kept: Kept,
  attemptId: string,
];

export class Instance {
  readonly glue: Glue;
  /** Set when the instance is dead: what its pending and later calls reject with. */
  error: Error | undefined;
  /** How many calls of applications are on the stack. */
  #depth = 0;
  /** What the current call will return, as soon as Rust has made it. */
  #returned: unknown;
  readonly #calls = new Calls();
  /** They end with the instance, so that none keeps a program from ending. */
  readonly #timers = new Set<Timer>();
  /** What ends a request, a listener or a sleep of it, by what Rust has of that. */
  readonly #open = new Map<object, () => void>();

  constructor(module: WebAssembly.Module) {
    this.glue = makeGlue(this.#webAssembly(), this.#setTimeout, this.#clearTimeout, this.#host());
    loading(() => this.glue.initSync({ module }));
  }

  /**
   * Runs an application's call. A trap in it kills the instance: the call then returns its promise
   * or iterator, which rejects; without one it throws.
   */
  run<T>(call: () => T): T {
    const returned = this.#returned;
    this.#returned = undefined;
    this.#depth += 1;
    try {
      return call();
    } catch (error) {
      if (!this.error) throw error;
      if (this.#returned === undefined) throw this.error;
      return this.#returned as T;
    } finally {
      this.#depth -= 1;
      this.#returned = returned;
    }
  }

  /** What Rust calls in JavaScript; some of it belongs to this instance. */
  #host() {
    return {
      ...host,
      ...this.#calls,
      listen: (...given: Parameters<typeof host.listen>) => this.#listen(...given),
      reading: (...given: Parameters<typeof host.reading>) => this.#reading(...given),
      wake: (request: { release?: () => void }) => this.#wake(request),
      begin: () => this.#begin(),
      askWallet: (...given: WalletCall) => this.#askWallet(...given),
      iterate: (feed: Feed) => (this.#returned = new FeedIterator(this, feed)),
      pagePromise: (first: Promise<unknown>, pages: Pages | undefined) => pagePromise(this, first, pages),
    };
  }

  /**
   * Calls a wallet. One that makes a transfer may say its hash while it waits until that is mined,
   * or even later. What nobody waits for any more, or what comes when this instance is dead, is
   * written down all the same: money may have moved.
   */
  #askWallet(...[ask, wallet, given, isTransfer, kept, attemptId]: WalletCall) {
    let tell!: (hash: unknown) => void;
    const told = new Promise((resolve) => (tell = resolve));
    let hasProof = false;
    let hasAnswered = false;
    let isLate = false;
    const onSent = (hash?: unknown) => {
      isLate = hasAnswered && !hasProof;
      // Whatever it is, the wallet says that it has sent something.
      tell(hash ?? null);
    };
    // eslint-disable-next-line @typescript-eslint/require-await -- an async function catches whatever it throws
    const answer = (async () => Reflect.apply(ask, wallet, isTransfer ? [given, { onSent }] : [given]))();
    const cameLate = (isThrown: boolean) => (value: unknown) => {
      if (this.error) kept.walletAnswered(attemptId, value, isThrown);
    };
    answer.then(
      (value) => {
        hasAnswered = true;
        // What is said after that is known.
        hasProof = typeof value === 'string' && value.length === 66;
      },
      () => void (hasAnswered = true),
    );
    // Where no other instance can be made, the record says that the wallet was asked.
    told
      .then((value) => {
        if (this.error || isLate) kept.walletAnswered(attemptId, value, false);
      })
      .catch(() => undefined);
    answer.then(cameLate(false), cameLate(true)).catch(() => undefined);
    const nothing = () => undefined;
    return { answer, sent: Promise.race([told, answer.then(nothing, nothing)]) };
  }

  #listen(signal: AbortSignal, wake: () => void, on: boolean) {
    host.listen(signal, wake, on);
    if (on) this.#open.set(wake, () => host.listen(signal, wake, false));
    else this.#open.delete(wake);
  }

  #reading(...given: Parameters<typeof host.reading>) {
    const reading = host.reading(...given);
    const { end } = reading;
    reading.end = (isComplete) => {
      this.#open.delete(reading);
      end(isComplete);
    };
    this.#open.set(reading, () => end(false));
    return reading;
  }

  #wake(request: { release?: () => void }) {
    const back = host.wake(request);
    const { release } = request;
    request.release = () => {
      this.#open.delete(request);
      release?.();
    };
    this.#open.set(request, request.release);
    return back;
  }

  #begin(): number {
    const call = this.#calls.begin();
    this.#returned = this.#calls.begun();
    return call;
  }

  /** WebAssembly as the glue sees it: the functions of its instances are guarded. */
  #webAssembly() {
    const guarded = (exports: WebAssembly.Exports) => this.#guarded(exports);
    const Instance = class {
      readonly exports: WebAssembly.Exports;
      constructor(module: WebAssembly.Module, imports: WebAssembly.Imports) {
        this.exports = guarded(new WebAssembly.Instance(module, imports).exports);
      }
    };
    return { Module: WebAssembly.Module, Instance };
  }

  readonly #setTimeout = (work: () => void, ms: number) => {
    const timer = setTimeout(() => {
      if (this.#timers.delete(timer)) work();
    }, ms);
    this.#timers.add(timer);
    return timer;
  };

  readonly #clearTimeout = (timer: unknown) => {
    this.#timers.delete(timer as Timer);
    clearTimeout(timer as Timer);
  };

  #guarded(exports: WebAssembly.Exports): WebAssembly.Exports {
    const guarded = Object.entries(exports).map(([name, value]) => [
      name,
      typeof value === 'function' ? this.#guard(value as Export) : value,
    ]);
    return Object.fromEntries(guarded) as WebAssembly.Exports;
  }

  /**
   * A function of the module. An exception that crosses it has interrupted the module: it is dead.
   */
  #guard(call: Export): Export {
    if (call.length > 8) throw new Error('an exported function has more parameters than are passed on here');
    // By number: passing on a list of arguments takes ten times as long.
    return (a, b, c, d, e, f, g, h) => {
      // A callback of a dead instance. The glue reads an error's index in what comes back: there is
      // none.
      if (this.error) return [];
      try {
        return call(a, b, c, d, e, f, g, h);
      } catch (cause) {
        const error = this.#die(cause);
        // Nothing catches what a timer or a promise's callback throws.
        if (this.#depth) throw error;
        return [];
      }
    };
  }

  #die(cause: unknown): Error {
    if (this.error) return this.error;
    const reason = String((cause as Error | undefined)?.message ?? cause);
    const message = `eliza-jobs: an internal error (${reason}); pendingPayments() knows what is open, and later calls work`;
    this.error = internalError('wasm_panic', message, cause);
    // Only the store knows how far a payment has come.
    this.#calls.end(this.error, () => internalError('wasm_panic', message, cause, 'unknown'));
    for (const timer of this.#timers) clearTimeout(timer);
    for (const end of this.#open.values()) endInSilence(end);
    this.#open.clear();
    releaseAllLocks();
    return this.error;
  }
}
