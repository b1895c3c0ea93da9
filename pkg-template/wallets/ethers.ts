import type { TransferOptions } from '../injected.js';
import type { TypedData, Quote } from '../wasm.js';
import { onChain, onlyOn } from './chain.js';
import { beforeSending, unmoved, unsupported } from './errors.js';
import { transferCall, whenMined } from './transfer.js';
import { need, offeredOf, type MadeWallet } from './wallet.js';

/** The part of ethers' `Signer` (version 5 or 6) that is used. */
export interface EthersSigner {
  getAddress(): Promise<string>;
  /** Version 6. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- ethers' own types are not needed for this
  signTypedData?(domain: any, types: any, value: any): Promise<string>;
  /** Version 5. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
  _signTypedData?(domain: any, types: any, value: any): Promise<string>;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
  sendTransaction(transaction: any): Promise<{ hash: string }>;
}

/** What signers have besides, depending on their kind. */
interface AnySigner extends EthersSigner {
  provider?: Provider | null;
  /** Of a key in this program: version 6, version 5. */
  signingKey?: unknown;
  _signingKey?: unknown;
  /** Of a `NonceManager`: the signer that it manages; of version 6 the rest too. */
  signer?: AnySigner;
  getNonce?(block: 'pending'): Promise<number>;
  increment?(): void;
  reset?(): void;
  populateTransaction?(transaction: object): Promise<object>;
  signTransaction?(transaction: object): Promise<string>;
  /** Of a wallet behind a connection: sends, and waits for nothing. */
  sendUncheckedTransaction?(transaction: object): Promise<string>;
}

interface Provider {
  send?(method: string, params: unknown[]): Promise<unknown>;
  getNetwork(): Promise<{ chainId: unknown }>;
  getTransactionReceipt(hash: string): Promise<unknown>;
  call(transaction: object): Promise<string>;
  /** Sends what is signed: version 6, version 5. */
  broadcastTransaction?(signed: string): Promise<{ hash: string }>;
  sendTransaction?(signed: string): Promise<{ hash: string }>;
}

/** How many signers within a signer are looked into. */
const MOST_SIGNERS = 4;

/**
 * A wallet from an ethers signer (version 5 or 6). Without a provider it signs and makes no
 * transfers. When its provider is a wallet on another chain, that is asked to switch, and to add
 * the chain when it does not know it.
 *
 * @throws {TypeError} when it is no signer.
 */
export function fromEthers(given: EthersSigner): MadeWallet {
  const signs = typeof (given as EthersSigner | null)?._signTypedData === 'function' ? '_signTypedData' : 'signTypedData';
  need(given, ['getAddress', signs, 'sendTransaction'], 'fromEthers needs an ethers signer (version 5 or 6)');
  const signer = given as AnySigner;
  const address = (from?: string) => beforeSending(async () => offeredOf([await signer.getAddress()], from));
  return {
    address: () => address(),
    async signTypedData({ domain, types: { ...types }, message }: TypedData) {
      // ethers adds it itself, and throws when it is there.
      delete types['EIP712Domain'];
      const { provider } = signer;
      // A key in this program signs for any chain; a wallet behind a provider is on a chain of its
      // own.
      if (provider && !hasKey(signer)) await beforeSending(() => onChain(domain.chainId, chainOf(provider)));
      await address(message.from);
      return signer.signTypedData
        ? signer.signTypedData(domain, types, message)
        : (signer._signTypedData as Required<EthersSigner>['_signTypedData'])(domain, types, message);
    },
    async sendTransfer(quote: Quote, options?: TransferOptions) {
      const provider = await beforeSending(async () => {
        if (!signer.provider) throw unmoved('the signer has no provider; connect it to one to make transfers');
        const before = await address();
        await onChain(quote.chainId, chainOf(signer.provider));
        await address(before);
        return signer.provider;
      });
      const transaction = { to: quote.asset, value: 0, data: transferCall(quote), chainId: quote.chainId };
      const hash = await hashOf(signer, provider, transaction);
      return whenMined(hash, () => receiptOf(provider, hash), options);
    },
    call: ({ chainId, to, data }) => asked(signer, chainId, (provider) => callOf(provider, { to, data })),
    receipt: (hash, chainId) => asked(signer, chainId, (provider) => receiptOf(provider, hash)),
  };
}

function hasKey(signer: AnySigner): boolean {
  let inner: AnySigner | undefined = signer;
  for (let depth = 0; inner && depth < MOST_SIGNERS; depth += 1) {
    if (inner.signingKey ?? inner._signingKey) return true;
    inner = inner.signer;
  }
  return false;
}

/**
 * The wallet itself is asked, where that is possible: what ethers remembers of the network may be
 * out of date.
 */
const chainOf = (provider: Provider) => {
  const send = (method: string, params: unknown[]) => {
    if (!provider.send) throw unsupported('the provider cannot switch chains');
    return provider.send(method, params);
  };
  return {
    current: async () => (provider.send ? provider.send('eth_chainId', []) : (await provider.getNetwork()).chainId),
    switchTo: (chainId: string) => send('wallet_switchEthereumChain', [{ chainId }]),
    add: (parameters: object) => send('wallet_addEthereumChain', [parameters]),
  };
};

async function asked<T>(signer: AnySigner, chainId: number, ask: (provider: Provider) => Promise<T>): Promise<T> {
  const { provider } = signer;
  if (!provider) throw unsupported('the signer has no provider');
  return onlyOn(chainId, chainOf(provider), () => ask(provider));
}

const callOf = (provider: Provider, call: { to: string; data: string }): Promise<string> =>
  provider.send ? (provider.send('eth_call', [call, 'latest']) as Promise<string>) : provider.call(call);

/**
 * The wallet itself is asked here too: after a switch, ethers throws that the network has changed.
 */
const receiptOf = (provider: Provider, hash: string): Promise<unknown> =>
  provider.send ? provider.send('eth_getTransactionReceipt', [hash]) : provider.getTransactionReceipt(hash);

async function hashOf(signer: AnySigner, provider: Provider, transaction: object): Promise<string> {
  if (signer.sendUncheckedTransaction) return signer.sendUncheckedTransaction(transaction);
  const signed = await beforeSending(() => signedOf(signer, transaction));
  try {
    if (signed !== undefined && provider.send) return (await provider.send('eth_sendRawTransaction', [signed])) as string;
    return (await sentBy(signer, provider, transaction, signed)).hash;
  } catch (error) {
    const { info } = Object(error) as { info?: { sendTransactionHash?: string } };
    if (info?.sendTransactionHash) return info.sendTransactionHash;
    // The number of what was perhaps not sent is asked for anew.
    if (signed !== undefined && signer.signer) signer.reset?.();
    throw error;
  }
}

/**
 * What a key in this program has signed, with all look-ups made before anything is sent: what fails
 * there has moved no money, and ethers' own `sendTransaction` does not say where it has failed.
 * `undefined` for other signers.
 */
async function signedOf(signer: AnySigner, transaction: object): Promise<string | undefined> {
  const { signer: inner } = signer;
  if (!inner) return hasKey(signer) ? signed(signer, transaction) : undefined;
  if (!hasKey(inner) || inner.signer || !signer.getNonce || !signer.increment || !signer.reset) return undefined;
  try {
    const nonce = signer.getNonce('pending');
    // At once, for another transfer may be on its way to the same line.
    signer.increment();
    return await signed(inner, { ...transaction, nonce: await nonce });
  } catch (error) {
    signer.reset();
    throw error;
  }
}

async function signed(signer: AnySigner, transaction: object): Promise<string | undefined> {
  if (!signer.populateTransaction || !signer.signTransaction) return undefined;
  return signer.signTransaction(await signer.populateTransaction(transaction));
}

/**
 * Sends with ethers. After sending, ethers fetches the transaction: when the wallet was switched to
 * another chain that throws, and when the node does not answer it never ends, though the money is
 * on its way.
 */
function sentBy(signer: AnySigner, provider: Provider, transaction: object, signed: string | undefined) {
  if (signed === undefined) return signer.sendTransaction(transaction);
  if (provider.broadcastTransaction) return provider.broadcastTransaction(signed);
  return (provider as Required<Provider>).sendTransaction(signed);
}
