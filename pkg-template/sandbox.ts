// The entry `eliza-jobs/sandbox`: a server with paywalls, in this process. The server is a state
// machine in Rust (`sandbox/`); here is what performs its steps: requests, answers, the agent, the
// wallet, timers.
import { makeGlue, type Effect, type Machine, type Said } from 'eliza-jobs:sandbox-glue';
import { wasm } from 'eliza-jobs:sandbox-wasm';
import { calledFrom, callerOf, type Callee } from './caller.js';
import { argumentError } from './errors.js';
import { compiled, loading } from './loading.js';
import type {
  AnswerFunction,
  AnswerText,
  FaultName,
  QuestionContext,
  SandboxJob,
  SandboxOptions,
  SandboxPayment,
  SandboxRequest,
} from './sandbox-wasm.js';
import type { FetchResponse, HeadersInput } from './injected.js';
import type { MadeWallet } from './wallets/wallet.js';

export type {
  AnswerFunction,
  AnswerText,
  FaultName,
  QuestionContext,
  SandboxJob,
  SandboxOptions,
  SandboxPayment,
  SandboxRequest,
} from './sandbox-wasm.js';
export type { MadeWallet } from './wallets/wallet.js';

/** A class of the runtime, where the project's types have it. */
type Global<Name extends string, Otherwise> = typeof globalThis extends { readonly [name in Name]: { prototype: infer T } }
  ? T
  : Otherwise;
/** What `fetch` takes beside the address. */
type Init = typeof globalThis extends { Request: new (input: never, init?: infer T) => unknown }
  ? T
  : { method?: string; headers?: HeadersInput; body?: string; signal?: object | null };
type AnyRequest = string | Global<'URL', { readonly href: string }> | Global<'Request', { readonly url: string }>;

/**
 * A server with its chain and a test wallet. All of it is in this process: nothing is sent, and no
 * money exists.
 */
export interface Sandbox {
  /** The server's address. Nothing listens there: only `fetch` knows it. */
  readonly url: string;
  /** Sends a request to the server. The host of the address does not matter. */
  readonly fetch: (input: AnyRequest, init?: Init) => Promise<Global<'Response', FetchResponse>>;
  /** A test wallet, for `JobsClient`. Its account exists nowhere. */
  readonly wallet: Omit<MadeWallet, 'call' | 'receipt'>;
  /** The wallet's account. */
  readonly account: string;
  /** Who is paid. */
  readonly recipient: string;
  /** The server's agent. */
  readonly agentId: string;
  /** What determines all ids and hashes: the same seed gives the same ones. */
  readonly seed: number;
  /**
   * All money that has moved, in the order of time. Two entries for one job are a double payment.
   */
  readonly payments: SandboxPayment[];
  /** All jobs that the server has, in the order of their creation. */
  readonly jobs: SandboxJob[];
  /** The last requests, up to ten thousand. */
  readonly requests: SandboxRequest[];
  /** The sandbox's time, in milliseconds since 1970. */
  now(): number;
  /**
   * What an account has, as a decimal string of USDC.
   *
   * @default the wallet's, on Base
   * @throws {ArgumentError} when it is no address, or the sandbox has no such network.
   */
  balanceOf(account?: string, network?: string): string;
  /**
   * Lets virtual time pass. Everything that is due by then happens, each at its time.
   *
   * @throws {ArgumentError} when time passes by itself.
   */
  advance(ms: number): Promise<void>;
  /**
   * From now on a fault strikes so many times: at the next opportunities, and not any more with 0.
   *
   * @default once
   * @throws {ArgumentError} when there is no such fault, or it can never strike.
   */
  fault(name: FaultName, times?: number): void;
  /** Begins anew, as if just created. Requests that are under way fail. */
  reset(): void;
}

const { setTimeout: later } = globalThis;
/** Whatever was waiting has gone on. Not with the timers that a test may have replaced since. */
const settled = () => new Promise<void>((resolve) => later(resolve, 0));

