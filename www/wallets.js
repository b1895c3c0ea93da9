// The wallet strip: the test wallet, the wallets that the browser announces (EIP-6963), and how
// much of the budget is used.
import { byId, element, short } from './dom.js';
import { load, makeSandbox } from './server.js';

/**
 * The wallets that have announced themselves, by their `uuid`: what comes later under one of these
 * is not taken in its place.
 */
const found = new Map();
/** The one that was chosen: it stays, whoever announces what. */
let chosen;
/** More is no browser with wallets. */
const MOST = 30;
const TEST = 'test';

/**
 * A wallet's own word, as it may be shown: without what turns or hides text, on one line, and
 * short.
 */
function clean(text) {
  const line = String(text ?? '')
    .replace(/\s+/g, ' ')
    .replace(/\p{C}/gu, '')
    .trim();
  return [...line].slice(0, 40).join('');
}

/**
 * Its name, else its domain. The test wallet's name is nobody else's, and two of one name are
 * numbered.
 */
function nameOf(info) {
  const said = clean(info.name);
  const name = (/^test wallet/i.test(said) ? '' : said) || clean(info.rdns) || 'A wallet';
  const same = [...found.values()].filter((other) => other.name.replace(/ \(\d+\)$/, '') === name).length;
  return same === 0 ? name : `${name} (${same + 1})`;
}

/**
 * Under what a choice is remembered: the domain outlives a reload, the `uuid` does not. It is never
 * the test wallet's key.
 */
const memoryOf = ({ uuid, rdns }) => (/^[\w-]+(?:\.[\w-]+)+$/.test(rdns) ? rdns : `uuid:${uuid}`);

/** Asks the browser's wallets to announce themselves. @param changed Called for each one. */
export function findWallets(changed) {
  addEventListener('eip6963:announceProvider', ({ detail }) => {
    const { info, provider } = detail ?? {};
    if (typeof info?.uuid !== 'string' || typeof provider?.request !== 'function') return;
    if (found.has(info.uuid) || found.size === MOST) return;
    // A wallet's own word: its icon must be an image that is in the announcement itself.
    const icon = typeof info.icon === 'string' && /^data:image\//.test(info.icon) ? info.icon : '';
    found.set(info.uuid, { name: nameOf(info), icon, provider, memory: memoryOf(info) });
    changed();
  });
  dispatchEvent(new Event('eip6963:requestProvider'));
}

let testWallet;
/**
 * The test wallet for a server elsewhere: the sandbox that it comes from is loaded when it is first
 * asked, and not for a price alone.
 */
function laterWallet() {
  const loaded = () => (testWallet ??= makeSandbox({ paywall: 'elizaos' }).then(({ wallet }) => wallet));
  const member = (name) => async (given) => (await loaded())[name](given);
  return { address: member('address'), signTypedData: member('signTypedData'), sendTransfer: member('sendTransfer') };
}

/**
 * The chosen wallet of the browser; `undefined` for the test wallet. The sandbox takes play money
 * only.
 */
export function realWallet({ wallet, server }) {
  if (server !== 'own' || wallet === TEST) return undefined;
  if (chosen?.memory !== wallet) chosen = [...found.values()].find(({ memory }) => memory === wallet);
  return chosen;
}

/**
 * What to say while the wallet has the word; `undefined` for the test wallet, which answers at
 * once.
 */
export const waitingForWallet = (real) => real && `look at ${real.name}: it asks you to sign`;

/** What pays. @param real The browser's wallet; absent for the test wallet. */
export async function chosenWallet(real, settings, sandbox) {
  if (real) {
    const { fromEip1193 } = await load('wallets');
    return fromEip1193(real.provider);
  }
  return settings.server === 'own' ? laterWallet() : sandbox.wallet;
}

