// Ctrl-C. The first one ends the call, so that there is time to say what is open; the second one ends the program.
import { EXIT } from './exit.js';

/** Listens for Ctrl-C until it is disposed of. */
export class Interrupt {
  readonly #controller = new AbortController();
  readonly #listener: () => void;

  constructor() {
    this.#listener = () => {
      // What was paid is written down already: it is open, and `pending` lists it.
      if (this.signal.aborted) process.exit(EXIT.mayHavePaid);
      this.#controller.abort(new Error('interrupted'));
    };
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, this.#listener);
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
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, this.#listener);
  }
}
