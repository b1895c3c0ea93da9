// The ready-made wallets against objects that behave as wallets do at their worst, then the real
// libraries on real chains; x402.test.mjs has them pay whole jobs.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import { after, before, mock, test } from 'node:test';
import { inspect } from 'node:util';
import { build } from 'esbuild';
import { ACCOUNTS, startChain } from '../servers/chain.mjs';
import { ethers as Ethers, viem as Viem } from '../servers/wallet-libraries.mjs';
import { installPackage } from '../../scripts/install-package.mjs';

const package_ = installPackage('wallets');
const { fromEip1193, fromEthers, fromViem } = await import(`${package_.installed}/wallets.js`);

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
    const { chain, chainId } = params[0];
    assert.equal(Number(chain?.id ?? chainId), quote.chainId, 'it names its chain');
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
        assert.equal(error.noMoneyMoved, true);
        assert.ok(!provider.names().some((name) => /sendTransaction|signTypedData/.test(name)));
      }
    }
  });

  test(`${name}: a wallet whose chain follows its switch a moment later is waited for`, async () => {
    for (const call of ['signTypedData', 'sendTransfer']) {
      const provider = wallet({ wallet_switchEthereumChain: () => void setTimeout(() => provider.on(quote.chainId), 350) });
      provider.on(1);
      await act(make(provider), call);
      assert.ok(provider.names().filter((name) => name === 'eth_chainId').length > 3);
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
      assert.deepEqual([error.message, error.noMoneyMoved], ['the transfer was reverted', true]);
      assert.ok(error.transactionHash === HASH && !error.message.includes(HASH));
    }
  });

  for (const [how, receipt] of [
    ['fails', async () => Promise.reject(new Error('the node is down'))],
    ['throws at once', () => assert.fail('the node is down')],
    ['never ends', () => new Promise(() => {})],
  ]) {
    test(`${name}: a transfer that is never seen as mined because the look ${how}, still gives its hash, after three minutes`, async () => {
      mock.timers.enable({ apis: ['setTimeout', 'Date'] });
      try {
        const provider = wallet();
        const { request } = provider;
        // Not an async function: what throws at once does.
        provider.request = (call) => {
          const answer = request(call);
          return call.method === 'eth_getTransactionReceipt' ? receipt() : answer;
        };
        let hash;
        const waits = make(provider).sendTransfer(quote);
        void waits.then((value) => (hash = value));
        for (let waited = 0; waited < 200_000 && !hash; waited += 1_000) {
          for (let turn = 0; turn < 12; turn += 1) await Promise.resolve();
          mock.timers.tick(1_000);
        }
        assert.equal(hash, HASH);
        assert.ok(provider.names().filter((name) => name === 'eth_getTransactionReceipt').length < 130);
      } finally {
        mock.timers.reset();
      }
    });
  }

  test(`${name}: the hash is said as soon as the transfer is sent, before it is mined`, async () => {
    const said = [];
    const provider = wallet({ eth_getTransactionReceipt: () => (assert.deepEqual(said, [HASH]), { status: '0x1' }) });
    assert.equal(await make(provider).sendTransfer(quote, { onSent: (hash) => said.push(hash) }), HASH);
    assert.deepEqual(said, [HASH]);
    const none = wallet({ eth_sendTransaction: () => undefined });
    await make(none).sendTransfer(quote, { onSent: () => assert.fail('there is no hash') });
  });

  test(`${name}: a reverted receipt counts only when it is this transaction's own, is mined and has no events`, async () => {
    const own = { status: '0x0', transactionHash: HASH.toUpperCase().replace('X', 'x'), blockNumber: '0x10', logs: [] };
    for (const not of [{ transactionHash: `0x${'bb'.repeat(32)}` }, { blockNumber: null }]) {
      let asked = 0;
      const provider = wallet({ eth_getTransactionReceipt: () => ((asked += 1) === 1 ? { ...own, ...not } : { status: '0x1' }) });
      assert.equal(await make(provider).sendTransfer(quote), HASH, JSON.stringify(not));
      assert.equal(asked, 2);
    }
    const contradictory = wallet({ eth_getTransactionReceipt: () => ({ ...own, logs: [{}] }) });
    assert.equal(await make(contradictory).sendTransfer(quote), HASH);
    const reverted = wallet({ eth_getTransactionReceipt: () => own });
    await assert.rejects(make(reverted).sendTransfer(quote), { noMoneyMoved: true, message: /reverted/ });
  });

  test(`${name}: a receipt without a status is no failure, and nothing is waited for without a hash`, async () => {
    for (const status of [null, undefined]) {
      const provider = wallet({ eth_getTransactionReceipt: () => ({ status }) });
      assert.equal(await make(provider).sendTransfer(quote), HASH);
    }
    const provider = wallet({ eth_sendTransaction: () => undefined });
    assert.equal(await make(provider).sendTransfer(quote), undefined);
    assert.ok(!provider.names().includes('eth_getTransactionReceipt'));
  });
}

