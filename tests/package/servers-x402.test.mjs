// The servers that the payment tests rest on, with no code of this package: what they ask for, what
// they take, and what moves.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { ACCOUNTS, startChain } from '../servers/chain.mjs';
import { startSeedOnChain } from '../servers/seed-on-chain.mjs';
import { viem } from '../servers/wallet-libraries.mjs';
import { startV1 } from '../servers/x402-v1.mjs';
import { startV2 } from '../servers/x402-v2.mjs';

const PATH = '/api/messaging/jobs';
const PRICE = 20_000n;
const [PAYER, , PAYEE, , POOR] = ACCOUNTS.map(({ address }) => address);
const JOB = { userId: '22222222-2222-4222-8222-222222222222', content: 'hello' };
const DOMAINS = { base: 'USD Coin', polygon: 'USD Coin', 'base-sepolia': 'USDC', 'polygon-amoy': 'USDC' };
const starts = { v1: startV1, v2: startV2 };

const chains = {};
const servers = {};
before(async () => {
  await Promise.all(Object.keys(DOMAINS).map(async (network) => (chains[network] = await startChain(network))));
  servers.v1 = await startV1(chains.base);
  servers.v2 = await startV2(chains.base);
  servers.seed = await startSeedOnChain({ base: chains.base, polygon: chains.polygon });
});
after(async () => {
  await Promise.all(Object.values(servers).map((server) => server.stop()));
  await Promise.all(Object.values(chains).map((chain) => chain.stop()));
});

