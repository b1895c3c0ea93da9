// The error classes.
import type {
  ApiErrorCode,
  ArgumentErrorCode,
  ConnectionErrorCode,
  ErrorCode,
  FundsMoved,
  JobDetailsResponse,
  JobErrorCode,
  PaymentAttempt,
  PaymentErrorCode,
  SessionErrorCode,
  SessionMessage,
} from './wasm.js';

/** What every error of this package is. `instanceof` works across copies of the package. */
export class ElizaJobsError extends Error {
  /** What went wrong. */
  declare readonly code: ErrorCode;
  /** Whether the same call may succeed later without any change, at no further cost. */
  declare readonly retryable: boolean;
  /**
   * Whether money has moved for what this error is about. `'unknown'`: it may have, or may still.
   */
  declare readonly fundsMoved: FundsMoved;
  /** The job this is about. */
  declare readonly jobId?: string;
  /** The job as it was last seen. */
  declare readonly job?: JobDetailsResponse;
  /**
   * The session this is about. Not enumerable: its id opens the session, so that it must not get
   * into logs.
   */
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
  /**
   * The payment this is about. Not enumerable: it may hold a proof, which must not get into logs.
   */
  declare readonly payment?: PaymentAttempt;
  /** What the platform or the wallet threw. */
  declare readonly cause?: unknown;

  // Only the package itself makes its errors.
  protected constructor(...given: ConstructorParameters<typeof Error>) {
    super(...given);
  }
}

/** The server refused the request or sent something unreadable. */
export class ApiError extends ElizaJobsError {
  declare readonly code: ApiErrorCode;
}
/** The job ended without an answer, is gone, or took longer than the caller waits. */
export class JobError extends ElizaJobsError {
  declare readonly code: JobErrorCode;
}
/** A payment was refused, by the limits, the wallet or the server, or its outcome is not known. */
export class PaymentError extends ElizaJobsError {
  declare readonly code: PaymentErrorCode;
}
/** No answer came. */
export class ConnectionError extends ElizaJobsError {
  declare readonly code: ConnectionErrorCode;
}
/**
 * A message in a session got no answer: the agent failed, chose not to answer, or took longer than
 * the caller waits. Or it is not known whether the message has arrived.
 */
export class SessionError extends ElizaJobsError {
  declare readonly code: SessionErrorCode;
}
/**
 * An argument or option can never work. Nothing was sent. Also an `ElizaJobsError` for
 * `instanceof`.
 */
