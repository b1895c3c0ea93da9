// What a careful person would not sign, as hostile servers and broken wallets send it; the rules
// themselves are tested on the host (tests/host/x402.rs, src/x402, src/spend.rs). Here the whole
// package is in between: documents, headers, wallets.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { faultServer, reply } from './fault-server.mjs';
import { HASH, installed, params, rejection, rejects } from './setting.mjs';

const { JobsClient } = await installed('threats');
const ME = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266';
const TO = '0x209693Bc6afc0C5328bA36FaF03C514EF312287C';
const USDC = '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913';

const entry = (version, change) => ({
  scheme: 'exact',
  network: version === 1 ? 'base' : 'eip155:8453',
  [version === 1 ? 'maxAmountRequired' : 'amount']: '20000',
  asset: USDC,
  payTo: TO,
  maxTimeoutSeconds: 60,
  extra: { name: 'USD Coin', version: '2' },
  ...change,
});
const required = (version, ...accepts) => JSON.stringify({ x402Version: version, error: 'pay', accepts });
const asks = (version, ...accepts) =>
  version === 1
    ? reply(402, required(1, ...accepts))
    : reply(402, '{}', { 'payment-required': Buffer.from(required(2, ...accepts)).toString('base64') });

/** A wallet that can do everything, and keeps what it was asked. */
function watched(gives = {}) {
  const asked = [];
  const wallet = { address: ME };
  for (const method of ['sendTransfer', 'signTypedData']) {
    wallet[method] = (given) => {
      asked.push(given);
      return gives[method]?.(given);
    };
  }
  return { wallet, asked };
}

for (const [what, answer] of [
  ['an empty 402', reply(402, '')],
  ['a page', reply(402, '<!doctype html><title>Pay</title>')],
  ['no accepts', reply(402, '{"x402Version":1}')],
  ['accepts of null', reply(402, '{"x402Version":1,"accepts":null}')],
  ['accepts that is an object', reply(402, '{"x402Version":1,"accepts":{"0":{}}}')],
  ['10,000 bad entries', asks(1, ...Array.from({ length: 10_000 }, () => ({ scheme: 'exact' })))],
  ['an unknown version', reply(402, required(7, entry(2)))],
  ['a header that is no base64', reply(402, '{}', { 'payment-required': '{"x402Version":2}' })],
  ['a header that is no object', reply(402, '{}', { 'payment-required': Buffer.from('7').toString('base64') })],
  ['an entry of 100,000 levels', reply(402, `{"x402Version":1,"accepts":[${'['.repeat(100_000)}${']'.repeat(100_000)}]}`)],
  [
    'an offer with something of 20,000 levels in it',
    reply(402, required(1, entry(1)).replace('"extra":', `"deep":${'['.repeat(20_000)}${']'.repeat(20_000)},"extra":`)),
  ],
  ['an offer with a megabyte in it', asks(1, entry(1, { description: 'x'.repeat(1_000_000) }))],
]) {
  test(`${what}: a typed error, and the wallet is not asked`, async () => {
    const server = await faultServer(answer);
    const { wallet, asked } = watched();
    const client = new JobsClient({ baseUrl: server.url, wallet });
    const error = await rejects(client.createJob(params), 'PaymentError', 'payment_requirements_invalid');
    assert.deepEqual([asked.length, server.requests.length, client.spent()], [0, 1, '0']);
    assert.ok(error.message.length < 20_000);
  });
}

test('a 402 of ten megabytes and a header of 70 KB are given up', async () => {
  for (const answer of [
    reply(402, required(1, entry(1, { description: 'x'.repeat(10_000_000) }))),
    reply(402, '{}', { 'payment-required': 'A'.repeat(70_000) }),
  ]) {
    const server = await faultServer(answer);
    const { wallet, asked } = watched();
    const error = await rejection(new JobsClient({ baseUrl: server.url, wallet, retries: 0 }).createJob(params));
    assert.ok(['ApiError', 'ConnectionError', 'PaymentError'].includes(error.name) && error.code, String(error));
    assert.equal(asked.length, 0);
  }
});