/** Runs something of Rust's that checks an argument. */
function checked<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    const { field, message } = error as { field?: string; message: string };
    throw field === undefined ? error : argumentError(field, message);
  }
}

/** The same function. What it throws has the frames of whoever called it. */
function traced<Given extends unknown[], T>(call: (...given: Given) => T): (...given: Given) => T {
  const traced = (...given: Given): T => calledFrom(callerOf(traced as Callee), () => call(...given));
  return traced;
}

/** A value as an error shows it. */
const shown = (value: unknown): string => (typeof value === 'string' ? `'${value.slice(0, 60)}'` : String(plain(value)));

/** What something is that must be an object of options. */
const kindOf = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value);

/** Every address has an account; what is none would read as one that has the opening balance. */
function checkAccount(account: unknown): asserts account is string {
  if (typeof account === 'string' && /^0x[0-9a-f]{40}$/i.test(account)) return;
  const hint = "leave it out for the wallet's own account, or take sandbox.recipient";
  throw argumentError(
    'account',
    `account must be an address: 0x and 40 hexadecimal digits; given: ${shown(account)}. Or ${hint}`,
  );
}

let makeMachine: ((options: object, seed: number, now: number) => Machine) | undefined;

/** Compiles the module on first use. */
function machine(options: object, seed: number, now: number): Machine {
  if (!makeMachine) {
    const module = compiled(wasm);
    const glue = makeGlue(WebAssembly, undefined, undefined, {});
    loading(() => glue.initSync({ module }));
    makeMachine = (...given) => new glue.Machine(...given);
  }
  return makeMachine(options, seed, now);
}

/** What JSON has no words for, in words: Rust says what is wrong with it. */
const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value ?? null, (_key, member: unknown) => {
      if (typeof member === 'bigint') return String(member);
      if (typeof member === 'function' || typeof member === 'symbol') return `a ${typeof member}`;
      return typeof member === 'number' && !Number.isFinite(member) ? String(member) : member;
    }),
  );

/** Why a body is no JSON, as Express says it. Only objects and arrays are let through. */
function jsonError(body: string): string | undefined {
  const first = /[^\x20\t\n\r]/.exec(body);
  if (!first) return body === '' ? undefined : 'Unexpected end of JSON input';
  const isDocument = first[0] === '{' || first[0] === '[';
  try {
    JSON.parse(isDocument ? body : body.slice(0, first.index) + '#'.repeat(body.length - first.index));
    return undefined;
  } catch (error) {
    const { message } = error as Error;
    return isDocument ? message : message.replace(/#+/g, (marks) => body.slice(first.index, first.index + marks.length));
  }
}

/** How `fetch` fails in Node. */
function broken(code: string, message = 'fetch failed'): TypeError {
  const words = code === 'ECONNREFUSED' ? 'connect ECONNREFUSED (sandbox)' : 'read ECONNRESET (sandbox)';
  return new TypeError(message, { cause: Object.assign(new Error(words), { code }) });
}

/** A request that is under way. */
interface Pending {
  readonly url: string;
  readonly resolve: (response: Response) => void;
  readonly reject: (error: unknown) => void;
  /** The body that is being sent. */
  body?: ReadableStreamDefaultController<Uint8Array>;
}

const encoder = new TextEncoder();

function respond(pending: Pending, effect: Extract<Effect, { type: 'respond' }>): void {
  const { status, headers, body, ends } = effect;
  const stream = () =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        pending.body = controller;
        if (body) controller.enqueue(encoder.encode(body));
      },
    });
  const hasBody = status !== 204 && status !== 304;
  const response = new Response(hasBody ? (ends ? body : stream()) : null, { status, headers });
  Object.defineProperty(response, 'url', { value: pending.url });
  pending.resolve(response);
}

