// Paying for real: the reference libraries' servers and facilitators, a local chain with the real
// token's code, and the wallets that people have. What has moved is read on the chain.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { inspect } from 'node:util';
import { ACCOUNTS, startChain } from '../servers/chain.mjs';
import {
  declarePaymentIdentifierExtension,
  extractPaymentIdentifier,
  PAYMENT_IDENTIFIER,
  validatePaymentIdentifierRequirement,
} from '../servers/x402-extensions.mjs';
import { startSeedOnChain } from '../servers/seed-on-chain.mjs';
import { ethers, viem } from '../servers/wallet-libraries.mjs';
import { startV1 } from '../servers/x402-v1.mjs';
import { startV2 } from '../servers/x402-v2.mjs';
import { installed, params, rejects } from './setting.mjs';

const { folder, JobsClient, memoryStore } = await installed('x402');
const { fromEip1193, fromEthers, fromViem } = await import(path.join(folder, 'node_modules/eliza-jobs/wallets.js'));
const [PAYER, , PAYEE, , POOR] = ACCOUNTS.map(({ address }) => address);
const PRICE = 20_000n;

let chain, polygon;
const servers = {};
before(async () => {
  [chain, polygon] = await Promise.all([startChain('base'), startChain('polygon')]);
  [servers.v1, servers.v2, servers.seed] = await Promise.all([
    startV1(chain),
    startV2(chain),
    startSeedOnChain({ base: chain, polygon }),
  ]);
});
after(async () => {
  await Promise.all(Object.values(servers).map((server) => server.stop()));
  await Promise.all([chain?.stop(), polygon?.stop()]);
});

/**
 * An EIP-1193 provider: the chain's own accounts behind JSON-RPC, as a wallet in the browser is.
 */
function provider(on = chain) {
  return {
    async request({ method, params }) {
      const response = await fetch(on.rpc, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
      });
      const { result, error } = await response.json();
      if (error) throw Object.assign(new Error(error.message), { code: error.code });
      return result;
    },
  };
}
const wallets = {
  'an EIP-1193 provider': () => fromEip1193(provider()),
  'a viem account': () => fromViem(chain.walletClient(0)),
  'a viem client over a provider': () =>
    fromViem(viem.createWalletClient({ chain: chain.publicClient.chain, transport: viem.custom(provider()) })),
  'an ethers wallet': () =>
    fromEthers(
      new ethers.NonceManager(new ethers.Wallet(KEY, new ethers.JsonRpcProvider(chain.rpc, undefined, { pollingInterval: 50 }))),
    ),
  'an ethers signer of a provider': async () =>
    fromEthers(await new ethers.JsonRpcProvider(chain.rpc, undefined, { pollingInterval: 50 }).getSigner(PAYER)),
  // The same as they are.
  'an EIP-1193 provider as it is': provider,
  'a viem wallet client as it is': () => chain.walletClient(0),
  'a viem client over a provider, as it is': () =>
    viem.createWalletClient({ chain: chain.publicClient.chain, transport: viem.custom(provider()) }),
  'an ethers wallet as it is': () =>
    new ethers.NonceManager(new ethers.Wallet(KEY, new ethers.JsonRpcProvider(chain.rpc, undefined, { pollingInterval: 50 }))),
};
const KEY = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80';

/** What moved from the payer to the payee during some work, and how often. */
async function moved(work, on = chain) {
  const ours = async () => (await on.transfers()).filter(({ from, to }) => from === PAYER && to === PAYEE);
  const [balance, before] = [await on.balanceOf(PAYEE), (await ours()).length];
  const value = await work();
  const after = await ours();
  return { value, units: (await on.balanceOf(PAYEE)) - balance, times: after.length - before };
}

