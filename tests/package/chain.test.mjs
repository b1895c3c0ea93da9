// The chain has the last word: servers that settle behind the client's back, or never, and chains
// that cannot be reached.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ACCOUNTS, startChain } from '../servers/chain.mjs';
import { ethers, viem } from '../servers/wallet-libraries.mjs';
import { installed, params, rejection, rejects } from './setting.mjs';

const { folder, JobsClient, memoryStore } = await installed('chain');
const { fromEip1193, fromEthers, fromViem } = await import(`file://${folder}/node_modules/eliza-jobs/wallets.js`);
const [PAYER, , PAYEE] = ACCOUNTS.map(({ address }) => address);
let chain;
before(async () => (chain = await startChain('base')));
after(() => chain?.stop());

function provider() {
  return {
    async request({ method, params }) {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
      const response = await fetch(chain.rpc, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      const { result, error } = await response.json();
      if (error) throw Object.assign(new Error(error.message), { code: error.code });
      return result;
    },
  };
}
const wallets = {
  'an EIP-1193 provider': () => fromEip1193(provider()),
  'a viem client': () => fromViem(chain.walletClient(0)),
  'a viem client as it is': () => chain.walletClient(0),
  'an ethers signer': () => fromEthers(new ethers.Wallet(ACCOUNTS[0].key, new ethers.JsonRpcProvider(chain.rpc))),
};

const required = () => ({
  x402Version: 1,
  accepts: [
    {
      scheme: 'exact',
      network: 'base',
      maxAmountRequired: '20000',
      payTo: PAYEE,
      maxTimeoutSeconds: 12,
      asset: chain.usdc,
      extra: { name: 'USD Coin', version: '2' },
    },
  ],
});
/**
 * A server that takes the signature and says no. What it does behind the client's back comes from
 * `settle`.
 */
function refusing(settle = () => {}) {
  const sent = [];
  const fetch = async (url, { method, headers }) => {
    if (method === 'GET') return Response.json({ jobs: [], total: 0, filtered: 0 });
    const proof = headers.get('x-payment');
    if (!proof) return Response.json(required(), { status: 402 });
    sent.push(proof);
    await settle(JSON.parse(atob(proof)).payload);
    return Response.json({ error: 'no' }, { status: 402 });
  };
  return { fetch, sent };
}
/** Moves the money as a facilitator does. */
async function settled({ authorization: { from, to, value, validAfter, validBefore, nonce }, signature }) {
  const abi = viem.parseAbi(['function transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)']);
  const wallet = chain.walletClient(1);
  const args = [from, to, BigInt(value), BigInt(validAfter), BigInt(validBefore), nonce, signature];
  const hash = await wallet.writeContract({ address: chain.usdc, abi, functionName: 'transferWithAuthorization', args });
  assert.equal((await wallet.waitForTransactionReceipt({ hash })).status, 'success');
}
const clientOf = (server, wallet, store, more = {}) =>
  new JobsClient({
    baseUrl: 'https://h',
    fetch: server.fetch,
    wallet,
    store,
    spend: { budget: '0.02' },
    logger: { warn() {} },
    ...more,
  });
const spentOf = async (store) =>
  (await new JobsClient({ baseUrl: 'https://h', store, spend: { budget: '0.02' } }).spending()).total;

for (const [name, make] of Object.entries(wallets)) {
  test(`a server that says no and settles: the chain says that the money has moved (${name})`, async () => {
    const store = memoryStore();
    const server = refusing(settled);
    const wallet = make();
    const error = await rejects(clientOf(server, wallet, store).createJob(params), 'PaymentError', 'payment_refused');
    const before = await chain.transfers();
    const again = await rejection(clientOf(server, wallet, store).resume(error.payment));
    assert.deepEqual([again.code, again.payment.onChain, again.payment.state], ['payment_outcome_unknown', true, 'unknown']);
    assert.match(again.message, /has moved, as the chain says/);
    assert.deepEqual(await chain.transfers(), before, 'nothing is paid again');
    assert.equal(new Set(server.sent).size, 1);
    assert.equal((await spentOf(store)).remaining, '0');
    const [row] = await clientOf(server, wallet, store).payments();
    assert.equal(row.onChain, true);
  });

  test(
    `a server that never settles: when the chain says that the time is over, the budget has it back (${name})`,
    { timeout: 60_000 },
    async () => {
      const store = memoryStore();
      const server = refusing();
      const wallet = make();
      const client = clientOf(server, wallet, store);
      const error = await rejects(client.createJob(params), 'PaymentError', 'payment_refused');
      const early = await rejection(clientOf(server, wallet, store).resume(error.payment));
      assert.ok(['payment_refused', 'payment_outcome_unknown'].includes(early.code), `${early.code}: its time is not over`);
      assert.equal((await spentOf(store)).remaining, '0');
      const over = Math.floor(Date.now() / 1_000) + 14;
      while (Date.now() / 1_000 < over) {
        await new Promise((next) => setTimeout(next, 200));
        await chain.publicClient.request({ method: 'evm_mine', params: [] });
      }
      const sent = server.sent.length;
      const late = await rejects(
        client.resume(error.payment),
        'PaymentError',
        'payment_not_open',
        /has not moved and never will/,
      );
      assert.equal(late.payment.state === 'accepted', false);
      assert.equal(server.sent.length, sent, 'nothing is sent any more');
      assert.deepEqual(await client.pendingPayments(), []);
      while ((await spentOf(store)).remaining !== '0.02') await new Promise((next) => setImmediate(next));
      assert.equal(client.spent(), '0');
    },
  );
}

test('a chain that cannot be reached, or a wallet that lies about nothing, says nothing: the payment stays open and counted', async () => {
  for (const call of [() => Promise.reject(new Error('down')), () => '0x', () => null, () => `0x${'0'.repeat(64 * 12)}`]) {
    const store = memoryStore();
    const server = refusing();
    const wallet = { ...fromViem(chain.walletClient(0)), call };
    const error = await rejection(clientOf(server, wallet, store).createJob(params));
    const again = await rejection(clientOf(server, wallet, store).resume(error.payment));
    assert.ok(['payment_refused', 'payment_outcome_unknown'].includes(again.code), again.code);
    assert.equal((await clientOf(server, wallet, store).pendingPayments()).length, 1);
    assert.equal((await spentOf(store)).remaining, '0');
  }
});

test('a transfer whose receipt says that it was reverted never moved; one that is mined goes on with its hash', async () => {
  const hash = `0x${'ab'.repeat(32)}`;
  for (const [status, code, remaining] of [
    ['reverted', 'payment_not_open', '0.02'],
    ['0x0', 'payment_not_open', '0.02'],
    ['success', 'payment_outcome_unknown', '0'],
    [undefined, 'payment_outcome_unknown', '0'],
  ]) {
    const store = memoryStore();
    const asked = [];
    const offer = { network: 'base', recipient: PAYEE, amount: '0.02' };
    const fetch = async (_url, { method }) =>
      method === 'GET'
        ? Response.json({ jobs: [], total: 0, filtered: 0 })
        : Response.json({ payment: [offer] }, { status: 402 });
    const receipt = (...given) => (asked.push(given), status && { status });
    const wallet = { sendTransfer: () => hash, receipt };
    const error = await rejects(clientOf({ fetch }, wallet, store).createJob(params), 'PaymentError', 'payment_refused');
    const again = await rejection(clientOf({ fetch }, wallet, store).resume(error.payment));
    assert.equal(again.code, code, String(status));
    assert.equal(again.fundsMoved, code === 'payment_not_open' ? false : status ? true : 'unknown');
    assert.deepEqual(asked, [[hash, 8453]]);
    while ((await spentOf(store)).remaining !== remaining) await new Promise((next) => setImmediate(next));
  }
});

test('a wrong hash that is given to resume closes nothing: the payment keeps the hash that it had, and the budget what it counted', async () => {
  const [moved, other] = ['a', 'b'].map((digit) => `0x${digit.repeat(64)}`);
  const log = (recipient) => ({
    address: '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913',
    topics: [
      '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef',
      `0x${'0'.repeat(64)}`,
      `0x${recipient.slice(2).padStart(64, '0')}`,
    ],
    data: `0x${(20_000).toString(16).padStart(64, '0')}`,
  });
  for (const receipt of [{ status: 'reverted' }, { status: 'success', logs: [log(PAYER)] }]) {
    const store = memoryStore();
    const offer = { network: 'base', recipient: PAYEE, amount: '0.02' };
    const sent = [];
    const fetch = async (_url, { method, headers }) => {
      if (method === 'GET') return Response.json({ jobs: [], total: 0, filtered: 0 });
      sent.push(headers.get('x-payment'));
      return Response.json({ payment: [offer] }, { status: 402 });
    };
    const receipts = { [moved]: { status: 'success', logs: [log(PAYEE)] }, [other]: receipt };
    const wallet = { sendTransfer: () => moved, receipt: (hash) => receipts[hash] };
    const client = clientOf({ fetch }, wallet, store);
    const { payment } = await rejects(client.createJob(params), 'PaymentError', 'payment_refused');
    sent.length = 0;
    const wrong = await rejection(client.resume({ ...payment, transaction: other }));
    assert.deepEqual([wrong.code, wrong.fundsMoved, sent], ['payment_outcome_unknown', 'unknown', []], wrong.message);
    assert.match(wrong.message, /the transaction that was given to resume has not moved the money/);
    assert.deepEqual(
      (await client.pendingPayments()).map(({ transaction }) => transaction),
      [moved],
    );
    assert.equal((await spentOf(store)).remaining, '0');
    const right = await rejection(client.resume(wrong.payment));
    assert.deepEqual([right.code, right.fundsMoved], ['payment_outcome_unknown', true], right.message);
  }
});

test('the wallets ask the chain that they are on, and no other', async () => {
  for (const [name, make] of Object.entries(wallets)) {
    // The client makes an adapter of it.
    if (name.endsWith('as it is')) continue;
    const wallet = make();
    await assert.rejects(async () => wallet.call({ chainId: 137, to: PAYER, data: '0x' }), /not on chain 137/);
    await assert.rejects(async () => wallet.receipt(`0x${'00'.repeat(32)}`, 137), /not on chain 137/);
    assert.equal(await wallet.receipt(`0x${'00'.repeat(32)}`, 8453), null);
    assert.equal(await wallet.call({ chainId: 8453, to: PAYER, data: '0x' }), '0x');
  }
});