const echo: AnswerFunction = (question) =>
  `You asked: "${question}". This is the sandbox's agent: there is no model behind it, so this is all it can say.`;

/** What the agent has said, as Rust takes it. */
function said(answer: AnswerText): Said {
  if (answer === undefined || answer === null) return {};
  if (typeof answer === 'string') return { text: answer };
  if (Array.isArray(answer) && answer.every((piece) => typeof piece === 'string'))
    return { text: answer.join(''), pieces: answer };
  throw new TypeError(
    `the sandbox's answer function must return text, an array of texts, or nothing; it returned ${typeof answer}`,
  );
}

/** Servers write years with four digits, and time goes on from where it begins. */
const YEAR_9000 = Date.UTC(9000);
const YEAR_9999 = Date.UTC(9999);

/** Where virtual time begins. */
function beginning(now: unknown): number {
  const at = typeof now === 'string' ? Date.parse(now) : now === undefined || now === null ? Date.now() : now;
  if (typeof at === 'number' && at >= 0 && at < YEAR_9000) return at;
  throw badNow(shown(now));
}

const badNow = (given: string) =>
  argumentError(
    'now',
    `now must be milliseconds since 1970, or a date such as '2026-01-01T00:00:00Z', and before the year 9000; given: ${given}`,
  );

/**
 * Creates a server with its chain and a test wallet, for `JobsClient`:
 *
 *     const sandbox = createSandbox({ paywall: 'x402-v2', price: '0.02' });
 *     const client = new JobsClient({ baseUrl: sandbox.url, fetch: sandbox.fetch, wallet: sandbox.wallet });
 *
 * @throws {ArgumentError} (a `TypeError`) when an option can never be meant.
 */
export function createSandbox(options: SandboxOptions = {}): Sandbox {
  return calledFrom(callerOf(createSandbox), () => create(options));
}

function create(options: SandboxOptions): Sandbox {
  // The members of a Map or of a promise are not those that were meant.
  const kind = Object.prototype.toString.call(options).slice(8, -1);
  if (kind !== 'Object') {
    const given = typeof options === 'object' && !Array.isArray(options) ? kind.toLowerCase() : kindOf(options);
    throw argumentError('options', `createSandbox takes an object; given: ${given}`);
  }
  const { answer, ...others } = { ...options };
  // As JSON it is `null`, which is the default.
  const { now } = others as { now?: unknown };
  if (now instanceof Date && Number.isNaN(now.getTime())) throw badNow(String(now));
  if (answer !== undefined && typeof answer !== 'function') {
    throw argumentError('answer', `answer must be a function that returns the text; given: ${typeof answer}`);
  }
  // Clients of one program know servers by their addresses: what they have learned of one is not
  // true of the next. With a seed, everything is the same each time.
  const { seed, url = seed === undefined ? ownUrl() : undefined } = others;
  return new Runner(answer ?? echo, plain({ ...others, answer, url }) as object).sandbox();
}

/** Where a sandbox is served. */
export interface ServeOptions {
  /** The port. @default 0: any that is free */
  readonly port?: number;
  /** The address of this machine that is listened on. @default "127.0.0.1": this machine alone */
  readonly host?: string;
}

/** A sandbox that is being served. */
export interface ServedSandbox {
  /** The address: `"http://127.0.0.1:3000"`. */
  readonly url: string;
  /** Stops listening, and ends all connections. */
  close(): Promise<void>;
}

/**
 * Serves a sandbox over HTTP. For Node, Bun and Deno; in a page and in Workers it rejects.
 *
 * @throws {ArgumentError} when an option can never be meant; Node's own error when the port is
 * taken.
 */
export function serveSandbox(sandbox: Pick<Sandbox, 'fetch'>, options?: ServeOptions): Promise<ServedSandbox>;
// Imports of its name work everywhere. sandbox-node.ts has the one that serves.
export function serveSandbox(): Promise<ServedSandbox> {
  return Promise.reject(
    new TypeError('serveSandbox needs Node, Bun or Deno, and this runtime cannot listen; give the client fetch: sandbox.fetch'),
  );
}

