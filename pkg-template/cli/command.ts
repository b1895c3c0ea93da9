// What a command is: its name, what it takes, and what it does. Help and checks are made of this
// description.
import type { Output } from './output.js';

/** An option: `--name`, or `--name <value>`. */
export interface Option {
  readonly name: string;
  /** One letter: `-h`. */
  readonly short?: string;
  /** What its value is called in the help; absent for an option without one. */
  readonly value?: string;
  /** Whether it may be given more than once. */
  readonly many?: boolean;
  readonly help: string;
}

/** What was given on the command line. */
export class Given {
  readonly positionals: readonly string[];
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(positionals: readonly string[], values: ReadonlyMap<string, readonly string[]>) {
    this.positionals = positionals;
    this.#values = values;
  }

  /** Whether the option was given. */
  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The option's value; the last one, where it was given more than once. */
  value(name: string): string | undefined {
    return this.#values.get(name)?.at(-1);
  }

  /** All values of the option. */
  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }
}

export interface Command {
  readonly name: string;
  /** What it does, in some words. */
  readonly summary: string;
  /** What it takes besides options, as the help shows it: `<url>` is needed, `[id]` is not. */
  readonly takes: readonly string[];
  /** What there is to say about it. */
  readonly about: string;
  readonly options: readonly Option[];
  readonly examples: readonly string[];
  /** Runs it, and returns the exit code. What it throws is reported by `main`. */
  run(given: Given, output: Output): Promise<number>;
}
