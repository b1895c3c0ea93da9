// One question that is paid for: npm run paid
// A real server: ELIZA_URL=https://agents.example PRIVATE_KEY=0x… npm run paid
import { fileStore, JobsClient } from 'eliza-jobs';
import { createSandbox } from 'eliza-jobs/sandbox';
import { fromViem } from 'eliza-jobs/wallets';
import { privateKeyToAccount } from 'viem/accounts';

const { ELIZA_URL, PRIVATE_KEY } = process.env;
const real = () => ({
  baseUrl: ELIZA_URL,
  wallet: fromViem(privateKeyToAccount(PRIVATE_KEY)),
  store: fileStore('./payments'), // so that a crash loses nothing, and the budget lasts
});
const rehearsed = () => {
  const { url, fetch, wallet } = createSandbox({ paywall: 'x402-v2', price: '0.02' });
  return { baseUrl: url, fetch, wallet };
};

const client = new JobsClient({
  ...(ELIZA_URL ? real() : rehearsed()),
  spend: { maxPerPayment: '0.05', budget: { perDay: '1.00', total: '10.00' } },
});

// What a crash has left: paid, and not answered yet. Nothing is paid again.
for (const payment of await client.pendingPayments()) {
  const job = await client.resume(payment);
  console.log(`from the last time: ${job.result.message.content}`);
}

console.log(await client.ask('What is the weather in New York?'));
console.log(`paid ${client.spent()} USDC, ${(await client.spending()).perDay.remaining} left today`);
