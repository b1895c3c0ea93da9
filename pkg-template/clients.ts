// The classes that applications use: each wraps a class of Rust's, whose methods it takes over by
// their own names. Added here is what only JavaScript can do: load the module on first use, survive
// a trap.
import { makeGlue, type Glue, type RustClient } from 'eliza-jobs:glue';
import { calledFrom, callerOf } from './caller.js';
import { Instance } from './instance.js';
import { compile } from './load.js';

type ClassName = 'JobsClient' | 'SessionsClient';
/** What outlives an instance of the module. */
interface Kept {
  /**
   * Rust replaces them by the copy that it has read: what the application changes later changes
   * nothing.
   */
  options: unknown;
  /** What was spent, by symbol, in atomic units. */
  readonly spent: Record<string, string>;
  /** Takes the answer of a wallet that was asked by an instance that is dead now. */
  readonly walletAnswered: (attemptId: string, value: unknown, isThrown: boolean) => void;
}

/** The glue without an instance: for the names of its classes' methods. */
function withoutInstance(): Glue | undefined {
  try {
    return makeGlue(WebAssembly, setTimeout, clearTimeout, {});
  } catch {
    // The runtime lacks something. No client can be made then, and `compile` says what is missing.
    return undefined;
  }
}
/**
 * Its classes have the names of the methods. What the runtime lacks now may be there when a client
 * is made.
 */
let shape = withoutInstance();

let current: Instance | undefined;
const live = () => (current && !current.error ? current : (current = new Instance(compile())));

/** A client of Rust's, and another one after a trap. */
class Live {
  readonly #class: ClassName;
  readonly #kept: Kept;
  #instance!: Instance;
  #client!: RustClient;
  #isOpen = true;

  constructor(name: ClassName, options: unknown) {
    this.#class = name;
    this.#kept = { options, spent: {}, walletAnswered: (...answer) => this.#walletAnswered(answer) };
    this.#open();
  }

  get options(): unknown {
    return this.#kept.options;
  }

  call(method: string, given: unknown[]): unknown {
    if (this.#instance.error) this.#open();
    return this.#instance.run(() => this.#client[method]?.(...given));
  }

  free() {
    this.#isOpen = false;
    if (!this.#instance.error) this.#instance.run(() => this.#client.__close());
  }

  /** By a client of its own: the application may have freed this one. */
  #walletAnswered(answer: unknown[]) {
    const instance = live();
    const client = instance.run(() => new instance.glue[this.#class](this.#kept));
    instance.run(() => client['__walletAnswered']?.(...answer));
    instance.run(() => client.__close());
  }

  #open() {
    const instance = live();
    this.#client = instance.run(() => new instance.glue[this.#class](this.#kept));
    this.#instance = instance;
    if (!this.#isOpen) this.free();
  }
}

const lives = new WeakMap<object, Live>();
const liveOf = (client: object): Live => {
  const live = lives.get(client);
  if (!live) throw new TypeError('Illegal invocation: the method was taken off its client');
  return live;
};

/** The options of a client as they were read. */
export const optionsOf = (client: object): unknown => liveOf(client).options;

/** Gives a class the methods of Rust's class of this name, if it does not have them. */
function addMethods(prototype: object, name: ClassName) {
  shape ??= withoutInstance();
  for (const method of Object.getOwnPropertyNames(shape?.[name].prototype ?? {})) {
    if (method in prototype || method.startsWith('__')) continue;
    const value = function (this: object, ...given: unknown[]) {
      return calledFrom(callerOf(value), () => liveOf(this).call(method, given));
    };
    Object.defineProperty(value, 'name', { value: method });
    Object.defineProperty(prototype, method, { value, writable: true, configurable: true });
  }
}

/** A class with the methods of Rust's class of this name. */
export function define(name: ClassName) {
  let isBare = !shape;
  const Client = class {
    constructor(options: unknown) {
      calledFrom(callerOf(Client), () => lives.set(this, new Live(name, options)));
      if (isBare) addMethods(Client.prototype, name);
      isBare = false;
    }

    free() {
      liveOf(this).free();
    }
  };
  addMethods(Client.prototype, name);
  // eliza-jobs/react keeps the questions of different servers apart by this.
  Object.defineProperty(Client.prototype, Symbol.for('eliza-jobs.server'), {
    get(this: object) {
      return (optionsOf(this) as { baseUrl?: unknown }).baseUrl;
    },
  });
  return named(Client, name);
}

/**
 * The class under its name, which minifiers do not know, with what `using` calls where the runtime
 * knows that.
 */
export function named<T extends { prototype: { free: () => void } }>(Class: T, name: string): T {
  Object.defineProperty(Class, 'name', { value: name });
  if (Symbol.dispose) Object.assign(Class.prototype, { [Symbol.dispose]: Class.prototype.free });
  return Class;
}
