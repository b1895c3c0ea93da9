// What survives a reload: one record for each key, in the page's localStorage. No proof, no key, no
// header is in it.
import type { KeyValueStorage } from '../stores/local-storage.js';
import type { CompletedJob } from '../wasm.js';

/** A question as it is written down, before it is sent. */
export interface Asked {
  /** The question's own id: its idempotencyKey, and who asks where the application does not say. */
  readonly id: string;
  readonly question: string;
  readonly userId: string;
  readonly agentId?: string | undefined;
  readonly metadata?: Record<string, unknown> | undefined;
  /**
   * - `open`: it goes on by itself when the page is loaded again.
   * - `stopped`: it goes on when the user wants.
   * - `answered`: the answer is in `job`.
   * - `over`: never written down.
   */
  readonly phase: 'open' | 'stopped' | 'answered' | 'over';
  readonly job?: CompletedJob;
}

const PREFIX = 'eliza-jobs/react/';
const VERSION = 1;
/**
 * How many records there are at most: the payments' own records need room beside them. Only those
 * with an answer are deleted for others.
 */
const MOST = 50;

/** The page's localStorage; nothing where there is none, or where the browser blocks it. */
export function pageStorage(): KeyValueStorage | undefined {
  try {
    const page = globalThis as { document?: unknown; localStorage?: KeyValueStorage };
    // Outside of a page it is not asked for: Node 26 warns whoever does.
    return page.document ? page.localStorage : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The record of one key. What the storage throws harms nothing: the client keeps its own records of
 * payments.
 */
export class Records {
  readonly #storage: KeyValueStorage | undefined;
  readonly #key: string;

  constructor(storage: KeyValueStorage | undefined, server: string, key: string) {
    this.#storage = storage;
    this.#key = `${PREFIX}${server} ${key}`;
  }

  read(): Asked | undefined {
    return attempted(() => parsed(this.#storage?.getItem(this.#key)));
  }

  /** The name of the record where it cannot be read: it may stand for a question that is paid. */
  unreadable(): string | undefined {
    const text = attempted(() => this.#storage?.getItem(this.#key));
    return typeof text === 'string' && !parsed(text) ? this.#key : undefined;
  }

  write(asked: Asked) {
    if (!this.#storage) return;
    const record = { version: VERSION, at: Date.now(), ...asked };
    attempted(() => this.#storage?.setItem(this.#key, JSON.stringify(record)));
    attempted(() => tidy(this.#storage as KeyValueStorage));
  }

  /** Calls back when another page has changed the record, until what it returns is called. */
  watch(changed: () => void): () => void {
    const page = globalThis as unknown as Partial<EventTarget>;
    // No key: all was deleted.
    const listener = (event: Event & { key?: string | null }) => {
      if (event.key === this.#key || event.key === null) changed();
    };
    page.addEventListener?.('storage', listener);
    return () => page.removeEventListener?.('storage', listener);
  }

  delete() {
    attempted(() => this.#storage?.removeItem(this.#key));
  }
}

function attempted<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

/** Nothing for a record that was damaged, or is of a later version. */
function parsed(text: string | null | undefined): (Asked & { at: number }) | undefined {
  const record = attempted(() => JSON.parse(text ?? 'null') as Partial<Asked & { version: number; at: number }> | null);
  const texts = [record?.id, record?.question, record?.userId];
  if (record?.version !== VERSION || texts.some((value) => typeof value !== 'string')) return undefined;
  const isAnswered = record.phase === 'answered' && typeof record.job?.result?.message?.content === 'string';
  return isAnswered || record.phase === 'open' || record.phase === 'stopped' ? (record as Asked & { at: number }) : undefined;
}

/** Deletes the oldest records whose answers were seen. */
function tidy(storage: KeyValueStorage) {
  const keys = Array.from({ length: storage.length }, (_, index) => storage.key(index) ?? '');
  const records = keys.filter((key) => key.startsWith(PREFIX)).map((key) => ({ key, record: parsed(storage.getItem(key)) }));
  const answered = records.filter(({ record }) => record?.phase === 'answered');
  answered.sort((one, other) => (one.record?.at ?? 0) - (other.record?.at ?? 0));
  for (const { key } of answered.slice(0, Math.max(0, records.length - MOST))) storage.removeItem(key);
}
