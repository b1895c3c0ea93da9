// One client for the page, outside of components.
import { JobsClient } from 'eliza-jobs';
import { fromEip1193 } from 'eliza-jobs/wallets';

const wallet = import.meta.env.SANDBOX
  ? (await import('eliza-jobs/sandbox')).createSandbox().wallet
  : window.ethereum && fromEip1193(window.ethereum);

export const client = new JobsClient({
  baseUrl: import.meta.env.ELIZA_URL,
  wallet,
  spend: { maxPerPayment: '0.05', budget: '1.00' },
});