async function post(server, headers = {}, job = JOB) {
  const response = await fetch(server.url + PATH, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(job),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64');
const decode = (text) => JSON.parse(Buffer.from(text, 'base64').toString());

/** How the two versions say the same. */
const dialects = {
  v1: {
    header: 'x-payment',
    receipt: 'x-payment-response',
    demanded: ({ body }) => body,
    price: ({ maxAmountRequired }) => maxAmountRequired,
    network: (chain) => chain.network,
    wrap: ({ accepts: [{ scheme, network }] }, payload) => ({ x402Version: 1, scheme, network, payload }),
  },
  v2: {
    header: 'payment-signature',
    receipt: 'payment-response',
    demanded: ({ headers }) => decode(headers.get('payment-required')),
    price: ({ amount }) => amount,
    network: (chain) => `eip155:${chain.chainId}`,
    wrap: ({ accepts: [accepted], resource }, payload) => ({ x402Version: 2, payload, resource, accepted }),
  },
};

const TransferWithAuthorization = Object.entries({
  from: 'address',
  to: 'address',
  value: 'uint256',
  validAfter: 'uint256',
  validBefore: 'uint256',
  nonce: 'bytes32',
}).map(([name, type]) => ({ name, type }));

/** The headers of a payment for what a server demands, signed by one of the accounts. */
async function pay(dialect, server, chain = chains.base, account = ACCOUNTS[0]) {
  const { header, demanded, price, wrap } = dialects[dialect];
  const demand = demanded(await post(server));
  const [offer] = demand.accepts;
  const authorization = {
    from: account.address,
    to: offer.payTo,
    value: price(offer),
    validAfter: '0',
    validBefore: String(Math.floor(Date.now() / 1000) + offer.maxTimeoutSeconds),
    nonce: `0x${randomBytes(32).toString('hex')}`,
  };
  const signature = await account.signTypedData({
    domain: { ...offer.extra, chainId: chain.chainId, verifyingContract: offer.asset },
    types: { TransferWithAuthorization },
    primaryType: 'TransferWithAuthorization',
    message: authorization,
  });
  return { [header]: encode(wrap(demand, { signature, authorization })) };
}

/** What moved on a chain during some work, in both ways of looking at it. */
async function moved(work, chain = chains.base) {
  const [balance, { length }] = [await chain.balanceOf(PAYEE), await chain.transfers()];
  const value = await work();
  const transfers = (await chain.transfers()).slice(length);
  const paid = transfers.filter(({ to }) => to === PAYEE).reduce((sum, { value }) => sum + value, 0n);
  assert.equal((await chain.balanceOf(PAYEE)) - balance, paid, 'balances and events say the same');
  return { value, transfers };
}
const ONCE = [{ from: PAYER, to: PAYEE, value: PRICE }];

test('a chain is what it says: the id, the token and its domain, the money', async () => {
  for (const [network, name] of Object.entries(DOMAINS)) {
    const chain = chains[network];
    const abi = viem.parseAbi(['function name() view returns (string)', 'function version() view returns (string)']);
    const read = (functionName) => chain.publicClient.readContract({ address: chain.usdc, abi, functionName });
    assert.deepEqual(
      [chain.network, await chain.publicClient.getChainId(), await read('name'), await read('version')],
      [network, chain.chainId, name, '2'],
    );
    assert.deepEqual([await chain.balanceOf(PAYER), await chain.balanceOf(POOR)], [1_000_000_000n, 0n]);
    assert.deepEqual(await chain.transfers(), [], 'the mint is none');
  }
  for (const { address, key } of ACCOUNTS) assert.match(`${address} ${key}`, /^0x[0-9a-fA-F]{40} 0x[0-9a-f]{64}$/);
});

test('a chain ends with the process that started it, however that ends', async () => {
  const program = `
    const { startChain } = await import(process.argv[1]);
    console.log((await startChain('base')).rpc);
    setInterval(() => {}, 1000);`;
  const child = spawn(
    process.execPath,
    ['--input-type=module', '-e', program, new URL('../servers/chain.mjs', import.meta.url).href],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const rpc = String((await once(child.stdout, 'data'))[0]).trim();
  const alive = () =>
    fetch(rpc, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}',
    }).then(
      () => true,
      () => false,
    );
  assert.ok(await alive());
  child.kill('SIGKILL');
  const until = Date.now() + 5000;
  while (await alive()) {
    assert.ok(Date.now() < until, 'it is still there');
    await new Promise((done) => setTimeout(done, 20));
  }
});

test('v1 asks in the body', async () => {
  const { status, body } = await post(servers.v1);
  assert.equal(status, 402);
  const [{ outputSchema, ...offer }] = body.accepts;
  assert.deepEqual([body.x402Version, body.accepts.length, typeof body.error, typeof outputSchema], [1, 1, 'string', 'object']);
  assert.deepEqual(offer, {
    scheme: 'exact',
    network: 'base',
    maxAmountRequired: '20000',
    resource: servers.v1.url + PATH,
    description: 'Créer un job',
    mimeType: 'application/json',
    payTo: PAYEE,
    maxTimeoutSeconds: 60,
    asset: chains.base.usdc,
    extra: { name: 'USD Coin', version: '2' },
  });
});

test('v2 asks in a header', async () => {
  const { status, headers, body } = await post(servers.v2);
  assert.deepEqual([status, body], [402, {}]);
  const { error, ...demand } = decode(headers.get('payment-required'));
  assert.equal(typeof error, 'string');
  assert.deepEqual(demand, {
    x402Version: 2,
    resource: { url: servers.v2.url + PATH, description: 'Créer un job', mimeType: 'application/json' },
    accepts: [
      {
        scheme: 'exact',
        network: 'eip155:8453',
        amount: '20000',
        asset: chains.base.usdc,
        payTo: PAYEE,
        maxTimeoutSeconds: 60,
        extra: { name: 'USD Coin', version: '2' },
      },
    ],
  });
});

for (const [dialect, { header, receipt, network }] of Object.entries(dialects)) {
  test(`${dialect}: a payment is taken, the price moves once, and there is a receipt and a job`, async () => {
    const server = servers[dialect];
    const [logged, asked] = [server.log.length, server.requests.length];
    const { value: paid, transfers } = await moved(async () => post(server, await pay(dialect, server)));
    assert.equal(paid.status, 201);
    assert.deepEqual(transfers, ONCE);
    const { success, payer, transaction, ...told } = decode(paid.headers.get(receipt));
    assert.deepEqual([success, payer, told.network], [true, PAYER, network(chains.base)]);
    assert.equal((await chains.base.publicClient.getTransactionReceipt({ hash: transaction })).status, 'success');
    assert.deepEqual(
      server.log.slice(logged).map(([what, { isValid, success }]) => [what, isValid ?? success]),
      [
        ['verify', true],
        ['settle', true],
      ],
    );
    const [unpaid, second, ...more] = server.requests.slice(asked);
    assert.deepEqual([second.method, second.url, second.body, more.length], ['POST', PATH, JOB, 0]);
    assert.deepEqual([header in unpaid.headers, header in second.headers], [false, true]);

    const { jobId, createdAt, expiresAt, status } = paid.body;
    assert.equal(status, 'processing');
    const job = await (await fetch(`${server.url}${PATH}/${jobId}`)).json();
    assert.deepEqual(job, server.jobs[0]);
    assert.deepEqual(
      [job.jobId, job.status, job.userId, job.prompt, job.createdAt, job.expiresAt],
      [jobId, 'completed', JOB.userId, JOB.content, createdAt, expiresAt],
    );
    assert.equal(job.result.message.content, 'echo: hello');
    const { jobs, total, filtered } = await (await fetch(server.url + PATH)).json();
    assert.deepEqual([jobs[0], total, filtered], [job, jobs.length, jobs.length]);
    assert.equal((await fetch(`${server.url}${PATH}/none`)).status, 404);
  });

  test(`${dialect}: the same header again never charges twice`, async () => {
    const server = servers[dialect];
    const headers = await pay(dialect, server);
    const { length } = server.jobs;
    const { value: statuses, transfers } = await moved(async () => [
      (await post(server, headers)).status,
      (await post(server, headers)).status,
      (await post(server, headers)).status,
    ]);
    assert.deepEqual(statuses, [201, 402, 402]);
    assert.deepEqual(transfers, ONCE);
    // Version 1 learns that the authorization is used only when it settles, and by then there is a
    // job.
    assert.equal(server.jobs.length - length, dialect === 'v1' ? 3 : 1);
  });

  test(`${dialect}: a handler that fails is not charged, and its payment is good for another try`, async () => {
    const server = servers[dialect];
    const headers = await pay(dialect, server);
    const logged = server.log.length;
    const { value: failed, transfers } = await moved(() => post(server, headers, { ...JOB, content: 'fail' }));
    assert.deepEqual([failed.status, failed.headers.get(receipt), transfers], [500, null, []]);
    assert.deepEqual(
      server.log.slice(logged).map(([what]) => what),
      ['verify'],
    );
    const { value: again, transfers: then } = await moved(() => post(server, headers));
    assert.deepEqual([again.status, then], [201, ONCE]);
  });

  test(`${dialect}: whoever has no money, or promises less than the price, gets nothing`, async () => {
    const server = servers[dialect];
    const { length } = server.jobs;
    const { transfers } = await moved(async () => {
      assert.equal((await post(server, await pay(dialect, server, chains.base, ACCOUNTS[4]))).status, 402);
      const [[name, value]] = Object.entries(await pay(dialect, server));
      const payment = decode(value);
      payment.payload.authorization.value = '1';
      assert.equal((await post(server, { [name]: encode(payment) })).status, 402);
    });
    assert.deepEqual([transfers, server.jobs.length], [[], length]);
  });

  test(`${dialect}: a lost reply: the job is made and the money has moved`, async () => {
    const server = await starts[dialect](chains.base, { lose: (count) => count === 1 });
    try {
      const headers = await pay(dialect, server);
      const { transfers } = await moved(() => assert.rejects(post(server, headers), TypeError));
      assert.deepEqual([transfers, server.jobs.length], [ONCE, 1]);
      const { value: again, transfers: none } = await moved(() => post(server, headers));
      assert.deepEqual([again.status, none], [402, []], 'only the first reply is lost');
    } finally {
      await server.stop();
    }
  });

  for (const name of ['polygon', 'base-sepolia', 'polygon-amoy']) {
    test(`${dialect}: on ${name}, at another price, with a handler of one's own`, async () => {
      const chain = chains[name];
      const { chainId, usdc: asset } = chain;
      // Not every network has a token that the library of version 2 knows by itself.
      const accepts = {
        scheme: 'exact',
        price: { amount: '30000', asset, extra: { name: DOMAINS[name], version: '2' } },
        network: `eip155:${chainId}`,
        payTo: PAYEE,
        maxTimeoutSeconds: 60,
      };
      const handler = (_request, response) => response.status(202).json({ mine: true });
      const server = await starts[dialect](chain, { price: '$0.03', handler, ...(dialect === 'v2' && { accepts }) });
      try {
        const { value: paid, transfers } = await moved(async () => post(server, await pay(dialect, server, chain)), chain);
        assert.deepEqual([paid.status, paid.body, server.jobs.length], [202, { mine: true }, 0]);
        assert.deepEqual(transfers, [{ from: PAYER, to: PAYEE, value: 30_000n }]);
        assert.equal(decode(paid.headers.get(receipt)).network, network(chain));
      } finally {
        await server.stop();
      }
    });
  }
}

test('v2: several offers, and extensions', async () => {
  const offer = (price) => ({ scheme: 'exact', price, network: 'eip155:8453', payTo: PAYEE, maxTimeoutSeconds: 60 });
  const extensions = { example: { info: { a: 1 }, schema: {} } };
  const server = await startV2(chains.base, { accepts: [offer('$0.05'), offer('$0.01')], extensions });
  try {
    const demand = decode((await post(server)).headers.get('payment-required'));
    assert.deepEqual(
      demand.accepts.map(({ amount }) => amount),
      ['50000', '10000'],
    );
    assert.deepEqual(demand.extensions, extensions);
  } finally {
    await server.stop();
  }
});

/** An ordinary transfer of the token; the hash, once it is mined. */
async function transfer(to, value, chain = chains.base) {
  const wallet = chain.walletClient(0);
  const abi = viem.parseAbi(['function transfer(address to, uint256 value) returns (bool)']);
  const hash = await wallet.writeContract({ address: chain.usdc, abi, functionName: 'transfer', args: [to, value] });
  await wallet.waitForTransactionReceipt({ hash });
  return hash;
}
const proof = (hash, network = 'base') => ({ 'x-payment': hash, 'x-payment-network': network });

test('seed asks for a transfer on either chain', async () => {
  const { status, body } = await post(servers.seed);
  assert.equal(status, 402);
  const offer = { recipient: PAYEE, amount: '0.02', currency: 'USDC' };
  assert.deepEqual(body.payment, [
    { network: 'base', ...offer, chainId: 8453 },
    { network: 'polygon', ...offer, chainId: 137 },
  ]);
});

for (const network of ['base', 'polygon']) {
  test(`seed: the hash of a transfer on ${network} pays once`, async () => {
    const hash = await transfer(PAYEE, PRICE, chains[network]);
    const { length } = servers.seed.jobs;
    const other = network === 'base' ? 'polygon' : 'base';
    assert.equal((await post(servers.seed, proof(hash, other))).status, 402, 'on the other chain there is no such transfer');
    assert.equal((await post(servers.seed, proof(hash, network))).status, 201);
    for (const again of [hash, `0x${hash.slice(2).toUpperCase()}`]) {
      const { status, body } = await post(servers.seed, proof(again, network));
      assert.deepEqual([status, body.error], [402, 'transaction already used']);
    }
    assert.equal(servers.seed.jobs.length, length + 1);
  });
}

test('seed: one hash sent many times at once pays once', async () => {
  const hash = await transfer(PAYEE, PRICE);
  const statuses = await Promise.all(Array.from({ length: 8 }, async () => (await post(servers.seed, proof(hash))).status));
  assert.deepEqual(statuses.sort(), [201, ...Array(7).fill(402)]);
});

test('seed: too little, to somebody else, or no transfer at all pays for nothing', async () => {
  for (const [hash, network] of [
    [await transfer(PAYEE, PRICE - 1n), 'base'],
    [await transfer(POOR, PRICE), 'base'],
    [`0x${'11'.repeat(32)}`, 'base'],
    ['0x12', 'base'],
    [await transfer(PAYEE, PRICE), 'ethereum'],
  ]) {
    assert.equal((await post(servers.seed, proof(hash, network))).status, 402);
  }
});

test('seed: a lost reply: the job is made and the hash is used', async () => {
  const server = await startSeedOnChain({ base: chains.base }, { amount: '0.01', lose: (count) => count === 1 });
  try {
    const headers = proof(await transfer(PAYEE, 10_000n));
    await assert.rejects(post(server, headers), TypeError);
    assert.deepEqual([(await post(server, headers)).status, server.jobs.length], [402, 1]);
  } finally {
    await server.stop();
  }
});
