// The price before anything is paid: on elizaOS in three versions, behind each kind of paywall, and
// where it cannot be known. Nothing is paid, no job is made, and nobody is asked.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ACCOUNTS, startChain } from '../servers/chain.mjs';
import { startEliza } from '../servers/elizaos.mjs';
import { startJobs } from '../servers/jobs-endpoint.mjs';
import { startV1 } from '../servers/x402-v1.mjs';
import { startV2 } from '../servers/x402-v2.mjs';
import { installed, params, rejects } from './setting.mjs';

const { JobsClient, memoryStore } = await installed('quote');
const [PAYER, , PAYEE] = ACCOUNTS.map(({ address }) => address);
const USDC = '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913';

let chain;
before(async () => (chain = await startChain('base')));
after(() => chain?.stop());

/** A client whose wallet and `confirm` must not be called. */
function careful(server, options) {
  const asked = [];
  const never = (who) => () => {
    asked.push(who);
    throw new Error(`${who} was asked`);
  };
  const wallet = { address: never('address'), sendTransfer: never('sendTransfer'), signTypedData: never('signTypedData') };
  const client = new JobsClient({ baseUrl: server.url, wallet, confirm: never('confirm'), store: memoryStore(), ...options });
  return { asked, client };
}
/** A quote, after which there are as many jobs as before it, and nobody was asked. */
async function quoted(server, count, options) {
  const { asked, client } = careful(server, options);
  const [jobs, { length }] = [await count(), await chain.transfers()];
  const quote = await client.quote();
  assert.deepEqual([await count(), (await chain.transfers()).length, asked, client.spent()], [jobs, length, [], '0']);
  assert.deepEqual(await client.pendingPayments(), []);
  return quote;
}
/** How many jobs an elizaOS server holds: the list is before the paywall. */
const held = (server) => async () => {
  const client = new JobsClient({ baseUrl: server.url });
  const [{ total }, { totalJobs }] = [await client.listJobs(), await client.getJobsHealth()];
  assert.equal(total, totalJobs);
  return total;
};

for (const version of ['1.6.5', '1.7.0', '1.7.2']) {
  test(`elizaOS ${version} without a paywall is free, and with one it says its price: no job is made`, async () => {
    for (const paywall of [undefined, true]) {
      const server = await startEliza({ version, paywall });
      try {
        const count = held(server);
        const wallet = () => `0x${'ab'.repeat(32)}`;
        await new JobsClient({ baseUrl: server.url, wallet }).createJob(params);
        assert.equal(await count(), 1, 'what is counted is there');
        const quote = await quoted(server, count);
        const common = {
          dialect: 'elizaos',
          recipient: '0x209693Bc6afc0C5328bA36FaF03C514EF312287C',
          currency: 'USDC',
          decimals: 6,
        };
        const base = {
          ...common,
          network: 'base',
          chainId: 8453,
          asset: USDC,
          amount: '0.02',
          amountAtomic: '20000',
          allowed: true,
        };
        const polygon = { ...base, network: 'polygon', chainId: 137, asset: '0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359' };
        assert.deepEqual(quote, paywall ? { free: false, offers: [base, polygon], chosen: base } : { free: true, offers: [] });
      } finally {
        await server.stop();
      }
    }
  });
}

/** As elizaOS/otaku: version 1, the question is called `prompt`, and the list of jobs is closed. */
const otaku = (on) =>
  startV1(on, {
    price: '$0.015',
    closed: true,
    inputSchema: { bodyFields: { prompt: { type: 'string', required: true }, userId: { type: 'string', required: false } } },
    handler: ({ body }, response, next) =>
      body.prompt ? next() : response.status(400).json({ error: 'Invalid request. Required fields: prompt' }),
  });
for (const [which, start, offer] of [
  ['of x402 version 1', startV1, { dialect: 'x402-v1', amount: '0.02', amountAtomic: '20000' }],
  ['of x402 version 2', startV2, { dialect: 'x402-v2', amount: '0.02', amountAtomic: '20000' }],
  ['like that of otaku', otaku, { dialect: 'x402-v1', amount: '0.015', amountAtomic: '15000' }],
]) {
  test(`a paywall ${which} says its price: no job is made, nothing reaches the facilitator`, async () => {
    const server = await start(chain);
    try {
      const count = async () => server.jobs.length;
      const quote = await quoted(server, count);
      const whole = { ...offer, network: 'base', chainId: 8453, asset: USDC, recipient: PAYEE, currency: 'USDC', decimals: 6 };
      assert.deepEqual(quote, { free: false, offers: [{ ...whole, allowed: true }], chosen: { ...whole, allowed: true } });
      assert.deepEqual([server.requests.filter(({ method }) => method === 'POST').length, server.settled.length], [1, 0]);
      const dear = await quoted(server, count, { spend: { maxPerPayment: '0.01' } });
      const [{ allowed, why }] = dear.offers;
      assert.deepEqual([allowed, 'chosen' in dear, dear.free], [false, false, false]);
      assert.match(why, /^spend\.maxPerPayment allows 0\.01 USDC/);
      assert.match(dear.why, /the wallet was not asked/);
      // Without a wallet, the price is there all the same.
      const poor = await new JobsClient({ baseUrl: server.url }).quote();
      assert.deepEqual([poor.offers[0].amount, poor.offers[0].why], [offer.amount, 'the client has no wallet']);
    } finally {
      await server.stop();
    }
  });
}

test('a server that looks at the request first is not called free', async () => {
  for (const words of ['userId is required and must be a valid UUID string', 'no question']) {
    const paywall = (app) =>
      app.post('/api/messaging/jobs', ({ body }, response, next) => {
        if (!body.userId || !body.content) response.status(400).json({ success: false, error: words });
        else next();
      });
    const server = await startJobs({ paywall });
    try {
      const quote = await quoted(server, async () => server.jobs.length);
      assert.deepEqual([quote.free, quote.offers, quote.chosen], [undefined, [], undefined]);
      assert.match(quote.why, new RegExp(`looks at the request before it asks for a payment.*${words}`));
    } finally {
      await server.stop();
    }
  }
});

test('a quote is of its caller: what is done with it changes nothing that is paid later', async () => {
  const server = await startV2(chain);
  try {
    const wallet = { address: PAYER, signTypedData: (data) => ACCOUNTS[0].signTypedData(data) };
    const client = new JobsClient({ baseUrl: server.url, wallet });
    const quote = await client.quote();
    Object.assign(quote.chosen, { amount: '0', amountAtomic: '0', recipient: PAYER });
    quote.offers.length = 0;
    const { payment } = await client.createJob(params);
    assert.deepEqual([payment.amount, payment.recipient, client.spent()], ['0.02', PAYEE, '0.02']);
  } finally {
    await server.stop();
  }
});

test('a quote ends with its signal and its time limit, and takes the options of a request', async () => {
  const hangs = () => new Promise(() => {});
  const client = new JobsClient({ baseUrl: 'https://h', fetch: hangs });
  await assert.rejects(client.quote({ signal: AbortSignal.abort('mine') }), (reason) => reason === 'mine');
  await rejects(client.quote({ timeoutMs: 20 }), 'ConnectionError', 'request_timeout');
  await rejects(client.quote({ timeout: 20 }), 'ArgumentError', 'invalid_argument', /timeoutMs/);
});
