// What pays: the key in the environment, by viem or ethers where the user has one of them. Neither is part of this package.
import { createRequire } from 'node:module';
import path from 'node:path';
import type { SendTransfer, Wallet } from '../injected.js';
import { fromEthers, fromViem, type EthersSigner, type MadeWallet, type ViemAccount, type ViemWalletClient } from '../wallets.js';
import { UsageError } from './exit.js';

export const KEY_VARIABLE = 'ELIZA_JOBS_PRIVATE_KEY';
const KEY = /^(0x)?[0-9a-f]{64}$/i;

/** The wallet, or why there is none and what to do. */
export type Found = { readonly wallet: Wallet } | { readonly wallet?: undefined; readonly why: readonly string[] };

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
 * The wallet of the key in the environment. It makes transfers where a node's address is given, and signs without one.
 *
 * @throws {UsageError} when the key is none, or the library cannot be loaded.
 */
export function findWallet(rpc: string | undefined): Found {
  const given = process.env[KEY_VARIABLE]?.trim();
  if (!given) return { why: [`Set ${KEY_VARIABLE} to the private key of an account that has the money.`] };
  // Its text is not shown: it may be a key with one letter too many.
  if (!KEY.test(given)) throw new UsageError(`${KEY_VARIABLE} must be a private key: 64 hexadecimal digits, with or without 0x`);
  const key = given.startsWith('0x') ? given : `0x${given}`;
  const wallet = byViem(key, rpc) ?? byEthers(key, rpc);
  if (wallet) return { wallet };
  return {
    why: [`${KEY_VARIABLE} is set, and neither viem nor ethers is installed here to sign with it. Install one: npm install viem`],
  };
}

function byViem(key: string, rpc: string | undefined): Wallet | undefined {
  const accounts = load<ViemAccounts>('viem/accounts');
  if (!accounts) return undefined;
  const account = checked(() => accounts.privateKeyToAccount(key));
  const viem = rpc ? load<Viem>('viem') : undefined;
  return viem && rpc ? fromViem(viem.createWalletClient({ account, transport: viem.http(rpc) })) : fromViem(account);
}

function byEthers(key: string, rpc: string | undefined): MadeWallet | undefined {
  const found = load<Ethers & { ethers?: Ethers }>('ethers');
  if (!found) return undefined;
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

/** A package of the user's, from the working directory, or beside this one; nothing when it is not installed. */
function load<T>(name: string): T | undefined {
  for (const from of [path.join(process.cwd(), 'here.js'), import.meta.url]) {
    const require = createRequire(from);
    let found: string;
    try {
      found = require.resolve(name);
    } catch {
      continue;
    }
    try {
      return require(found) as T;
    } catch (error) {
      throw new UsageError(`${name} is installed and cannot be loaded: ${String((error as Error | null)?.message)}`);
    }
  }
  return undefined;
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
