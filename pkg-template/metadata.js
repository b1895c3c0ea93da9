// JSON.stringify drops functions, turns a Map into {} and NaN into null without a word: what the application meant to send
// would be lost. This gives the text only when the text says everything, else it throws a text that says what does not fit.
const name = (value) => {
  if (typeof value === 'object') return `a ${value.constructor?.name ?? 'foreign object'}`;
  return { bigint: 'a BigInt', function: 'a function', symbol: 'a symbol', number: String(value) }[typeof value];
};

export function plainJson(value) {
  const refuse = (what, path) => {
    throw `must be a plain JSON object; given: ${what}${path ? ` at ${path}` : ''}`;
  };
  // Databases store neither, and fail when the job has been paid for.
  const text = (value, path) => {
    if (/\p{Cs}/u.test(value)) refuse('half a surrogate pair', path);
    if (value.includes('\0')) refuse('the character U+0000', path);
  };
  const walk = (value, path, above) => {
    if (typeof value === 'string') text(value, path);
    if (value === null || value === undefined || typeof value === 'string' || typeof value === 'boolean') return;
    if (typeof value === 'number' && Number.isFinite(value)) return;
    if (typeof value !== 'object') refuse(name(value), path);
    if (above.includes(value)) refuse('a cycle', path);
    if (above.length > 200) refuse('more than 200 levels', path.slice(0, 60));
    if (typeof value.toJSON === 'function') return walk(value.toJSON(), path, [...above, value]);
    const prototype = Object.getPrototypeOf(value);
    // By the chain, not by identity: an object of another realm (an iframe, a vm) is as plain.
    if (!Array.isArray(value) && prototype !== null && Object.getPrototypeOf(prototype) !== null) refuse(name(value), path);
    for (const key of Object.keys(value)) text(key, path) || walk(value[key], path ? `${path}.${key}` : key, [...above, value]);
  };
  walk(value, '', []);
  return JSON.stringify(value);
}
