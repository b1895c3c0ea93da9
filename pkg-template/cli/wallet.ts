// What pays: the key in the environment, by viem or ethers where the user has one of them. Neither
// is part of this package.
import type { SendTransfer, Wallet } from '../injected.js';
import { fromEthers, fromViem, type EthersSigner, type MadeWallet, type ViemAccount, type ViemWalletClient } from '../wallets.js';
import { UsageError } from './exit.js';
import { loadLibrary, type Library } from './library.js';
import { KEY_VARIABLE } from './values.js';

const KEY = /^(0x)?[0-9a-f]{64}$/i;

/** The wallet and the library that signs, or why there is none and what to do. */
export type Found =
  | { readonly wallet: Wallet; readonly library: string }
  | { readonly wallet?: undefined; readonly why: readonly string[] };

interface Viem {
  createWalletClient(options: object): ViemWalletClient;
  http(url: string): unknown;
}
interface ViemAccounts {
  privateKeyToAccount(key: string): ViemAccount;
}
interface Ethers {
  Wallet: new (key: string, provider?: unknown) => EthersSigner;
  JsonRpcProvider?: new (url: string) => unknown;
  /** Of version 5. */
  providers?: { JsonRpcProvider: new (url: string) => unknown };
}

/**
 * The wallet of the key in the environment. It makes transfers where a node's address is given, and
 * signs without one.
 *
 * @throws {UsageError} when the key is none, or the library cannot be loaded.
 */
export function findWallet(rpc: string | undefined): Found {
  const given = process.env[KEY_VARIABLE]?.trim();
  if (!given) return { why: [`Set ${KEY_VARIABLE} to the private key of an account that has the money.`] };
  // Its text is not shown: it may be a key with one letter too many.
  if (!KEY.test(given)) throw new UsageError(`${KEY_VARIABLE} must be a private key: 64 hexadecimal digits, with or without 0x`);
  const key = `0x${given.replace(/^0x/i, '')}`;
  const avoided = new Set<string>();
  const viem = loadLibrary('viem', avoided);
  const library = viem ?? loadLibrary('ethers', avoided);
  if (library) return { wallet: viem ? byViem(viem, key, rpc) : byEthers(library, key, rpc), library: library.folder };
  return {
    why: [
      `${KEY_VARIABLE} is set, and neither viem nor ethers is installed here to sign with it. Install one: npm install viem`,
      ...[...avoided].map((folder) => `${folder} is not used: others than you may change it.`),
    ],
  };
}

function byViem(library: Library, key: string, rpc: string | undefined): Wallet {
  const accounts = library.load<ViemAccounts>('viem/accounts');
  const account = checked(() => accounts.privateKeyToAccount(key));
  if (!rpc) return fromViem(account);
  const viem = library.load<Viem>('viem');
  return fromViem(viem.createWalletClient({ account, transport: viem.http(rpc) }));
}

function byEthers(library: Library, key: string, rpc: string | undefined): MadeWallet {
  const found = library.load<Ethers & { ethers?: Ethers }>('ethers');
  const ethers = found.ethers ?? found;
  const Provider = ethers.JsonRpcProvider ?? ethers.providers?.JsonRpcProvider;
  return fromEthers(checked(() => new ethers.Wallet(key, rpc && Provider ? new Provider(rpc) : undefined)));
}

/** A number can be a key of no account. What the library says of it may hold it. */
function checked<T>(make: () => T): T {
  try {
    return make();
  } catch {
    throw new UsageError(`${KEY_VARIABLE} is no private key of an account`);
  }
}

/** The account of a sandbox. It exists nowhere, so that what it signs is worth nothing. */
export async function testWallet(): Promise<Wallet> {
  const { createSandbox } = await import('../sandbox-node.js');
  return createSandbox().wallet;
}

/** For a price alone: it can pay every kind of server, and is never called. */
export function anyWallet(): Wallet & { sendTransfer: SendTransfer } {
  const never = () => Promise.reject(new Error('a quote calls no wallet'));
  return { address: never, signTypedData: never, sendTransfer: never };
}
