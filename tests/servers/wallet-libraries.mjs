// The libraries that applications have their wallets from.
export * as ethers from 'ethers';
export * as viem from 'viem';
