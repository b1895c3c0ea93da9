// What the application gave to be told by. Whatever it throws, at once or later, is its own affair and ends nothing.

/** One line for the application's logger; without one, warnings go to the console. */
export function log(logger, level, words, thrown) {
  const said = thrown === undefined ? [words] : [words, thrown];
  try {
    const given = logger ? logger[level]?.(...said) : level === 'warn' && console.warn(...said);
    given?.then?.(undefined, () => {});
  } catch {
    // There is nobody to tell that the logger fails.
  }
}

/** Tells `onUpdate`. What it throws is logged once in a call. */
export function tell(onUpdate, update, logger, call) {
  const failed = (thrown) => {
    if (!call.warned) log(logger, 'warn', 'eliza-jobs: onUpdate threw; the wait goes on.', thrown);
    call.warned = true;
  };
  try {
    onUpdate(update)?.then?.(undefined, failed);
  } catch (thrown) {
    failed(thrown);
  }
}
