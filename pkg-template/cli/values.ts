// Values on the command line: each is checked here, so that an error names the option and not a
// member of some object.
import type { Given } from './command.js';
import { UsageError } from './exit.js';
import { meant } from './suggest.js';

/** The variable that has the key. */
export const KEY_VARIABLE = 'ELIZA_JOBS_PRIVATE_KEY';
export const API_KEY_VARIABLE = 'ELIZA_JOBS_API_KEY';

/** The longest time that an agent may be given, in seconds: the server's own limit. */
export const MOST_SECONDS = 300;

/** An amount of USDC: at most six decimals, and above nothing. */
const AMOUNT = /^(?=.*[1-9])\d{1,12}(\.\d{1,6})?$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const HASH = /^(0x)?[0-9a-f]{64}$/i;
const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;
/** A name with a dot, a port or a path, or of this machine: no single word, and no sentence. */
const HOST = /^(localhost|\[[\da-f:.]+\]|[\w-]+(\.[\w-]+)+|[\w-]+(?=[:/]))(:\d+)?([/?#]\S*)?$/i;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/i;

/** An option that is an amount of USDC. */
export function amount(given: Given, name: string): string | undefined {
  const text = given.value(name);
  if (text === undefined || AMOUNT.test(text)) return text;
  throw new UsageError(`--${name} must be a number of USDC such as 0.05; given: ${JSON.stringify(text)}`);
}

/** An option that is an id: eight, four, four, four and twelve hexadecimal digits. */
export function uuid(given: Given, name: string): string | undefined {
  const text = given.value(name);
  if (text === undefined || UUID.test(text)) return text;
  throw new UsageError(`--${name} must be a UUID (8-4-4-4-12 hexadecimal digits); given: ${JSON.stringify(text)}`);
}

/** An option that is an address of the web. */
export function webAddress(given: Given, name: string): string | undefined {
  const text = given.value(name);
  if (text === undefined) return undefined;
  // It may hold the key of a provider, and is not shown.
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text))
    throw new UsageError(`--${name} must be an address that begins with https:// or http://`);
  return text;
}

/** The digits of the key in the environment. */
function keyDigits(): string | undefined {
  const key = process.env[KEY_VARIABLE]?.trim().replace(/^0x/i, '').toLowerCase();
  return key && HASH.test(key) ? key : undefined;
}

/** Whether a text has the form of a private key, or holds the one that is in the environment. */
export function holdsKey(text: string): boolean {
  const key = keyDigits();
  return HASH.test(text.trim()) || (key !== undefined && text.toLowerCase().includes(key));
}

/** An option that is the hash of a transaction. */
export function transactionHash(given: Given, name: string): string | undefined {
  const text = given.value(name);
  if (text === undefined) return undefined;
  // The two look the same, and a hash is sent to the server.
  if (keyDigits() === text.replace(/^0x/i, '').toLowerCase())
    throw new UsageError(`--${name} was given the private key, where the shell keeps it and other programs can read it`);
  if (HASH.test(text)) return `0x${text.replace(/^0x/i, '').toLowerCase()}`;
  throw new UsageError(`--${name} must be a hash: 0x and 64 hexadecimal digits; given: ${JSON.stringify(text)}`);
}

/** An option that is a whole number in these bounds. */
export function whole(given: Given, name: string, least: number, most: number): number | undefined {
  const text = given.value(name);
  if (text === undefined) return undefined;
  const number = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (number >= least && number <= most) return number;
  throw new UsageError(`--${name} must be a whole number from ${least} to ${most}; given: ${JSON.stringify(text)}`);
}

/** `2026-01-31`, or `2026-01-31T12:00` with seconds and a zone where they matter. */
const DATE = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)?)?$/;

/** An option that is a date, or a date and time: in UTC as all times here, or in its own zone. */
export function date(given: Given, name: string): Date | undefined {
  const text = given.value(name);
  if (text === undefined) return undefined;
  const [, day = '', time, , , zone] = DATE.exec(text) ?? [];
  const date = new Date(day && time && !zone ? `${text}Z` : day && text);
  if (isDay(day) && !Number.isNaN(date.getTime())) return date;
  const rule = 'must be a date such as 2026-01-31, or a time such as 2026-01-31T12:00';
  throw new UsageError(`--${name} ${rule}; given: ${JSON.stringify(text)}`);
}

/** Whether there is such a day: of 30 February, JavaScript makes one in March. */
function isDay(day: string): boolean {
  const date = new Date(day);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day);
}

/** An option that is one of these words. */
export function oneOf<T extends string>(given: Given, name: string, words: readonly T[]): T | undefined {
  const text = given.value(name);
  if (text === undefined) return undefined;
  const found = words.find((word) => word === text);
  if (found !== undefined) return found;
  throw notOneOf(name, text, words);
}

/** An option has a value that is none of these words. */
export function notOneOf(name: string, text: string, words: readonly string[]): UsageError {
  const near = words.filter((word) => word.startsWith(text));
  const other = meant(text, words);
  const suggested = near.length > 0 ? near : other ? [other] : [];
  const hint = suggested.length > 0 ? `Did you mean ${suggested.join(' or ')}?` : undefined;
  return new UsageError(`--${name} must be one of ${words.join(', ')}; given: ${JSON.stringify(text)}`, hint);
}

/** As a shell takes it. */
export const quoted = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** Whether the text has the form of an id. */
export const isUuid = (text: string): boolean => UUID.test(text);

/** Whether the text has the form of a server's address. */
export const isAddress = (text: string): boolean => SCHEME.test(text) || HOST.test(text);

/** A server's address. Without a scheme it is https, and http on this machine. */
export function address(text: string): string {
  if (/^:?\d{1,5}$/.test(text)) {
    throw new UsageError(`${JSON.stringify(text)} is no address`, `Did you mean localhost:${text.replace(':', '')}?`);
  }
  if (!isAddress(text)) {
    const hint = 'Write it as https://agents.example, or as localhost:3000 for a server on this machine.';
    throw new UsageError(`${JSON.stringify(text)} is no address`, hint);
  }
  const isLoopback = LOOPBACK.test(/^[^/:]*|^\[[^\]]*\]/.exec(text)?.[0] ?? '') || /^\[::1\]/.test(text);
  const full = SCHEME.test(text) ? text : `${isLoopback ? 'http' : 'https'}://${text}`;
  let url: URL;
  try {
    url = new URL(full);
  } catch {
    const hint = /:\d{5,}/.test(text) ? 'A port is at most 65535.' : undefined;
    throw new UsageError(`the server's address must be one such as https://agents.example; given: ${JSON.stringify(text)}`, hint);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new UsageError(`the server's address must begin with https:// or http://; given: ${JSON.stringify(text)}`);
  }
  return full;
}

/**
 * Whether two addresses are of one server: `localhost` is `127.0.0.1`, whatever stands in the
 * record.
 */
export function isSameServer(one: string, other: string): boolean {
  const plain = (text: string): string => {
    const { protocol, hostname, port, pathname } = new URL(text);
    return [protocol, LOOPBACK.test(hostname) ? 'localhost' : hostname, port, pathname.replace(/\/+$/, '')].join(' ');
  };
  try {
    return plain(one) === plain(other);
  } catch {
    // A record may hold anything.
    return false;
  }
}

/** Whether the address is of this machine. */
export const isLoopback = (address: string): boolean => LOOPBACK.test(new URL(address).hostname);
