// What an application passes to the client, as types: its `fetch`, its headers, its wallet.
import type { Quote, TypedData } from './wasm.js';

/* eslint-disable @typescript-eslint/no-empty-object-type -- what is there already stays */
declare global {
  // Projects without `lib: dom`, or with an older compiler, do not have these; elsewhere the
  // declarations merge.
  interface AbortSignal {}
  interface Headers {}
  interface SymbolConstructor {
    readonly dispose: unique symbol;
  }
  interface Disposable {
    [Symbol.dispose](): void;
  }
}
/* eslint-enable @typescript-eslint/no-empty-object-type */

/** What is sent as headers: an object, a list of pairs, or `Headers`. */
export type HeadersInput = Record<string, string> | readonly (readonly string[])[] | Headers;

/** What a `fetch` of your own is called with. */
export interface FetchInit {
  /** The request's method. */
  method: 'GET' | 'POST' | 'DELETE';
  /** The request's headers. */
  headers: Headers;
  /** JSON. Absent where nothing is sent. */
  body?: string;
  /** Redirects are not followed: a proof of payment goes to no other server. */
  redirect: 'manual';
  /** Aborts the request when the call ends. */
  signal: AbortSignal;
  /** Absent in runtimes that do not know it. */
  cache?: 'no-store';
}
/** What a `fetch` of your own returns: a `Response`, or what reads like one. */
export interface FetchResponse {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
}
/** A `fetch` of your own. The global one is such a function. */
export type FetchFunction = (url: string, init: FetchInit) => Promise<FetchResponse>;

/**
 * Makes the token transfer that the quote asks for, and returns its transaction hash once it is
 * mined. An error with `noMoneyMoved: true` says that certainly nothing was sent.
 */
export type SendTransfer = (quote: Quote, options: TransferOptions) => string | Promise<string>;

/** What a wallet that makes a transfer is given beside the quote. */
export interface TransferOptions {
  /**
   * To be called with the transaction's hash as soon as the transfer is sent, by a wallet that
   * waits until it is mined: the hash is recorded, and the payment can be resumed should the
   * program end meanwhile. From then on only `noMoneyMoved: true` says that nothing has moved.
   */
  onSent: (hash: string) => void;
}

/**
 * A wallet of ethers (a signer, version 5 or 6), of viem or wagmi (a wallet client), or an EIP-1193
 * provider such as `window.ethereum`. Each goes in as it is: in a page after
 * `import 'eliza-jobs/wallets'`, elsewhere without. A viem account is a `Wallet` that signs.
 */
export type LibraryWallet = EthersLike | ViemLike | Eip1193Like;

/* eslint-disable @typescript-eslint/no-explicit-any -- the libraries' own types depend on chains and accounts */
/** Some of what an ethers signer has. */
interface EthersLike {
  getAddress(): Promise<string>;
  sendTransaction(transaction: any): Promise<{ hash: string }>;
}
/** Some of what a viem wallet client has. */
interface ViemLike {
  getChainId(): Promise<number>;
  sendTransaction(transaction: any): Promise<string>;
}
/** Some of what an EIP-1193 provider has. */
interface Eip1193Like {
  request(asked: any): Promise<any>;
}
/* eslint-enable @typescript-eslint/no-explicit-any */

/**
 * What pays. Each member opens more servers; `eliza-jobs/wallets` makes such objects of the usual
 * libraries. An error with `noMoneyMoved: true` says that certainly nothing was sent: the budget
 * has it back, and the payment is not open.
 */
export interface Wallet {
  /** Whose money it is. Needed with `signTypedData`. */
  address?: string | (() => string | Promise<string>);
  /** Makes a token transfer, for servers that want its hash. */
  sendTransfer?: SendTransfer;
  /** Signs typed data (EIP-712), for servers of x402 version 1 and 2. Returns the signature. */
  signTypedData?: (typedData: TypedData) => string | Promise<string>;
  /**
   * Takes a whole payment over, for what the others cannot serve. Returns the request headers that
   * prove it, such as `PAYMENT-SIGNATURE`.
   */
  pay?: (quote: Quote) => HeadersInput | Promise<HeadersInput>;
  /**
   * Calls a contract without a transaction (`eth_call` on the latest block), and returns what it
   * returns. With it, `resume()` asks the chain whether what was signed was used.
   */
  call?: (request: { chainId: number; to: string; data: string }) => string | Promise<string>;
  /**
   * The receipt of a transaction (`eth_getTransactionReceipt`); `null` while there is none. With
   * it, `resume()` asks the chain what became of a transfer.
   */
  receipt?: (hash: string, chainId: number) => unknown;
}
