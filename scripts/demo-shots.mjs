// Screenshots of the demo page in every state: light, dark, and narrow, into target/shots. STATES="idle answered": only these.
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { launch } from '../tests/browser/setting.mjs';
import { STATES } from '../tests/browser/states.mjs';

const folder = path.resolve(import.meta.dirname, '../target/shots');
const VIEWS = {
  light: { viewport: { width: 1280, height: 900 }, colorScheme: 'light' },
  dark: { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' },
  narrow: { viewport: { width: 320, height: 700 }, colorScheme: 'light', isMobile: true, hasTouch: true },
};
const named = process.env.STATES?.split(/\s+/).filter(Boolean);
const views = process.env.VIEWS?.split(/\s+/).filter(Boolean) ?? Object.keys(VIEWS);
for (const name of named ?? []) {
  if (!Object.hasOwn(STATES, name)) throw new Error(`the page has no state ${name}; it has ${Object.keys(STATES).join(', ')}`);
}
if (!named) rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const browser = await launch();
try {
  for (const name of named ?? Object.keys(STATES)) {
    for (const view of views) {
      // Nothing moves in a picture.
      const { page, close } = await STATES[name](browser, { ...VIEWS[view], reducedMotion: 'reduce' });
      const file = path.join(folder, `${name}-${view}.png`);
      await page.screenshot({ path: file, fullPage: !['confirm'].includes(name) });
      await close();
      console.log(file);
    }
  }
} finally {
  await browser.close();
}
