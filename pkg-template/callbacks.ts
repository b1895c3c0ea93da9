// The application's callbacks. What they throw, at once or later, never ends a call.

/** Where lines for people go; the console is one. What it throws harms nothing. */
export interface Logger {
  /** One line for each request: method, path, status, duration. */
  debug?: (...said: unknown[]) => void;
  /** Nothing, at present. */
  info?: (...said: unknown[]) => void;
  /**
   * What should be checked: a callback that threw, an odd answer, a wallet that answered too late.
   */
  warn?: (...said: unknown[]) => void;
  /** Nothing, at present: what goes wrong is thrown. */
  error?: (...said: unknown[]) => void;
}

/** One line for the application's logger. Without a logger, warnings go to the console. */
export function log(logger: Logger | undefined, level: 'debug' | 'warn', words: string, thrown?: unknown) {
  const said = thrown === undefined ? [words] : [words, thrown];
  try {
    const returned: unknown = logger ? logger[level]?.(...said) : level === 'warn' && console.warn(...said);
    catchLater(returned, () => {});
  } catch {
    // There is nothing left to report this to.
  }
}

/** Calls `onUpdate`. What it throws is logged once in a call: `state` is the call's. */
export function tell(
  onUpdate: (update: unknown) => unknown,
  update: unknown,
  logger: Logger | undefined,
  state: { reported?: boolean },
) {
  const failed = (thrown: unknown) => {
    if (!state.reported) log(logger, 'warn', 'eliza-jobs: onUpdate threw; the wait goes on.', thrown);
    state.reported = true;
  };
  try {
    catchLater(onUpdate(update), failed);
  } catch (thrown) {
    failed(thrown);
  }
}

/** Catches what a promise rejects with, whatever kind of promise it is. */
function catchLater(returned: unknown, failed: (thrown: unknown) => void) {
  (returned as PromiseLike<unknown> | undefined)?.then?.(undefined, failed);
}
