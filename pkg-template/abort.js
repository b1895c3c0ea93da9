// One listener for each signal, however many calls wait for it: Node warns of more than ten.
const waiting = new WeakMap();

/** Wakes the call when the signal aborts; or does so no more. */
export function listen(signal, wake, on) {
  const calls = waiting.get(signal) ?? new Set();
  calls.tell ??= () => calls.forEach((wake) => wake());
  waiting.set(signal, calls);
  const before = calls.size;
  calls[on ? 'add' : 'delete'](wake);
  if (!before) signal.addEventListener('abort', calls.tell);
  else if (!calls.size) signal.removeEventListener('abort', calls.tell);
}
