// Errors of a time when nothing has been sent yet. The client gives the budget back for those.

/** What is said when a request of the same kind waits in the wallet for its user. */
export const REQUEST_OPEN = 'a request is open in the wallet already; answer it there and try again';
const REQUEST_OPEN_CODE = -32002;
/** Where libraries put an error that they wrap. */
const WRAPPERS = ['cause', 'error', 'info', 'data', 'originalError'] as const;
/** How many errors within an error are read. */
const MOST_ERRORS = 16;

/** An error that says that certainly no money has moved. */
export const unmoved = (message: string, options?: ErrorOptions): Error & { noMoneyMoved: true } =>
  Object.assign(new Error(message, options), { noMoneyMoved: true as const });

/** An error for what a wallet cannot do, with EIP-1193's code for that. */
export const unsupported = (message: string): Error => Object.assign(new Error(message), { code: 4200 });

/**
 * Runs what comes before a request to send or to sign. What it throws becomes the cause of an error
 * that says that no money has moved.
 */
export async function beforeSending<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof Error && field(cause, 'noMoneyMoved') === true) throw cause;
    throw unmoved(isRequestOpen(cause) ? REQUEST_OPEN : words(cause), { cause });
  }
}

export const isRequestOpen = (thrown: unknown): boolean => hasCode(thrown, REQUEST_OPEN_CODE);

/** Whether an error, or one that it wraps, has this code. */
export function hasCode(thrown: unknown, code: number): boolean {
  const errors = [thrown];
  // The list grows while it is read; an error that wraps itself ends at the limit.
  for (let at = 0; at < errors.length && at < MOST_ERRORS; at += 1) {
    const found = field(errors[at], 'code');
    if (found === code || found === String(code)) return true;
    errors.push(...WRAPPERS.map((name) => field(errors[at], name)).filter(Boolean));
  }
  return false;
}

function words(thrown: unknown): string {
  for (const text of [thrown, field(thrown, 'shortMessage'), field(thrown, 'message')]) {
    if (typeof text === 'string' && text) return text;
  }
  return 'the wallet failed before it was asked to pay, and did not say why';
}

/** A field of whatever was thrown. */
function field(thrown: unknown, name: string): unknown {
  try {
    return (thrown as Record<string, unknown> | null | undefined)?.[name];
  } catch {
    // An object that lets nobody read it.
    return undefined;
  }
}
