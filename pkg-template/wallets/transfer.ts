// A transfer of a token: its call, and the wait until it is mined.
import type { TransferOptions } from '../injected.js';
import type { Quote } from '../wasm.js';
import { pause } from './chain.js';
import { unmoved } from './errors.js';

/**
 * The longest wait for a transfer to be mined. The hash is returned then all the same: the server
 * checks it.
 */
const MOST_WAIT_MS = 180_000;
/** The longest time for one request: a provider that never answers does not hold the hash back. */
const REQUEST_MS = 10_000;
const FIRST_POLL_MS = 100;
const LAST_POLL_MS = 2_000;

/** The call data of the token's `transfer(address,uint256)`. */
export function transferCall({ recipient, amountAtomic }: Quote): `0x${string}` {
  const word = (hex: string) => hex.toLowerCase().padStart(64, '0');
  return `0xa9059cbb${word(recipient.slice(2))}${word(BigInt(amountAtomic).toString(16))}`;
}

/**
 * Says the hash, and waits until the transfer is mined. The money may be on its way, so that the
 * hash is never lost: a request that fails counts as not mined yet.
 */
export async function whenMined(hash: string, receiptOf: () => unknown, options?: TransferOptions): Promise<string> {
  // Something else than a hash: the client says what the wallet returned.
  if (typeof hash !== 'string') return hash;
  options?.onSent(hash);
  const end = Date.now() + MOST_WAIT_MS;
  for (let delay = FIRST_POLL_MS; Date.now() < end; delay = Math.min(delay * 1.5, LAST_POLL_MS)) {
    const receipt = (await answerTo(receiptOf)) as Receipt | null | undefined;
    if (receipt && isOf(receipt, hash)) {
      // Without a status it is not known to have failed, and what was reverted has no events.
      if ((receipt.status !== 'reverted' && Number(receipt.status ?? 1) !== 0) || receipt.logs?.length) return hash;
      throw Object.assign(unmoved('the transfer was reverted'), { transactionHash: hash });
    }
    await pause(delay);
  }
  return hash;
}

/** Some of what a receipt has. ethers 6 says `hash`. */
interface Receipt {
  status?: unknown;
  transactionHash?: unknown;
  hash?: unknown;
  blockNumber?: unknown;
  logs?: readonly unknown[];
}

/**
 * Whether it is the receipt of this transaction, and that is mined: a node behind a cache may
 * answer with another one.
 */
function isOf({ transactionHash, hash, blockNumber }: Receipt, wanted: string): boolean {
  const named = transactionHash ?? hash;
  return blockNumber !== null && (typeof named !== 'string' || named.toLowerCase() === wanted.toLowerCase());
}

/** The answer to a request; `undefined` when it fails or takes too long. */
function answerTo(request: () => unknown): Promise<unknown> {
  return new Promise((answered) => {
    const timer = setTimeout(answered, REQUEST_MS, undefined);
    const over = (answer: unknown) => {
      clearTimeout(timer);
      answered(answer);
    };
    Promise.resolve()
      .then(request)
      .then(over, () => over(undefined));
  });
}
