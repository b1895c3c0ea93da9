// One response, whoever made it: a polyfill, another realm, a function of the application's own. It
// is read here, by its shape, because an async function catches whatever it throws.

import { settled } from './foreign.js';
import { parsed } from './slices.js';

/** How Rust wants it. */
export interface Reading {
  /** Which headers. */
  readonly names: readonly string[];
  /** The largest body, in bytes. */
  readonly most: number;
  /**
   * The request's. It ends the reading too: a stream of the application's own does not end with its
   * request.
   */
  readonly signal: AbortSignal;
  /** Ends it all; without the whole response the request is aborted. */
  end: (isComplete: boolean) => void;
  /** Whether an event stream is wanted piece by piece. */
  readonly streams: boolean;
  /** Set here: the text of the body so far, as soon as the response has begun. */
  text?: string;
  /**
   * Set here: ends the body, which a fetch that does not take the signal goes on to receive. No
   * listener of the signal: fetch in Node keeps the signals of finished requests, with all that
   * their listeners hold, for some collections of garbage.
   */
  cancel?: () => void;
}
/** What Rust takes. */
interface Received {
  /** Lines: the status, the response's type, and each header that is there (`name: value`). */
  readonly head: string;
  readonly text?: string;
  /** Absent when the text is no JSON. */
  readonly json?: unknown;
  /** In place of the text: an event stream, for `nextPiece`. */
  readonly stream?: Pieces;
}
interface Pieces {
  next(): Promise<string | undefined>;
}
/** What is used of a response. Nothing of it is certain. */
interface Foreign {
  readonly status?: unknown;
  readonly type?: unknown;
  readonly headers?: { get(name: string): unknown };
  readonly bodyUsed?: unknown;
  readonly body?: { readonly locked?: unknown; getReader?(): Reader } | null;
  text?(): PromiseLike<unknown>;
}
interface Reader {
  read(): PromiseLike<{ readonly done?: unknown; readonly value?: unknown }>;
  cancel?(): unknown;
}

/** Nothing was thrown, and there is no response all the same. */
class Unreadable extends Error {
  readonly failure: 'NoResponse' | 'HiddenRedirect' | 'TooLarge';

  constructor(failure: Unreadable['failure'], words = '') {
    super(words);
    this.failure = failure;
  }
}

/** What `receive` takes. */
export function reading(names: readonly string[], most: number, streams: boolean): Reading {
  const controller = new AbortController();
  const reading: Reading = {
    names,
    most,
    signal: controller.signal,
    streams,
    end(isComplete) {
      if (isComplete) return;
      controller.abort();
      reading.cancel?.();
    },
  };
  return reading;
}

/** Waits for a response and reads it. Rejects with what `fetch` or the body throws. */
export function receive(response: PromiseLike<unknown>, reading: Reading): Promise<Received | Unreadable> {
  return orUnreadable(read(response, reading));
}

/** The next piece of a stream's text; `undefined` at its end. */
export function nextPiece(stream: Pieces): Promise<string | undefined | Unreadable> {
  return orUnreadable(stream.next());
}

function orUnreadable<T>(work: Promise<T>): Promise<T | Unreadable> {
  return work.catch((error: unknown) => {
    if (error instanceof Unreadable) return error;
    throw error;
  });
}

async function read(promise: PromiseLike<unknown>, reading: Reading): Promise<Received> {
  const response = Object(await settled(promise)) as Foreign;
  const { status, headers, type } = response;
  if (typeof status !== 'number' || !headers) throw new Unreadable('NoResponse');
  if (type === 'opaqueredirect') throw new Unreadable('HiddenRedirect');
  let head = `${status}\n${String(type)}`;
  for (const name of reading.names) {
    const value = valueOf(headers, name);
    if (typeof value === 'string') head += `\n${name}: ${value.replace(LINE_BREAK, ' ')}`;
  }
  reading.text = '';
  const body = bodyOf(response, reading);
  const isStream = reading.streams && String(valueOf(headers, 'content-type')).toLowerCase().includes('text/event-stream');
  if (isStream) return { head, stream: body };
  for (let piece; (piece = await body.next()) !== undefined; ) {
    reading.text += piece;
    if (reading.streams && EVENTS.test(reading.text)) return { head, stream: after(reading.text, body) };
  }
  return { head, text: reading.text, ...(await parsed(reading.text)) };
}

/** How an event stream begins, also one that a proxy has taken for plain text. */
const EVENTS = /^\s*(event|data|id|retry)?:/;
/** This text first, and then what is left. */
function after(text: string, rest: Pieces): Pieces {
  let first: string | undefined = text;
  return {
    next() {
      const piece = first;
      first = undefined;
      return piece === undefined ? rest.next() : Promise.resolve(piece);
    },
  };
}

/** No header of a real response has one. */
const LINE_BREAK = /[\r\n]+/g;
/** A wrapper around fetch may have read the body, to log it. */
function bodyOf(response: Foreign, reading: Reading): Pieces {
  const { body, bodyUsed } = response;
  if (bodyUsed === true || body?.locked === true) {
    throw new Unreadable('NoResponse', 'its body was read already; read a clone() of it');
  }
  // There may be no body; or a fetch that has no streams, or those of Node.
  if (typeof body?.getReader !== 'function') return new WholeBody(response, reading);
  return new Body(body.getReader(), reading);
}

/** A header; none where asking for it throws. */
function valueOf(headers: Required<Foreign>['headers'], name: string): unknown {
  try {
    return headers.get(name);
  } catch {
    return undefined;
  }
}

/** A body that comes as one piece. */
class WholeBody implements Pieces {
  readonly #response: Foreign;
  readonly #most: number;
  #isOver = false;

  constructor(response: Foreign, { most }: Reading) {
    this.#response = response;
    this.#most = most;
  }

  async next(): Promise<string | undefined> {
    if (this.#isOver) return undefined;
    this.#isOver = true;
    if (typeof this.#response.text !== 'function') throw new Unreadable('NoResponse');
    const text = await this.#response.text();
    if (typeof text !== 'string') return undefined;
    if (text.length > this.#most) throw new Unreadable('TooLarge');
    return text;
  }
}

/** A body that is read piece by piece. */
class Body implements Pieces {
  readonly #reader: Reader;
  readonly #reading: Reading;
  readonly #decoder = new TextDecoder();
  #bytes = 0;
  #isOver = false;

  constructor(reader: Reader, reading: Reading) {
    this.#reader = reader;
    this.#reading = reading;
    if (reading.signal.aborted) this.#cancel();
    else reading.cancel = () => this.#cancel();
  }

  /** An async function catches whatever it throws. */
  #cancel() {
    const cancel = async () => void (await this.#reader.cancel?.());
    cancel().catch(() => undefined);
  }

  /** The next piece of the text; `undefined` at its end. */
  async next(): Promise<string | undefined> {
    if (this.#isOver || this.#reading.signal.aborted) return undefined;
    const { done, value } = await this.#reader.read();
    if (done === true) {
      this.#isOver = true;
      return this.#decoder.decode() || undefined;
    }
    // By its shape: the bytes of another realm are as good.
    const bytes = value as (BufferSource & { byteLength: unknown }) | undefined;
    if (typeof bytes?.byteLength !== 'number') throw new Unreadable('NoResponse', 'its body is not of bytes');
    this.#bytes += bytes.byteLength;
    if (this.#bytes > this.#reading.most) throw new Unreadable('TooLarge');
    return this.#decoder.decode(bytes, { stream: true });
  }
}
