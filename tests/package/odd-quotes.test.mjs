// Quotes of servers that are odd: whatever comes back, no wallet is asked, nothing is paid, and one
// request is all that is sent.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { installed, params } from './setting.mjs';

const { JobsClient, memoryStore } = await installed('odd-quotes');
const PAYEE = '0x209693Bc6afc0C5328bA36FaF03C514EF312287C';
const PAYER = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266';
const USDC = { base: '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913', polygon: '0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359' };
const CHAINS = { base: 8453, polygon: 137 };

const never = (who) => () => {
  throw new Error(`${who} was asked`);
};
/**
 * A quote of a server that answers in this way, by a client whose wallet and `confirm` must not be
 * called.
 */
async function quoted(answer, options = {}) {
  const sent = [];
  const store = memoryStore();
  const fetch = async (url, init) => {
    sent.push({ url: String(url), method: init.method, headers: new Headers(init.headers), body: init.body });
    return answer(sent.length);
  };
  const wallet = { address: never('address'), sendTransfer: never('sendTransfer'), signTypedData: never('signTypedData') };
  const client = new JobsClient({
    baseUrl: 'https://h',
    fetch,
    wallet,
    confirm: never('confirm'),
    store,
    retries: 0,
    ...options,
  });
  const quote = await client.quote().catch((error) => error);
  for (const { url, method, headers, body } of sent) {
    assert.deepEqual([url, method, String(body)], ['https://h/api/messaging/jobs', 'POST', '{"userId":"","content":""}']);
    for (const name of ['x-payment', 'payment-signature', 'x-payment-network']) assert.equal(headers.get(name), null);
  }
  assert.deepEqual([client.spent(), await client.pendingPayments(), await client.payments()], ['0', [], []]);
  assert.ok((await store.keys('')).every((key) => key.startsWith('eliza-jobs/budget/')));
  return { quote, sent };
}
const json = (body, status = 402, headers = {}) =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } });
const html = (status) =>
  new Response('<!doctype html><title>Sign in</title>', { status, headers: { 'content-type': 'text/html' } });

const exact = (change = {}) => ({
  scheme: 'exact',
  network: 'base',
  maxAmountRequired: '20000',
  payTo: PAYEE,
  maxTimeoutSeconds: 60,
  asset: USDC.base,
  extra: { name: 'USD Coin', version: '2' },
  ...change,
});
const second = ({ maxAmountRequired, network, ...entry }) => ({
  ...entry,
  amount: maxAmountRequired,
  network: network in CHAINS ? `eip155:${CHAINS[network]}` : network,
});
const elizaos = (change = {}) => ({
  network: 'base',
  recipient: PAYEE,
  amount: '0.02',
  currency: 'USDC',
  chainId: 8453,
  ...change,
});
const inHeader = (document) => ({ 'payment-required': Buffer.from(JSON.stringify(document)).toString('base64') });

test('every answer that names no price: free only in the words of the API, absent where nobody knows, an error where none was given', async () => {
  const refusal = { success: false, error: 'content cannot be empty' };
  for (const [what, answer, expected] of [
    ['a free server', () => json(refusal, 400), { free: true }],
    [
      'a server that makes a job of it',
      () => json({ jobId: 'j', status: 'pending' }, 201),
      { free: true, why: /has made a job/ },
    ],
    ['a job with 200', () => json({ jobId: 'j', status: 'pending' }, 200), { free: true, why: /has made a job/ }],
    ['200 without a job', () => json({ ok: true }, 200), { code: 'invalid_response' }],
    ['200 and nothing', () => new Response(null, { status: 200 }), { code: 'invalid_response' }],
    ['204', () => new Response(null, { status: 204 }), { code: 'invalid_response' }],
    ['a page', () => html(200), { code: 'unexpected_html' }],
    ['a list', () => json([], 200), { code: 'invalid_response' }],
    ['400 in other words', () => json({ error: 'no prompt' }, 400), { why: /before it asks for a payment.*no prompt/ }],
    ['400 of a proxy', () => html(400), { why: /before it asks for a payment/ }],
    ['400 and nothing', () => new Response(null, { status: 400 }), { why: /before it asks for a payment/ }],
    ['400 with prices in it', () => json({ x402Version: 1, accepts: [exact()] }, 400), { why: /before it asks for a payment/ }],
    ['401', () => json({ error: 'key?' }, 401), { code: 'unauthorized' }],
    ['403', () => json({ error: 'no' }, 403), { code: 'forbidden' }],
    ['404', () => json({ error: 'no such route' }, 404), { code: 'not_found' }],
    ['404 of a site', () => html(404), { code: 'unexpected_html' }],
    ['405', () => json({ error: 'GET only' }, 405), { code: 'request_refused' }],
    ['409', () => json({ error: 'content cannot be empty' }, 409), { code: 'request_refused' }],
    ['413', () => json({ error: 'too large' }, 413), { why: /before it asks/ }],
    ['422', () => json({ detail: [{ loc: ['body', 'prompt'], msg: 'field required' }] }, 422), { why: /before it asks/ }],
    ['429', () => json({ error: 'slow down' }, 429, { 'retry-after': '3600' }), { code: 'rate_limited' }],
    ['500', () => json({ error: 'content cannot be empty' }, 500), { code: 'server_error' }],
    ['503 of a proxy', () => html(503), { code: 'server_error' }],
    ['elsewhere', () => new Response(null, { status: 302, headers: { location: 'https://e/' } }), { code: 'redirect_refused' }],
    ['402 and nothing', () => new Response(null, { status: 402 }), { free: false, why: /names no payment/ }],
    ['402 with a page', () => html(402), { free: false, why: /names no payment/ }],
    ['402 with a list', () => json([exact()]), { free: false, why: /names no payment/ }],
    ['402 with null', () => json(null), { free: false, why: /names no payment/ }],
    ['402 with no entry', () => json({ x402Version: 1, accepts: [] }), { free: false, why: /names no payment/ }],
    ['a header that is none', () => json({}, 402, { 'payment-required': '!' }), { free: false, why: /header cannot be read/ }],
    [
      'a version of later',
      () => json({ x402Version: 3, accepts: [exact()] }),
      { free: false, why: /x402Version 3 is not known/ },
    ],
  ]) {
    const { quote, sent } = await quoted(answer, { timeoutMs: 5_000 });
    assert.equal(sent.length, 1, what);
    if (expected.code) assert.equal(quote.code, expected.code, `${what}: ${quote.message ?? JSON.stringify(quote)}`);
    else assert.deepEqual([quote.free, quote.offers, 'chosen' in quote], [expected.free, [], false], `${what}: ${quote.message}`);
    if (expected.code) assert.equal(quote.fundsMoved, false, what);
    if (expected.why) assert.match(quote.why, expected.why, what);
    else assert.equal(quote.why, undefined, what);
  }
});

