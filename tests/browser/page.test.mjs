// The demo page in real browsers, with the real elizaOS server and its paywall behind it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { serveDemo } from '../../scripts/demo-server.mjs';
import { installPackage } from '../../scripts/install-package.mjs';
import { startEliza } from '../servers/elizaos.mjs';

let eliza, browser;
const { installed } = installPackage('page');
before(async () => {
  const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];
  const quiet = ['--disable-component-update', '--disable-sync'];
  [eliza, browser] = await Promise.all([
    startEliza({ paywall: { strict: true } }),
    chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: [...args, ...quiet] }),
  ]);
});
after(() => Promise.all([eliza?.stop(), browser?.close()]));

async function open(policy) {
  const demo = await serveDemo({ api: eliza.url, installed, ...(policy && { policy }) });
  const page = await browser.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(demo.url);
  return { page, errors, close: () => Promise.all([page.close(), demo.close()]) };
}
const steps = (page) => page.locator('#steps li b').allTextContents();

test('a question is paid for and answered in the page, under a strict content security policy', async () => {
  const { page, errors, close } = await open();
  await page.fill('#question', 'Is this a browser?');
  await page.check('[value=polygon]');
  await page.click('#send');
  await page.locator('#answer').waitFor({ state: 'visible' });
  assert.match(await page.textContent('#answer'), /Is this a browser\?/);
  const said = await steps(page);
  assert.deepEqual([...said.slice(0, 4), said.at(-1)], ['quote', 'payment', 'job', 'status', 'done']);
  assert.match(await page.textContent('#steps li'), /0\.02 USDC on polygon/);
  assert.deepEqual(errors, []);
  await close();
});

test('a price above the limit, and a limit that is none, are said in the page', async () => {
  const { page, close } = await open();
  for (const [limit, said] of [
    ['0.01', /payment_over_limit: .*0\.02 USDC.*0\.01 USDC/],
    ['much', /invalid_argument: spend\.maxPerPayment .*"much"/],
  ]) {
    await page.fill('#limit', limit);
    await page.click('#send');
    await page.locator('#steps li.error').waitFor();
    assert.match(await page.textContent('#steps li.error'), said);
    assert.ok(!(await steps(page)).includes('payment'));
  }
  await close();
});

test('stopping ends the wait at once', async () => {
  const { page, close } = await open();
  await page.fill('#question', 'wait:5000 slow');
  await page.click('#send');
  await page.locator('#steps li b', { hasText: 'job' }).waitFor();
  await page.click('#stop');
  await page.locator('#steps li.error').waitFor({ timeout: 1000 });
  assert.match(await page.textContent('#steps li.error'), /Stopped/);
  await close();
});

test("without 'wasm-unsafe-eval' the error says what to add", async () => {
  const { page, close } = await open("default-src 'self'; img-src data:");
  await page.click('#send');
  await page.locator('#steps li.error').waitFor();
  assert.match(await page.textContent('#steps li.error'), /init_failed: .*'wasm-unsafe-eval'.*script-src/);
  await close();
});

test('a page of another origin can use the server too', async () => {
  const { page, close } = await open("default-src 'self' 'wasm-unsafe-eval' 'unsafe-inline'; connect-src *; img-src data:");
  const answer = await page.evaluate(async (baseUrl) => {
    const { JobsClient } = await import('/eliza-jobs/index.js');
    const client = new JobsClient({ baseUrl, wallet: () => `0x${crypto.randomUUID().replaceAll('-', '').repeat(2)}` });
    const params = { userId: crypto.randomUUID(), content: 'From elsewhere?' };
    return (await client.createAndWaitForJob(params)).result.message.content;
  }, eliza.url);
  assert.match(answer, /From elsewhere\?/);
  await close();
});