let made = 0;
const ownUrl = () => `https://sandbox${(made += 1) > 1 ? `-${made}` : ''}.test`;

/** Performs the steps of one server. */
class Runner {
  readonly #answer: AnswerFunction;
  readonly #machine: Machine;
  /** Where virtual time stands. */
  #clock: number;
  /** Where it will stand when all has happened that was asked for. */
  #goal: number;
  readonly #start: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #count = 0;
  /** Changes with each reset: what comes later belongs to a server that is gone. */
  #era = 0;
  readonly #requests = new Map<number, Pending>();
  readonly #calls = new Map<number, { resolve: (value: string) => void; reject: (error: Error) => void }>();
  #advancing = Promise.resolve();

  constructor(answer: AnswerFunction, options: { now?: unknown; time?: unknown }) {
    this.#answer = answer;
    this.#start = options.time === 'virtual' ? beginning(options.now) : Date.now();
    this.#clock = this.#goal = this.#start;
    const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
    this.#machine = checked(() => machine(options, seed, this.#start));
  }

  sandbox(): Sandbox {
    const machine = this.#machine;
    const now = () => this.#now();
    return {
      url: machine.url,
      account: machine.account,
      recipient: machine.recipient,
      agentId: machine.agentId,
      seed: machine.seed,
      fetch: (input, init) => this.#fetch(input, init),
      wallet: {
        address: () => Promise.resolve(machine.account),
        signTypedData: (typedData) => this.#call((id) => machine.sign(id, plain(typedData), now())),
        sendTransfer: (quote) => this.#call((id) => machine.transfer(id, plain(quote), now())),
      },
      get payments() {
        return machine.payments(now());
      },
      get jobs() {
        return machine.jobs();
      },
      get requests() {
        return machine.requests();
      },
      now,
      balanceOf: traced((account: unknown = machine.account, network: unknown = 'base') => {
        checkAccount(account);
        const balance = machine.balance(String(network), account, now());
        if (balance === undefined) {
          const names = 'base, polygon, base-sepolia, polygon-amoy';
          throw argumentError('network', `network must be one of ${names}; given: ${shown(network)}`);
        }
        return balance;
      }),
      advance: traced((ms: number) => this.#advance(ms)),
      fault: traced((name: unknown, times: unknown = 1) => {
        if (!((Number.isInteger(times) || times === Infinity) && (times as number) >= 0)) {
          throw argumentError('times', `times must be a whole number from 0 on, or Infinity; given: ${shown(times)}`);
        }
        checked(() => machine.fault(String(name), times as number));
      }),
      reset: () => this.#reset(),
    };
  }

  #now(): number {
    return this.#machine.isVirtual ? this.#clock : Date.now();
  }

