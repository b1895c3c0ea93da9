// Has a wallet on the chain of a payment before it is asked to pay.
import { hasCode, isRequestOpen, REQUEST_OPEN, unmoved } from './errors.js';

/** EIP-3326: the wallet does not know the chain that it is to switch to. */
const UNKNOWN_CHAIN = 4902;
/** The wallet cannot do what it is asked for: of JSON-RPC, of EIP-1193. */
const UNSUPPORTED = [-32601, 4200];
/** Some wallets name their old chain for a moment after a switch: they are asked again. */
const MOST_CHECKS = 10;
const CHECK_MS = 100;
/** How much of what is no chain id is shown. */
const MOST_SHOWN = 80;

/** What `wallet_addEthereumChain` takes (EIP-3085). */
export interface ChainParameters {
  chainId: string;
  chainName: string;
  nativeCurrency: { name: string; symbol: string; decimals: number };
  rpcUrls: string[];
  blockExplorerUrls: string[];
}

/** How a wallet is asked about its chain. */
export interface ChainRequests {
  /** The chain that it is on, in whatever form. */
  current(): unknown;
  /** Asks it to switch. The id is hexadecimal. */
  switchTo(chainId: string): unknown;
  /** Asks it to add a chain. */
  add(parameters: ChainParameters): unknown;
}

/**
 * The chains that the package pays on, as their operators publish them: `[name, currency, node,
 * explorer]`.
 */
const CHAINS: Record<number, readonly [string, string, string, string]> = {
  8453: ['Base', 'ETH', 'https://mainnet.base.org', 'https://basescan.org'],
  84532: ['Base Sepolia', 'ETH', 'https://sepolia.base.org', 'https://sepolia.basescan.org'],
  137: ['Polygon', 'POL', 'https://polygon-rpc.com', 'https://polygonscan.com'],
  80002: ['Polygon Amoy', 'POL', 'https://rpc-amoy.polygon.technology', 'https://amoy.polygonscan.com'],
};

export const hexadecimal = (chainId: number): string => `0x${chainId.toString(16)}`;

export const pause = (ms: number): Promise<void> => new Promise((next) => setTimeout(next, ms));

/**
 * Asks the wallet to switch to this chain, unless it is there; adds the chain when the wallet does
 * not know it.
 */
export async function onChain(chainId: number, wallet: ChainRequests): Promise<void> {
  if (numberOf(await wallet.current()) === chainId) return;
  const failed = await switched(chainId, wallet);
  let checks = failed ? 1 : MOST_CHECKS;
  let current = await wallet.current();
  // A wallet may have switched all the same.
  while (numberOf(current) !== chainId) {
    checks -= 1;
    if (checks <= 0) throw unmoved(whyNot(chainId, current, failed), { cause: failed?.cause });
    await pause(CHECK_MS);
    current = await wallet.current();
  }
}

/**
 * Asks the chain something, if the wallet is on it: it is not asked to switch for that.
 */
export async function onlyOn<T>(chainId: number, wallet: Pick<ChainRequests, 'current'>, ask: () => Promise<T>): Promise<T> {
  if (numberOf(await wallet.current()) !== chainId) throw new Error(`the wallet is not on chain ${chainId}`);
  return ask();
}

/** Why a switch failed. */
interface Failure {
  cause: unknown;
  isUnknown: boolean;
}

async function switched(chainId: number, wallet: ChainRequests): Promise<Failure | undefined> {
  const asked = await failureOf(() => wallet.switchTo(hexadecimal(chainId)));
  const parameters = parametersOf(chainId);
  if (!asked?.isUnknown || !parameters) return asked;
  const added = await failureOf(() => wallet.add(parameters));
  // A user's no is the cause; a wallet that cannot add chains is one whose user has to.
  if (added) return UNSUPPORTED.some((code) => hasCode(added.cause, code)) ? asked : { ...added, isUnknown: true };
  if (numberOf(await wallet.current()) === chainId) return undefined;
  return failureOf(() => wallet.switchTo(hexadecimal(chainId)));
}

async function failureOf(request: () => unknown): Promise<Failure | undefined> {
  try {
    await request();
    return undefined;
  } catch (cause) {
    return { cause, isUnknown: hasCode(cause, UNKNOWN_CHAIN) };
  }
}

function parametersOf(chainId: number): ChainParameters | undefined {
  const chain = CHAINS[chainId];
  if (!chain) return undefined;
  const [chainName, symbol, node, explorer] = chain;
  return {
    chainId: hexadecimal(chainId),
    chainName,
    nativeCurrency: { name: symbol, symbol, decimals: 18 },
    rpcUrls: [node],
    blockExplorerUrls: [explorer],
  };
}

function whyNot(chainId: number, current: unknown, failed: Failure | undefined): string {
  if (isRequestOpen(failed?.cause)) return REQUEST_OPEN;
  if (failed?.isUnknown) {
    const name = CHAINS[chainId]?.[0];
    return `the wallet does not know chain ${chainId}${name ? ` (${name})` : ''}, on which the payment is; add it to the wallet and try again`;
  }
  const now = numberOf(current);
  const where = now === undefined ? `says that its chain is ${shown(current)}, which is no chain id,` : `is on chain ${now}`;
  return `the wallet ${where} and the payment is on chain ${chainId}; switch it there and try again`;
}

/** The number of a chain id in any usual form: 8453, "8453", "0x2105", "eip155:8453". */
function numberOf(given: unknown): number | undefined {
  if (!['bigint', 'number', 'string'].includes(typeof given)) return undefined;
  const digits = /^\s*(?:eip155:)?(0x[0-9a-f]+|[0-9]+)\s*$/i.exec(String(given))?.[1];
  const chainId = Number(digits);
  return Number.isSafeInteger(chainId) ? chainId : undefined;
}

/** What was given in place of a chain id, as it was given. */
function shown(given: unknown): string {
  let text: string | undefined;
  // JSON has neither of some numbers.
  if (typeof given === 'number') return String(given);
  try {
    text = JSON.stringify(given);
  } catch {
    // A bigint within it, or a circle.
  }
  return (text ?? String(typeof given)).slice(0, MOST_SHOWN);
}