for (const [name, make] of every) {
  const unknown = Object.assign(new Error('Unrecognized chain ID'), { code: 4902 });
  // MetaMask on phones.
  const wrapped = Object.assign(new Error('Internal error'), { code: -32603, data: { originalError: { code: 4902 } } });

  test(`${name}: a wallet that does not know the chain is offered it, as its operator publishes it`, async () => {
    for (const [chainId, chainName, symbol, ...urls] of [
      [8453, 'Base', 'ETH', 'https://mainnet.base.org', 'https://basescan.org'],
      [84532, 'Base Sepolia', 'ETH', 'https://sepolia.base.org', 'https://sepolia.basescan.org'],
      [137, 'Polygon', 'POL', 'https://polygon-rpc.com', 'https://polygonscan.com'],
      [80002, 'Polygon Amoy', 'POL', 'https://rpc-amoy.polygon.technology', 'https://amoy.polygonscan.com'],
    ]) {
      for (const [no, switches] of [
        [unknown, false],
        [wrapped, true],
      ]) {
        for (const call of ['signTypedData', 'sendTransfer']) {
          let added;
          const provider = wallet({
            wallet_switchEthereumChain([to]) {
              if (!added) throw no;
              provider.on(Number(to.chainId));
            },
            // Some wallets switch to what they have added, others have to be asked.
            wallet_addEthereumChain: ([chain]) => ((added = chain), switches && provider.on(chainId), null),
          });
          provider.on(1);
          const made = make(provider);
          await (call === 'sendTransfer'
            ? made.sendTransfer({ ...quote, chainId })
            : made.signTypedData({ ...typedData, domain: { ...typedData.domain, chainId } }));
          const nativeCurrency = { name: symbol, symbol, decimals: 18 };
          const parameters = { chainId: `0x${chainId.toString(16)}`, chainName, nativeCurrency };
          assert.deepEqual(added, { ...parameters, rpcUrls: [urls[0]], blockExplorerUrls: [urls[1]] });
        }
      }
    }
  });

  test(`${name}: a chain that the wallet does not know, and does not add, is named; the user has to add it`, async () => {
    const rejected = Object.assign(new Error('User rejected'), { code: 4001 });
    for (const [chainId, add, cause, words] of [
      [8453, undefined, unknown, 'chain 8453 (Base)'],
      [8453, rejected, rejected, 'chain 8453 (Base)'],
      [4711, rejected, unknown, 'chain 4711'],
    ]) {
      for (const call of ['signTypedData', 'sendTransfer']) {
        const refuse = (no) => () => {
          throw no;
        };
        const provider = wallet({ wallet_switchEthereumChain: refuse(unknown), wallet_addEthereumChain: add && refuse(add) });
        provider.on(1);
        const made = make(provider);
        const error = await (
          call === 'sendTransfer'
            ? made.sendTransfer({ ...quote, chainId })
            : made.signTypedData({ ...typedData, domain: { ...typedData.domain, chainId } })
        ).then(assert.fail, (error) => error);
        assert.equal(
          error.message,
          `the wallet does not know ${words}, on which the payment is; add it to the wallet and try again`,
        );
        assert.deepEqual([error.noMoneyMoved, error.cause], [true, cause]);
        assert.ok(!provider.names().some((name) => /sendTransaction|signTypedData/.test(name)));
      }
    }
  });

  test(`${name}: a request that is open in the wallet is named, wherever it is met`, async () => {
    const pending = Object.assign(new Error('Request of type wallet_switchEthereumChain already pending'), { code: -32002 });
    const refuse = () => {
      throw pending;
    };
    const provider = wallet({ wallet_switchEthereumChain: refuse });
    provider.on(1);
    const open = /^a request is open in the wallet already; answer it there and try again$/;
    for (const call of ['signTypedData', 'sendTransfer']) {
      await assert.rejects(act(make(provider), call), { message: open, noMoneyMoved: true, cause: pending });
    }
    const locked = wallet({ eth_accounts: () => [], eth_requestAccounts: refuse });
    if (name === 'fromEip1193')
      await assert.rejects(make(locked).address(), { message: open, noMoneyMoved: true, cause: pending });
  });

  test(`${name}: a chain id is read in every usual form, and shown as it is when it is none`, async () => {
    const at = (given) => {
      const provider = wallet({ eth_chainId: () => given, wallet_switchEthereumChain: () => null });
      // viem's client would read it itself.
      const made = name === 'fromViem' ? fromViem(viem(provider, { getChainId: async () => given })) : make(provider);
      return { made, provider };
    };
    for (const given of ['eip155:8453', 8453, '8453', '0x2105', '0X2105', 8453n]) {
      const { made, provider } = at(given);
      assert.equal(await made.sendTransfer(quote), HASH);
      assert.ok(!provider.names().includes('wallet_switchEthereumChain'), String(given));
    }
    for (const [given, shown] of [
      ['banana', '"banana"'],
      ['', '""'],
      [null, 'null'],
      [undefined, 'undefined'],
      [{ chain: 'eip155:8453' }, '{"chain":"eip155:8453"}'],
      [8453.5, '8453.5'],
      ['solana:8453', '"solana:8453"'],
      [[8453], '[8453]'],
    ]) {
      mock.timers.enable({ apis: ['setTimeout'] });
      try {
        let error;
        at(given)
          .made.sendTransfer(quote)
          .catch((thrown) => (error = thrown));
        for (let waited = 0; waited < 200 && !error; waited += 1) {
          for (let turn = 0; turn < 12; turn += 1) await Promise.resolve();
          mock.timers.tick(100);
        }
        assert.equal(
          error.message,
          `the wallet says that its chain is ${shown}, which is no chain id, and the payment is on chain 8453; switch it there and try again`,
        );
        assert.equal(error.noMoneyMoved, true);
      } finally {
        mock.timers.reset();
      }
    }
  });

  test(`${name}: what goes wrong before anything is sent says that no money has moved`, async () => {
    const hostile = {
      get message() {
        throw new Error('no');
      },
      code: Symbol('no'),
    };
    hostile.cause = hostile;
    const frozen = Object.freeze(new Error('disconnected'));
    const thrown = [new Error('disconnected'), frozen, 'disconnected', undefined, { code: 4900 }, hostile];
    for (const no of thrown) {
      const refuse = () => {
        throw no;
      };
      for (const methods of [{ eth_chainId: refuse }, { eth_accounts: refuse }]) {
        // The fakes of viem and ethers ask for no accounts.
        if (methods.eth_accounts && name !== 'fromEip1193') continue;
        for (const call of ['signTypedData', 'sendTransfer']) {
          const error = await act(make(wallet(methods)), call).then(assert.fail, (error) => error);
          const words = no === undefined || no.code ? /did not say why/ : /^disconnected$/;
          assert.match(error.message, words);
          assert.deepEqual([error.noMoneyMoved, error.cause], [true, no]);
        }
      }
    }
    const failing = {
      fromEip1193: () => fromEip1193(wallet({ eth_accounts: () => Promise.reject('locked') })),
      fromViem: () => fromViem(viem(wallet(), { account: undefined, getAddresses: () => Promise.reject('locked') })),
      fromEthers: () => fromEthers(ethers(wallet(), { getAddress: () => Promise.reject('locked') })),
    };
    await assert.rejects(failing[name]().address(), { message: 'locked', noMoneyMoved: true });
  });
}