for (const [who, make] of Object.entries(wallets)) {
  for (const dialect of ['v1', 'v2', 'seed']) {
    test(`${who} pays a ${dialect} server: the price has moved, once`, async () => {
      const client = new JobsClient({ baseUrl: servers[dialect].url, wallet: await make() });
      const told = [];
      const {
        value: created,
        units,
        times,
      } = await moved(() => client.createJob(params, { onUpdate: (update) => told.push(update) }));
      assert.deepEqual([units, times], [PRICE, 1]);
      assert.equal(client.spent(), '0.02');
      const { payment } = created;
      assert.deepEqual(
        [payment.dialect, payment.state, payment.amount, payment.amountAtomic],
        [{ v1: 'x402-v1', v2: 'x402-v2', seed: 'elizaos' }[dialect], 'accepted', '0.02', '20000'],
      );
      const receipt = await chain.publicClient.getTransactionReceipt({ hash: payment.transaction });
      assert.equal(receipt.status, 'success');
      if (dialect !== 'seed') {
        assert.deepEqual(
          [payment.receipt.success, payment.receipt.payer, payment.receipt.transaction],
          [true, PAYER, payment.transaction],
        );
      }
      assert.deepEqual(
        told.map(({ type, payment }) => payment?.state ?? type),
        ['quote', 'proven', 'accepted', 'created'],
      );
      assert.deepEqual(told[2].payment, payment);
      assert.ok(!inspect([created, told], { depth: 9 }).includes('proof'), 'what an application prints holds no proof');
      const job = await client.pollJob(created.jobId);
      assert.equal(job.result.message.content, `echo: ${params.content}`);
      assert.deepEqual(job.payment, payment, 'the job has its payment too');
    });
  }
}

test('whatever confirm, the wallet and onUpdate do to what they are given, the price is signed, sent and counted', async () => {
  /** Makes everything in an object something else. */
  const ruin = (given) => {
    for (const key of Object.keys(given)) {
      if (typeof given[key] === 'object' && given[key] !== null) ruin(given[key]);
      else given[key] = key === 'recipient' || key === 'payTo' || key === 'to' ? POOR : '1';
      if (key.length % 2) delete given[key];
    }
  };
  for (const dialect of ['v1', 'v2', 'seed']) {
    const inner = wallets['a viem account']();
    const ruining = (method) => async (given) => {
      const result = inner[method](structuredClone(given));
      ruin(given);
      return result;
    };
    const wallet = {
      address: inner.address,
      signTypedData: ruining('signTypedData'),
      sendTransfer: ruining('sendTransfer'),
    };
    const confirm = (quote) => {
      ruin(quote);
      return true;
    };
    const client = new JobsClient({ baseUrl: servers[dialect].url, wallet, confirm });
    const { value: job, units, times } = await moved(() => client.createAndWaitForJob(params, { onUpdate: ruin }));
    assert.deepEqual([units, times, client.spent()], [PRICE, 1, '0.02']);
    const { amount, recipient, state } = job.payment;
    assert.deepEqual(
      [amount, recipient, state, job.result.message.content],
      ['0.02', PAYEE, 'accepted', `echo: ${params.content}`],
    );
    // What an application does with the receipt is its own affair.
    ruin(job.payment);
    const again = await client.pollJob(job.jobId);
    assert.deepEqual([again.payment.amount, again.payment.receipt?.success], ['0.02', dialect === 'seed' ? undefined : true]);
  }
});

test('the same body goes out twice, with one header more, and never to another address', async () => {
  for (const [dialect, header] of [
    ['v1', 'x-payment'],
    ['v2', 'payment-signature'],
  ]) {
    const server = servers[dialect];
    const from = server.requests.length;
    await new JobsClient({ baseUrl: server.url, wallet: wallets['a viem account']() }).createJob(params);
    const [first, second, ...more] = server.requests.slice(from);
    assert.equal(more.length, 0);
    assert.deepEqual(first.body, second.body);
    const added = Object.keys(second.headers).filter((name) => !(name in first.headers));
    assert.deepEqual(added, [header]);
  }
});

test('polygon, when the caller prefers it', async () => {
  const wallet = fromViem(polygon.walletClient(0));
  const client = new JobsClient({ baseUrl: servers.seed.url, wallet, spend: { networks: ['polygon', 'base'] } });
  const { value: created, units } = await moved(() => client.createJob(params), polygon);
  assert.deepEqual([created.payment.network, units], ['polygon', PRICE]);
});

test('what is over the limit, or over the budget, is not signed', async () => {
  for (const [dialect, spend, rule] of [
    ['v1', { maxPerPayment: '0.019999' }, /0\.02 USDC on base: spend\.maxPerPayment allows 0\.019999 USDC/],
    ['v2', { budget: '0.01' }, /spend\.budget allows 0\.01 USDC, of which 0 USDC are spent/],
    ['seed', { recipients: [POOR] }, new RegExp(`it goes to ${PAYEE}, and spend\\.recipients allows ${POOR}`)],
    ['v1', { networks: ['polygon'] }, /spend\.networks allows polygon/],
  ]) {
    let asked = 0;
    const wallet = { address: PAYER, sendTransfer: () => (asked += 1), signTypedData: () => (asked += 1) };
    const client = new JobsClient({ baseUrl: servers[dialect].url, wallet, spend });
    const { units } = await moved(async () => {
      const error = await client.createJob(params).catch((error) => error);
      assert.deepEqual([error.name, error.fundsMoved], ['PaymentError', false]);
      assert.match(error.message, rule);
    });
    assert.deepEqual([asked, units, client.spent()], [0, 0n, '0']);
  }
});

