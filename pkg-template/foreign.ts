// What applications return may be anything. It is gone through here, where what it throws can be
// caught.

/**
 * The elements of anything iterable: an array of another realm, an iterator, a Proxy. Throws when
 * it is not.
 */
export const list = (given: Iterable<unknown>): unknown[] => [...given];

/**
 * What a value comes to, if it is a promise of whatever kind: an async function catches what its
 * `then` throws.
 */
// eslint-disable-next-line @typescript-eslint/require-await -- `async` alone does it
export const settled = async (value: unknown): Promise<unknown> => value;
