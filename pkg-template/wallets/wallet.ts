import type { TransferOptions } from '../injected.js';
import type { Quote, TypedData } from '../wasm.js';
import { unmoved } from './errors.js';

/** A wallet that signs: for servers that take x402's signed authorizations. */
export interface SigningWallet {
  /** The account that pays. */
  address(): Promise<string>;
  /** Signs a token transfer that the server then makes. */
  signTypedData(typedData: TypedData): Promise<string>;
}

/** A wallet that can also make transfers: it pays every kind of server. */
export interface MadeWallet extends SigningWallet {
  /**
   * Makes the transfer, and resolves with its hash when it is mined, or after three minutes.
   * `onSent` is called with the hash as soon as it is sent.
   */
  sendTransfer(quote: Quote, options?: TransferOptions): Promise<string>;
  /** Calls a contract of the chain without a transaction, if the wallet is on that chain. */
  call(request: ContractCall): Promise<string>;
  /** The receipt of a transaction, if the wallet is on that chain; `null` while there is none. */
  receipt(hash: string, chainId: number): Promise<unknown>;
}

/** A call of a contract that changes nothing. */
export interface ContractCall {
  chainId: number;
  to: string;
  data: string;
}

/**
 * Checks that an object has these methods.
 *
 * @throws {TypeError} that shows no text of what was passed: it may be a key.
 */
export function need(value: unknown, methods: readonly string[], what: string): void {
  const missing = methods.find((method) => typeof (value as Record<string, unknown> | null)?.[method] !== 'function');
  if (missing === undefined) return;
  const kinds: Record<string, string> = { object: `an object without ${missing}`, function: 'a function', string: 'a string' };
  const given = value === null ? 'null' : (kinds[typeof value] ?? String(value as number));
  throw new TypeError(`${what} (an object with ${methods.join(', ')}); given: ${given}`);
}

const isSame = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

/**
 * The account among those that a wallet offers that is to pay: the first one, or the one that pays
 * already. What is signed with another one is worth nothing, and a transfer would be another one's
 * money.
 */
export function offeredOf(offered: readonly string[], from: string | undefined): string {
  const [first = ''] = offered;
  const found = from === undefined ? first : offered.find((account) => isSame(account, from));
  if (found !== undefined) return found;
  throw unmoved(`the wallet has changed its account from ${from} to ${first}; switch it back, or begin the payment again`);
}