export class ArgumentError extends TypeError {
  /** What is wrong: an argument, or a client that was released. */
  declare readonly code: ArgumentErrorCode;
  /** The same call never succeeds. */
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

/** Each code has an entry there. */
const ENTRIES = 'https://github.com/eliza-jobs/eliza-jobs/blob/main/docs/errors.md';
/**
 * Secrets, and questions and answers: there for code that asks for them, not for code that prints
 * the error.
 */
const HIDDEN = ['payment', 'sessionId', 'job', 'userMessage'];
/** What is printed with an error, beside its message. */
const FACTS = ['code', 'fundsMoved', 'field', 'status', 'retryAfterMs', 'jobId'];
/** How V8 and its like begin a frame. Other engines have nothing but frames in a stack. */
const FRAME = '\n    at ';

const brand = (name: string) => Symbol.for(`eliza-jobs.${name}`);

/**
 * `instanceof` checks a brand, because an application may hold two copies of this package. The name
 * is set, because minifiers rename classes.
 */
function define(Class: { readonly prototype: object }, name: string) {
  const hasInstance = function (this: unknown, value: unknown) {
    return this === Class
      ? typeof value === 'object' && value !== null && brand(name) in value
      : Function.prototype[Symbol.hasInstance].call(this, value);
  };
  Object.defineProperty(Class, 'name', { value: name });
  Object.defineProperty(Class, Symbol.hasInstance, { value: hasInstance });
  const hidden = (key: PropertyKey, value: unknown) =>
    Object.defineProperty(Class.prototype, key, { value, configurable: true, writable: true });
  hidden('name', name);
  hidden('toJSON', toJSON);
  // Node, Bun and Deno print an error by these.
  for (const printer of ['nodejs.util.inspect.custom', 'Deno.customInspect']) hidden(Symbol.for(printer), printed);
  Object.defineProperty(Class.prototype, brand(name), { value: true });
}
for (const [name, Class] of Object.entries(classes)) define(Class, name);
Object.defineProperty(ArgumentError.prototype, brand('ElizaJobsError'), { value: true });

/**
 * What `JSON.stringify` makes of an error: what it says, without secrets, questions and answers.
 */
function toJSON(this: Error): object {
  const { name, message } = this;
  return { ...this, name, message };
}

/**
 * What a terminal shows. Of the cause only its kind: a wallet's error may hold the whole request,
 * and a fetch's the headers with the proof.
 */
function printed(this: Error): string {
  const { stack, cause } = this;
  const { name, code } = Object(cause) as { name?: unknown; code?: unknown };
  const kind = [name ?? typeof cause, code].filter((part) => typeof part === 'string' || typeof part === 'number');
  const because = cause === undefined ? '' : `\n    caused by: ${kind.join(' ')} (see error.cause)`;
  return `${stack?.includes(this.name) ? stack : `${headOf(this)}\n${stack ?? ''}`} ${factsOf(this)}${because}`;
}

const factsOf = (error: Error): string => {
  const facts = FACTS.flatMap((name) => {
    const value = (error as unknown as Record<string, unknown>)[name];
    return value === undefined ? [] : [`${name}: ${JSON.stringify(value)}`];
  });
  return `{ ${facts.join(', ')} }`;
};

/**
 * The first lines of an error's stack. Browsers print nothing else of an error, and other programs
 * its members too.
 */
function headOf(error: Error): string {
  const facts = 'document' in globalThis || 'importScripts' in globalThis ? `\n    ${factsOf(error)}` : '';
  return `${error.name}: ${error.message}${facts}`;
}

/** The stack of an error with the frames of this stack; nothing where there are none. @internal */
export function stackOf(error: Error, stack: unknown): string | undefined {
  if (typeof stack !== 'string') return undefined;
  const at = stack.indexOf(FRAME);
  return at < 0 ? stack : headOf(error) + stack.slice(at);
}

/** An error of the class of this name, with what it carries. @internal */
export function makeError(name: keyof typeof classes, message: string, members: Record<string, unknown>, cause?: unknown): Error {
  const words = `${message} (see ${ENTRIES}#${String(members['code'])})`;
  const error = withoutFrames(() => Reflect.construct(classes[name], [words]) as Error);
  // As a getter, which an uncaught error's print does not follow.
  if (cause !== undefined) Object.defineProperty(error, 'cause', { get: () => cause, configurable: true });
  for (const [key, value] of Object.entries(members)) {
    const enumerable = !HIDDEN.includes(key);
    Object.defineProperty(error, key, { value, enumerable, configurable: true, writable: true });
  }
  if (error.stack?.includes(error.name)) {
    Object.defineProperty(error, 'stack', { value: headOf(error), configurable: true, writable: true });
  }
  return error;
}

/** An argument that can never be meant. @internal */
export const argumentError = (field: string, message: string) =>
  makeError('ArgumentError', message, { code: 'invalid_argument', retryable: false, fundsMoved: false, field });

/**
 * Here the stack has nothing but this package's frames, and Node would print the line of code above
 * it, which in an application that is bundled is the whole program. The frames of the call come
 * later (caller.ts).
 */
function withoutFrames<T>(make: () => T): T {
  const engine = Error as { stackTraceLimit?: unknown };
  const limit = engine.stackTraceLimit;
  // Where errors are frozen this does nothing.
  Reflect.set(engine, 'stackTraceLimit', 0);
  try {
    return make();
  } finally {
    Reflect.set(engine, 'stackTraceLimit', limit);
  }
}

/** The package's own module failed: it cannot be loaded, or it trapped. @internal */
export function internalError(
  code: Extract<ErrorCode, 'init_failed' | 'wasm_panic'>,
  message: string,
  cause?: unknown,
  fundsMoved: FundsMoved = false,
): Error {
  return makeError('ElizaJobsError', message, { code, retryable: false, fundsMoved }, cause);
}
