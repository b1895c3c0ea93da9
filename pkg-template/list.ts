// An application's list may be anything iterable: an array of another realm, an iterator, a Proxy. What
// it throws can be caught here.

/** Its elements. Throws when it is no list. */
export const list = (given: Iterable<unknown>): unknown[] => [...given];
