/** What a caller tells a store while it waits for a lock. */
export interface LockRequest {
  /** Set to `true` when the lock is not wanted any more: the wait ends, and no lock is taken. */
  readonly gone?: boolean;
}

/** Releases a lock. Calling it again does nothing. */
export interface ReleaseLock {
  (): unknown;
  /**
   * Whether the caller still holds the lock. A program that was suspended for longer than the
   * lock's lease has lost it, and finds out here before it acts on it. Leave it out when a lock
   * cannot be lost.
   */
  valid?(): boolean;
}

/**
 * Where payments are recorded before each step that could lose them. Every method may return a
 * promise. A record is stored when `set` or `add` has resolved. When the store fails, nothing is
 * paid.
 */
export interface Store {
  /**
   * The record of this key, exactly as it was written; `undefined` or `null` when there is none.
   */
  get(key: string): string | null | undefined | Promise<string | null | undefined>;
  /**
   * Writes a record, in place of an earlier one. Writes of one key take effect in the order of the
   * calls.
   */
  set(key: string, value: string): unknown;
  /**
   * Writes a record unless there is one: `true` when this call wrote it, `false` when one was
   * there. Of several calls at the same time exactly one is `true`.
   */
  add?(key: string, value: string): boolean | Promise<boolean>;
  /** Deletes a record. Deleting one that does not exist is no error. */
  delete(key: string): unknown;
  /** The keys of all records, or of those whose keys begin with `prefix`. */
  keys(prefix?: string): Iterable<string> | Promise<Iterable<string>>;
  /**
   * For a store that several programs use: waits until none of them holds the lock of this name,
   * and resolves with a function that releases it. The wait ends when `request.gone` is set.
   * All stores of this package have it. It is needed for hourly and daily budgets, and in a store
   * without an atomic `add` that several programs use.
   */
  lock?(name: string, request: LockRequest): Promise<ReleaseLock>;
}
