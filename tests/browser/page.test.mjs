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
  const page = await (await browser.newContext()).newPage();
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
  assert.deepEqual([...said.slice(0, 5), said.at(-1)], ['quote', 'payment', 'payment', 'job', 'status', 'done']);
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

test('row 44: stopping ends the wait at once', async () => {
  const { page, close } = await open();
  await page.fill('#question', 'wait:5000 slow');
  await page.click('#send');
  await page.locator('#steps li b', { hasText: 'job' }).waitFor();
  await page.click('#stop');
  await page.locator('#steps li.error').waitFor({ timeout: 1000 });
  assert.match(await page.textContent('#steps li.error'), /Stopped/);
  await close();
});

test("row 49: without 'wasm-unsafe-eval' the error says what to add", async () => {
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

/** In the page: a client like the demo's, whose wallet counts in the page's own storage. */
const start = ({ content }) =>
  import('/eliza-jobs/index.js').then(({ JobsClient }) => {
    const wallet = () => {
      localStorage.asked = Number(localStorage.asked ?? 0) + 1;
      return `0x${crypto.randomUUID().replaceAll('-', '').repeat(2)}`;
    };
    globalThis.client = new JobsClient({ baseUrl: location.origin, wallet });
    if (content) globalThis.client.createJob({ userId: crypto.randomUUID(), content }).catch(() => {});
  });
const isPaid = (route) => 'x-payment' in route.request().headers();

test('row 32: a page that is closed while the paid request is on its way goes on after a reload, with the same proof', async () => {
  const { page, close } = await open();
  const sent = [];
  let arrived;
  const held = new Promise((resolve) => (arrived = resolve));
  await page.route('**/api/messaging/jobs', (route) => {
    if (!isPaid(route)) return route.continue();
    sent.push(route.request().headers()['x-payment']);
    // The first one is never answered, and never reaches the server.
    return sent.length === 1 ? arrived() : route.continue();
  });
  await page.evaluate(start, { content: 'After the reload?' });
  await held;
  await page.reload();
  await page.evaluate(start, {});
  const [state, answer, left, asked] = await page.evaluate(async () => {
    const [open] = await globalThis.client.pendingPayments();
    const job = await globalThis.client.resume(open);
    return [open.state, job.result.message.content, await globalThis.client.pendingPayments(), localStorage.asked];
  });
  assert.match(answer, /After the reload\?/);
  assert.deepEqual([state, left, asked, sent.length], ['sent', [], '1', 2]);
  assert.equal(sent[0], sent[1]);
  await close();
});

test('row 36: two tabs that resume the same payment: one sends', async () => {
  const { page, close } = await open();
  const context = page.context();
  let paid = 0;
  let broken = true;
  await context.route('**/api/messaging/jobs', (route) => {
    if (!isPaid(route)) return route.continue();
    paid += 1;
    return broken ? route.abort('connectionreset') : route.continue();
  });
  await page.evaluate(start, {});
  await page.evaluate(async () => {
    const params = { userId: crypto.randomUUID(), content: 'In two tabs?' };
    await globalThis.client.createJob(params, { timeoutMs: 1_500 }).catch(() => {});
  });
  const other = await context.newPage();
  await other.goto(page.url());
  await other.evaluate(start, {});
  [broken, paid] = [false, 0];
  const resume = async () => {
    const [open] = await globalThis.client.pendingPayments();
    return (await globalThis.client.resume(open)).jobId;
  };
  const [one, two] = await Promise.all([page.evaluate(resume), other.evaluate(resume)]);
  assert.equal(one, two);
  assert.equal(paid, 1);
  await close();
});
