// One listener for each signal, however many calls it ends: Node warns of more than ten.
interface Waiting {
  readonly calls: Set<() => void>;
  readonly listener: () => void;
}
const waiting = new WeakMap<AbortSignal, Waiting>();

/**
 * What a signal aborts with that has no reason of its own: those of old browsers, and of polyfills.
 */
export function abortError(): Error {
  const words = 'This operation was aborted';
  if (typeof DOMException === 'function') return new DOMException(words, 'AbortError');
  return Object.assign(new Error(words), { name: 'AbortError' });
}

/** Calls `wake` when the signal aborts; with `on: false` no longer. */
export function listen(signal: AbortSignal, wake: () => void, on: boolean) {
  let known = waiting.get(signal);
  if (!known) {
    const calls = new Set<() => void>();
    known = { calls, listener: () => calls.forEach((wake) => wake()) };
    waiting.set(signal, known);
  }
  const { calls, listener } = known;
  const before = calls.size;
  if (on) calls.add(wake);
  else calls.delete(wake);
  if (!before) signal.addEventListener('abort', listener);
  else if (!calls.size) signal.removeEventListener('abort', listener);
}
