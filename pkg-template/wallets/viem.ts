import type { TransferOptions } from '../injected.js';
import type { TypedData, Quote } from '../wasm.js';
import { onChain, onlyOn } from './chain.js';
import { beforeSending, unmoved, unsupported } from './errors.js';
import { transferCall, whenMined } from './transfer.js';
import { need, offeredOf, type MadeWallet, type SigningWallet } from './wallet.js';

/** The part of the account of a `WalletClient` that is used. */
export interface ViemClientAccount {
  address: string;
  type: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- viem's own types are not needed for this
  signTransaction?: ((transaction: any, options?: any) => Promise<string>) | undefined;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
  nonceManager?: { reset(parameters: any): void } | undefined;
}

/** The part of viem's `WalletClient` that is used. */
export interface ViemWalletClient {
  account?: ViemClientAccount | undefined;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- viem's own types depend on the client's chain and account
  signTypedData(args: any): Promise<string>;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
  sendTransaction(args: any): Promise<string>;
  getChainId(): Promise<number>;
  /**
   * With both of these, an `account` that signs itself has its transfers prepared before anything
   * is sent.
   */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
  prepareTransactionRequest?(args: any): Promise<any>;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
  sendRawTransaction?(args: any): Promise<string>;
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

interface ViemChain {
  id: number;
  serializers?: { transaction?: unknown; transactionEnvelope?: unknown };
}

interface ViemTransaction {
  account: ViemClientAccount | string;
  chain: ViemChain;
  to: string;
  value: bigint;
  data: string;
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
  /** The account to pay with, or `from` where that is who pays already. */
  const account = async (from?: string) => {
    const offered = client.account ? [client.account.address] : ((await client.getAddresses?.()) ?? []);
    if (!offered.length) throw unmoved('the wallet client has no account');
    const address = offeredOf(offered, from);
    return client.account ?? address;
  };
  const address = async () => {
    const found = await beforeSending(() => account());
    return typeof found === 'string' ? found : found.address;
  };
  const ready = (chainId: number) => beforeSending(() => onChain(chainId, chainOf(client)));
  return {
    address,
    async signTypedData(typedData: TypedData) {
      // A key in this program signs for any chain; a wallet behind a connection wants to be on the
      // right one.
      if (client.account?.type !== 'local') await ready(typedData.domain.chainId);
      const from = await beforeSending(() => account(typedData.message.from));
      return client.signTypedData({ account: from, ...typedData });
    },
    async sendTransfer(quote: Quote, options?: TransferOptions) {
      const before = await address();
      await ready(quote.chainId);
      const hash = await hashOf(client, {
        account: await beforeSending(() => account(before)),
        chain: chainFor(client, quote),
        to: quote.asset,
        value: 0n,
        data: transferCall(quote),
      });
      // A client that cannot ask for the receipt has sent it all the same.
      if (!client.request) return hash;
      return whenMined(hash, () => client.request?.({ method: 'eth_getTransactionReceipt', params: [hash] }), options);
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
const chainFor = (client: ViemWalletClient, { chainId, network }: Quote): ViemChain => {
  const { chain } = client as { chain?: ViemChain };
  if (chain?.id === chainId) return chain;
  const nativeCurrency = { name: 'native', symbol: 'NATIVE', decimals: 18 };
  return { id: chainId, name: network, nativeCurrency, rpcUrls: { default: { http: [] } } } as ViemChain;
};

/**
 * Sends. Of an account that signs itself all look-ups are made before anything is sent: what fails
 * there has moved no money, and viem's own `sendTransaction` does not say where it has failed.
 */
async function hashOf(client: ViemWalletClient, request: ViemTransaction): Promise<string> {
  const { account } = client;
  const { id: chainId, serializers } = request.chain;
  const signs = account?.type === 'local' && typeof account.signTransaction === 'function';
  const sends = typeof client.prepareTransactionRequest === 'function' && typeof client.sendRawTransaction === 'function';
  if (!signs || !sends || serializers?.transactionEnvelope) return client.sendTransaction(request);
  const { address, nonceManager } = account;
  try {
    const serializedTransaction = await beforeSending(async () => {
      const prepared: unknown = await client.prepareTransactionRequest?.({ ...request, nonceManager });
      return account.signTransaction?.(prepared, { serializer: serializers?.transaction });
    });
    return (await client.sendRawTransaction?.({ serializedTransaction })) as string;
  } catch (error) {
    // As viem does: the number of what was not sent is free again.
    nonceManager?.reset({ address, chainId });
    throw error;
  }
}