test('a viem account signs without a connection; it makes no transfers, so that the client chooses another payment', async () => {
  const account = { address: ME, type: 'local', signTypedData: async (data) => ((account.signed = data), '0xsigned') };
  const made = fromViem(account);
  assert.deepEqual([await made.address(), await made.signTypedData(typedData)], [ME, '0xsigned']);
  assert.deepEqual([account.signed, 'sendTransfer' in made], [typedData, false]);
  // An address alone cannot sign.
  assert.throws(() => fromViem({ address: ME, type: 'json-rpc' }), {
    name: 'TypeError',
    message: /or an account that signs itself/,
  });
});

test('a signer of ethers 5 signs and sends', async () => {
  const provider = wallet();
  const { signTypedData, ...signer } = ethers(provider);
  const made = fromEthers({ ...signer, _signTypedData: signTypedData });
  assert.equal(await made.signTypedData(typedData), '0xsigned');
  assert.equal(await made.sendTransfer(quote), HASH);
  const [signed] = provider.asked.filter(({ method }) => method === 'eth_signTypedData_v4');
  assert.deepEqual(Object.keys(signed.params.types), ['TransferWithAuthorization']);
  // A key signs for any chain there too.
  const offline = wallet({ eth_chainId: undefined });
  const { signTypedData: sign, ...key } = ethers(offline, { _signingKey: () => ({}) });
  await fromEthers({ ...key, _signTypedData: sign }).signTypedData(typedData);
  assert.deepEqual(offline.names(), ['eth_signTypedData_v4']);
});

