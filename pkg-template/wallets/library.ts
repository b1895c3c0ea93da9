// Wallets of the usual libraries as they are: each gets its adapter.
import { shared } from '../stores/shared.js';
import { fromEip1193, type Eip1193Provider } from './eip1193.js';
import { fromEthers, type EthersSigner } from './ethers.js';
import { fromViem, type ViemWalletClient } from './viem.js';

/** From now on clients take wallets of the usual libraries as they are. */
export function takeLibraryWallets() {
  shared.adapted = adapted;
}

/**
 * The adapter of a wallet of ethers, of viem or of EIP-1193; anything else as it is, a viem account
 * too.
 */
function adapted(wallet: object): object {
  const has = (name: string) => typeof (wallet as Record<string, unknown>)[name] === 'function';
  // A wallet in the client's own form.
  if (has('sendTransfer') || has('pay')) return wallet;
  if (has('sendTransaction') && has('getAddress')) return fromEthers(wallet as EthersSigner);
  if (has('sendTransaction') && has('getChainId')) return fromViem(wallet as ViemWalletClient);
  return has('request') && !has('signTypedData') ? fromEip1193(wallet as Eip1193Provider) : wallet;
}