  async #fetch(input: AnyRequest, init?: Init): Promise<Response> {
    const era = this.#era;
    const isPath = typeof input === 'string' && input.startsWith('/');
    const request = new Request(isPath ? this.#machine.url + input : input, init);
    const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined);
    signal?.throwIfAborted();
    const body = request.body === null ? '' : await request.text();
    signal?.throwIfAborted();
    if (era !== this.#era) throw broken('ECONNRESET');
    const { method, url } = request;
    const headers = [...request.headers];
    return new Promise((resolve, reject) => {
      const id = (this.#count += 1);
      const pending: Pending = { url, resolve, reject };
      this.#requests.set(id, pending);
      signal?.addEventListener('abort', () => this.#break(id, signal.reason), { once: true });
      this.#machine.receive(id, { method, url, headers, body, jsonError: jsonError(body) }, this.#now());
      this.#perform();
    });
  }

  /** The connection of a request is gone. */
  #break(id: number, error: unknown) {
    const pending = this.#requests.get(id);
    this.#requests.delete(id);
    pending?.reject(error);
    pending?.body?.error(error);
  }

  #call(begin: (id: number) => void): Promise<string> {
    return new Promise((resolve, reject) => {
      const id = (this.#count += 1);
      this.#calls.set(id, { resolve, reject });
      begin(id);
      this.#perform();
    });
  }

  /** Does what is due, and sets the timer for what is due next. */
  #perform() {
    for (const effect of this.#machine.effects(this.#now())) this.#do(effect);
    if (this.#machine.isVirtual) return;
    clearTimeout(this.#timer);
    const due = this.#machine.nextDue();
    if (due !== undefined) this.#timer = setTimeout(() => this.#perform(), Math.max(0, Math.ceil(due - Date.now())));
  }

  #do(effect: Effect) {
    switch (effect.type) {
      case 'ask':
        void this.#ask(effect);
        return;
      case 'settle': {
        const call = this.#calls.get(effect.id);
        this.#calls.delete(effect.id);
        if (effect.error === null) call?.resolve(effect.value ?? '');
        else call?.reject(new Error(effect.error));
        return;
      }
      case 'break':
        this.#break(effect.id, broken(effect.code, this.#requests.get(effect.id)?.body ? 'terminated' : undefined));
        return;
    }
    const pending = this.#requests.get(effect.id);
    if (!pending) return;
    if (effect.type === 'respond') respond(pending, effect);
    if (effect.type === 'piece') pending.body?.enqueue(encoder.encode(effect.text));
    if (effect.type === 'end') pending.body?.close();
    if (effect.type === 'end' || (effect.type === 'respond' && effect.ends)) this.#requests.delete(effect.id);
  }

  async #ask({ id, content, context }: Extract<Effect, { type: 'ask' }>) {
    const era = this.#era;
    const sleep = async (ms: number) => {
      await this.#call((call) => this.#machine.sleep(call, ms, this.#now()));
    };
    let answer: Said;
    try {
      answer = said(await this.#answer(content, { ...context, sleep } as QuestionContext));
    } catch (error) {
      answer = { error: String((error as Error | undefined)?.message ?? error) };
      // A server says nothing of it to clients, but in its log.
      console.warn('the agent of an eliza-jobs sandbox failed:', error);
    }
    if (era !== this.#era) return;
    this.#machine.answered(id, answer, this.#now());
    this.#perform();
  }

  #advance(ms: number): Promise<void> {
    if (!this.#machine.isVirtual) {
      throw argumentError('time', "time passes by itself in this sandbox; create it with time: 'virtual' to advance it");
    }
    if (typeof ms !== 'number' || !(ms >= 0 && this.#goal + ms < YEAR_9999)) {
      throw argumentError(
        'ms',
        `ms must be a number of milliseconds from 0 on, that ends before the year 9999; given: ${String(ms)}`,
      );
    }
    this.#goal += ms;
    const era = this.#era;
    return (this.#advancing = this.#advancing.then(() => this.#pass(ms, era)));
  }

  /** Lets time pass, in the era in which that was asked for. */
  async #pass(ms: number, era: number) {
    const end = this.#clock + ms;
    await settled();
    for (let due = this.#machine.nextDue(); due !== undefined && due <= end; due = this.#machine.nextDue()) {
      if (era !== this.#era) return;
      this.#clock = Math.max(this.#clock, due);
      this.#perform();
      await settled();
    }
    if (era === this.#era) this.#clock = end;
  }

  #reset() {
    this.#era += 1;
    clearTimeout(this.#timer);
    for (const id of [...this.#requests.keys()]) this.#break(id, broken('ECONNRESET'));
    for (const call of this.#calls.values()) call.reject(new Error('the sandbox was reset'));
    this.#calls.clear();
    this.#clock = this.#goal = this.#start;
    this.#machine.reset(this.#now());
  }
}