test('what a wallet of ethers 5 has signed is sent by its provider alone', async () => {
  const provider = wallet({ eth_sendRawTransaction: ([signed]) => (assert.equal(signed, '0xsigned'), HASH) });
  const { provider: node } = ethers(provider);
  const looked = [];
  const signer = (more, node) => ({
    ...ethers(provider, { _signingKey: () => ({}), provider: node }),
    sendTransaction: () => assert.fail('it would look again'),
    populateTransaction: async (transaction) => (looked.push(transaction.data), { ...transaction, nonce: 7 }),
    signTransaction: async ({ nonce }) => (assert.equal(nonce, 7), '0xsigned'),
    ...more,
  });
  assert.equal(await fromEthers(signer({}, node)).sendTransfer(quote), HASH);
  // Some providers send no requests of others.
  const without = (name) => ({
    getNetwork: async () => ({ chainId: quote.chainId }),
    getTransactionReceipt: async () => ({ status: 1 }),
    [name]: async (signed) => ({ hash: signed === '0xsigned' ? HASH : undefined }),
  });
  for (const name of ['sendTransaction', 'broadcastTransaction']) {
    assert.equal(await fromEthers(signer({}, without(name))).sendTransfer(quote), HASH, name);
  }
  assert.deepEqual(looked, [DATA, DATA, DATA]);
  const down = () => Promise.reject(new Error('limit exceeded'));
  await assert.rejects(fromEthers(signer({ populateTransaction: down }, node)).sendTransfer(quote), {
    noMoneyMoved: true,
    message: 'limit exceeded',
  });
});

test('a hash that ethers puts on its error is not lost', async () => {
  const sent = Object.assign(new Error('network changed'), { code: 'NETWORK_ERROR', info: { sendTransactionHash: HASH } });
  const sendTransaction = () => Promise.reject(sent);
  assert.equal(await fromEthers(ethers(wallet(), { sendTransaction })).sendTransfer(quote), HASH);
});

test('a viem client that cannot look for receipts gives the hash at once', async () => {
  assert.equal(await fromViem(viem(wallet(), { request: undefined })).sendTransfer(quote), HASH);
});

test('an account is asked for only when none is connected, and the wanted one must be there', async () => {
  const connected = wallet();
  assert.equal(await fromEip1193(connected).address(), ME);
  assert.deepEqual(connected.names(), ['eth_accounts']);
  const locked = wallet({ eth_accounts: () => [], eth_requestAccounts: () => [OTHER, ME] });
  assert.equal(await fromEip1193(locked).address(), OTHER);
  assert.equal(await fromEip1193(locked, { address: ME.toLowerCase() }).address(), ME);
  const none = { noMoneyMoved: true, message: /no account/ };
  const lacks = { noMoneyMoved: true, message: /does not offer the account 0x7099/ };
  await assert.rejects(fromEip1193(connected, { address: OTHER }).address(), lacks);
  await assert.rejects(fromEip1193(wallet({ eth_accounts: () => [], eth_requestAccounts: () => [] })).address(), none);
  await assert.rejects(fromViem(viem(wallet(), { account: undefined, getAddresses: async () => [] })).address(), none);
  assert.equal(await fromViem(viem(wallet(), { account: undefined, getAddresses: async () => [ME] })).address(), ME);
});

