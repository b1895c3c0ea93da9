// The ready-made wallets against objects that behave as wallets do at their worst; x402.test.mjs has the real libraries.
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { fromEip1193, fromEthers, fromViem } from '../../pkg-template/wallets.js';

const ME = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266';
const OTHER = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';
const HASH = `0x${'ab'.repeat(32)}`;
const quote = {
  chainId: 8453,
  network: 'base',
  asset: '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913',
  recipient: '0x209693Bc6afc0C5328bA36FaF03C514EF312287C',
  amount: '0.02',
  amountAtomic: '20000',
};
const DATA =
  '0xa9059cbb000000000000000000000000209693bc6afc0c5328ba36faf03c514ef312287c0000000000000000000000000000000000000000000000000000000000004e20';
const typedData = {
  types: { EIP712Domain: [{ name: 'name', type: 'string' }], TransferWithAuthorization: [{ name: 'from', type: 'address' }] },
  primaryType: 'TransferWithAuthorization',
  domain: { name: 'USD Coin', version: '2', chainId: 8453, verifyingContract: quote.asset },
  message: { from: ME },
};

/** A provider on a chain, and what it was asked. `methods` replace its answers. */
function wallet(methods = {}) {
  const asked = [];
  let chainId = '0x2105';
  const answers = {
    eth_accounts: () => [ME],
    eth_chainId: () => chainId,
    wallet_switchEthereumChain: ([to]) => ((chainId = to.chainId), null),
    eth_sendTransaction: () => HASH,
    eth_signTypedData_v4: () => '0xsigned',
    eth_getTransactionReceipt: () => ({ status: '0x1' }),
    ...methods,
  };
  return {
    asked,
    on: (id) => (chainId = `0x${id.toString(16)}`),
    names: () => asked.map(({ method }) => method),
    async request({ method, params }) {
      asked.push({ method, params });
      if (!answers[method]) throw Object.assign(new Error(`${method} is not known`), { code: -32601 });
      return answers[method](params);
    },
  };
}
/** Has it sign or send. */
const act = (made, call) => made[call](call === 'sendTransfer' ? quote : typedData);
/** The same for viem and ethers. */
const viem = (provider, more) => ({
  account: { address: ME, type: 'json-rpc' },
  getChainId: async () => Number(await provider.request({ method: 'eth_chainId' })),
  switchChain: ({ id }) =>
    provider.request({ method: 'wallet_switchEthereumChain', params: [{ chainId: `0x${id.toString(16)}` }] }),
  signTypedData: (data) => provider.request({ method: 'eth_signTypedData_v4', params: data }),
  sendTransaction: (transaction) => provider.request({ method: 'eth_sendTransaction', params: [transaction] }),
  request: (call) => provider.request(call),
  ...more,
});
const ethers = (provider, more) => ({
  getAddress: async () => ME,
  signTypedData: (domain, types, message) =>
    provider.request({ method: 'eth_signTypedData_v4', params: { domain, types, message } }),
  sendTransaction: async (transaction) => ({
    hash: await provider.request({ method: 'eth_sendTransaction', params: [transaction] }),
  }),
  provider: {
    send: (method, params) => provider.request({ method, params }),
    getTransactionReceipt: (hash) => provider.request({ method: 'eth_getTransactionReceipt', params: [hash] }),
  },
  ...more,
});
const every = [
  ['fromEip1193', (provider) => fromEip1193(provider)],
  ['fromViem', (provider) => fromViem(viem(provider))],
  ['fromEthers', (provider) => fromEthers(ethers(provider))],
];

