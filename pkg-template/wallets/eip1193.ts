import type { TransferOptions } from '../injected.js';
import type { TypedData, Quote } from '../wasm.js';
import { hexadecimal, onChain, onlyOn } from './chain.js';
import { beforeSending, unmoved } from './errors.js';
import { transferCall, whenMined } from './transfer.js';
import { need, offeredOf, type MadeWallet } from './wallet.js';

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
  const account = async (from?: string) => accountOf(await offeredBy(request), wanted, from);
  const chain = {
    current: () => request('eth_chainId'),
    switchTo: (chainId: string) => request('wallet_switchEthereumChain', [{ chainId }]),
    add: (parameters: object) => request('wallet_addEthereumChain', [parameters]),
  };
  return {
    address: () => beforeSending(() => account()),
    async signTypedData(typedData: TypedData) {
      const from = await beforeSending(async () => {
        await onChain(typedData.domain.chainId, chain);
        return account(typedData.message.from);
      });
      return request('eth_signTypedData_v4', [from, JSON.stringify(typedData)]) as Promise<string>;
    },
    async sendTransfer(quote: Quote, options?: TransferOptions) {
      const from = await beforeSending(async () => {
        const before = await account();
        await onChain(quote.chainId, chain);
        return account(before);
      });
      // The chain is named, for the wallet may be switched before it sends.
      const chainId = hexadecimal(quote.chainId);
      const transaction = { from, to: quote.asset, value: '0x0', data: transferCall(quote), chainId };
      const hash = (await request('eth_sendTransaction', [transaction])) as string;
      return whenMined(hash, () => request('eth_getTransactionReceipt', [hash]), options);
    },
    call: ({ chainId, to, data }) =>
      onlyOn(chainId, chain, () => request('eth_call', [{ to, data }, 'latest']) as Promise<string>),
    receipt: (hash, chainId) => onlyOn(chainId, chain, () => request('eth_getTransactionReceipt', [hash])),
  };
}

/** The accounts that are connected, else those that the user connects now. */
async function offeredBy(request: (method: string) => Promise<unknown>): Promise<string[]> {
  const accounts = async (method: string) => ((await request(method)) ?? []) as string[];
  const connected = await accounts('eth_accounts');
  return connected.length ? connected : accounts('eth_requestAccounts');
}

/** The account to pay with, or `from` where that is who pays already. */
function accountOf(offered: readonly string[], wanted: string | undefined, from: string | undefined): string {
  if (!offered.length) throw unmoved('the wallet offers no account');
  const isWanted = (account: string) => account.toLowerCase() === wanted?.toLowerCase();
  if (!wanted) return offeredOf(offered, from);
  const found = offered.find(isWanted);
  if (found) return offeredOf([found], from);
  throw unmoved(`the wallet does not offer the account ${wanted}`);
}
