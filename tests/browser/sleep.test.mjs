// A page that the browser itself hides, freezes and puts into its back/forward cache, with a wait
// in it: when it is back there is one poll at once, and never a burst of those that were due
// meanwhile.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { serveDemo } from '../../scripts/demo-server.mjs';
import { installPackage } from '../../scripts/install-package.mjs';

const { installed } = installPackage('sleep');
/** How long the page sleeps, in milliseconds: several polls would be due. */
const SLEEP = 4_000;
let browser, api, demo;
let status = 'processing';
const polls = [];

before(async () => {
  api = http.createServer((request, response) => {
    // A quiet job's answer is looked for in its channel, too: not here.
    if (!request.url.endsWith('/jobs/job-1')) return response.writeHead(404).end('{}');
    polls.push(performance.now());
    const result = { message: { id: 'm', content: 'here', authorId: 'a', createdAt: 1 }, processingTimeMs: 1 };
    const job = { jobId: 'job-1', status, createdAt: 0, expiresAt: 300_000, ...(status === 'completed' && { result }) };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(job));
  });
  api.listen(0, '127.0.0.1');
  await once(api, 'listening');
  const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [...args, '--enable-features=BackForwardCache'],
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
  });
  demo = await serveDemo({ api: `http://127.0.0.1:${api.address().port}`, installed });
});
after(async () => {
  await Promise.all([browser?.close(), demo?.close()]);
  api?.close();
  api?.closeAllConnections();
});

/** A page that waits for a job, which was polled a few times. */
async function waiting() {
  [status, polls.length] = ['processing', 0];
  const page = await (await browser.newContext()).newPage();
  await page.goto(demo.url);
  await page.evaluate(async () => {
    const { JobsClient } = await import('/eliza-jobs/index.js');
    globalThis.answer = new JobsClient({ baseUrl: location.origin }).pollJob('job-1');
  });
  await polled(2);
  return page;
}
async function polled(count) {
  while (polls.length < count) await pause(10);
}
test("a page that was hidden, frozen and in the browser's back/forward cache polls at once when it is back, and once", async () => {
  const page = await waiting();
  await page.evaluate(() => {
    globalThis.events = [];
    const note = ({ type, persisted }) => globalThis.events.push([type, persisted ?? document.hidden].join(' '));
    for (const type of ['visibilitychange', 'freeze', 'resume']) document.addEventListener(type, note);
    window.addEventListener('pageshow', note);
  });
  // A page of another site, so that this one is put away whole.
  await page.goto(demo.url.replace('127.0.0.1', 'localhost'));
  await pause(500);
  const before = polls.length;
  await pause(SLEEP);
  assert.equal(polls.length, before, 'nothing is sent meanwhile');
  const back = performance.now();
  await page.goBack({ waitUntil: 'commit' });
  await polled(before + 2);
  const [first, second] = polls.slice(before);
  assert.ok(first - back < 2_000, `the first poll comes after ${first - back} ms`);
  assert.ok(second - first > 300, `a burst: ${polls.slice(before)}`);
  const events = ['visibilitychange true', 'freeze true', 'resume true', 'visibilitychange false', 'pageshow true'];
  assert.deepEqual(await page.evaluate(() => globalThis.events), events, 'the browser has done all of it');
  status = 'completed';
  assert.equal(await page.evaluate(async () => (await globalThis.answer).result.message.content), 'here');
  await page.close();
});