for (const [name, make] of [
  ['fromEip1193', (provider) => fromEip1193(provider)],
  ['fromViem', (provider, accounts) => fromViem(viem(provider, { account: undefined, getAddresses: async () => accounts() }))],
  ['fromEthers', (provider, accounts) => fromEthers(ethers(provider, { getAddress: async () => accounts()[0] }))],
]) {
  /** A wallet that offers other accounts once it is on the right chain. */
  const moving = (later) => {
    let accounts = [ME];
    const provider = wallet({
      eth_accounts: () => accounts,
      wallet_switchEthereumChain: () => (provider.on(quote.chainId), (accounts = later), null),
    });
    provider.on(1);
    return { provider, made: make(provider, () => accounts) };
  };

  test(`${name}: a wallet that changes its account meanwhile signs nothing and sends nothing`, async () => {
    for (const call of ['signTypedData', 'sendTransfer']) {
      const { provider, made } = moving([OTHER]);
      assert.equal(await made.address(), ME);
      await assert.rejects(act(made, call), {
        noMoneyMoved: true,
        message: `the wallet has changed its account from ${ME} to ${OTHER}; switch it back, or begin the payment again`,
      });
      assert.ok(!provider.names().some((name) => /sendTransaction|signTypedData/.test(name)), provider.names().join());
    }
  });

  test(`${name}: the account that pays is the one that the payment was begun with, in whatever case it is written`, async () => {
    for (const call of ['signTypedData', 'sendTransfer']) {
      const { provider, made } = moving(name === 'fromEthers' ? [ME.toLowerCase()] : [OTHER, ME.toLowerCase()]);
      await act(made, call);
      const { params } = provider.asked.find(({ method }) => /sendTransaction|signTypedData/.test(method));
      assert.ok(!inspect(params, { depth: 9 }).includes(OTHER), inspect(params));
    }
  });
}

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
  await assert.rejects(async () => signer.sendTransfer(quote), {
    noMoneyMoved: true,
    message: /the signer has no provider; connect it to one/,
  });
});

test('what is no wallet is refused with the rule and the way out', () => {
  for (const [make, what] of [
    [fromEip1193, /^fromEip1193 needs an EIP-1193 provider, such as window\.ethereum \(an object with request\); given: /],
    [fromViem, /^fromViem needs a viem wallet client/],
    [fromEthers, /^fromEthers needs an ethers signer/],
  ]) {
    for (const given of [undefined, null, 5, '0xkey', {}, { request: 1 }, () => '0xkey']) {
      assert.throws(
        () => make(given),
        (error) => error instanceof TypeError && what.test(error.message) && !error.message.includes('0xkey'),
        'a key that was given by mistake is not shown',
      );
    }
  }
  for (const address of [5, {}, [ME]]) {
    assert.throws(() => fromEip1193(wallet(), { address }), {
      name: 'TypeError',
      message: /^options\.address of fromEip1193 must be/,
    });
  }
});

test('in a page, wallets of libraries go in once the adapters are loaded; before that the error says how', () => {
  const { installed, folder } = package_;
  const program = `
    const { JobsClient } = await import(${JSON.stringify(`${installed}/index.js`)});
    const nothing = async () => '0x';
    const address = '0x209693Bc6afc0C5328bA36FaF03C514EF312287C';
    const wallets = {
      signer: { address, getAddress: nothing, signTypedData: nothing, sendTransaction: nothing },
      client: { account: { address }, signTypedData: nothing, sendTransaction: nothing, getChainId: nothing, request: nothing },
      provider: { request: nothing },
      account: { address, signTypedData: nothing },
      own: { address, signTypedData: nothing, sendTransaction: nothing },
    };
    const said = () => Object.entries(wallets).map(([name, wallet]) => {
      try {
        return new JobsClient({ baseUrl: 'https://h', wallet }) && name;
      } catch ({ field, message }) {
        return field + message.includes("after import 'eliza-jobs/wallets'");
      }
    }).join();
    console.log(said());
    await import(${JSON.stringify(`${installed}/wallets.js`)});
    console.log(said());`;
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: folder, encoding: 'utf8' });
  assert.equal(said, 'wallettrue,wallettrue,wallettrue,account,own\nsigner,client,provider,account,own\n');
});

