// The sandbox in Chromium: in a page with a strict content security policy, in a worker of it, and
// served over HTTP to a page of another origin.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { installPackage } from '../../scripts/install-package.mjs';

const { installed, entry } = installPackage('sandbox-page');
const { createSandbox, serveSandbox } = await import(new URL('./sandbox-node.js', entry));
const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];

/** What a page or a worker does: one paid job, whose reply is lost. */
const PROGRAM = `
import { JobsClient } from '/eliza-jobs/index.js';
import { createSandbox } from '/eliza-jobs/sandbox.js';
export async function ask() {
  const sandbox = createSandbox({ paywall: 'x402-v2', faults: ['lose-reply'], answer: async (question) => question.toUpperCase() });
  const client = new JobsClient({ baseUrl: sandbox.url, fetch: sandbox.fetch, wallet: sandbox.wallet });
  const job = await client.createAndWaitForJob({ userId: crypto.randomUUID(), content: 'hello' });
  return [job.result.message.content, sandbox.payments.length, sandbox.payments[0].amount];
}`;
const FILES = {
  '/': ['text/html', '<!doctype html><title>the sandbox</title>'],
  '/program.js': ['text/javascript', PROGRAM],
  '/worker.js': [
    'text/javascript',
    "import { ask } from '/program.js'; ask().then(postMessage, (error) => postMessage(String(error)));",
  ],
};
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src *";
/** The page's address under a policy that forbids WebAssembly. */
const WITHOUT_WASM = '/without-wasm';

let server, browser, url;
before(async () => {
  server = http.createServer(async ({ url }, response) => {
    const policy = url === WITHOUT_WASM ? POLICY.replace(" 'wasm-unsafe-eval'", '') : POLICY;
    const [type, text] = FILES[url.replace(WITHOUT_WASM, '/')] ?? [
      'text/javascript',
      await readFile(path.join(installed, url.replace('/eliza-jobs/', ''))),
    ];
    response.writeHead(200, { 'content-type': `${type}; charset=utf-8`, 'content-security-policy': policy }).end(text);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${server.address().port}/`;
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args });
});
after(async () => {
  await browser?.close();
  server.closeAllConnections();
  server.close();
});

async function open(path = '/') {
  const page = await browser.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(new URL(path, url).href);
  return { page, errors };
}

test('in a page: a lost reply, the answer, one payment', async () => {
  const { page, errors } = await open();
  const said = await page.evaluate(async () => (await import('/program.js')).ask());
  assert.deepEqual(said, ['HELLO', 1, '0.02']);
  assert.deepEqual(errors, []);
});

test('in a worker', async () => {
  const { page } = await open();
  const said = await page.evaluate(() => {
    const worker = new Worker('/worker.js', { type: 'module' });
    return new Promise((resolve) => worker.addEventListener('message', ({ data }) => resolve(data)));
  });
  assert.deepEqual(said, ['HELLO', 1, '0.02']);
});

test('served over HTTP, a page of another origin can pay there', async () => {
  const { page } = await open();
  for (const paywall of ['elizaos', 'x402-v1', 'x402-v2']) {
    // The page's wallet is that of a sandbox of its own, whose transfers this one knows nothing of.
    const sandbox = createSandbox({ paywall, ...(paywall === 'elizaos' ? { hashCheck: 'once' } : {}) });
    const served = await serveSandbox(sandbox);
    try {
      const said = await page.evaluate(async (baseUrl) => {
        const { JobsClient } = await import('/eliza-jobs/index.js');
        const { createSandbox } = await import('/eliza-jobs/sandbox.js');
        const client = new JobsClient({ baseUrl, wallet: createSandbox().wallet });
        const { status } = await client.createAndWaitForJob({ userId: crypto.randomUUID(), content: 'hello' });
        return [status, client.spent()];
      }, served.url);
      assert.equal(said[0], 'completed', paywall);
      assert.deepEqual(
        sandbox.requests.slice(0, 3).map(({ method, status }) => `${method} ${status}`),
        ['OPTIONS 204', 'POST 402', 'OPTIONS 204'],
      );
    } finally {
      await served.close();
    }
  }
});

test('a page whose policy forbids WebAssembly is told what to add', async () => {
  const { page } = await open(WITHOUT_WASM);
  const [name, code, message] = await page.evaluate(async () => {
    const { createSandbox } = await import('/eliza-jobs/sandbox.js');
    try {
      return [String(createSandbox())];
    } catch (error) {
      return [error.name, error.code, error.message];
    }
  });
  assert.deepEqual([name, code], ['ElizaJobsError', 'init_failed'], message);
  assert.match(message, /'wasm-unsafe-eval' to script-src/);
  await page.close();
});
