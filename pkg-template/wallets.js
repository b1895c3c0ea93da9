// Wallets of the usual libraries, in the form that JobsClient takes. Nothing of those libraries is imported: what is used are
// the methods that their objects have. Errors pass through as they are, for the client knows what they mean.

/** For how long a transfer is waited for. Then its hash is given all the same: the server can see for itself. */
const PATIENCE_MS = 180_000;
/** For how long one look is: a provider that never answers does not hold the hash back. */
const LOOK_MS = 10_000;
/** Some wallets say for a moment after a switch that they are where they were: they are asked again. */
const SWITCH_LOOKS = 10;
const SWITCH_MS = 100;

/** A wallet from an EIP-1193 provider, such as `window.ethereum`. */
export function fromEip1193(provider, options = {}) {
  need(provider, ['request'], 'fromEip1193 needs an EIP-1193 provider, such as window.ethereum');
  const request = (method, params = []) => provider.request({ method, params });
  const wanted = options?.address;
  if (wanted && typeof wanted !== 'string') {
    throw new TypeError(`options.address of fromEip1193 must be an address of the wallet, as a string; given: ${typeof wanted}`);
  }
  const address = async () => {
    let accounts = await request('eth_accounts');
    if (!accounts?.length) accounts = await request('eth_requestAccounts');
    const found = wanted ? accounts?.find((account) => same(account, wanted)) : accounts?.[0];
    if (!found) throw unmoved(wanted ? `the wallet does not offer the account ${wanted}` : 'the wallet offers no account');
    return found;
  };
  const onChain = (chainId) =>
    switched(
      chainId,
      () => request('eth_chainId'),
      (hex) => request('wallet_switchEthereumChain', [{ chainId: hex }]),
    );
  return {
    address,
    async signTypedData(typedData) {
      await onChain(typedData.domain.chainId);
      return request('eth_signTypedData_v4', [await address(), JSON.stringify(typedData)]);
    },
    async sendTransfer(quote) {
      await onChain(quote.chainId);
      // The chain is named, for the wallet may be switched before it sends; so below.
      const [from, chainId] = [await address(), hexadecimal(quote.chainId)];
      const transaction = { from, to: quote.asset, value: '0x0', data: transfer(quote), chainId };
      const hash = await request('eth_sendTransaction', [transaction]);
      return mined(hash, () => request('eth_getTransactionReceipt', [hash]));
    },
  };
}

/** A wallet from a viem wallet client. */
export function fromViem(client) {
  need(client, ['signTypedData', 'sendTransaction', 'getChainId'], 'fromViem needs a viem wallet client');
  const account = async () => {
    const found = client.account ?? (await client.getAddresses?.())?.[0];
    if (!found) throw unmoved('the wallet client has no account');
    return found;
  };
  const onChain = (chainId) =>
    switched(
      chainId,
      () => client.getChainId(),
      () => client.switchChain({ id: chainId }),
    );
  return {
    async address() {
      const found = await account();
      return found.address ?? found;
    },
    async signTypedData(typedData) {
      // A key in this program signs for any chain; a wallet behind a connection wants to be on the right one.
      if (client.account?.type !== 'local') await onChain(typedData.domain.chainId);
      return client.signTypedData({ account: await account(), ...typedData });
    },
    async sendTransfer(quote) {
      await onChain(quote.chainId);
      const hash = await client.sendTransaction({
        account: await account(),
        chain: client.chain?.id === quote.chainId ? client.chain : chain(quote),
        to: quote.asset,
        value: 0n,
        data: transfer(quote),
      });
      // A client that cannot look has sent it all the same.
      return client.request ? mined(hash, () => client.request({ method: 'eth_getTransactionReceipt', params: [hash] })) : hash;
    },
  };
}

/** A wallet from an ethers signer (version 6). */
export function fromEthers(signer) {
  need(signer, ['getAddress', 'signTypedData', 'sendTransaction'], 'fromEthers needs an ethers signer (version 6)');
  const onChain = (chainId) => {
    const { provider } = signer;
    if (!provider) throw unmoved('the signer has no provider; connect it to one to make transfers');
    // Asked at the wallet itself: what ethers remembers of the network may be out of date.
    const current = provider.send ? () => provider.send('eth_chainId', []) : async () => (await provider.getNetwork()).chainId;
    return switched(chainId, current, async (hex) => provider.send?.('wallet_switchEthereumChain', [{ chainId: hex }]));
  };
  return {
    address: () => signer.getAddress(),
    async signTypedData({ domain, types: { ...types }, message }) {
      // ethers adds it itself, and throws when it is there.
      delete types.EIP712Domain;
      // A signer with a key of its own signs for any chain; one behind a provider is a wallet with a chain of its own.
      if (!signer.signingKey && signer.provider) await onChain(domain.chainId);
      return signer.signTypedData(domain, types, message);
    },
    async sendTransfer(quote) {
      await onChain(quote.chainId);
      const { provider } = signer;
      const hash = await sent(signer, { to: quote.asset, value: 0, data: transfer(quote), chainId: quote.chainId });
      // Asked at the wallet itself, as above: after a switch ethers answers nothing but that the network has changed.
      return mined(hash, () =>
        provider.send ? provider.send('eth_getTransactionReceipt', [hash]) : provider.getTransactionReceipt(hash),
      );
    },
  };
}

