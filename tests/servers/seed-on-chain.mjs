// elizaOS's own kind of paywall with a look at the chain: the hash must be that of a transfer of
// the price to the right address, and pays once.
import { isAddressEqual, isHash, parseAbiItem, parseEventLogs, parseUnits } from 'viem';
import { ACCOUNTS } from './chain.mjs';
import { startJobs } from './jobs-endpoint.mjs';

const Transfer = parseAbiItem('event Transfer(address indexed from, address indexed to, uint256 value)');

/** Starts it on these chains: { base, polygon }. */
export function startSeedOnChain(chains, { amount = '0.02', ...options } = {}) {
  const recipient = ACCOUNTS[2].address;
  const payment = Object.values(chains).map(({ network, chainId }) => ({
    network,
    recipient,
    amount,
    currency: 'USDC',
    chainId,
  }));
  const used = new Set();
  /** Why this proof pays for nothing. */
  async function refused(network, hash) {
    const chain = chains[network];
    if (!chain || !isHash(hash)) return 'malformed proof';
    if (used.has(hash.toLowerCase())) return 'transaction already used';
    const receipt = await chain.publicClient.getTransactionReceipt({ hash }).catch(() => undefined);
    if (receipt?.status !== 'success') return 'no such transaction';
    const paid = parseEventLogs({ abi: [Transfer], logs: receipt.logs })
      .filter(({ address, args }) => isAddressEqual(address, chain.usdc) && isAddressEqual(args.to, recipient))
      .reduce((sum, { args }) => sum + args.value, 0n);
    if (paid < parseUnits(amount, 6)) return 'not enough';
    // Another request may have come with it while this one looked at the chain.
    if (used.has(hash.toLowerCase())) return 'transaction already used';
    used.add(hash.toLowerCase());
  }
  return startJobs({
    ...options,
    paywall: (app) =>
      app.post('/api/messaging/jobs', async ({ headers }, response, next) => {
        const proof = headers['x-payment'];
        const error = proof ? await refused(headers['x-payment-network'], proof) : 'Payment Required';
        if (error) response.status(402).json({ error, payment });
        else next();
      }),
  });
}