test('what cannot be paid stands beside what can: unknown schemes, networks and tokens, prices that are none, other people’s bills', async () => {
  const odd = [
    null,
    7,
    'x',
    [],
    {},
    exact({ scheme: 'upto' }),
    exact({ scheme: 'stream' }),
    exact({ scheme: 5 }),
    exact({ network: 'solana' }),
    exact({ network: 'avalanche' }),
    exact({ network: 'base-sepolia', asset: '0x036CbD53842c5426634e7929541eC2318f3dCF7e' }),
    exact({ asset: PAYEE }),
    exact({ maxAmountRequired: '0' }),
    exact({ maxAmountRequired: '-1' }),
    exact({ maxAmountRequired: '1e4' }),
    exact({ maxAmountRequired: '0.02' }),
    exact({ maxAmountRequired: 20000 }),
    exact({ maxAmountRequired: '9'.repeat(90) }),
    exact({ maxAmountRequired: '１００' }),
    exact({ payTo: '0x0000000000000000000000000000000000000000' }),
    exact({ payTo: USDC.base }),
    exact({ payTo: PAYEE.replace('Bc6a', 'bc6a') }),
    exact({ payTo: 'vitalik.eth' }),
    exact({ extra: { name: 'USDC', version: '2' } }),
    exact({ extra: { name: 'USD Coin', version: '1' } }),
    exact({ extra: { assetTransferMethod: 'permit2', name: 'USD Coin', version: '2' } }),
    exact({ resource: 'https://evil.example/api/messaging/jobs' }),
    exact({ maxAmountRequired: '100001' }),
  ];
  const good = exact({ maxAmountRequired: '30000' });
  for (const [at, entry] of odd.entries()) {
    for (const entries of [
      [entry, good],
      [good, entry],
      [entry, entry, good],
    ]) {
      for (const form of [
        () => json({ x402Version: 1, accepts: entries }),
        () =>
          json(
            {},
            402,
            inHeader({ x402Version: 2, accepts: entries.map((entry) => (Object(entry).payTo ? second(entry) : entry)) }),
          ),
      ]) {
        const { quote } = await quoted(form);
        assert.equal(quote.chosen?.amount, '0.03', `${at} ${JSON.stringify(quote)}`);
        assert.deepEqual([quote.free, quote.chosen.allowed, quote.chosen.recipient], [false, true, PAYEE]);
        for (const offer of quote.offers) assert.equal(offer.allowed, !('why' in offer), JSON.stringify(offer));
        assert.deepEqual(
          quote.offers.filter(({ allowed }) => allowed),
          [quote.chosen],
          String(at),
        );
      }
    }
    const { quote } = await quoted(() => json({ x402Version: 1, accepts: [entry] }));
    assert.deepEqual([quote.free, quote.chosen], [false, undefined], JSON.stringify(quote));
    assert.match(quote.why, /the wallet was not asked/);
  }
  const many = Array.from({ length: 20_000 }, (_, at) => exact({ maxAmountRequired: String(99_999 - (at % 90_000)) }));
  const began = performance.now();
  const { quote } = await quoted(() => json({ x402Version: 1, accepts: many }));
  assert.ok(quote.offers.length <= 100 && quote.chosen.allowed, `${quote.offers.length} offers`);
  assert.ok(performance.now() - began < 5_000);
});

