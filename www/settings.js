// What the user has chosen and typed. It outlives a reload where the browser allows that.

const DEFAULTS = {
  server: 'sandbox',
  paywall: 'x402-v2',
  address: '',
  network: 'base',
  limit: '0.10',
  perDay: '0.20',
  askFirst: true,
  wallet: 'test',
  theme: 'system',
  calm: false,
};
const KEY = 'eliza-jobs-demo/';

/** Why this page's storage cannot be used: `'forbidden'`, `'full'`, or `undefined` when it can. */
export function storageTrouble() {
  try {
    localStorage.setItem(`${KEY}probe`, 'x'.repeat(1000));
    localStorage.removeItem(`${KEY}probe`);
    return undefined;
  } catch (error) {
    return error?.name === 'QuotaExceededError' ? 'full' : 'forbidden';
  }
}

/** What was kept under a name; `undefined` when there is nothing. */
export function kept(name) {
  try {
    return localStorage.getItem(KEY + name) ?? undefined;
  } catch {
    return undefined;
  }
}

/** The question as it was typed in this tab; in a new tab, what was typed last in any. */
export function keptDraft() {
  try {
    return sessionStorage.getItem(`${KEY}draft`) ?? kept('draft');
  } catch {
    return undefined;
  }
}

/** Keeps the question as it is typed. Another tab does not lose its own by that. */
export function keepDraft(text) {
  try {
    sessionStorage.setItem(`${KEY}draft`, text);
  } catch {
    // The page says so on load.
  }
  keep('draft', text);
}

/** Keeps a text under a name. Without storage it lives as long as the page. */
export function keep(name, text) {
  try {
    localStorage.setItem(KEY + name, text);
  } catch {
    // The page says so on load.
  }
}

/** What is wrong with an amount as it was typed; `''` when nothing is. */
export function amountTrouble(typed) {
  const text = typed.trim();
  if (/^\d+,\d+$/.test(text)) return `Write ${text.replace(',', '.')}, with a point.`;
  if (!/^\d+(?:\.\d+)?$/.test(text)) return `${text ? `“${text}”` : 'Nothing'} is no amount: write a number such as 0.10.`;
  if (/\.\d{7}/.test(text)) return 'USDC has six digits after the point at most.';
  return '';
}

/**
 * The settings. What was kept may be of another version of this page: only members of the right
 * type count.
 */
export function readSettings() {
  const settings = { ...DEFAULTS, apiKey: '' };
  try {
    for (const [name, value] of Object.entries(JSON.parse(kept('settings') ?? '{}'))) {
      if (Object.hasOwn(DEFAULTS, name) && typeof value === typeof DEFAULTS[name]) settings[name] = value;
    }
  } catch {
    // The defaults are as good.
  }
  return settings;
}

/** Keeps the settings, except the API key, which is a secret. */
export function keepSettings(settings) {
  keep('settings', JSON.stringify({ ...settings, apiKey: undefined }));
}
