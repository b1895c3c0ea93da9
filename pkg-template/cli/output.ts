// What is written where. Standard output has the result and nothing else: in a pipe, the bare
// answer. Progress and errors go to standard error, and progress only where that is a terminal.
// Whatever is written for people is cleaned here, so that no caller can forget it: ids, names and
// texts come from servers.
import type { WriteStream } from 'node:tty';

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Style = keyof typeof CODES;
/** How often the running clock is written. */
const CLOCK_MS = 200;
/** Such a terminal knows no commands: it would print them. */
const IS_DUMB = process.env['TERM'] === 'dumb';
/** The width of the first column of a step. */
const COLUMN = 9;

/**
 * Control characters could move the cursor, change the terminal, or turn the text around: what
 * servers say has none of them.
 */
// eslint-disable-next-line no-control-regex -- exactly these are meant
const CONTROL = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** How long lines of text are where nobody says it, and where there is room for longer ones. */
const COLUMNS = 80;
const MOST_COLUMNS = 100;

/** A text in a colour, where there are colours. */
export interface Painted {
  readonly style: Style;
  readonly text: string;
}
/** A part of a line. */
export type Part = string | Painted;

/** A part of a line in a colour. */
export const paint = (style: Style, text: string): Painted => ({ style, text });

export class Output {
  readonly json: boolean;
  readonly #out: WriteStream;
  readonly #err: WriteStream;
  #clock: NodeJS.Timeout | undefined;
  readonly #used = new Set<WriteStream>();
  /**
   * What cannot be written to any more, and why. The exit code tells of the payment all the same.
   */
  readonly #failed = new Map<WriteStream, NodeJS.ErrnoException>();

  constructor(json: boolean, out: WriteStream = process.stdout, err: WriteStream = process.stderr) {
    this.json = json;
    this.#out = out;
    this.#err = err;
    for (const stream of [out, err]) stream.on('error', (error: NodeJS.ErrnoException) => this.#failed.set(stream, error));
  }

  /** Whether a person sees the result. */
  get isTerminal(): boolean {
    return this.#out.isTTY && !this.json;
  }

  /** Whether a person sees progress. */
  get showsProgress(): boolean {
    return this.#err.isTTY && !this.json;
  }

  /** How many characters a line of text has at most. */
  get columns(): number {
    // Some terminals say 0 until they are drawn.
    return Math.min((this.#out.isTTY && this.#out.columns) || COLUMNS, MOST_COLUMNS);
  }

  /** A step that was done: one line. */
  step(what: string, text: string, style: Style = 'green') {
    if (!this.showsProgress) return;
    this.#endClock();
    const mark = { green: '✓', yellow: '!', red: '✗', cyan: '·' }[style as 'green'] ?? '·';
    const column = this.#painted(this.#err, 'dim', what.padEnd(COLUMN));
    this.#put(this.#err, `${this.#painted(this.#err, style, mark)} ${column} ${inOneLine(text)}\n`);
  }

  /** A step that goes on: a line with a running clock, until the next line is written. */
  waiting(what: string, text: string) {
    if (!this.showsProgress) return;
    this.#endClock();
    if (IS_DUMB) return this.#put(this.#err, `· ${what.padEnd(COLUMN)} ${inOneLine(text)}\n`);
    const began = performance.now();
    const write = () => {
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      // A line that wraps could not be written again.
      const time = ` ${seconds} s`;
      const room = Math.max(this.#err.columns - 1 - time.length, 0) || undefined;
      const line = `· ${what.padEnd(COLUMN)} ${inOneLine(text)}`.slice(0, room);
      this.#put(this.#err, `\r${this.#painted(this.#err, 'dim', line + time)}\x1b[K`);
    };
    write();
    this.#clock = setInterval(write, CLOCK_MS).unref();
  }

  /** The result for people: with blank lines around it on a terminal, bare in a pipe. */
  answer(text: string) {
    this.#endClock();
    if (this.isTerminal) this.#put(this.#out, `\n${shown(text)}\n\n`);
    else this.#put(this.#out, `${text}\n`);
  }

  /** A line of the result for people. */
  line(...parts: readonly Part[]) {
    this.#endClock();
    const texts = parts.map((part) => {
      if (typeof part === 'string') return inOneLine(part);
      return this.#painted(this.#out, part.style, inOneLine(part.text));
    });
    this.#put(this.#out, `${texts.join('')}\n`);
  }

  /**
   * The result as it is, to the letter, for files and other programs; a terminal gets it without
   * control characters.
   */
  raw(text: string) {
    this.#endClock();
    this.#put(this.#out, this.#out.isTTY ? shown(text) : text);
  }

  /**
   * The result for programs. `space`: how far its parts are set in; all in one line, where it is 0.
   */
  document(value: unknown, space = 2) {
    this.#endClock();
    // The same value for whoever parses it, and nothing that a terminal could take for a command.
    const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
    this.#put(this.#out, `${JSON.stringify(value, null, space).replace(CONTROL, escaped)}\n`);
  }

  /** What a person should see that is no result: one line. */
  remark(text: string) {
    this.#endClock();
    if (!this.json) this.#put(this.#err, `${this.#painted(this.#err, 'dim', inOneLine(text))}\n`);
  }

  /** What went wrong, and what to do. */
  error(text: string, ...next: readonly string[]) {
    this.#endClock();
    // No text of others can look like a line of this program: what becomes of the money stands
    // there.
    this.#put(this.#err, `${this.#painted(this.#err, 'red', '✗')} ${shown(text).replaceAll('\n', '\n    ')}\n`);
    for (const line of next) this.#put(this.#err, `  ${inOneLine(line)}\n`);
  }

  /** Waits until everything is written; returns why the result could not be. */
  async written(): Promise<Error | undefined> {
    this.#endClock();
    for (const stream of [this.#out, this.#err]) {
      if (this.#used.has(stream) && !this.#failed.has(stream)) await new Promise((done) => stream.write('', done));
    }
    const failed = this.#failed.get(this.#out);
    // Whoever reads has seen enough (`eliza-jobs payments | head`), or has closed the terminal.
    return failed?.code === 'EPIPE' || failed?.code === 'EIO' ? undefined : failed;
  }

  #painted(stream: WriteStream, style: Style, text: string): string {
    // It knows NO_COLOR, FORCE_COLOR and TERM.
    return stream.isTTY && stream.hasColors() ? `\x1b[${CODES[style]}m${text}\x1b[0m` : text;
  }

  #put(stream: WriteStream, text: string) {
    if (this.#failed.has(stream)) return;
    this.#used.add(stream);
    try {
      stream.write(text);
    } catch (error) {
      // A file is written to at once, and a full disk throws.
      this.#failed.set(stream, error as NodeJS.ErrnoException);
    }
  }

  #endClock() {
    if (!this.#clock) return;
    clearInterval(this.#clock);
    this.#clock = undefined;
    this.#put(this.#err, '\r\x1b[K');
  }
}

/** A text that others have written, as it may be shown on a terminal. */
export function shown(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(CONTROL, '\ufffd');
}

/** The same in one line. */
const inOneLine = (text: string): string => shown(text).replace(/[\t\n\u2028\u2029]/g, ' ');

/** The same in one line, not longer than so many characters. */
export function inShort(text: string, most: number): string {
  const line = shown(text).replace(/\s+/g, ' ').trim();
  const letters = [...line];
  return letters.length > most ? `${letters.slice(0, most - 1).join('')}…` : line;
}
