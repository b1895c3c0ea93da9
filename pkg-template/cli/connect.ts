// A client of the server that is named on the command line, with the wallet, the limits and the
// store that go with it.
import { JobsClient } from '../node.js';
import type { Wallet } from '../injected.js';
import type { JobsClient as Client, JobsClientOptions, Quote, SpendOptions } from '../wasm.js';
import type { Given, Option } from './command.js';
import { interruptible } from './interrupt.js';
import { openStore, storeFolder, storeGiven, STORE_OPTION } from './folders.js';
import { isLocalSandbox } from './local-server.js';
import type { Output } from './output.js';
import { address, amount, API_KEY_VARIABLE, isLoopback, MOST_SECONDS, webAddress, whole } from './values.js';
import { anyWallet, findWallet, testWallet } from './wallet.js';

/** Networks whose money is worth nothing. */
const TESTNETS = ['base-sepolia', 'polygon-amoy'];

export const PAY_OPTIONS: readonly Option[] = [
  { name: 'max', value: '<usdc>', help: 'the most that one answer may cost, such as 0.05' },
  { name: 'per-day', value: '<usdc>', help: 'the most that all answers of one day (UTC) may cost' },
  { name: 'network', value: '<name>', many: true, help: 'a network that may be paid on (default: base, polygon)' },
  { name: 'allow-resource', value: '<url>', many: true, help: 'a URL that a bill may be for, of a server behind a proxy' },
  { name: 'rpc', value: '<url>', help: 'a node of the network, for servers that want a transfer' },
  STORE_OPTION,
];

/** A client, and what there is to say about it. */
export interface Connection {
  readonly client: Client;
  readonly url: string;
  readonly isSandbox: boolean;
  readonly folder: string;
  /** The options with which a command that goes on finds the same folder. */
  readonly options: readonly string[];
  /** Whether a limit was given. Without one, nothing that is worth something is paid. */
  readonly hasBudget: boolean;
  /**
   * Whether the command is about a payment. Where it is not, an error says nothing about money.
   * @default true
   */
  readonly pays?: boolean;
  /** Whether what was asked for is recorded as open. @default true */
  readonly isOpen?: boolean;
  /** How long the agent may take, in seconds, where that was said. */
  readonly seconds: number | undefined;
  /** Whether a node of the network was named, which transfers are sent to. */
  readonly hasNode: boolean;
  /** Why there is no wallet, and what to do. Empty where there is one. */
  readonly noWallet: readonly string[];
  /** The price that was not paid because no limit was given. */
  refused?: Quote;
}

/** What a command needs. */
export interface Needs {
  /** `pay`: the wallet of the key. `price`: one that is never called. */
  readonly wallet: 'pay' | 'price' | 'none';
  /** The folder of payments. @default the one that goes with the server */
  readonly folder?: string;
  /** @default what the server says */
  readonly isSandbox?: boolean;
}

/** What was said of the library that signs: once is enough. */
const reported = new Set<string>();

/**
 * Connects to a server. Nothing is sent to it, but where something may be paid for a look at a
 * server on this machine: whether it is a sandbox. Where the folder is known, what is open there
 * says that.
 */
export async function connect(given: Given, output: Output, named: string, needs: Needs): Promise<Connection> {
  const url = address(named);
  const rpc = webAddress(given, 'rpc');
  const limits = { max: amount(given, 'max'), perDay: amount(given, 'per-day') };
  const isSandbox =
    needs.isSandbox ?? (needs.wallet !== 'none' && isLoopback(url) && (await interruptible(isLocalSandbox(url, output))));
  const folder = needs.folder ?? storeFolder(given, isSandbox);
  const { wallet, library, why } = await walletFor(needs, isSandbox, rpc);
  if (library !== undefined && !reported.has(library)) output.step('wallet', `the key is used by ${library}`, 'cyan');
  if (library !== undefined) reported.add(library);
  const apiKey = process.env[API_KEY_VARIABLE];
  const options: JobsClientOptions = {
    baseUrl: url,
    ...(apiKey && { apiKey }),
    ...(wallet && { wallet }),
    spend: spendFor(limits, given),
    store: openStore(folder),
    logger: { warn: (...said) => output.remark(`! ${said.map(String).join(' ')}`) },
    confirm(quote) {
      const isFree = connection.isSandbox || TESTNETS.includes(quote.network);
      if (isFree || connection.hasBudget) return true;
      connection.refused = quote;
      return false;
    },
  };
  const hasBudget = limits.max !== undefined || limits.perDay !== undefined;
  const client = new JobsClient(options);
  const seconds = whole(given, 'timeout', 1, MOST_SECONDS);
  const connection: Connection = {
    client,
    url,
    isSandbox,
    folder,
    options: storeGiven(given),
    hasBudget,
    seconds,
    hasNode: rpc !== undefined && !isSandbox,
    noWallet: why,
  };
  return connection;
}

async function walletFor(
  { wallet }: Needs,
  isSandbox: boolean,
  rpc: string | undefined,
): Promise<{ wallet?: Wallet; library?: string; why: readonly string[] }> {
  if (wallet === 'none') return { why: [] };
  if (wallet === 'price') return { wallet: anyWallet(), why: [] };
  if (isSandbox) return { wallet: await testWallet(), why: [] };
  const found = findWallet(rpc);
  return found.wallet ? { ...found, why: [] } : { why: found.why };
}

function spendFor({ max, perDay }: { max: string | undefined; perDay: string | undefined }, given: Given): SpendOptions {
  const [networks, resources] = [given.all('network'), given.all('allow-resource')];
  return {
    ...(max && { maxPerPayment: max }),
    ...(perDay && { budget: { perDay } }),
    ...(networks.length > 0 && { networks: [...networks] }),
    ...(resources.length > 0 && { allowResource: [...resources] }),
  };
}