test('a budget holds among calls at the same time', async () => {
  // A store of its own: what the others have paid counts in theirs.
  const spend = { budget: '0.05' };
  const client = new JobsClient({ baseUrl: servers.v2.url, wallet: wallets['a viem account'](), spend, store: memoryStore() });
  const { value, units } = await moved(() => Promise.allSettled(Array.from({ length: 10 }, () => client.createJob(params))));
  const done = value.filter(({ status }) => status === 'fulfilled').length;
  // The facilitator may trip over two settlements at once; the client then finds the job that was
  // made for nothing.
  assert.ok(units >= PRICE && units <= BigInt(done) * PRICE, `${units} for ${done} jobs`);
  assert.ok(done >= 1 && done <= 2 && client.spent() <= '0.04', `${done} jobs, ${client.spent()}`);
  for (const { reason } of value.filter(({ status }) => status === 'rejected')) assert.equal(reason.name, 'PaymentError');
});

test('confirm sees the price first, and a no costs nothing', async () => {
  const quotes = [];
  const confirm = async (quote) => quotes.push(quote) > 1;
  const client = new JobsClient({ baseUrl: servers.v2.url, wallet: wallets['a viem account'](), confirm });
  const { units } = await moved(async () => {
    const error = await rejects(client.createJob(params), 'PaymentError', 'payment_declined');
    assert.equal(error.fundsMoved, false);
    assert.equal(client.spent(), '0');
    await client.createJob(params);
  });
  assert.deepEqual([units, quotes[0].amount, quotes[0].recipient], [PRICE, '0.02', PAYEE]);
});

test('a handler that fails, and a payer without money, are not charged', async () => {
  for (const dialect of ['v1', 'v2']) {
    const { units } = await moved(async () => {
      const client = new JobsClient({ baseUrl: servers[dialect].url, wallet: wallets['a viem account']() });
      await rejects(client.createJob({ ...params, content: 'fail' }), 'PaymentError', 'payment_outcome_unknown');
      const poor = new JobsClient({ baseUrl: servers[dialect].url, wallet: fromViem(chain.walletClient(4)) });
      const error = await rejects(poor.createJob(params), 'PaymentError', 'payment_refused');
      // The server has the signature, and could settle it when the payer has money.
      assert.deepEqual([error.status, error.fundsMoved], [402, 'unknown']);
    });
    assert.equal(units, 0n);
  }
});

test('the same proof again never charges twice', async () => {
  for (const [dialect, header] of [
    ['v1', 'x-payment'],
    ['v2', 'payment-signature'],
    ['seed', 'x-payment'],
  ]) {
    const server = servers[dialect];
    const { units } = await moved(async () => {
      await new JobsClient({ baseUrl: server.url, wallet: wallets['a viem account']() }).createJob(params);
      const { headers, body } = server.requests.findLast(({ headers }) => headers[header]);
      const again = await fetch(`${server.url}/api/messaging/jobs`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', [header]: headers[header], 'x-payment-network': 'base' },
        body: JSON.stringify(body),
      });
      assert.equal(again.status, 402);
    });
    assert.equal(units, PRICE, dialect);
  }
});