for (const version of [1, 2]) {
  const amount = version === 1 ? 'maxAmountRequired' : 'amount';
  for (const [change, code] of [
    ...['', '0', '0x10', '1e4', '-1', '1.5', '020000', 1.5, 20000, null, '1' + '0'.repeat(80)].map((odd) => [{ [amount]: odd }]),
    [{ [amount]: '100001' }, 'payment_over_limit'],
    [{ [amount]: '1' + '0'.repeat(70) }, 'payment_over_limit'],
    ...[0, -5, 1.5, '60', null].map((odd) => [{ maxTimeoutSeconds: odd }]),
    ...[`0x${'0'.repeat(40)}`, USDC, USDC.toLowerCase(), TO.replace('93B', '93b'), '0x12', '', null].map((odd) => [
      { payTo: odd },
    ]),
    ...[TO, '', null, '0x036CbD53842c5426634e7929541eC2318f3dCF7e'].map((odd) => [{ asset: odd }]),
    ...['solana', 'eip155:1', '', null, 8453].map((odd) => [{ network: odd }]),
    [{ network: 'base-sepolia', asset: '0x036CbD53842c5426634e7929541eC2318f3dCF7e', extra: {} }, 'payment_network_not_allowed'],
    [{ extra: { name: 'USDC', version: '2' } }],
    [{ extra: { name: 'USD Coin', version: '3' } }],
    [{ scheme: 'upto' }, 'wallet_cannot_pay'],
    [{ extra: { assetTransferMethod: 'permit2' } }, 'wallet_cannot_pay'],
    [{ extra: { paymentFlow: 'upfront' } }, 'wallet_cannot_pay'],
    ...(version === 1 ? [[{ resource: 'https://evil.example/api/messaging/jobs' }, 'payment_resource_mismatch']] : []),
  ]) {
    test(`version ${version}: ${JSON.stringify(change).slice(0, 80)} is refused before the wallet`, async () => {
      const server = await faultServer(asks(version, entry(version, change)));
      const { wallet, asked } = watched();
      const client = new JobsClient({ baseUrl: server.url, wallet });
      await rejects(
        client.createJob(params),
        'PaymentError',
        code ?? 'payment_requirements_invalid',
        /the wallet was not asked \(see /,
      );
      assert.deepEqual([asked.length, server.requests.length, client.spent()], [0, 1, '0']);
    });
  }

  test(`version ${version}: what is signed is pinned, and ten years are five minutes`, async () => {
    const server = await faultServer(
      asks(version, entry(version, { maxTimeoutSeconds: 315_360_000, description: 'Prix: 0,02 €' })),
    );
    const { wallet, asked } = watched();
    const began = Math.floor(Date.now() / 1000);
    await rejects(new JobsClient({ baseUrl: server.url, wallet }).createJob(params), 'PaymentError', 'wallet_invalid_proof');
    const [{ domain, message, primaryType }] = asked;
    assert.deepEqual(domain, { name: 'USD Coin', version: '2', chainId: 8453, verifyingContract: USDC });
    assert.deepEqual([primaryType, message.from, message.to, message.value], ['TransferWithAuthorization', ME, TO, '20000']);
    assert.ok(message.validBefore - began >= 300 && message.validBefore - began < 303, message.validBefore);
    assert.match(message.nonce, /^0x[0-9a-f]{64}$/);
  });
}

test('every nonce is new', async () => {
  const server = await faultServer(asks(2, entry(2)));
  const { wallet, asked } = watched();
  const client = new JobsClient({ baseUrl: server.url, wallet });
  await Promise.all(Array.from({ length: 50 }, () => rejection(client.createJob(params))));
  assert.equal(new Set(asked.map(({ message }) => message.nonce)).size, 50);
});

const signature = `0x${'ab'.repeat(64)}1b`;
for (const [what, gives, code = 'wallet_invalid_proof'] of [
  ['nothing', () => undefined],
  ['null', () => null],
  ['a number', () => 5],
  ['an object', () => ({ r: '0x1', s: '0x2', v: 27 })],
  ['a function', () => () => {}],
  ['a symbol', () => Symbol('x')],
  ['64 bytes of junk', () => `0x${'ff'.repeat(64)}`],
  ['65 bytes of junk', () => `0x${'ff'.repeat(64)}1b`],
  ['66 bytes of junk', () => `0x${'ab'.repeat(66)}`],
  ['more headers', () => `${signature}\r\nx-evil: 1`],
  ['a string of a megabyte', () => 'x'.repeat(1_000_000)],
  [
    'an error',
    () => {
      throw new Error(`signing ${signature} failed`);
    },
    'wallet_failed',
  ],
  [
    'a rejection with the whole request in its words',
    (typedData) => {
      throw Object.assign(new Error(`rejected ${typedData.message.nonce}`), { code: 4001 });
    },
    'wallet_rejected',
  ],
  [
    'a rejection, deep inside',
    () => {
      throw new Error('outer', { cause: { error: { code: 4001 } } });
    },
    'wallet_rejected',
  ],
  ['a promise that never settles', () => new Promise(() => {}), 'wallet_timeout'],
]) {
  test(`a wallet that gives ${what} for a signature: a typed error, nothing is sent or spent`, async () => {
    const server = await faultServer(asks(2, entry(2)));
    const { wallet, asked } = watched({ signTypedData: gives });
    const client = new JobsClient({ baseUrl: server.url, wallet, walletTimeoutMs: 100 });
    const error = await rejects(client.createJob(params), 'PaymentError', code);
    assert.deepEqual([asked.length, server.requests.length, client.spent()], [1, 1, '0']);
    assert.ok(!error.message.includes('abab'), error.message);
    assert.equal(error.payment.state, 'intended');
  });
}

test('a wallet’s hash in the wrong shape is kept, for money may have moved, and shown to nobody', async () => {
  const server = await faultServer(reply(402, JSON.stringify({ payment: [{ network: 'base', recipient: TO, amount: '0.02' }] })));
  for (const gives of [() => ({ hash: HASH }), () => ({ transactionHash: HASH }), () => HASH.slice(2), () => ` ${HASH}\n`]) {
    const { wallet } = watched({ sendTransfer: gives });
    const client = new JobsClient({ baseUrl: server.url, wallet });
    const error = await rejects(client.createJob(params), 'PaymentError', 'wallet_invalid_proof', /look in the wallet/);
    assert.deepEqual([error.payment.transaction, client.spent()], [HASH, '0.02']);
    assert.ok(!inspect(error, { depth: 9 }).includes(HASH));
  }
});

test('an application that aborts while its confirm is open has spent nothing', async () => {
  const server = await faultServer(asks(2, entry(2)));
  const { wallet, asked } = watched();
  const stop = new AbortController();
  const confirm = () => (stop.abort(), new Promise(() => {}));
  const client = new JobsClient({ baseUrl: server.url, wallet, confirm });
  assert.equal((await rejection(client.createJob(params, { signal: stop.signal }))).name, 'AbortError');
  assert.deepEqual([asked.length, client.spent()], [0, '0']);
});

test('a wallet may be a class with private members, and its methods see themselves', async () => {
  class Mine {
    #key = ME;
    get address() {
      return this.#key;
    }
    pay({ paymentRequirements }) {
      return new Headers({ 'PAYMENT-SIGNATURE': `${this.#key} ${paymentRequirements.scheme}` });
    }
  }
  const server = await faultServer(asks(2, entry(2, { scheme: 'upto' })), reply(201, '{"jobId":"j","status":"pending"}'));
  await new JobsClient({ baseUrl: server.url, wallet: new Mine() }).createJob(params);
  assert.equal(server.requests[1].headers['payment-signature'], `${ME} upto`);
});
