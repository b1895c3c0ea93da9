// Ctrl-C, and what other programs send in its place. The first one ends the call, so that there is
// time to say what is open; the second one ends the program.
import { EXIT, Interrupted } from './exit.js';

/** `kill` sends SIGTERM, and a terminal that is closed SIGHUP. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/**
 * A program that has started this one, such as npx, passes on what the terminal sends to both: the
 * same signal comes twice.
 */
const SAME_MS = 300;

/**
 * What Ctrl-C ends at once: nothing is under way that costs something.
 *
 * @throws {Interrupted} when it has come.
 */
export async function interruptible<T>(work: Promise<T>): Promise<T> {
  const interrupt = new Interrupt(EXIT.interrupted);
  const ended = interrupt.come.then(() => {
    throw new Interrupted();
  });
  try {
    return await Promise.race([work, ended]);
  } finally {
    interrupt.end();
  }
}

/** Listens for Ctrl-C until it is disposed of. */
export class Interrupt {
  readonly #controller = new AbortController();
  readonly #listener: () => void;

  /** @param second The exit code of the second one. */
  constructor(second: number = EXIT.mayHavePaid) {
    let came = 0;
    this.#listener = () => {
      if (!this.signal.aborted) {
        came = performance.now();
        this.#controller.abort(new Error('interrupted'));
        // What was paid is written down already: it is open, and `pending` lists it.
      } else if (performance.now() - came > SAME_MS) process.exit(second);
    };
    for (const name of SIGNALS) process.on(name, this.#listener);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Resolves when it has come. */
  get come(): Promise<void> {
    return new Promise((come) => {
      if (this.signal.aborted) come();
      else this.signal.addEventListener('abort', () => come(), { once: true });
    });
  }

  end() {
    for (const name of SIGNALS) process.off(name, this.#listener);
  }
}
