// One question outside of React: it is asked, goes on while components come and go, and is found
// again after a reload.
import { argumentError, makeError, type PaymentError } from '../errors.js';
import { unknownMember } from '../members.js';
import type { AskOptions, CompletedJob, CreateJobRequest, JobUpdate, PaymentAttempt, WaitOptions } from '../wasm.js';
import { pageStorage, Records, type Asked } from './records.js';
import type { AskingClient, AskingState, AskJobOptions, JobFailure, JobState, JobView, ResumeJobOptions } from './types.js';
import * as view from './view.js';

const OPTIONS = 'userId, agentId, metadata, timeoutMs, headers';

/** A call that is under way. */
interface Run {
  readonly end: AbortController;
  promise: Promise<string>;
  /** Whether it has been told a price: from then on it is its own wallet that is asked. */
  isQuoted: boolean;
  /** Ends the watch over what other pages write about it. */
  unwatch: () => void;
}

/**
 * How a call begins: `attempt` is the payment to go on with, `isLoaded` says that another page has
 * asked, before this one or beside it.
 */
interface Beginning {
  readonly attempt?: PaymentAttempt;
  readonly isLoaded?: boolean;
}

type CallOptions = Pick<AskOptions, 'timeoutMs' | 'headers'>;

export class JobStore {
  readonly #client: AskingClient;
  /** Where the question is written down; nothing for one that belongs to a component alone. */
  readonly #records: Records | undefined;
  readonly #listeners = new Set<() => void>();
  readonly #idle: JobView;
  #state: JobState = view.idle;
  #view: JobView;
  #asked: Asked | undefined;
  #run: Run | undefined;
  #isStarted = false;

  constructor(client: AskingClient, records?: Records) {
    this.#client = client;
    this.#records = records;
    this.#view = this.#idle = this.#viewOf(view.idle);
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    this.#start();
    return () => this.#listeners.delete(listener);
  };
  readonly getSnapshot = (): JobView => this.#view;
  /** On a server nothing was asked. */
  readonly getServerSnapshot = (): JobView => this.#idle;

