// The page's elements. What comes from a server or a user goes in as text, never as HTML.

/** The element of this id. */
export const byId = (id) => document.getElementById(id);

/**
 * A new element. `properties` that begin with `aria-`, `data-`, or are `role`, become attributes;
 * functions become listeners of that event. `children` are nodes or text; `null`, `undefined` and
 * `false` are left out.
 */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (typeof value === 'function') made.addEventListener(key, value);
    else if (key.includes('-') || key === 'role' || key === 'for') made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** `0x7E57…0002`: enough of an address or a hash to recognise it. */
export const short = (text = '') => (text.length > 14 ? `${text.slice(0, 6)}…${text.slice(-4)}` : text);

/** The first so many units of a text. No letter is cut in half. */
export const cut = (text, most) => (text.length > most ? `${text.slice(0, most).replace(/[\ud800-\udbff]$/, '')}…` : text);

/** `1.24 s`, or `38 ms` when it is less than a second. */
export const duration = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`);

/** Scrolls no further than needed; at once where motion is not wanted. */
export function bringIntoView(shown, block = 'nearest') {
  const calm = document.documentElement.dataset.calm === 'true' || matchMedia('(prefers-reduced-motion: reduce)').matches;
  shown.scrollIntoView({ block, behavior: calm ? 'auto' : 'smooth' });
}

/** A button that puts a text on the clipboard, and says so for a moment. */
export function copyButton(text, what) {
  const button = element('button', { type: 'button', className: 'quiet small', 'aria-label': `Copy ${what}` }, 'Copy');
  button.addEventListener('click', () => copy(text, button));
  return button;
}

/**
 * The buttons that say how the last click went, with what they say otherwise and when they say it
 * again.
 */
const saying = new Map();

/** Puts a text on the clipboard. The button says how that went. */
export async function copy(text, button) {
  const { before, timer: earlier } = saying.get(button) ?? { before: button.textContent };
  clearTimeout(earlier);
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = 'Copied';
  } catch {
    button.textContent = 'The browser refused';
  }
  const timer = setTimeout(() => {
    saying.delete(button);
    button.textContent = before;
  }, 1500);
  saying.set(button, { before, timer });
}