test('every runtime but a page has the adapters at once, in a bundle too', async () => {
  const { folder } = package_;
  const contents = `import { JobsClient } from 'eliza-jobs';
    new JobsClient({ baseUrl: 'https://h', wallet: { request: async () => '0x' } });
    console.log('taken');`;
  const bundled = {
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    write: false,
    stdin: { contents, resolveDir: folder },
  };
  const { outputFiles } = await build(bundled);
  for (const program of [
    contents,
    outputFiles[0].text,
    contents.replace(/import (.*) from (.*);/, 'const $1 = (await import("node:module")).createRequire(import.meta.url)($2);'),
  ]) {
    writeFileSync(`${folder}/taken.mjs`, program);
    assert.equal(execFileSync(process.execPath, ['taken.mjs'], { cwd: folder, encoding: 'utf8' }), 'taken\n');
  }
});

// From here on everything is real, but the provider: it knows two chains, and switches when it is
// asked to.
const [PAYER, , PAYEE] = ACCOUNTS.map(({ address }) => address);
const KEY = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80';
let base, polygon;
before(async () => {
  [base, polygon] = await Promise.all([startChain('base'), startChain('polygon')]);
});
after(() => Promise.all([base?.stop(), polygon?.stop()]));

/**
 * A provider as browsers have it, on one chain at a time; `meddle` is told what is asked for, and
 * can put it on another chain.
 */
