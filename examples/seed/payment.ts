// The same with the client: it reads the price, keeps to your limits, asks the wallet once and
// sends the proof.
import { ElizaClient, PaymentError } from 'eliza-jobs';

const baseUrl = process.env.ELIZA_PAID_URL ?? 'http://localhost:3000';
const userId = process.env.ELIZA_USER ?? crypto.randomUUID();
let asked = 0;

const client = new ElizaClient({
  baseUrl,
  spend: { maxPerPayment: '0.05', networks: ['base'] },
  // Stands where your wallet stands: it gives the hash of a transfer that never happened, and moves
  // no money.
  async wallet({ network, recipient, amount }) {
    asked += 1;
    console.log(`pay ${amount} on ${network} to ${recipient}`);
    return `0x${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex')}`;
  },
});
const job = await client.messaging.createAndWaitForJob({ userId, content: 'What moves the tides?' });
console.log(job.result.message.content);
console.log(`asked the wallet ${asked} time; spent ${client.messaging.spent()}`);

const penniless = new ElizaClient({ baseUrl });
try {
  await penniless.messaging.createJob({ userId, content: 'For free, please' });
} catch (error) {
  if (!(error instanceof PaymentError)) throw error;
  console.log(`${error.code}, status ${error.status}`);
}
