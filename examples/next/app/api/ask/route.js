// The server pays for its visitors, within a budget: npm run dev, and open the page.
// A real server: ELIZA_URL=https://agents.example PRIVATE_KEY=0x… npm run dev
import { fileStore, JobsClient } from 'eliza-jobs';
import { createSandbox } from 'eliza-jobs/sandbox';
import { fromViem } from 'eliza-jobs/wallets';
import { privateKeyToAccount } from 'viem/accounts';

/**
 * Where it runs for longer than one request:
 * https://nextjs.org/docs/app/api-reference/file-conventions/route-segment-config
 */
export const maxDuration = 60;

let client;
/** One client for all requests, made with the first one: building the project needs no key. */
function theClient() {
  const { ELIZA_URL, PRIVATE_KEY } = process.env;
  const real = () => ({
    baseUrl: ELIZA_URL,
    wallet: fromViem(privateKeyToAccount(PRIVATE_KEY)),
    // On a host without a disk: a store over a database, docs/stores.md.
    store: fileStore('./payments'),
  });
  const rehearsed = () => {
    const { url, fetch, wallet } = createSandbox({ paywall: 'x402-v2', price: '0.02' });
    return { baseUrl: url, fetch, wallet };
  };
  return (client ??= new JobsClient({
    ...(ELIZA_URL ? real() : rehearsed()),
    spend: { maxPerPayment: '0.05', budget: { perHour: '1.00', perDay: '5.00' } },
  }));
}

export async function POST(request) {
  const { question } = await request.json();
  const idempotencyKey = request.headers.get('idempotency-key') ?? undefined;
  try {
    const answer = await theClient().ask(question, { idempotencyKey, signal: request.signal, timeoutMs: 55_000 });
    return Response.json({ answer });
  } catch (error) {
    console.error(error); // prints no question, no proof and no key
    const status = error.code === 'invalid_argument' ? 400 : error.code === 'payment_over_limit' ? 503 : 502;
    return Response.json({ error: error.code }, { status });
  }
}
