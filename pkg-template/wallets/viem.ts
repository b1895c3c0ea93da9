import type { TypedData, Quote } from '../wasm.js';
import { onChain, onlyOn } from './chain.js';
import { beforeSending, unmoved, unsupported } from './errors.js';
import { transferCall, whenMined } from './transfer.js';
import { need, type MadeWallet, type SigningWallet } from './wallet.js';

/** The part of viem's `WalletClient` that is used. */
export interface ViemWalletClient {
  account?: { address: string; type: string } | undefined;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- viem's own types depend on the client's chain and account
  signTypedData(args: any): Promise<string>;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
  sendTransaction(args: any): Promise<string>;
  getChainId(): Promise<number>;
  /** Needed when there is no `account`. */
  getAddresses?(): Promise<readonly string[]>;
  /** Needed when the client may be on another chain. */
  switchChain?(args: { id: number }): Promise<unknown>;
  /** Needed to wait until a transfer is mined, and to add a chain that the wallet does not know. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
  request?(args: any): Promise<any>;
}

/**
 * The part of viem's accounts that is used: of `privateKeyToAccount` and others that sign
 * themselves.
 */
export interface ViemAccount {
  address: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
  signTypedData(args: any): Promise<string>;
}

/**
 * A wallet from a viem wallet client. When the client is on another chain it is asked to switch,
 * and to add the chain when it does not know it.
 *
 * @throws {TypeError} when it is neither a wallet client nor an account that signs.
 */
export function fromViem(client: ViemWalletClient): MadeWallet;
/**
 * A wallet from a viem account. It signs, on every chain, and makes no transfers: for these it
 * takes a wallet client.
 */
export function fromViem(account: ViemAccount): SigningWallet;
export function fromViem(given: ViemWalletClient | ViemAccount): MadeWallet | SigningWallet {
  return isAccount(given) ? fromAccount(given) : fromClient(given);
}

const isAccount = (given: ViemWalletClient | ViemAccount): given is ViemAccount => {
  const { address, signTypedData } = (given ?? {}) as Partial<ViemAccount>;
  return typeof address === 'string' && typeof signTypedData === 'function' && !('sendTransaction' in given);
};

function fromAccount(account: ViemAccount): SigningWallet {
  return {
    address: () => Promise.resolve(account.address),
    signTypedData: (typedData: TypedData) => account.signTypedData(typedData),
  };
}

function fromClient(client: ViemWalletClient): MadeWallet {
  need(
    client,
    ['signTypedData', 'sendTransaction', 'getChainId'],
    'fromViem needs a viem wallet client, or an account that signs itself',
  );
  const account = async () => {
    const found = client.account ?? (await client.getAddresses?.())?.[0];
    if (!found) throw unmoved('the wallet client has no account');
    return found;
  };
  const ready = (chainId: number) => beforeSending(() => onChain(chainId, chainOf(client)));
  return {
    async address() {
      const found = await beforeSending(account);
      return typeof found === 'string' ? found : found.address;
    },
    async signTypedData(typedData: TypedData) {
      // A key in this program signs for any chain; a wallet behind a connection wants to be on the
      // right one.
      if (client.account?.type !== 'local') await ready(typedData.domain.chainId);
      const from = await beforeSending(account);
      return client.signTypedData({ account: from, ...typedData });
    },
    async sendTransfer(quote: Quote) {
      await ready(quote.chainId);
      const hash = await client.sendTransaction({
        account: await beforeSending(account),
        chain: chainFor(client, quote),
        to: quote.asset,
        value: 0n,
        data: transferCall(quote),
      });
      // A client that cannot ask for the receipt has sent it all the same.
      if (!client.request) return hash;
      return whenMined(hash, () => client.request?.({ method: 'eth_getTransactionReceipt', params: [hash] }));
    },
    call: ({ chainId, to, data }) => asked(client, chainId, 'eth_call', [{ to, data }, 'latest']) as Promise<string>,
    receipt: (hash, chainId) => asked(client, chainId, 'eth_getTransactionReceipt', [hash]),
  };
}

const asked = (client: ViemWalletClient, chainId: number, method: string, params: unknown[]): Promise<unknown> =>
  onlyOn(chainId, chainOf(client), () => {
    if (!client.request) throw unsupported('the wallet client cannot ask its chain');
    return client.request({ method, params });
  });

const chainOf = (client: ViemWalletClient) => ({
  current: () => client.getChainId(),
  switchTo: (chainId: string) => {
    if (!client.switchChain) throw unsupported('the wallet client cannot switch chains');
    return client.switchChain({ id: Number(chainId) });
  },
  add: (parameters: object) => {
    if (!client.request) throw unsupported('the wallet client cannot add chains');
    return client.request({ method: 'wallet_addEthereumChain', params: [parameters] });
  },
});

/**
 * The chain as viem wants it, to check itself that the wallet is on it; it reads nothing but the
 * id.
 */
const chainFor = (client: ViemWalletClient, { chainId, network }: Quote): unknown => {
  const { chain } = client as { chain?: { id?: number } };
  if (chain?.id === chainId) return chain;
  const nativeCurrency = { name: 'native', symbol: 'NATIVE', decimals: 18 };
  return { id: chainId, name: network, nativeCurrency, rpcUrls: { default: { http: [] } } };
};
