// Wallets of the usual libraries, in the form that JobsClient takes. Nothing of those libraries is
// imported: only methods that their objects have are used.
export { fromEip1193, type Eip1193Provider } from './wallets/eip1193.js';
export { fromEthers, type EthersSigner } from './wallets/ethers.js';
export { fromViem, type ViemAccount, type ViemWalletClient } from './wallets/viem.js';
export type { ContractCall, MadeWallet, SigningWallet } from './wallets/wallet.js';