for (const [name, make] of every) {
  test(`${name}: a transfer is the token's own call, on the right chain, and its hash comes when it is mined`, async () => {
    let looks = 0;
    const provider = wallet({ eth_getTransactionReceipt: () => ((looks += 1) < 3 ? null : { status: '0x1' }) });
    assert.equal(await make(provider).sendTransfer(quote), HASH);
    const { params } = provider.asked.find(({ method }) => method === 'eth_sendTransaction');
    assert.deepEqual([params[0].to, params[0].data, Number(params[0].value)], [quote.asset, DATA, 0]);
    assert.equal(looks, 3);
    assert.ok(!provider.names().includes('wallet_switchEthereumChain'), 'it is there already');
  });

  test(`${name}: a wallet on another chain is switched before it signs or sends`, async () => {
    for (const call of ['signTypedData', 'sendTransfer']) {
      const provider = wallet();
      provider.on(1);
      await act(make(provider), call);
      const names = provider.names();
      const acts = names.findIndex((name) => /send|sign/i.test(name));
      assert.ok(names.indexOf('wallet_switchEthereumChain') < acts && names.includes('wallet_switchEthereumChain'), names.join());
    }
  });

  test(`${name}: a wallet that cannot or will not switch neither signs nor sends`, async () => {
    for (const no of [
      Object.assign(new Error('Unrecognized chain ID'), { code: 4902 }),
      Object.assign(new Error('no such method'), { code: -32601 }),
      Object.assign(new Error('User rejected'), { code: 4001 }),
      'a string',
      null,
    ]) {
      for (const call of ['signTypedData', 'sendTransfer']) {
        const provider = wallet({
          wallet_switchEthereumChain() {
            if (no !== null) throw no;
          },
        });
        provider.on(1);
        const error = await act(make(provider), call).catch((error) => error);
        assert.match(error.message, /^the wallet is on chain 1 and the payment is on chain 8453; switch it there and try again$/);
        assert.equal(error.cause, no ?? undefined, 'the client finds a rejection in the cause');
        assert.ok(!provider.names().some((name) => /sendTransaction|signTypedData/.test(name)));
      }
    }
  });

  test(`${name}: what the wallet throws comes through as it is`, async () => {
    for (const no of [Object.assign(new Error('User rejected'), { code: 4001 }), 'rejectedByUser', undefined]) {
      const refuse = () => {
        throw no;
      };
      const provider = wallet({ eth_sendTransaction: refuse, eth_signTypedData_v4: refuse });
      for (const call of ['signTypedData', 'sendTransfer']) {
        const thrown = await act(make(provider), call).then(assert.fail, (error) => error);
        assert.equal(thrown, no);
      }
    }
  });

  test(`${name}: a reverted transfer is an error that has the hash`, async () => {
    for (const status of ['0x0', 0, 0n, 'reverted']) {
      const provider = wallet({ eth_getTransactionReceipt: () => ({ status }) });
      const error = await make(provider)
        .sendTransfer(quote)
        .then(assert.fail, (error) => error);
      assert.match(error.message, /reverted/);
      assert.ok(error.transactionHash === HASH && !error.message.includes(HASH));
    }
  });

  test(`${name}: a transfer that is never seen as mined still gives its hash, after three minutes`, async () => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'] });
    try {
      const provider = wallet({
        eth_getTransactionReceipt() {
          throw new Error('the node is down');
        },
      });
      let hash;
      const waits = make(provider).sendTransfer(quote);
      void waits.then((value) => (hash = value));
      for (let waited = 0; waited < 185_000 && !hash; waited += 1_000) {
        for (let turn = 0; turn < 12; turn += 1) await Promise.resolve();
        mock.timers.tick(1_000);
      }
      assert.equal(await waits, HASH);
      assert.ok(provider.names().filter((name) => name === 'eth_getTransactionReceipt').length < 130);
    } finally {
      mock.timers.reset();
    }
  });
}

test('an account is asked for only when none is connected, and the wanted one must be there', async () => {
  const connected = wallet();
  assert.equal(await fromEip1193(connected).address(), ME);
  assert.deepEqual(connected.names(), ['eth_accounts']);
  const locked = wallet({ eth_accounts: () => [], eth_requestAccounts: () => [OTHER, ME] });
  assert.equal(await fromEip1193(locked).address(), OTHER);
  assert.equal(await fromEip1193(locked, { address: ME.toLowerCase() }).address(), ME);
  await assert.rejects(fromEip1193(connected, { address: OTHER }).address(), /does not offer the account 0x7099/);
  await assert.rejects(fromEip1193(wallet({ eth_accounts: () => [], eth_requestAccounts: () => [] })).address(), /no account/);
  await assert.rejects(fromViem(viem(wallet(), { account: undefined, getAddresses: async () => [] })).address(), /no account/);
  assert.equal(await fromViem(viem(wallet(), { account: undefined, getAddresses: async () => [ME] })).address(), ME);
});

test('EIP712Domain is there where the wallet wants it, and not where the library throws on it', async () => {
  const params = async (make) => {
    const provider = wallet();
    assert.equal(await make(provider).signTypedData(typedData), '0xsigned');
    return provider.asked.find(({ method }) => method === 'eth_signTypedData_v4').params;
  };
  const [address, json] = await params(every[0][1]);
  assert.deepEqual([address, JSON.parse(json)], [ME, typedData]);
  assert.deepEqual((await params(every[1][1])).types, typedData.types);
  assert.deepEqual(Object.keys((await params(every[2][1])).types), ['TransferWithAuthorization']);
  assert.ok(typedData.types.EIP712Domain, 'what was given is left as it was');
});

test('a key of the program’s own signs for any chain, without a connection', async () => {
  const offline = wallet({ eth_chainId: undefined });
  await fromViem(viem(offline, { account: { address: ME, type: 'local' } })).signTypedData(typedData);
  const signer = fromEthers(ethers(offline, { provider: null }));
  await signer.signTypedData(typedData);
  assert.deepEqual(offline.names(), ['eth_signTypedData_v4', 'eth_signTypedData_v4']);
  await assert.rejects(async () => signer.sendTransfer(quote), /the signer has no provider; connect it to one/);
});

test('what is no wallet is refused with the rule and the way out', () => {
  for (const [make, what] of [
    [fromEip1193, /^fromEip1193 needs an EIP-1193 provider, such as window\.ethereum \(an object with request\); given: /],
    [fromViem, /^fromViem needs a viem wallet client/],
    [fromEthers, /^fromEthers needs an ethers signer/],
  ]) {
    for (const given of [undefined, null, 5, '0xkey', {}, { request: 1 }]) {
      assert.throws(() => make(given), { name: 'TypeError', message: what });
    }
  }
});