function need(value, methods, what) {
  const missing = methods.find((method) => typeof value?.[method] !== 'function');
  if (!missing) return;
  // Of what is given no text is shown: it may be a key.
  const kind = { object: `an object without ${missing}`, function: 'a function', string: 'a string' }[typeof value];
  const given = value === null ? 'null' : (kind ?? String(value));
  throw new TypeError(`${what} (an object with ${methods.join(', ')}); given: ${given}`);
}

const same = (one, other) => one.toLowerCase() === other.toLowerCase();

const hexadecimal = (chainId) => `0x${chainId.toString(16)}`;

const pause = (ms) => new Promise((next) => setTimeout(next, ms));

/** An error that says that certainly no money has moved, so that the client can give the budget back and forget the payment. */
const unmoved = (message, more) => Object.assign(new Error(message, more), { noMoneyMoved: true });

/** A chain as viem wants it, to see for itself that the wallet is on it; nothing but the id is looked at. */
const chain = ({ chainId, network }) => ({
  id: chainId,
  name: network,
  nativeCurrency: { name: 'native', symbol: 'NATIVE', decimals: 18 },
  rpcUrls: { default: { http: [] } },
});

/** Makes sure that the wallet is on this chain: asks it to switch, and looks whether it did. */
async function switched(chainId, current, change) {
  let now = Number(await current());
  if (now === chainId) return;
  let cause;
  let looks = SWITCH_LOOKS;
  try {
    await change(hexadecimal(chainId));
  } catch (error) {
    cause = error;
    looks = 0;
  }
  for (; ; looks -= 1) {
    now = Number(await current());
    if (now === chainId) return;
    if (looks <= 0) break;
    await pause(SWITCH_MS);
  }
  throw unmoved(`the wallet is on chain ${now} and the payment is on chain ${chainId}; switch it there and try again`, { cause });
}

/** The call of the token's `transfer(address,uint256)`. */
function transfer({ recipient, amountAtomic }) {
  const word = (hex) => hex.toLowerCase().padStart(64, '0');
  return `0xa9059cbb${word(recipient.slice(2))}${word(BigInt(amountAtomic).toString(16))}`;
}

/**
 * Sends with ethers and gives the hash. After sending, ethers looks the transaction up: when the wallet was switched to another chain
 * that throws, and when the node does not answer it never ends, though the money is on its way.
 */
async function sent(signer, transaction) {
  if (signer.sendUncheckedTransaction) return signer.sendUncheckedTransaction(transaction);
  try {
    return (await signer.sendTransaction(transaction)).hash;
  } catch (error) {
    const hash = error?.info?.sendTransactionHash;
    if (hash) return hash;
    throw error;
  }
}

/** What a look at the chain finds; nothing, when it fails or takes too long. */
function look(receiptOf) {
  return new Promise((found) => {
    const timer = setTimeout(found, LOOK_MS);
    const over = (receipt) => {
      clearTimeout(timer);
      found(receipt);
    };
    Promise.resolve()
      .then(receiptOf)
      .then(over, () => over());
  });
}

/** Waits until the transfer is mined. From here on the hash is never lost, whatever goes wrong. */
async function mined(hash, receiptOf) {
  // No hash: the client says what it was given.
  if (typeof hash !== 'string') return hash;
  const end = Date.now() + PATIENCE_MS;
  for (let wait = 100; Date.now() < end; wait = Math.min(wait * 1.5, 2_000)) {
    const receipt = await look(receiptOf);
    if (receipt) {
      // Without a status it is not known to have failed.
      if (receipt.status !== 'reverted' && Number(receipt.status ?? 1) !== 0) return hash;
      throw Object.assign(unmoved('the transfer was reverted'), { transactionHash: hash });
    }
    await pause(wait);
  }
  return hash;
}
