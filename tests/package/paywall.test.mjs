// Paying on the real server behind elizaOS's own kind of paywall, as deployed (lax) and strict.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { inspect } from 'node:util';
import { startEliza } from '../servers/elizaos.mjs';
import { HASH, installed, params, rejects } from './setting.mjs';

const { JobsClient } = await installed('paywall');
let lax, strict;
before(async () => {
  [lax, strict] = await Promise.all([startEliza({ paywall: true }), startEliza({ paywall: { strict: true } })]);
});
after(() => Promise.all([lax?.stop(), strict?.stop()]));

/** A client of a server with a wallet, and what the wallet was asked. */
function paying(server, gives = () => `0x${randomBytes(32).toString('hex')}`, options = {}) {
  const asked = [];
  const wallet = (quote) => {
    asked.push(quote);
    return gives(quote);
  };
  return { asked, client: new JobsClient({ baseUrl: server.url, wallet, ...options }) };
}
/** The requests that the paywall saw during some work. */
async function during(server, work) {
  const before = (await server.seen()).length;
  await work();
  return (await server.seen()).slice(before);
}

for (const which of ['lax', 'strict']) {
  test(`a paid job on the ${which} paywall: one payment, the same body twice, two headers more`, async () => {
    const server = { lax, strict }[which];
    const { client, asked } = paying(server);
    const told = [];
    let job;
    const seen = await during(server, async () => {
      job = await client.createAndWaitForJob({ ...params, metadata: { é: '😀' } }, { onUpdate: (update) => told.push(update) });
    });
    assert.match(job.result.message.content, /What is the weather/);
    assert.deepEqual(asked, [
      {
        dialect: 'elizaos',
        network: 'base',
        chainId: 8453,
        asset: '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913',
        recipient: '0x209693Bc6afc0C5328bA36FaF03C514EF312287C',
        amount: '0.02',
        amountAtomic: '20000',
        currency: 'USDC',
        decimals: 6,
      },
    ]);
    assert.equal(seen.length, 2);
    assert.equal(seen[0].body, seen[1].body);
    assert.ok(seen[0].body.includes('😀'));
    const added = Object.keys(seen[1].headers).filter((name) => !(name in seen[0].headers));
    assert.deepEqual(added.sort(), ['x-payment', 'x-payment-network']);
    assert.equal(seen[1].headers['x-payment-network'], 'base');
    assert.deepEqual(
      told.slice(0, 5).map((update) => update.type),
      ['quote', 'payment', 'payment', 'created', 'status'],
    );
    assert.deepEqual(told[0].quote, asked[0]);
    assert.deepEqual([told[1].payment.state, told[2].payment.state], ['proven', 'accepted']);
  });
}

test('the network is the one that the caller prefers, and no other than those allowed', async () => {
  const { client, asked } = paying(lax, undefined, { spend: { networks: ['polygon', 'base'] } });
  const created = await client.createJob(params);
  assert.deepEqual([asked[0].network, asked[0].chainId, created.payment.state], ['polygon', 137, 'accepted']);
  const onlyPolygon = await startEliza({ paywall: { networks: ['polygon'] }, agent: false });
  try {
    const base = paying(onlyPolygon, undefined, { spend: { networks: ['base'] } });
    await rejects(
      base.client.createJob(params),
      'PaymentError',
      'payment_network_not_allowed',
      /polygon.*spend\.networks allows base/,
    );
    assert.equal(base.asked.length, 0);
  } finally {
    await onlyPolygon.stop();
  }
});

test('a price above the limit is refused before the wallet is asked', async () => {
  const { client, asked } = paying(lax, undefined, { spend: { maxPerPayment: '0.019999' } });
  await rejects(client.createJob(params), 'PaymentError', 'payment_over_limit', /0\.02 USDC.*0\.019999 USDC/);
  assert.equal(asked.length, 0);
  assert.ok(
    (await paying(lax, undefined, { spend: { maxPerPayment: '0.02' } }).client.createJob(params)).jobId,
    'the limit itself is allowed',
  );
});

