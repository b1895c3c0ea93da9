// All of a server in one client.
import { define, named, optionsOf } from './clients.js';
import type * as Rust from './wasm.js';

export const JobsClient = define('JobsClient') as unknown as typeof Rust.JobsClient;
export const SessionsClient = define('SessionsClient') as unknown as typeof Rust.SessionsClient;

/** All of a server: `messaging` asks one-off questions, `sessions` holds conversations. */
export class ElizaClient {
  /** One-off questions ("jobs"). */
  readonly messaging: Rust.JobsClient;
  /** Conversations that last. */
  readonly sessions: Rust.SessionsClient;

  /**
   * Both clients of the server at `options.baseUrl`. Sends nothing.
   *
   * @throws {ArgumentError} (a `TypeError`) when an option can never work.
   */
  constructor(options: Rust.JobsClientOptions) {
    this.messaging = new JobsClient(options);
    // As read for the first client: headers may be an iterator, which can be read only once.
    this.sessions = new SessionsClient(optionsOf(this.messaging) as Rust.JobsClientOptions);
  }

  /** Releases both clients; calls that are under way go on. */
  free(): void {
    this.messaging.free();
    this.sessions.free();
  }

  declare [Symbol.dispose]: () => void;
}
named(ElizaClient, 'ElizaClient');
