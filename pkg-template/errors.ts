// The error classes.
import type { ErrorCode, FundsMoved, JobDetailsResponse, PaymentAttempt, SessionMessage } from './wasm.js';

/** What every error of this package is. `instanceof` works across copies of the package. */
export class ElizaJobsError extends Error {
  /** What went wrong. */
  declare readonly code: ErrorCode;
  /** Whether the same call may succeed later without any change, at no further cost. */
  declare readonly retryable: boolean;
  /** Whether money has moved for what this error is about. `'unknown'`: it may have, or may still. */
  declare readonly fundsMoved: FundsMoved;
  /** The job this is about. */
  declare readonly jobId?: string;
  /** The job as it was last seen. */
  declare readonly job?: JobDetailsResponse;
  /** The session this is about. Not enumerable: its id opens the session, so that it must not get into logs. */
  declare readonly sessionId?: string;
  /** The message that was sent, when it is known to be in the session. */
  declare readonly userMessage?: SessionMessage;
  /** The HTTP status that the server answered. */
  declare readonly status?: number;
  /** The same as `status`. */
  declare readonly statusCode?: number;
  /** The server's own words. */
  declare readonly serverMessage?: string;
  /** The server's own code for the error. */
  declare readonly serverCode?: string;
  /** How long the server asks to wait, in milliseconds. */
  declare readonly retryAfterMs?: number;
  /** The payment this is about. Not enumerable: it may hold a proof, which must not get into logs. */
  declare readonly payment?: PaymentAttempt;
  /** What the platform or the wallet threw. */
  declare readonly cause?: unknown;

  // Only the package itself makes its errors.
  protected constructor(...given: ConstructorParameters<typeof Error>) {
    super(...given);
  }
}

/** The server refused the request or sent something unreadable. */
export class ApiError extends ElizaJobsError {}
/** The job ended without an answer, is gone, or took longer than the caller waits. */
export class JobError extends ElizaJobsError {}
/** A payment was refused, by the limits, the wallet or the server, or its outcome is not known. */
export class PaymentError extends ElizaJobsError {}
/** No answer came. */
export class ConnectionError extends ElizaJobsError {}
/**
 * A message in a session got no answer: the agent failed, chose not to answer, or took longer than the
 * caller waits. Or it is not known whether the message has arrived.
 */
export class SessionError extends ElizaJobsError {}
/** An argument or option can never work. Nothing was sent. Also an `ElizaJobsError` for `instanceof`. */
export class ArgumentError extends TypeError {
  declare readonly code: 'invalid_argument' | 'client_disposed';
  declare readonly retryable: false;
  /** An argument moves no money. */
  declare readonly fundsMoved: false;
  /** The argument's or option's name; absent when the client itself was released. */
  declare readonly field?: string;

  // Only the package itself makes its errors.
  protected constructor(...given: ConstructorParameters<typeof TypeError>) {
    super(...given);
  }
}

const classes = { ElizaJobsError, ApiError, JobError, PaymentError, ConnectionError, SessionError, ArgumentError };

const brand = (name: string) => Symbol.for(`eliza-jobs.${name}`);

/**
 * `instanceof` checks a brand, because an application may hold two copies of this package. The name is
 * set, because minifiers rename classes.
 */
function define(Class: { readonly prototype: object }, name: string) {
  const hasInstance = function (this: unknown, value: unknown) {
    return this === Class
      ? typeof value === 'object' && value !== null && brand(name) in value
      : Function.prototype[Symbol.hasInstance].call(this, value);
  };
  Object.defineProperty(Class, 'name', { value: name });
  Object.defineProperty(Class, Symbol.hasInstance, { value: hasInstance });
  Object.defineProperty(Class.prototype, 'name', { value: name, configurable: true, writable: true });
  Object.defineProperty(Class.prototype, brand(name), { value: true });
}
for (const [name, Class] of Object.entries(classes)) define(Class, name);
Object.defineProperty(ArgumentError.prototype, brand('ElizaJobsError'), { value: true });

/** An error of the class of this name, with what it carries. */
export function makeError(name: keyof typeof classes, message: string, members: Record<string, unknown>, cause?: unknown): Error {
  const error = Reflect.construct(classes[name], [message, cause === undefined ? undefined : { cause }]) as Error;
  for (const [key, value] of Object.entries(members)) {
    // Both are secrets: there for code that asks for them, not for code that prints the error.
    const enumerable = key !== 'payment' && key !== 'sessionId';
    Object.defineProperty(error, key, { value, enumerable, configurable: true, writable: true });
  }
  return error;
}

/** The package's own module failed: it cannot be loaded, or it trapped. */
export function internalError(
  code: Extract<ErrorCode, 'init_failed' | 'wasm_panic'>,
  message: string,
  cause?: unknown,
  fundsMoved: FundsMoved = false,
): Error {
  return makeError('ElizaJobsError', message, { code, retryable: false, fundsMoved }, cause);
}
