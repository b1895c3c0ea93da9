// JSON.stringify drops functions, turns a Map into {} and NaN into null without a word: what the
// application meant to send would be lost.

type Refuse = (what: string, path: string) => never;

const refuse: Refuse = (what, path) => {
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- what the value itself throws is an error
  throw `must be a plain JSON object; given: ${what}${path ? ` at ${path}` : ''}`;
};

/**
 * The JSON text, when it says everything that the value does; else throws a text that says what
 * does not fit.
 */
export function plainJson(value: unknown): string {
  check(value, '', []);
  return JSON.stringify(value);
}

function check(value: unknown, path: string, above: readonly object[]): void {
  if (value === null || value === undefined || typeof value === 'boolean') return;
  if (typeof value === 'string') return checkText(value, path);
  if (typeof value === 'number' && Number.isFinite(value)) return;
  if (typeof value !== 'object') return refuse(nameOf(value), path);
  if (above.includes(value)) return refuse('a cycle', path);
  if (above.length > 200) return refuse('more than 200 levels', path.slice(0, 60));
  const inside = [...above, value];
  if (hasToJson(value)) return check(value.toJSON(), path, inside);
  if (!Array.isArray(value) && !isPlain(value)) return refuse(nameOf(value), path);
  for (const key of Object.keys(value)) {
    checkText(key, path);
    check((value as Record<string, unknown>)[key], path ? `${path}.${key}` : key, inside);
  }
}

/** Databases store neither, and fail when the job has been paid for. */
function checkText(value: string, path: string) {
  if (/\p{Cs}/u.test(value)) refuse('half a surrogate pair', path);
  if (value.includes('\0')) refuse('the character U+0000', path);
}

const hasToJson = (value: object): value is { toJSON(): unknown } => 'toJSON' in value && typeof value.toJSON === 'function';

/**
 * By the prototype chain, not by identity: an object of another realm (an iframe, a vm) is as
 * plain.
 */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function nameOf(value: unknown): string {
  if (typeof value === 'object') return `a ${value?.constructor?.name ?? 'foreign object'}`;
  const names: Record<string, string> = { bigint: 'a BigInt', function: 'a function', symbol: 'a symbol' };
  return names[typeof value] ?? String(value as number);
}
