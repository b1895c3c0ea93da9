// An agent that asks another agent for what it does not know, within a budget of 0.05 USDC:
//   npm start
// A real agent: ELIZA_URL=https://agents.example PRIVATE_KEY=0x… npm start
import { fileStore, JobsClient } from 'eliza-jobs';
import { createSandbox } from 'eliza-jobs/sandbox';
import { fromViem } from 'eliza-jobs/wallets';
import { privateKeyToAccount } from 'viem/accounts';

const { ELIZA_URL, PRIVATE_KEY } = process.env;
const real = () => ({
  baseUrl: ELIZA_URL,
  wallet: fromViem(privateKeyToAccount(PRIVATE_KEY)),
  store: fileStore('./payments'),
});
const rehearsed = () => {
  const answer = (question) => `${question.length} letters long`;
  const { url, fetch, wallet } = createSandbox({ paywall: 'x402-v2', price: '0.02', answer });
  return { baseUrl: url, fetch, wallet };
};

const expert = new JobsClient({
  ...(ELIZA_URL ? real() : rehearsed()),
  // A scope of its own: other programs with the same store have their own budgets.
  spend: { maxPerPayment: '0.02', budget: { total: '0.05', scope: 'agent' } },
});

/**
 * What the expert says; nothing when the money is spent. Every other failure is the caller's
 * business.
 */
async function consult(question) {
  try {
    // The key makes it one job, and one payment, however often this program is started again.
    return await expert.ask(question, { idempotencyKey: `agent: ${question}` });
  } catch (error) {
    if (error.code !== 'payment_over_limit') throw error;
    return undefined;
  }
}

const { chosen } = await expert.quote();
console.log(`the expert asks for ${chosen ? `${chosen.amount} ${chosen.currency}` : 'nothing'}`);

for (const task of ['How long is the Nile?', 'How high is K2?', 'How old is the Moon?']) {
  console.log(`${task} ${(await consult(task)) ?? 'I do not know, and my budget is spent.'}`);
}

const { total } = await expert.spending();
console.log(`spent ${total.spent} USDC, ${total.remaining} left`);
