// What applications give as a list may be any: an array of any realm, an iterator, a Proxy. It is gone through here once, where what it throws
// can be caught.

/** Its elements. Throws for what is no list. */
export const list = (given) => [...given];