/** Numbers that look random, and are the same each time. */
function random(seed) {
  let state = seed;
  const next = () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
  return { next, pick: (list) => list[Math.floor(next() * list.length)] };
}

test('of a hundred odd 402s, in whatever order their offers come, the quote names what paying would pay', async () => {
  for (let seed = 1; seed <= 100; seed += 1) {
    const { next, pick } = random(seed);
    const entry = () => {
      const network = pick(['base', 'polygon', 'base', 'solana', 'base-sepolia']);
      const maxAmountRequired = pick(['10000', '20000', '30000', '20000', '100001', '0', '1000000000000000000000']);
      const payTo = pick([PAYEE, PAYEE, PAYER, '0x1']);
      return exact({
        network,
        maxAmountRequired,
        payTo,
        asset: USDC[network] ?? USDC.base,
        scheme: pick(['exact', 'exact', 'upto']),
      });
    };
    const entries = Array.from({ length: 1 + Math.floor(next() * 6) }, entry);
    const price = ({ maxAmountRequired }) => (Number(maxAmountRequired) / 1e6).toFixed(6);
    const form = pick(['v1', 'v2', 'header', 'both', 'elizaos']);
    const answers = {
      v1: (list) => json({ x402Version: 1, accepts: list }),
      v2: (list) => json({ x402Version: 2, accepts: list.map(second) }),
      header: (list) => json({ error: 'pay' }, 402, inHeader({ x402Version: 2, accepts: list.map(second) })),
      both: (list) => json({ x402Version: 1, accepts: list, payment: [elizaos({ amount: '0.015' })] }),
      elizaos: (list) =>
        json({
          payment: list.map((entry) =>
            elizaos({ network: entry.network, amount: price(entry), recipient: entry.payTo, chainId: CHAINS[entry.network] }),
          ),
        }),
    };
    const spend = pick([
      {},
      { networks: ['polygon'] },
      { networks: ['polygon', 'base'] },
      { maxPerPayment: '0.015' },
      { budget: '0.02' },
      { recipients: [PAYEE] },
    ]);
    const wallet = { address: PAYER, sendTransfer: never('sendTransfer'), signTypedData: never('signTypedData') };
    const { quote } = await quoted(() => answers[form](entries), { spend, wallet });
    const shuffled = [...entries].sort(() => next() - 0.5);
    const other = (await quoted(() => answers[form](shuffled), { spend, wallet })).quote;
    const facts = (offer) => offer && [offer.amountAtomic, offer.network, offer.dialect];
    assert.deepEqual(facts(other.chosen), facts(quote.chosen), `${seed}: the order changes what is chosen`);
    // What paying would pay is what `confirm` is asked about.
    let asked;
    const confirm = (quote) => ((asked = quote), false);
    const client = new JobsClient({
      baseUrl: 'https://h',
      fetch: async () => answers[form](entries),
      wallet,
      confirm,
      store: memoryStore(),
      spend,
    });
    const { code, message } = await client.createJob(params).catch((error) => error);
    assert.deepEqual(facts(asked), facts(quote.chosen), `${seed}: ${code}`);
    if (asked) assert.equal(code, 'payment_declined', `${seed}: ${message}`);
    else assert.equal(message.split('\n')[0].slice(0, 60), quote.why.slice(0, 60), String(seed));
  }
});

test('a server that says free and then asks for a payment is asked for its price again: nothing is paid for a quote', async () => {
  const answers = [() => json({ success: false, error: 'content cannot be empty' }, 400), () => json({ payment: [elizaos()] })];
  let count = 0;
  const asked = [];
  const client = new JobsClient({
    baseUrl: 'https://h',
    fetch: async () => answers[Math.min(count++, 1)](),
    wallet: () => asked.push('wallet'),
    confirm: () => (asked.push('confirm'), false),
    store: memoryStore(),
  });
  assert.equal((await client.quote()).free, true);
  const error = await client.createJob(params).catch((error) => error);
  assert.deepEqual([error.code, asked], ['payment_declined', ['confirm']]);
});

test('a 402 of elizaOS whose headers say something else than its body is not paid', async () => {
  const said = { 'x-payment-amount': '0.02', 'x-payment-currency': 'USDC', 'x-payment-networks': 'base,polygon' };
  const agreeing = await quoted(() => json({ payment: [elizaos()] }, 402, said));
  assert.equal(agreeing.quote.chosen.amount, '0.02');
  for (const [name, value] of [
    ['x-payment-amount', '5.000000'],
    ['x-payment-currency', 'DAI'],
    ['x-payment-networks', 'polygon'],
  ]) {
    const { quote } = await quoted(() => json({ payment: [elizaos()] }, 402, { ...said, [name]: value }));
    assert.equal(quote.chosen, undefined, name);
    assert.match(quote.why, new RegExp(`the header ${name} says "${value}", which is not what the body says`, 'i'));
  }
});
