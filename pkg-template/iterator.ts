// Async iterators over what Rust returns piece by piece.
import type { Feed, Pages } from 'eliza-jobs:glue';
import { calledFrom, callerOf, currentCaller, placedAt, type Callee, type Caller } from './caller.js';
import type { Instance } from './instance.js';

/** An async iterator over a feed, which belongs to one instance of the module. */
export class FeedIterator implements AsyncIterableIterator<unknown> {
  readonly #instance: Instance;
  readonly #feed: Feed;
  /** Where the iteration comes from, when it is not the application that calls `next`. */
  origin: Caller | undefined;
  #isOver = false;
  /**
   * Callers that do not await get the values in order too: each `next` begins when the one before
   * has settled.
   */
  #last: Promise<unknown> = Promise.resolve();

  constructor(instance: Instance, feed: Feed) {
    this.#instance = instance;
    this.#feed = feed;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<unknown>> {
    const caller = this.origin ?? callerOf(NEXT);
    const next = () => this.#next(caller);
    const result = this.#last.then(next, next);
    this.#last = result;
    return result;
  }

  return(value?: unknown): Promise<IteratorResult<unknown>> {
    this.#isOver = true;
    const instance = this.#instance;
    try {
      if (!instance.error) instance.run(() => this.#feed.stop());
    } catch {
      // Ending an iteration never fails.
    }
    return Promise.resolve({ done: true, value });
  }

  #next(caller: Caller): Promise<IteratorResult<unknown>> {
    const instance = this.#instance;
    if (this.#isOver) return Promise.resolve({ done: true, value: undefined });
    if (instance.error) return Promise.reject(placedAt(caller, instance.error) as Error);
    return calledFrom(caller, () => instance.run(() => this.#feed.next()));
  }
}

/** The same iterator, which can be awaited for an array of all that is left. */
export function awaitable<T>(iterator: AsyncIterable<T>): AsyncIterable<T> & PromiseLike<T[]> {
  let all: Promise<T[]> | undefined;
  // `await` calls `then` when nothing of the application is on the stack any more.
  const caller = currentCaller();
  const collect = async () => {
    if (iterator instanceof FeedIterator) iterator.origin ??= caller;
    const values: T[] = [];
    for await (const value of iterator) values.push(value);
    return values;
  };
  const then: PromiseLike<T[]>['then'] = (resolved, rejected) => (all ??= collect()).then(resolved, rejected);
  return Object.assign(iterator, { then });
}

/** Below this function is the application. */
const NEXT = Reflect.get(FeedIterator.prototype, 'next') as Callee;

/** The promise of a first page. Iterating over it goes through all pages, that one first. */
export function pagePromise(instance: Instance, first: Promise<unknown>, pages: Pages | undefined): Promise<unknown> {
  const caller = currentCaller();
  const all = async function* () {
    const page = await first;
    if (instance.error) throw placedAt(caller, instance.error);
    if (!pages) return;
    const rest = instance.run(() => pages.from(page));
    if (rest instanceof FeedIterator) rest.origin = caller;
    yield* rest;
  };
  const value = () => {
    // The iterator throws it.
    first.catch(() => {});
    return all();
  };
  return Object.defineProperty(first, Symbol.asyncIterator, { value });
}