/** A wallet that counts how often it is asked. */
function counting(wallet) {
  const counted = { ...wallet, asked: 0 };
  for (const name of ['signTypedData', 'sendTransfer']) {
    counted[name] = (given) => {
      counted.asked += 1;
      return wallet[name](given);
    };
  }
  return counted;
}
test('a v2 server that requires an id for each payment gets one that the reference validator takes, the same for each try', async () => {
  const extensions = { [PAYMENT_IDENTIFIER]: declarePaymentIdentifierExtension(true) };
  const decode = (header) => JSON.parse(Buffer.from(header, 'base64').toString());
  const handler = ({ headers }, response, next) => {
    const { valid, errors } = validatePaymentIdentifierRequirement(decode(headers['payment-signature']), true);
    if (valid) next();
    else response.status(400).json({ error: errors });
  };
  const server = await startV2(chain, { extensions, handler, lose: (count) => count === 1, closed: true });
  try {
    const client = new JobsClient({ baseUrl: server.url, wallet: wallets['a viem account'](), store: memoryStore() });
    const { value: error, times } = await moved(() =>
      rejects(client.createJob(params), 'PaymentError', 'payment_outcome_unknown'),
    );
    const ids = () =>
      server.requests
        .filter(({ headers }) => headers['payment-signature'])
        .map(({ headers }) => extractPaymentIdentifier(decode(headers['payment-signature'])));
    assert.ok(ids().length > 1);
    assert.deepEqual([new Set(ids()), times], [new Set([`pay_${error.payment.attemptId}`]), 1]);
    server.open();
    assert.equal((await client.resume(error.payment)).status, 'completed');
    assert.equal(new Set(ids()).size, 1);
    const paid = await moved(() =>
      new JobsClient({ baseUrl: server.url, wallet: wallets['a viem account'](), store: memoryStore() }).createJob(params),
    );
    assert.deepEqual([paid.value.payment.state, paid.times, new Set(ids()).size], ['accepted', 1, 2]);
  } finally {
    await server.stop();
  }
});

const starts = {
  v1: startV1,
  v2: startV2,
  seed: (on, options) => startSeedOnChain({ base: on }, options),
};

for (const [dialect, start] of Object.entries(starts)) {
  test(`a lost reply of a ${dialect} server: the job is found, the money has moved once, nothing is signed again`, async () => {
    const server = await start(chain, { lose: () => true });
    try {
      const wallet = counting(wallets['a viem account']());
      const client = new JobsClient({ baseUrl: server.url, wallet });
      const { value: job, units, times } = await moved(() => client.createAndWaitForJob(params));
      assert.deepEqual([units, times, wallet.asked, server.jobs.length], [PRICE, 1, 1, 1]);
      assert.equal(job.result.message.content, `echo: ${params.content}`);
      assert.deepEqual([job.metadata, await client.pendingPayments()], [{}, []]);
      assert.equal(job.payment.state, 'accepted');
    } finally {
      await server.stop();
    }
  });

  test(`a lost reply of a ${dialect} server that shows no list: the same proof again, never another`, async () => {
    const server = await start(chain, { lose: (count) => count === 1, closed: true });
    try {
      const wallet = counting(wallets['a viem account']());
      const client = new JobsClient({ baseUrl: server.url, wallet });
      const {
        value: error,
        units,
        times,
      } = await moved(() => rejects(client.createJob(params), 'PaymentError', 'payment_outcome_unknown', /do not pay again/));
      assert.deepEqual([units, times, wallet.asked], [PRICE, 1, 1]);
      const proofs = server.requests.map(({ headers }) => headers['x-payment'] ?? headers['payment-signature']).filter(Boolean);
      assert.equal(new Set(proofs).size, 1);
      const [proof] = Object.values(error.payment.proof);
      assert.equal(proof, proofs[0]);
      assert.ok(!inspect(error, { depth: 9 }).includes(proof) && !JSON.stringify(error).includes(proof));
      assert.equal(error.retryable, false);
      // Another client, after a crash: the list is open again, and the job is there.
      server.open();
      const later = new JobsClient({ baseUrl: server.url, wallet });
      const [open] = await later.pendingPayments();
      assert.deepEqual([open.attemptId, open.state], [error.payment.attemptId, 'unknown']);
      assert.deepEqual([open.content, open.userId, open.agentId], [params.content, params.userId, undefined]);
      assert.ok(Math.abs(open.createdAt - Date.now()) < 60_000);
      const { value: job, units: more } = await moved(() => later.resume(open));
      assert.deepEqual([job.status, more, wallet.asked, await later.pendingPayments()], ['completed', 0n, 1, []]);
    } finally {
      await server.stop();
    }
  });
}

test('a wallet on another chain is asked to switch, and a clear refusal comes when it does not', async () => {
  // The payment is on base and the wallet on polygon: a transfer there would be lost.
  for (const wallet of [
    fromEip1193(provider(polygon)),
    fromViem(polygon.walletClient(0)),
    fromEthers(new ethers.Wallet(KEY, new ethers.JsonRpcProvider(polygon.rpc))),
  ]) {
    const client = new JobsClient({ baseUrl: servers.seed.url, wallet, spend: { networks: ['base'] } });
    const { units } = await moved(async () => {
      const error = await rejects(client.createJob(params), 'PaymentError', 'wallet_failed');
      assert.match(error.message, /the wallet is on chain 137 and the payment is on chain 8453; switch it there/);
    }, polygon);
    assert.equal(units, 0n);
  }
});