/** The wallets to choose from. @param choose Called with what to remember of the choice. */
export function drawWallets(settings, choose) {
  const choices = [[TEST, { name: 'Test wallet', note: 'not real', icon: '' }], ...found];
  const isReal = settings.server === 'own';
  const real = realWallet(settings);
  byId('wallets').replaceChildren(
    ...choices.map(([id, wallet]) => {
      const { name, icon, note, provider, memory } = wallet;
      return element(
        'label',
        { className: 'pick' },
        element('input', {
          type: 'radio',
          name: 'wallet',
          value: id,
          checked: provider ? wallet === real : !real,
          disabled: Boolean(provider) && !isReal,
          change: () => {
            chosen = provider && wallet;
            choose(memory ?? TEST);
          },
        }),
        icon && element('img', { src: icon, alt: '', width: 20, height: 20 }),
        element('span', {}, name, note && element('span', { className: 'soft' }, ` (${note})`)),
      );
    }),
    element(
      'p',
      { className: 'soft' },
      found.size === 0
        ? 'No wallet of this browser has announced itself.'
        : isReal
          ? ''
          : 'Wallets with real money are for a server of yours: the sandbox takes none.',
    ),
  );
  drawChosen(real);
}

function drawChosen(real) {
  const icon = byId('wallet-icon');
  icon.hidden = !real?.icon;
  byId('wallet-mark').hidden = Boolean(real?.icon);
  if (real?.icon) icon.src = real.icon;
  byId('wallet-name').textContent = real?.name ?? 'Test wallet';
}

/** The chains of the networks, as wallets name them. */
const CHAINS = { base: '0x2105', polygon: '0x89', 'base-sepolia': '0x14a34', 'polygon-amoy': '0x13882' };

/**
 * Shows whose account pays, and whether the wallet could pay now. The wallet is not asked for
 * anything: it shows no window.
 */
export async function drawAccount(settings, sandbox) {
  const place = byId('wallet-account');
  const real = realWallet(settings);
  if (!real) {
    place.textContent = sandbox ? short(sandbox.account) : 'not real';
    return;
  }
  watch(real.provider, () => drawAccount(settings, sandbox));
  place.textContent = 'asked when it pays';
  const text = await stateOf(real.provider, settings.network);
  if (text && realWallet(settings) === real) place.textContent = text;
}

/** What a wallet says of itself without a window; `undefined` when it says nothing. */
async function stateOf(provider, network) {
  try {
    const [accounts, chain] = await Promise.all([
      provider.request({ method: 'eth_accounts' }),
      provider.request({ method: 'eth_chainId' }),
    ]);
    if (!accounts?.length) return 'locked, or not connected: it asks when it pays';
    const isThere = Number(chain) === Number(CHAINS[network]);
    return `${short(accounts[0])}${isThere ? '' : `, not on ${network}: it will be asked to switch`}`;
  } catch {
    return undefined;
  }
}

const watched = new Map();
/**
 * Calls `changed` when the wallet has another account or is on another chain; the latest caller
 * alone is called.
 */
function watch(provider, changed) {
  if (!watched.has(provider)) {
    for (const event of ['accountsChanged', 'chainChanged']) provider.on?.(event, () => watched.get(provider)());
  }
  watched.set(provider, changed);
}

/** Decimal text as a number, for the length of a bar only. */
const length = (text) => Number.parseFloat(text) || 0;

/**
 * The budget bar.
 *
 * @param use `{ spent, reserved, remaining }`, decimal strings.
 * @param next The price of the next answer, which is drawn too.
 * @returns Whether it does not fit.
 */
export function drawBudget({ spent, reserved = '0', remaining }, limit, next) {
  const whole = length(limit) || 1;
  const used = length(spent) + length(reserved);
  const isOver = next !== undefined && length(next) > length(remaining) + 1e-9;
  const share = (amount) => `${Math.min(100, (100 * amount) / whole)}%`;
  byId('budget-spent').style.inlineSize = share(used);
  byId('budget-next').style.inlineSize = share(Math.min(length(next ?? '0'), Math.max(0, whole - used)));
  const bar = byId('budget-bar');
  bar.classList.toggle('over', isOver);
  bar.setAttribute('aria-valuemax', String(whole));
  bar.setAttribute('aria-valuenow', String(Math.min(whole, used)));
  const aside = length(reserved) > 0 ? `, and ${reserved} set aside` : '';
  const text = `${spent} of ${limit} USDC today${aside}${isOver ? ': the next answer does not fit' : ''}`;
  bar.setAttribute('aria-valuetext', text);
  byId('budget-text').textContent = text;
  return isOver;
}
