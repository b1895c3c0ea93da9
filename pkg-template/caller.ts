// Where the application made a call. An error is made long after that, in a timer or at the end of
// a request, when the caller's frames are gone: so the frames of the call itself are kept until it
// has settled.
import { ElizaJobsError, stackOf } from './errors.js';

/**
 * A call's stack. The engine makes the text of it when it is asked for, that is when the call
 * fails.
 */
export interface Caller {
  readonly stack?: string | undefined;
}
export type Callee = (...given: never[]) => unknown;
interface Engine {
  captureStackTrace?: (target: object, below: unknown) => void;
}

/** Whose call is being made. */
let current: Caller | undefined;
/**
 * Errors that have their caller's frames. One error may end many calls; it belongs to the first.
 */
const placed = new WeakSet<object>();

/** Where this function of the package was called from. */
export function callerOf(callee: Callee | (abstract new (...given: never[]) => unknown)): Caller {
  const { captureStackTrace } = Error as Engine;
  if (!captureStackTrace) return new Error();
  const caller = {};
  captureStackTrace.call(Error, caller, callee);
  return caller;
}

export const currentCaller = (): Caller | undefined => current;

/** Runs a part of a call: what it throws, or rejects with later, has the caller's frames. */
export function calledFrom<T>(caller: Caller | undefined, part: () => T): T {
  const outer = current;
  current = caller;
  try {
    return part();
  } catch (error) {
    throw placedAt(caller, error);
  } finally {
    current = outer;
  }
}

/** The error with the caller's frames, if it is one of the package's own. */
export function placedAt(caller: Caller | undefined, error: unknown): unknown {
  if (!caller || !(error instanceof ElizaJobsError) || placed.has(error)) return error;
  placed.add(error);
  const stack = stackOf(error, caller.stack);
  if (stack) Object.defineProperty(error, 'stack', { value: stack, configurable: true, writable: true });
  return error;
}
