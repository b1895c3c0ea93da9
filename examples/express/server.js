// A server that pays for its visitors, within a budget: npm start, then
//   curl localhost:8080/ask -H 'content-type: application/json' -d '{ "question": "What is the weather?" }'
// A real agent: ELIZA_URL=https://agents.example PRIVATE_KEY=0x… npm start
import express from 'express';
import { fileStore, JobsClient } from 'eliza-jobs';
import { createSandbox } from 'eliza-jobs/sandbox';
import { fromViem } from 'eliza-jobs/wallets';
import { privateKeyToAccount } from 'viem/accounts';

const { ELIZA_URL, PRIVATE_KEY, PORT = 8080 } = process.env;
const real = () => ({
  baseUrl: ELIZA_URL,
  wallet: fromViem(privateKeyToAccount(PRIVATE_KEY)),
  store: fileStore('./payments'),
});
const rehearsed = () => {
  const { url, fetch, wallet } = createSandbox({ paywall: 'x402-v2', price: '0.02' });
  return { baseUrl: url, fetch, wallet };
};
const client = new JobsClient({
  ...(ELIZA_URL ? real() : rehearsed()),
  spend: { maxPerPayment: '0.05', budget: { perHour: '1.00', perDay: '5.00' } },
});

const app = express();
app.use(express.json());

app.post('/ask', async (request, response) => {
  // With the same key, a visitor's second try gets the first one's answer.
  const answer = await client.ask(request.body?.question, { idempotencyKey: request.get('idempotency-key') });
  response.json({ answer });
});

app.get('/spending', async (_request, response) => response.json(await client.spending()));

app.use((error, _request, response, next) => {
  if (response.headersSent) return next(error);
  console.error(error); // prints no question, no proof and no key
  const status = error.code === 'invalid_argument' ? 400 : error.code === 'payment_over_limit' ? 503 : 502;
  response.status(status).json({ error: error.code });
});

const server = app.listen(PORT, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
