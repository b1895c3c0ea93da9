import type { Quote, TypedData } from './wasm.js';

/** What the functions here make: a wallet that serves every kind of server. */
export interface MadeWallet {
  address(): Promise<string>;
  /** Makes the transfer and waits, at most three minutes, until it is mined. */
  sendTransfer(quote: Quote): Promise<string>;
  signTypedData(typedData: TypedData): Promise<string>;
}

/** An EIP-1193 provider, such as `window.ethereum`. */
export interface Eip1193Provider {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- providers differ in what they promise
  request(args: any): Promise<any>;
}

/** The part of viem's `WalletClient` that is used. */
export interface ViemWalletClient {
  account?: { address: string; type: string } | undefined;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- viem's own types depend on the client's chain and account
  signTypedData(args: any): Promise<string>;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
  sendTransaction(args: any): Promise<string>;
  getChainId(): Promise<number>;
  /** Needed when there is no `account`. */
  getAddresses?(): Promise<readonly string[]>;
  /** Needed when the client may be on another chain. */
  switchChain?(args: { id: number }): Promise<unknown>;
  /** Needed to wait until a transfer is mined. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
  request?(args: any): Promise<any>;
}

/** The part of ethers' `Signer` (version 6) that is used. */
export interface EthersSigner {
  getAddress(): Promise<string>;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- ethers' own types are not needed for this
  signTypedData(domain: any, types: any, value: any): Promise<string>;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
  sendTransaction(transaction: any): Promise<{ hash: string }>;
}

/**
 * A wallet from an EIP-1193 provider. When the provider is on another chain it is asked to switch.
 *
 * @param options.address The account to pay with. @default the first one that the provider offers
 * @throws {TypeError} when it is no provider.
 */
export function fromEip1193(provider: Eip1193Provider, options?: { address?: string }): MadeWallet;

/**
 * A wallet from a viem wallet client. When the client is on another chain it is asked to switch.
 *
 * @throws {TypeError} when it is no wallet client.
 */
export function fromViem(client: ViemWalletClient): MadeWallet;

/**
 * A wallet from an ethers signer (version 6). Without a provider it can sign and make no transfers.
 *
 * @throws {TypeError} when it is no signer.
 */
export function fromEthers(signer: EthersSigner): MadeWallet;