function switching(on, meddle = () => undefined) {
  return {
    on() {},
    removeListener() {},
    async request({ method, params }) {
      if (method === 'wallet_switchEthereumChain') {
        on = Number(params[0].chainId) === base.chainId ? base : polygon;
        return null;
      }
      on = meddle(method) ?? on;
      // As wallets do; anvil takes whatever it is given.
      if (method === 'eth_sendTransaction' && Number(params[0].chainId ?? on.chainId) !== on.chainId) {
        throw Object.assign(new Error('Provided chainId does not match the currently active chain'), { code: -32602 });
      }
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
/** ethers settles on the network that it sees first. */
const browserSigner = async (on, meddle) => {
  const provider = new Ethers.BrowserProvider(switching(on, meddle));
  await provider.getNetwork();
  return provider.getSigner();
};

for (const [who, make] of [
  ['an EIP-1193 provider', () => fromEip1193(switching(base))],
  ['an EIP-1193 provider on another chain', () => fromEip1193(switching(polygon), { address: PAYER.toLowerCase() })],
  ['a viem account', () => fromViem(base.walletClient(0))],
  [
    'a viem account without a chain',
    () => fromViem(Viem.createWalletClient({ account: ACCOUNTS[0], transport: Viem.http(base.rpc) })),
  ],
  [
    'a viem client over a provider on another chain',
    () => fromViem(Viem.createWalletClient({ chain: polygon.publicClient.chain, transport: Viem.custom(switching(polygon)) })),
  ],
  [
    'an ethers nonce manager over a wallet',
    () => fromEthers(new Ethers.NonceManager(new Ethers.Wallet(KEY, new Ethers.JsonRpcProvider(base.rpc)))),
  ],
  ['an ethers wallet', () => fromEthers(new Ethers.Wallet(KEY, new Ethers.JsonRpcProvider(base.rpc)))],
  ['an ethers signer of a provider', async () => fromEthers(await browserSigner(base))],
  ['an ethers signer of a provider on another chain', async () => fromEthers(await browserSigner(polygon))],
]) {
  test(`${who}: signs what the token accepts, and sends the price once`, { timeout: 15_000 }, async () => {
    const terms = { name: 'USD Coin', version: '2', chainId: base.chainId, verifyingContract: base.usdc };
    const field = (text) => Object.fromEntries(text.split(' ').map((part, at) => [['type', 'name'][at], part]));
    const payment = {
      types: {
        EIP712Domain: ['string name', 'string version', 'uint256 chainId', 'address verifyingContract'].map(field),
        TransferWithAuthorization: [
          ...['address from', 'address to', 'uint256 value', 'uint256 validAfter', 'uint256 validBefore', 'bytes32 nonce'],
        ].map(field),
      },
      primaryType: 'TransferWithAuthorization',
      domain: terms,
      message: {
        ...{ from: PAYER, to: PAYEE, value: '20000' },
        ...{ validAfter: '0', validBefore: '4000000000', nonce: `0x${'07'.repeat(32)}` },
      },
    };
    const signature = await (await make()).signTypedData(payment);
    assert.ok(await Viem.verifyTypedData({ ...payment, address: PAYER, signature }));

    const made = await make();
    assert.equal(Viem.getAddress(await made.address()), PAYER);
    const balances = () => Promise.all([PAYER, PAYEE].map(base.balanceOf));
    const [payer, payee] = await balances();
    const others = await polygon.balanceOf(PAYEE);
    const hash = await made.sendTransfer({ ...quote, recipient: PAYEE });
    assert.deepEqual(await balances(), [payer - 20_000n, payee + 20_000n]);
    assert.equal(await polygon.balanceOf(PAYEE), others);
    assert.equal((await base.publicClient.getTransactionReceipt({ hash })).status, 'success');
  });
}

/** A node in front of the chain, and what it was asked; it refuses one method. */
async function node() {
  const asked = [];
  const state = { asked, refused: undefined };
  const server = http.createServer(async (request, response) => {
    const { id, method, params } = await new Response(request).json();
    asked.push(method);
    response.setHeader('content-type', 'application/json');
    // Most nodes do not have what viem asks for first.
    const no = method === 'eth_fillTransaction' ? { code: -32601, message: 'method not found' } : undefined;
    const error = method === state.refused ? { code: -32005, message: 'limit exceeded' } : no;
    if (error) {
      return response.end(JSON.stringify({ jsonrpc: '2.0', id, error }));
    }
    const body = JSON.stringify({ jsonrpc: '2.0', id, method, params });
    const answer = await fetch(base.rpc, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    response.end(await answer.text());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const stop = () => (server.closeAllConnections(), server.close());
  return Object.assign(state, { url: `http://127.0.0.1:${server.address().port}`, stop });
}

/** It remembers nothing: failures neither. */
const ethersOptions = { batchMaxCount: 1, cacheTimeout: -1 };
const ethersWallet = (url) => new Ethers.Wallet(KEY, new Ethers.JsonRpcProvider(url, undefined, ethersOptions));
for (const [who, make] of [
  ['a viem account', (url) => Viem.createWalletClient({ account: ACCOUNTS[0], transport: Viem.http(url, { retryCount: 0 }) })],
  [
    'a viem account with a chain and a nonce manager',
    (url) =>
      Viem.createWalletClient({
        account: { ...ACCOUNTS[0], nonceManager: nonces() },
        chain: base.publicClient.chain,
        transport: Viem.http(url, { retryCount: 0 }),
      }),
  ],
  ['an ethers wallet', ethersWallet],
  ['an ethers nonce manager', (url) => new Ethers.NonceManager(ethersWallet(url))],
]) {
  test(
    `${who}: whichever look-up the node refuses before the transfer is sent, no money has moved`,
    { timeout: 30_000 },
    async (t) => {
      const rpc = await node();
      t.after(() => rpc.stop());
      const signer = make(rpc.url);
      t.after(() => signer.provider?.destroy());
      const made = 'signTransaction' in signer && 'getAddress' in signer ? fromEthers(signer) : fromViem(signer);
      const transfer = { ...quote, recipient: PAYEE };
      const hash = await made.sendTransfer(transfer);
      assert.equal((await base.publicClient.getTransactionReceipt({ hash })).status, 'success');
      const [lookUps, after] = parted(rpc.asked);
      assert.deepEqual(
        after.filter((method) => method !== 'eth_getTransactionReceipt'),
        [],
        'what is looked up after the sending could fail',
      );
      let refusals = 0;
      for (const method of new Set(lookUps.filter((method) => method !== 'eth_chainId'))) {
        Object.assign(rpc, { refused: method }).asked.length = 0;
        const before = await base.balanceOf(PAYEE);
        const error = await made.sendTransfer(transfer).then(
          () => undefined,
          (error) => error,
        );
        // The libraries do without some of them.
        if (!error) continue;
        refusals += 1;
        assert.deepEqual([error.noMoneyMoved, rpc.asked.includes('eth_sendRawTransaction')], [true, false], method);
        assert.equal(await base.balanceOf(PAYEE), before);
      }
      assert.ok(refusals > 0, lookUps.join());
      // What the node refuses to send it may have sent.
      rpc.refused = 'eth_sendRawTransaction';
      await assert.rejects(made.sendTransfer(transfer), ({ noMoneyMoved }) => noMoneyMoved === undefined);
      rpc.refused = undefined;
      await made.sendTransfer(transfer);
    },
  );
}
/** What was asked before the transfer was sent, and after it. */
const parted = (asked) => {
  const at = asked.indexOf('eth_sendRawTransaction');
  assert.ok(at > 0, asked.join());
  return [asked.slice(0, at), asked.slice(at + 1)];
};
/** A nonce manager as viem has it, on the chain's own numbers. */
function nonces() {
  const source = {
    get: ({ address, client }) =>
      client.request({ method: 'eth_getTransactionCount', params: [address, 'pending'] }).then(Number),
    set() {},
  };
  return Viem.createNonceManager({ source });
}

test('a transfer that the real token refuses is reverted or not sent, and never a hash', { timeout: 15_000 }, async () => {
  const dear = { ...quote, recipient: PAYEE, amountAtomic: `${10n ** 30n}` };
  for (const made of [fromEip1193(switching(base)), fromViem(base.walletClient(0)), fromEthers(await browserSigner(base))]) {
    await assert.rejects(made.sendTransfer(dear));
  }
});

/**
 * Whether the wallet is about to be asked. viem looks for itself, at the last moment, and leaves
 * the chain out of what it asks for.
 */
const sends = (method) => method === 'eth_sendTransaction';
const looks = () => {
  let count = 0;
  return (method) => method === 'eth_chainId' && (count += 1) > 1;
};
const meddling = (more) => (meddle) =>
  fromViem(Viem.createWalletClient({ transport: Viem.custom(switching(base, meddle)), ...more() }));
for (const [who, make, when] of [
  ['an EIP-1193 provider', (meddle) => fromEip1193(switching(base, meddle)), sends],
  ['a viem client', meddling(() => ({})), looks()],
  ['a viem client with a chain', meddling(() => ({ chain: base.publicClient.chain })), looks()],
  ['an ethers signer', async (meddle) => fromEthers(await browserSigner(base, meddle)), sends],
]) {
  test(`${who} that is switched between the look and the sending sends on no other chain`, { timeout: 15_000 }, async () => {
    const made = await make((method) => (when(method) ? polygon : undefined));
    const before = await polygon.balanceOf(PAYEE);
    await assert.rejects(made.sendTransfer({ ...quote, recipient: PAYEE }), /chain/i);
    assert.equal(await polygon.balanceOf(PAYEE), before);
  });
}

test('a key signs for any chain, as a viem account, and in an ethers nonce manager whose provider is on another chain', async () => {
  const payment = {
    types: { Transfer: [{ name: 'value', type: 'uint256' }] },
    primaryType: 'Transfer',
    domain: { name: 'USD Coin', version: '2', chainId: base.chainId, verifyingContract: base.usdc },
    message: { value: '20000' },
  };
  const elsewhere = new Ethers.JsonRpcProvider(polygon.rpc);
  for (const made of [
    fromViem(ACCOUNTS[0]),
    fromEthers(new Ethers.NonceManager(new Ethers.Wallet(KEY, elsewhere))),
    fromEthers(new Ethers.Wallet(KEY, elsewhere)),
  ]) {
    const signature = await made.signTypedData(payment);
    assert.ok(await Viem.verifyTypedData({ ...payment, address: PAYER, signature }));
    assert.equal(Viem.getAddress(await made.address()), PAYER);
  }
  elsewhere.destroy();
});

test('an ethers nonce manager over a wallet that was switched: its error comes before anything is sent', async () => {
  const made = fromEthers(new Ethers.NonceManager(await browserSigner(polygon)));
  const before = await base.balanceOf(PAYEE);
  await assert.rejects(made.sendTransfer({ ...quote, recipient: PAYEE }), { code: 'NETWORK_ERROR' });
  assert.equal(await base.balanceOf(PAYEE), before);
});
