// Wallets of the usual libraries, in the form that JobsClient takes. Nothing of those libraries is imported: what is used are
// the methods that their objects have. Errors pass through as they are, for the client knows what they mean.

/** For how long a transfer is waited for. Then its hash is given all the same: the server can see for itself. */
const PATIENCE_MS = 180_000;

/** A wallet from an EIP-1193 provider, such as `window.ethereum`. */
export function fromEip1193(provider, options = {}) {
  need(provider, ['request'], 'fromEip1193 needs an EIP-1193 provider, such as window.ethereum');
  const request = (method, params = []) => provider.request({ method, params });
  const wanted = options.address;
  const address = async () => {
    let accounts = await request('eth_accounts');
    if (!accounts?.length) accounts = await request('eth_requestAccounts');
    const found = wanted ? accounts?.find((account) => same(account, wanted)) : accounts?.[0];
    if (!found) throw new Error(wanted ? `the wallet does not offer the account ${wanted}` : 'the wallet offers no account');
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
      const transaction = { from: await address(), to: quote.asset, value: '0x0', data: transfer(quote) };
      const hash = await request('eth_sendTransaction', [transaction]);
      return mined(hash, () => request('eth_getTransactionReceipt', [hash]));
    },
  };
}

/** A wallet from a viem wallet client. */
export function fromViem(client) {
  need(client, ['signTypedData', 'sendTransaction', 'getChainId'], 'fromViem needs a viem wallet client');
  const account = async () => {
    const found = client.account ?? (await client.getAddresses())[0];
    if (!found) throw new Error('the wallet client has no account');
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
        chain: client.chain?.id === quote.chainId ? client.chain : null,
        to: quote.asset,
        value: 0n,
        data: transfer(quote),
      });
      return mined(hash, () => client.request({ method: 'eth_getTransactionReceipt', params: [hash] }));
    },
  };
}

/** A wallet from an ethers signer (version 6). */
export function fromEthers(signer) {
  need(signer, ['getAddress', 'signTypedData', 'sendTransaction'], 'fromEthers needs an ethers signer (version 6)');
  const onChain = (chainId) => {
    const { provider } = signer;
    if (!provider) throw new Error('the signer has no provider; connect it to one to make transfers');
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
      const { hash } = await signer.sendTransaction({ to: quote.asset, value: 0, data: transfer(quote) });
      return mined(hash, () => signer.provider.getTransactionReceipt(hash));
    },
  };
}

function need(value, methods, what) {
  const missing = methods.find((method) => typeof value?.[method] !== 'function');
  if (!missing) return;
  const given = value === null || typeof value !== 'object' ? String(value) : `an object without ${missing}`;
  throw new TypeError(`${what} (an object with ${methods.join(', ')}); given: ${given}`);
}

const same = (one, other) => one.toLowerCase() === other.toLowerCase();

/** Makes sure that the wallet is on this chain: asks it to switch, and looks whether it did. */
async function switched(chainId, current, change) {
  if (Number(await current()) === chainId) return;
  let cause;
  try {
    await change(`0x${chainId.toString(16)}`);
  } catch (error) {
    cause = error;
  }
  const now = Number(await current());
  if (now === chainId) return;
  throw new Error(`the wallet is on chain ${now} and the payment is on chain ${chainId}; switch it there and try again`, {
    cause,
  });
}

/** The call of the token's `transfer(address,uint256)`. */
function transfer({ recipient, amountAtomic }) {
  const word = (hex) => hex.toLowerCase().padStart(64, '0');
  return `0xa9059cbb${word(recipient.slice(2))}${word(BigInt(amountAtomic).toString(16))}`;
}

/** Waits until the transfer is mined. From here on the hash is never lost, whatever goes wrong. */
async function mined(hash, receiptOf) {
  const end = Date.now() + PATIENCE_MS;
  for (let wait = 100; Date.now() < end; wait = Math.min(wait * 1.5, 2_000)) {
    const receipt = await receiptOf().catch(() => null);
    if (receipt) {
      if (receipt.status !== 'reverted' && Number(receipt.status) !== 0) return hash;
      throw Object.assign(new Error('the transfer was reverted: no tokens have moved'), { transactionHash: hash });
    }
    await new Promise((next) => setTimeout(next, wait));
  }
  return hash;
}
