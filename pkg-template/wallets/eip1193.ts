import type { TypedData, Quote } from '../wasm.js';
import { hexadecimal, onChain, onlyOn } from './chain.js';
import { beforeSending, unmoved } from './errors.js';
import { transferCall, whenMined } from './transfer.js';
import { need, type MadeWallet } from './wallet.js';

/** An EIP-1193 provider, such as `window.ethereum`. */
export interface Eip1193Provider {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- providers differ in what they promise
  request(args: any): Promise<any>;
}

/**
 * A wallet from an EIP-1193 provider. When the provider is on another chain it is asked to switch,
 * and to add the chain when it does not know it.
 *
 * @param options.address The account to pay with. @default the first one that the provider offers
 * @throws {TypeError} when it is no provider.
 */
export function fromEip1193(provider: Eip1193Provider, options: { address?: string } = {}): MadeWallet {
  need(provider, ['request'], 'fromEip1193 needs an EIP-1193 provider, such as window.ethereum');
  const wanted = options?.address;
  if (wanted && typeof wanted !== 'string') {
    throw new TypeError(`options.address of fromEip1193 must be an address of the wallet, as a string; given: ${typeof wanted}`);
  }
  const request = (method: string, params: unknown[] = []) => provider.request({ method, params }) as Promise<unknown>;
  const account = () => accountOf(request, wanted);
  const chain = {
    current: () => request('eth_chainId'),
    switchTo: (chainId: string) => request('wallet_switchEthereumChain', [{ chainId }]),
    add: (parameters: object) => request('wallet_addEthereumChain', [parameters]),
  };
  return {
    address: () => beforeSending(account),
    async signTypedData(typedData: TypedData) {
      const from = await beforeSending(async () => {
        await onChain(typedData.domain.chainId, chain);
        return account();
      });
      return request('eth_signTypedData_v4', [from, JSON.stringify(typedData)]) as Promise<string>;
    },
    async sendTransfer(quote: Quote) {
      const from = await beforeSending(async () => {
        await onChain(quote.chainId, chain);
        return account();
      });
      // The chain is named, for the wallet may be switched before it sends.
      const chainId = hexadecimal(quote.chainId);
      const transaction = { from, to: quote.asset, value: '0x0', data: transferCall(quote), chainId };
      const hash = (await request('eth_sendTransaction', [transaction])) as string;
      return whenMined(hash, () => request('eth_getTransactionReceipt', [hash]));
    },
    call: ({ chainId, to, data }) =>
      onlyOn(chainId, chain, () => request('eth_call', [{ to, data }, 'latest']) as Promise<string>),
    receipt: (hash, chainId) => onlyOn(chainId, chain, () => request('eth_getTransactionReceipt', [hash])),
  };
}

/**
 * The account to pay with: of those that are connected, else of those that the user connects now.
 */
async function accountOf(request: (method: string) => Promise<unknown>, wanted: string | undefined): Promise<string> {
  const accounts = async (method: string) => ((await request(method)) ?? []) as string[];
  let offered = await accounts('eth_accounts');
  if (!offered.length) offered = await accounts('eth_requestAccounts');
  const isWanted = (account: string) => account.toLowerCase() === wanted?.toLowerCase();
  const found = wanted ? offered.find(isWanted) : offered[0];
  if (found) return found;
  throw unmoved(wanted ? `the wallet does not offer the account ${wanted}` : 'the wallet offers no account');
}