  readonly ask = (question: string, options: AskJobOptions = {}): Promise<string> => {
    const wrong = misuse(question, options);
    if (wrong) return Promise.reject(wrong);
    this.#start();
    const isSame = (asked: Asked | undefined) => asked !== undefined && isOf(asked, question, options);
    if (this.#run) return isSame(this.#asked) ? this.#run.promise : Promise.reject(busy());
    // Another tab may have asked it meanwhile.
    const written = this.#records?.read();
    const isTaken = isSame(written) && written?.id !== this.#asked?.id;
    if (isTaken) this.#take(written);
    const { userId, agentId, metadata, ...call } = options;
    if (isSame(this.#asked) && this.#asked) {
      const { phase } = this.#asked;
      if (this.#records && this.#state.status === 'answered') return Promise.resolve(this.#state.answer);
      const from = { isLoaded: isTaken && phase === 'open' };
      if (phase === 'open' || phase === 'stopped') return this.#begin(this.#asked, call, from);
    }
    const blocked = this.#blocked();
    if (blocked) return Promise.reject(blocked);
    const id = uuid();
    this.#state = view.idle;
    return this.#begin({ id, question, userId: userId ?? id, agentId, metadata, phase: 'open' }, call);
  };

  readonly resume = ({ transaction }: ResumeJobOptions = {}): Promise<string> => {
    this.#start();
    if (this.#run) return this.#run.promise;
    if (this.#state.status === 'answered') return Promise.resolve(this.#state.answer);
    if (!this.#asked) {
      return Promise.reject(this.#blocked() ?? argumentError('resume', 'there is nothing to resume: nothing was asked'));
    }
    if (transaction === undefined) return this.#begin(this.#asked, {});
    const { payment } = (this.#state.error ?? {}) as { payment?: PaymentAttempt };
    if (!payment)
      return Promise.reject(argumentError('transaction', 'transaction is for a payment that failed; there is none here'));
    return this.#begin(this.#asked, {}, { attempt: { ...payment, transaction } });
  };

  readonly cancel = (): void => {
    const run = this.#run;
    if (!run) return;
    this.#end(view.stopped(this.#state as AskingState), 'stopped');
    run.end.abort();
  };

  readonly reset = (): void => {
    // What is written down is not begun only to be forgotten.
    this.#isStarted = true;
    this.cancel();
    this.#asked = undefined;
    this.#records?.delete();
    this.#show(view.idle);
  };

  /**
   * Finds what was asked before a reload. Not while a component is rendered: it may send something.
   */
  #start() {
    if (this.#isStarted) return;
    this.#isStarted = true;
    const written = this.#records?.read();
    if (written) this.#goOn(written);
    else this.#blocked();
  }

  /**
   * A record that cannot be read may stand for a question that is paid: nothing is asked in its
   * place until the user wants that.
   */
  #blocked(): JobFailure | undefined {
    const name = this.#asked ? undefined : this.#records?.unreadable();
    if (name === undefined) return undefined;
    const error = unreadable(name);
    this.#show(view.failed(view.asking(''), error));
    return error;
  }

  /** Goes on with a question as another page has written it down. */
  #goOn(asked: Asked | undefined) {
    this.#take(asked);
    if (asked?.phase === 'open') void this.#begin(asked, {}, { isLoaded: true });
  }

  /** Takes a question as it was written down, and begins nothing. */
  #take(asked: Asked | undefined) {
    this.#asked = asked;
    const state = view.asking(asked?.question ?? '');
    if (!asked) this.#show(view.idle);
    else if (asked.job) this.#show(view.answered(state, asked.job));
    else if (asked.phase === 'stopped') this.#show(view.stopped(state));
  }

  /**
   * What another page has asked is its user's to stop, too: the call waits for that page's lock,
   * and would ask and pay in its place. Says whether the question is still open.
   */
  #isStillOpen(run: Run, { id }: Asked): boolean {
    if (this.#run !== run) return false;
    const written = this.#records?.read();
    if (written?.id === id && written.phase === 'open') return true;
    this.#run = undefined;
    run.unwatch();
    run.end.abort();
    this.#goOn(written);
    // It may have been damaged rather than deleted.
    if (!written) this.#blocked();
    return false;
  }

  /** Asks, or goes on with what was asked: the id makes it one job. */
  #begin(asked: Asked, call: CallOptions, from: Beginning = {}): Promise<string> {
    const run: Run = { end: new AbortController(), promise: Promise.resolve(''), isQuoted: false, unwatch: () => {} };
    this.#run = run;
    this.#asked = { ...asked, phase: 'open' };
    // Before it is sent: a page that ends now finds it again. What another page has written stands:
    // it may be stopped there by now.
    if (!from.isLoaded) this.#records?.write(this.#asked);
    else run.unwatch = this.#records?.watch(() => this.#isStillOpen(run, asked)) ?? run.unwatch;
    this.#show(view.asking(asked.question, this.#state));
    run.promise = this.#perform(run, asked, call, from);
    // Whoever does not wait for it reads the error in the state.
    run.promise.catch(() => {});
    return run.promise;
  }

  async #perform(run: Run, asked: Asked, call: CallOptions, from: Beginning): Promise<string> {
    const isLatest = () => this.#run === run;
    const onUpdate = (update: JobUpdate) => {
      if (update.type === 'quote') {
        run.isQuoted = true;
        // Other pages' writes may come late: this is before `confirm` and the wallet are asked.
        if (from.isLoaded && !this.#isStillOpen(run, asked)) return;
      }
      if (isLatest()) this.#show(view.updated(this.#state as AskingState, update));
    };
    try {
      const job = await this.#send(run, asked, { ...call, signal: run.end.signal, onUpdate }, from);
      if (isLatest()) {
        this.#asked = { ...asked, job };
        this.#end(view.answered(this.#state as AskingState, job), 'answered');
      }
      return job.result.message.content;
    } catch (error) {
      const failure = error as JobFailure;
      if (isLatest()) this.#end(view.failed(this.#state as AskingState, failure), view.remains(failure));
      throw error;
    }
  }

  async #send(run: Run, asked: Asked, options: WaitOptions, { attempt, isLoaded }: Beginning): Promise<CompletedJob> {
    if (attempt) return this.#client.resume(attempt, options);
    const { id, question: content, userId, agentId, metadata } = asked;
    const params = { content, userId, agentId, metadata } as CreateJobRequest;
    const create = () => this.#client.createAndWaitForJob(params, { ...options, idempotencyKey: `react/${id}` });
    try {
      return await create();
    } catch (error) {
      // The wallet that has not answered is this page's own, once there was a price.
      const open = isLoaded && !run.isQuoted && view.unsigned(error as JobFailure);
      if (!open || !hasLocks() || !this.#isStillOpen(run, asked)) throw error;
      // The page that the wallet was open for is gone. Were it there, it would hold the key's lock,
      // or have written down how its call ended.
      await this.#client.forgetPayment(open);
      return create();
    }
  }

  /** The call is over. */
  #end(state: JobState, phase: Asked['phase']) {
    this.#run?.unwatch();
    this.#run = undefined;
    this.#asked = { ...(this.#asked as Asked), phase };
    // Another tab may have asked something else under this key.
    if (this.#records?.read()?.id === this.#asked.id) {
      if (phase === 'over') this.#records.delete();
      else this.#records.write(this.#asked);
    }
    this.#show(state);
  }

  #show(state: JobState) {
    this.#state = state;
    this.#view = state === view.idle ? this.#idle : this.#viewOf(state);
    for (const listener of [...this.#listeners]) listener();
  }

  #viewOf(state: JobState): JobView {
    const { ask, resume, cancel, reset } = this;
    return { ...state, ask, resume, cancel, reset };
  }
}

/** The questions of clients, by their keys. Those of a client end with it. */
export class JobStores {
  readonly #clients = new WeakMap<AskingClient, Map<string | undefined, JobStore>>();

  of(client: AskingClient, key: string | undefined): JobStore {
    const stores = this.#clients.get(client) ?? new Map<string | undefined, JobStore>();
    this.#clients.set(client, stores);
    const store = stores.get(key) ?? new JobStore(client, key === undefined ? undefined : recordsOf(client, key));
    stores.set(key, store);
    return store;
  }
}

/** Components with the same client and key share a question. */
export const shared = new JobStores();

/** Questions of different servers have different records, under the same key too. */
function recordsOf(client: AskingClient, key: string): Records {
  const server = (client as { [SERVER]?: unknown })[SERVER];
  return new Records(pageStorage(), typeof server === 'string' ? server : '', key);
}
/** A client says by this symbol which server it asks (clients.ts). */
const SERVER: unique symbol = Symbol.for('eliza-jobs.server') as never;

/** Whether this is what was asked. */
const isOf = (asked: Asked, question: string, { userId, agentId }: AskJobOptions) =>
  asked.question === question && asked.agentId === agentId && (userId === undefined || asked.userId === userId);

/** What can never be meant. It is no failure of the question, and not in the state. */
function misuse(question: unknown, options: object): Error | undefined {
  if (typeof question !== 'string') {
    return argumentError('question', `question must be a string; given: ${question === null ? 'null' : typeof question}`);
  }
  const unknown = unknownMember(options, 'options', OPTIONS);
  return unknown && argumentError(unknown.name, unknown.words + unknown.hint);
}

const busy = () =>
  argumentError(
    'question',
    'another question is under way here: wait for it, call cancel() first, or give this one a key of its own',
  );

/** As the client says it of its own records. */
const unreadable = (name: string) =>
  makeError(
    'PaymentError',
    `the record ${name} of localStorage cannot be read; it was kept, and nothing was asked or paid. A later version of this package may have ` +
      'written it, or it is damaged: look in client.payments() whether the question is paid, then call reset()',
    { code: 'store_failed', retryable: false, fundsMoved: 'unknown' },
  ) as PaymentError;

/**
 * Whether pages of this site know of each other's calls with the same key: only there is it certain
 * that nobody else waits for the wallet.
 */
const hasLocks = () => Boolean((globalThis as { navigator?: { locks?: unknown } }).navigator?.locks);

/** A random UUID. `crypto.randomUUID` is missing in pages without https. */
function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20)].join('-');
}
