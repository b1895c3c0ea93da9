// Screenshots of the demo page in every state: light, dark, and narrow, into target/shots.
//
//   STATES="idle answered"   only these states
//   VIEWS="dark narrow"      only these views
//   README=1                 in place of them the picture of the README, docs/demo.webp
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { launch } from '../tests/browser/setting.mjs';
import { STATES } from '../tests/browser/states.mjs';

const root = path.resolve(import.meta.dirname, '..');
const folder = path.join(root, 'target/shots');
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
/** The upper part of the page, answered, as WebP: the browser makes it, which has the encoder. */
async function forReadme(browser) {
  const { page, close } = await STATES.answered(browser, { ...VIEWS.light, reducedMotion: 'reduce' });
  const png = await page.screenshot({ clip: { x: 0, y: 0, width: 1280, height: 1075 }, fullPage: true });
  const blank = await page.context().newPage();
  const webp = await blank.evaluate(
    async (source) => {
      const picture = new Image();
      picture.src = source;
      await picture.decode();
      const canvas = Object.assign(document.createElement('canvas'), { width: picture.width, height: picture.height });
      canvas.getContext('2d').drawImage(picture, 0, 0);
      return canvas.toDataURL('image/webp', 0.86).split(',')[1];
    },
    `data:image/png;base64,${png.toString('base64')}`,
  );
  writeFileSync(path.join(root, 'docs/demo.webp'), Buffer.from(webp, 'base64'));
  await close();
}

const browser = await launch();
try {
  if (process.env.README) await forReadme(browser);
  else await shoot(browser);
} finally {
  await browser.close();
}

async function shoot(browser) {
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
}
