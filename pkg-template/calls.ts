// The calls of one instance that have not settled. A program may have 10,000 of them: each is a
// number for Rust, and here no more than the function that settles its promise.
import { currentCaller, placedAt, type Caller } from './caller.js';

type Settle = (value: unknown) => void;

/**
 * Errors of so many calls under way say where they were made. The frames of a call are half of what
 * it holds: where there are more, the later ones go without.
 */
const MOST_CALLERS = 1_000;

/** Rust calls the functions in it, by their names. */
export class Calls {
  /** What settles each call, at its number. A free place has the number of the next one. */
  readonly #places: (Settle | number)[] = [];
  /** The first free place. */
  #free = 0;
  readonly #callers = new Map<number, Caller>();
  /** Those that are about a payment. */
  readonly #paying = new Set<number>();
  /** The promise of the call that has begun last. */
  #promise: Promise<unknown> | undefined;

  /** A call begins: its number. */
  readonly begin = (): number => {
    const call = this.#free;
    this.#promise = new Promise((settle) => {
      this.#free = (this.#places[call] as number | undefined) ?? call + 1;
      this.#places[call] = settle;
    });
    const caller = this.#callers.size < MOST_CALLERS && currentCaller();
    if (caller) this.#callers.set(call, caller);
    return call;
  };

  /** The promise of the call that has begun last. */
  readonly begun = () => this.#promise;

  /** The call is about a payment from now on. */
  readonly pays = (call: number) => void this.#paying.add(call);

  readonly resolve = (call: number, value: unknown) => {
    const settle = this.#places[call];
    // Those of an instance that is dead have all settled.
    if (typeof settle !== 'function') return;
    this.#places[call] = this.#free;
    this.#free = call;
    this.#callers.delete(call);
    this.#paying.delete(call);
    settle(value);
  };

  /** By the same function: what rejects a promise would be another closure of each call. */
  readonly reject = (call: number, error: unknown) => {
    const placed = placedAt(this.#callers.get(call), error);
    this.resolve(call, { then: (_: unknown, reject: Settle) => reject(placed) });
  };

  /** All of them reject. Each of those that pay gets an error of its own. */
  end(error: unknown, errorOfPaying: () => unknown) {
    this.#places.forEach((_, call) => this.reject(call, this.#paying.has(call) ? errorOfPaying() : error));
  }
}
