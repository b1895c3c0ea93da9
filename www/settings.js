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

/** Keeps a text under a name. Without storage it lives as long as the page. */
export function keep(name, text) {
  try {
    localStorage.setItem(KEY + name, text);
  } catch {
    // The page says so on load.
  }
}

/** The settings. What was kept may be of another version of this page: only members of the right type count. */
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
