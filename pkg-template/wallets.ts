// Wallets of the usual libraries, in the form that JobsClient takes. Nothing of those libraries is
// imported: only methods that their objects have are used. Once this is loaded, clients take such
// wallets as they are; outside of pages the main entry loads it.
import { takeLibraryWallets } from './wallets/library.js';

takeLibraryWallets();

export { fromEip1193, type Eip1193Provider } from './wallets/eip1193.js';
export { fromEthers, type EthersSigner } from './wallets/ethers.js';
export { fromViem, type ViemAccount, type ViemClientAccount, type ViemWalletClient } from './wallets/viem.js';
export type { ContractCall, MadeWallet, SigningWallet } from './wallets/wallet.js';