test('a second 402 is an error with the transaction, never a second payment, and the proof is in no text', async () => {
  const { client, asked } = paying(strict, () => HASH);
  await client.createJob(params);
  const error = await rejects(client.createJob(params), 'PaymentError', 'payment_refused');
  assert.equal(asked.length, 2, 'once a call');
  assert.deepEqual(
    [error.payment.transaction, error.payment.state, error.status, error.retryable],
    [HASH, 'refused', 402, false],
  );
  for (const text of [error.message, error.stack, inspect(error, { depth: 9 }), JSON.stringify(error), String(error)]) {
    assert.ok(!text.includes(HASH.slice(0, 20)), text);
  }
});

test('whatever the wallet does wrong, it is asked once and nothing is sent', async () => {
  const user = Object.assign(new Error('x'), { code: 4001 });
  const cyclic = {};
  cyclic.cause = cyclic;
  for (const [gives, code] of [
    [() => undefined, 'wallet_invalid_proof'],
    [() => 5, 'wallet_invalid_proof'],
    [() => ({ hash: HASH }), 'wallet_invalid_proof'],
    [() => HASH.slice(0, 65), 'wallet_invalid_proof'],
    [() => `${HASH}\r\nx-evil: 1`, 'wallet_invalid_proof'],
    [() => 'x'.repeat(1_000_000), 'wallet_invalid_proof'],
    [() => cyclic, 'wallet_invalid_proof'],
    ...[
      { code: 'ACTION_REJECTED', message: 'user rejected transaction' },
      { name: 'UserRejectedRequestError', message: 'x' },
      { name: 'TransactionExecutionError', cause: { name: 'UserRejectedRequestError' } },
      { name: 'TransportStatusError', statusCode: 0x6985 },
      { name: 'UserRefusedOnDevice' },
      { code: 'Method_Interrupted', message: 'Popup closed' },
      { code: 5750 },
    ].map((no) => [() => Promise.reject(no), 'wallet_rejected']),
    // Words prove nothing: nodes say them too, of a transfer that they have.
    ...[{ code: -32000, message: 'User rejected the request' }, { code: -32603, message: 'cancelled' }, 'rejectedByUser'].map(
      (words) => [() => Promise.reject(words), 'wallet_failed'],
    ),
    ...[cyclic, null, Symbol('x'), 7, () => {}, Object.create(null)].map((odd) => [() => Promise.reject(odd), 'wallet_failed']),
    [
      async () => {
        throw 'boom';
      },
      'wallet_failed',
    ],
    [
      () => {
        throw undefined;
      },
      'wallet_failed',
    ],
    [
      async () => {
        throw user;
      },
      'wallet_rejected',
    ],
    [
      async () => {
        throw new Error('outer', { cause: user });
      },
      'wallet_rejected',
    ],
  ]) {
    const { client, asked } = paying(lax, gives);
    const seen = await during(lax, async () => {
      const error = await rejects(client.createAndWaitForJob(params), 'PaymentError', code);
      const rejected = code === 'wallet_rejected';
      assert.deepEqual([error.payment.state, error.fundsMoved], rejected ? ['intended', false] : ['unknown', 'unknown']);
      assert.ok(!error.message.includes('[object'), error.message);
    });
    assert.deepEqual([asked.length, seen.length], [1, 1], String(gives));
  }
});

test('without a wallet the error names the price', async () => {
  await rejects(
    new JobsClient({ baseUrl: lax.url }).createJob(params),
    'PaymentError',
    'payment_required',
    /0\.02 USDC on base or 0\.02 USDC on polygon.*wallet/,
  );
});

test('bad arguments cost nothing: neither a request nor a payment', async () => {
  const { client, asked } = paying(lax);
  const seen = await during(lax, async () => {
    for (const bad of [
      { ...params, content: '\ud800' },
      { ...params, metadata: new Map() },
      { ...params, timeoutMs: 999 },
      null,
    ]) {
      await rejects(client.createAndWaitForJob(bad), 'ArgumentError', 'invalid_argument');
    }
    await rejects(client.createAndWaitForJob(params, 0), 'ArgumentError', 'invalid_argument');
  });
  assert.deepEqual([asked.length, seen.length], [0, 0]);
});

test('a callback that throws does not cost the paid answer, and is reported once', async (t) => {
  t.mock.method(console, 'warn', () => {});
  const { client } = paying(lax);
  const job = await client.createAndWaitForJob(params, {
    onUpdate() {
      throw new Error('mine');
    },
  });
  assert.equal(job.status, 'completed');
  assert.equal(console.warn.mock.callCount(), 1);
});
