// The error classes. `name` is a literal because minifiers rename classes, and `instanceof` looks at a brand because an
// application may hold two copies of this package.
const brand = (name) => Symbol.for(`eliza-jobs.${name}`);

const define = (Base, name) => {
  const Class = class extends Base {};
  Object.defineProperty(Class, 'name', { value: name });
  Object.defineProperty(Class, Symbol.hasInstance, {
    value(value) {
      return this === Class
        ? typeof value === 'object' && value !== null && brand(name) in value
        : Function.prototype[Symbol.hasInstance].call(this, value);
    },
  });
  Object.defineProperty(Class.prototype, 'name', { value: name, configurable: true, writable: true });
  Object.defineProperty(Class.prototype, brand(name), { value: true });
  return Class;
};

export const ElizaJobsError = define(Error, 'ElizaJobsError');
export const ApiError = define(ElizaJobsError, 'ApiError');
export const JobError = define(ElizaJobsError, 'JobError');
export const PaymentError = define(ElizaJobsError, 'PaymentError');
export const ConnectionError = define(ElizaJobsError, 'ConnectionError');
export const SessionError = define(ElizaJobsError, 'SessionError');
export const ArgumentError = define(TypeError, 'ArgumentError');
Object.defineProperty(ArgumentError.prototype, brand('ElizaJobsError'), { value: true });

const classes = [ArgumentError, ApiError, JobError, PaymentError, ConnectionError, SessionError, ElizaJobsError];

/**
 * Called by the Rust side: the class by its index, then what the error carries.
 *
 * @returns {Error}
 */
export function makeError(index, message, fields, cause) {
  const error = new classes[index](message, cause === undefined ? undefined : { cause });
  // A payment holds a proof, and a session's id opens the session: there for who asks for them, not for who prints the error.
  for (const key in fields) {
    const enumerable = key !== 'payment' && key !== 'sessionId';
    Object.defineProperty(error, key, { value: fields[key], enumerable, configurable: true, writable: true });
  }
  return error;
}

/**
 * For what goes wrong before the Rust side is there.
 *
 * @returns {Error}
 */
export function initError(message, cause) {
  return Object.assign(new ElizaJobsError(message, { cause }), { code: 'init_failed', retryable: false });
}
