/**
 * Wallets of viem, ethers and EIP-1193 providers, in the form that the client takes.
 *
 * @module eliza-jobs/wallets
 */
export * from '../../pkg/wallets.js';
