// The wallet strip: the test wallet, the wallets that the browser announces (EIP-6963), and how much of the budget is used.
import { byId, element, short } from './dom.js';
import { load, makeSandbox } from './server.js';

const found = new Map();

/** Asks the browser's wallets to announce themselves. @param changed Called for each one. */
export function findWallets(changed) {
  addEventListener('eip6963:announceProvider', ({ detail }) => {
    const { info, provider } = detail ?? {};
    if (typeof info?.uuid !== 'string' || typeof provider?.request !== 'function') return;
    // A wallet's own word: its icon must be an image that is in the announcement itself.
    const icon = typeof info.icon === 'string' && /^data:image\//.test(info.icon) ? info.icon : '';
    found.set(info.rdns || info.uuid, { name: String(info.name || 'A wallet').slice(0, 40), icon, provider });
    changed();
  });
  dispatchEvent(new Event('eip6963:requestProvider'));
}

let testWallet;
/** What pays, by the settings. The sandbox takes play money only: real wallets are for real servers. */
export async function chosenWallet({ wallet, server }, sandbox) {
  const real = server === 'own' ? found.get(wallet) : undefined;
  if (real) {
    const { fromEip1193 } = await load('wallets');
    return fromEip1193(real.provider);
  }
  if (server !== 'own') return sandbox.wallet;
  return (testWallet ??= (await makeSandbox({ paywall: 'elizaos' })).wallet);
}

/** The wallets to choose from. */
export function drawWallets({ wallet, server }, choose) {
  const choices = [['test', { name: 'Test wallet', note: 'not real', icon: '' }], ...found];
  const isReal = server === 'own';
  byId('wallets').replaceChildren(
    ...choices.map(([id, { name, icon, note }]) =>
      element(
        'label',
        { className: 'pick' },
        element('input', {
          type: 'radio',
          name: 'wallet',
          value: id,
          checked: id === wallet || (id === 'test' && !found.has(wallet)),
          disabled: id !== 'test' && !isReal,
          change: () => choose(id),
        }),
        icon && element('img', { src: icon, alt: '', width: 20, height: 20 }),
        element('span', {}, name, note && element('span', { className: 'soft' }, ` (${note})`)),
      ),
    ),
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
  drawChosen(isReal ? found.get(wallet) : undefined);
}

function drawChosen(real) {
  const icon = byId('wallet-icon');
  icon.hidden = !real?.icon;
  byId('wallet-mark').hidden = Boolean(real?.icon);
  if (real?.icon) icon.src = real.icon;
  byId('wallet-name').textContent = real?.name ?? 'Test wallet';
}

/** Shows whose account pays. */
export function drawAccount(account) {
  byId('wallet-account').textContent = account ? short(account) : 'asked when it pays';
}

/** Decimal text as a number, for the length of a bar only. */
const length = (text) => Number.parseFloat(text) || 0;

/**
 * The budget bar.
 *
 * @param use `{ spent, reserved, remaining }`, decimal strings.
 * @param next The price of the next answer, which is drawn too.
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
  const text = `${spent} of ${limit} USDC today${isOver ? ': the next answer does not fit' : ''}`;
  bar.setAttribute('aria-valuetext', text);
  byId('budget-text').textContent = text;
}
