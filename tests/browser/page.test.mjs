// The package in a page, in a real browser, with the real elizaOS server and its paywall behind it.
// The page is the demo's.
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

test('a page that is closed while the paid request is on its way goes on after a reload, with the same proof', async () => {
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

test('two tabs that resume the same payment: one sends', async () => {
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

test('two tabs with one budget: together they pay no more than it allows, and a reload fills it no more', async () => {
  const { page, close } = await open();
  const context = page.context();
  const proofs = new Set();
  await context.route('**/api/messaging/jobs', (route) => {
    if (isPaid(route)) proofs.add(route.request().headers()['x-payment']);
    return route.continue();
  });
  /**
   * In the page: a client with the page's own store and a budget for seven payments, and twelve
   * calls at once.
   */
  const spend = async () => {
    const { JobsClient } = await import('/eliza-jobs/index.js');
    let asked = 0;
    const wallet = () => {
      asked += 1;
      return `0x${crypto.randomUUID().replaceAll('-', '').repeat(2)}`;
    };
    const budget = { perDay: '0.14', total: '0.14' };
    const client = new JobsClient({ baseUrl: location.origin, wallet, spend: { budget } });
    const params = { userId: crypto.randomUUID(), content: 'Who pays?' };
    const call = () =>
      client.createJob(params).then(
        ({ payment }) => payment.state,
        ({ code }) => code,
      );
    const ends = await Promise.all(Array.from({ length: 12 }, call));
    return { asked, ends, spending: await client.spending() };
  };
  const pages = [page];
  while (pages.length < 3) {
    const other = await context.newPage();
    await other.goto(page.url());
    pages.push(other);
  }
  const told = await Promise.all(pages.map((tab) => tab.evaluate(spend)));
  const ends = told.flatMap(({ ends }) => ends);
  const count = (end) => ends.filter((other) => other === end).length;
  assert.deepEqual([count('accepted'), count('payment_over_limit')], [7, 29], JSON.stringify(told));
  assert.equal(proofs.size, 7);
  assert.equal(
    told.reduce((sum, { asked }) => sum + asked, 0),
    7,
    'no wallet is asked for more',
  );
  await page.reload();
  const { asked, ends: later, spending } = await page.evaluate(spend);
  assert.deepEqual([asked, new Set(later)], [0, new Set(['payment_over_limit'])]);
  assert.deepEqual([spending.total.remaining, spending.perDay.remaining, proofs.size], ['0', '0', 7]);
  await close();
});

test('a tab that does not see yet what another one has written waits for it: the budget is one all the same', async () => {
  const { page, close } = await open();
  const other = await page.context().newPage();
  await other.goto(page.url());
  const pay = async () => {
    const { JobsClient } = await import('/eliza-jobs/index.js');
    const wallet = () => `0x${crypto.randomUUID().replaceAll('-', '').repeat(2)}`;
    const client = new JobsClient({ baseUrl: location.origin, wallet, spend: { budget: { total: '0.02' } } });
    const params = { userId: crypto.randomUUID(), content: 'Who pays?' };
    return client.createJob(params).then(
      ({ payment }) => payment.state,
      ({ code }) => code,
    );
  };
  // Browsers' processes have copies of the storage, which follow a moment later. Here that moment
  // is long enough to be seen.
  await other.evaluate(() => {
    const copy = { ...localStorage };
    const { getItem, setItem } = Storage.prototype;
    let late = 0;
    Storage.prototype.setItem = function (key, value) {
      copy[key] = value;
      setItem.call(this, key, value);
    };
    Storage.prototype.getItem = function (key) {
      if (key.startsWith('eliza-jobs/turn/')) late += 1;
      return late > 20 ? getItem.call(this, key) : (copy[key] ?? null);
    };
  });
  const paid = await page.evaluate(pay);
  assert.deepEqual([paid, await other.evaluate(pay)], ['accepted', 'payment_over_limit']);
  await close();
});

test('a page that is closed while the wallet is open has the payment listed when it is back', async () => {
  const { page, close } = await open();
  await page.evaluate(async () => {
    const { JobsClient } = await import('/eliza-jobs/index.js');
    await new Promise((asked) => {
      const wallet = () => (asked(), new Promise(() => {}));
      const client = new JobsClient({ baseUrl: location.origin, wallet });
      client.createJob({ userId: crypto.randomUUID(), content: 'Before the wallet was closed?' }).catch(() => {});
    });
  });
  await page.reload();
  await page.evaluate(start, {});
  const [state, refusal, answer, asked] = await page.evaluate(async () => {
    const [open] = await globalThis.client.pendingPayments();
    const refusal = await globalThis.client.resume(open).catch(({ code, message }) => `${code} ${message}`);
    // What the user finds in the wallet.
    open.transaction = `0x${crypto.randomUUID().replaceAll('-', '').repeat(2)}`;
    const job = await globalThis.client.resume(open);
    return [open.state, refusal, job.result.message.content, localStorage.asked];
  });
  assert.equal(state, 'intended');
  assert.match(refusal, /^payment_outcome_unknown .*look in the wallet/);
  assert.match(answer, /Before the wallet was closed\?/);
  assert.equal(asked, undefined, 'the wallet is not asked again');
  await close();
});

test('a page that is closed after the job was created has its handle when it is back', async () => {
  const { page, close } = await open();
  await page.evaluate(start, {});
  const jobId = await page.evaluate(async () => {
    const params = { userId: crypto.randomUUID(), content: 'wait:500 After the job?' };
    return (await globalThis.client.createJob(params)).jobId;
  });
  await page.reload();
  await page.evaluate(start, {});
  const [open33, job, left] = await page.evaluate(async () => {
    const [open] = await globalThis.client.pendingPayments();
    return [open, await globalThis.client.resume(open), await globalThis.client.pendingPayments()];
  });
  assert.deepEqual([open33.state, open33.jobId, job.jobId, left], ['accepted', jobId, jobId, []]);
  assert.match(job.result.message.content, /After the job\?/);
  await close();
});

/** What a server says of a job. */
const shown = (status, jobId = 'job-1') => {
  const job = { jobId, status, createdAt: 0, expiresAt: 300_000 };
  const result = { message: { id: 'm', content: 'here', authorId: 'a', createdAt: 1 }, processingTimeMs: 1 };
  return JSON.stringify(status === 'completed' ? { ...job, result } : job);
};
/** Timers stand still from here on: whatever is sent is sent because of something else. */
async function stopTimers(page) {
  await page.clock.install({ time: 1_000 });
  await page.clock.pauseAt(2_000);
}
/** Counts the looks, and waits for them. */
function watched(answer) {
  let wake = () => {};
  const looks = {
    count: 0,
    async handle(route) {
      const id = new URL(route.request().url()).pathname.split('/').pop();
      await route.fulfill(answer(looks.count, id));
      looks.count += 1;
      wake();
    },
    async reach(count) {
      while (looks.count < count) await new Promise((next) => (wake = next));
    },
  };
  return looks;
}
/** What the page had to do at once is done. Without timers, which stand still. */
const settle = (page) => page.evaluate(() => fetch('/').then((answer) => answer.text()));

test('a page that is shown, on the network or out of the cache again looks at once, once, and leaves no listener', async () => {
  const { page, close } = await open();
  let status = 'processing';
  const looks = watched(() => ({ status: 200, contentType: 'application/json', body: shown(status) }));
  await page.route('**/api/messaging/jobs/job-1', looks.handle);
  await stopTimers(page);
  await page.evaluate(start, {});
  await page.evaluate(() => {
    globalThis.listeners = 0;
    for (const target of [window, document]) {
      for (const [how, step] of [
        ['addEventListener', 1],
        ['removeEventListener', -1],
      ]) {
        const original = target[how].bind(target);
        target[how] = (type, ...more) => {
          if (['visibilitychange', 'pageshow', 'online'].includes(type)) globalThis.listeners += step;
          return original(type, ...more);
        };
      }
    }
    globalThis.waiting = globalThis.client.pollJob('job-1');
  });
  await looks.reach(1);
  await settle(page);
  assert.equal(await page.evaluate(() => globalThis.listeners), 3, 'while it waits');
  // Nobody is there to see it: no look.
  await page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { value: true, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
    delete document.hidden;
  });
  await settle(page);
  assert.equal(looks.count, 1);
  await page.clock.runFor(350);
  await page.evaluate(() => {
    for (let times = 0; times < 5; times += 1) document.dispatchEvent(new Event('visibilitychange'));
    window.dispatchEvent(new Event('pageshow'));
  });
  await looks.reach(2);
  await settle(page);
  assert.equal(looks.count, 2, 'one look for all of it');
  await page.clock.runFor(350);
  // The browser itself says this one.
  await page.context().setOffline(true);
  await settle(page).catch(() => {});
  status = 'completed';
  await page.context().setOffline(false);
  await looks.reach(3);
  const [answer, listeners] = await page.evaluate(async () => [
    (await globalThis.waiting).result.message.content,
    globalThis.listeners,
  ]);
  assert.deepEqual([answer, listeners, looks.count], ['here', 0, 3]);
  await close();
});

test('a look for a message’s answer that is lost while the page sleeps is made again when it is back', async () => {
  const { page, close } = await open();
  const [sessionId, channelId] = ['44444444-4444-4444-8444-444444444444', '55555555-5555-4555-8555-555555555555'];
  const message = (id, content, isAgent) => ({
    id,
    content,
    authorId: 'a',
    isAgent,
    createdAt: isAgent ? 2_000 : 1_000,
    metadata: {},
  });
  const mine = message('mine', 'hello', false);
  const reply = { id: 'reply', content: 'here', sourceType: 'agent_response', inReplyToRootMessageId: 'mine', metadata: {} };
  let looks = 0;
  let wake;
  const arrived = (count) => new Promise((resolve) => (wake = () => looks >= count && resolve()));
  await page.route('**/api/messaging/**', (route) => {
    const path = new URL(route.request().url()).pathname;
    if (route.request().method() === 'POST') return route.fulfill({ status: 201, json: { success: true, userMessage: mine } });
    if (path.includes('/channels/')) return route.fulfill({ json: { success: true, data: { messages: [reply] } } });
    if (!path.endsWith('/messages')) return route.fulfill({ json: { sessionId, channelId } });
    looks += 1;
    wake?.();
    // The connection of the first one is gone, and nobody says so.
    if (looks === 1) return undefined;
    return route.fulfill({ json: { messages: [message('reply', 'here', true), mine], hasMore: false } });
  });
  await stopTimers(page);
  await page.evaluate(async (id) => {
    const { SessionsClient } = await import('/eliza-jobs/index.js');
    globalThis.waiting = new SessionsClient({ baseUrl: location.origin }).sendMessageAndWait(id, { content: 'hello' });
  }, sessionId);
  const first = arrived(1);
  for (let seconds = 0; looks < 1 && seconds < 10; seconds += 1) {
    await settle(page);
    await page.clock.runFor(1_000);
  }
  await first;
  const second = arrived(2);
  await page.clock.runFor(1_500);
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await second;
  assert.equal((await page.evaluate(() => globalThis.waiting)).agentResponse.text, 'here');
  assert.equal(looks, 2);
  await close();
});

test('when a page with many waiting jobs is back, one look serves them all', async () => {
  const { page, close } = await open();
  let lists = 0;
  let status = 'processing';
  const jobs = (count) => Array.from({ length: count }, (_, id) => JSON.parse(shown(status, `job-${id}`)));
  const looks = watched((_, id) => ({ status: 200, contentType: 'application/json', body: shown(status, id) }));
  await page.route('**/api/messaging/jobs/*', looks.handle);
  await page.route('**/api/messaging/jobs?*', async (route) => {
    lists += 1;
    const listed = status === 'processing' || !route.request().url().includes('status=processing') ? jobs(50) : [];
    await route.fulfill({ status: 200, contentType: 'application/json', body: JSON.stringify({ jobs: listed }) });
  });
  await stopTimers(page);
  await page.evaluate(start, {});
  await page.evaluate(() => {
    globalThis.waiting = Promise.all(Array.from({ length: 50 }, (_, id) => globalThis.client.pollJob(`job-${id}`)));
  });
  // The first few come before there is a crowd.
  await looks.reach(3);
  while (lists < 1) await settle(page);
  await settle(page);
  const before = looks.count + lists;
  assert.ok(before <= 8, `${before} requests for 50 jobs`);
  await page.clock.runFor(600);
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  while (looks.count + lists === before) await settle(page);
  await settle(page);
  assert.ok(looks.count + lists - before <= 2, `${looks.count + lists - before} requests when it is back`);
  status = 'completed';
  await page.clock.runFor(3_000);
  const done = await page.evaluate(async () => (await globalThis.waiting).map((job) => job.status));
  assert.deepEqual(new Set(done), new Set(['completed']));
  await close();
});

test('a 429 whose header a page of another origin cannot read keeps every look away for a quarter of a minute', async () => {
  const { page, close } = await open("default-src 'self' 'wasm-unsafe-eval' 'unsafe-inline'; connect-src *; img-src data:");
  const limited = { status: 429, headers: { 'access-control-allow-origin': '*', 'retry-after': '900' }, body: '{}' };
  const fine = (id) => ({
    status: 200,
    headers: { 'access-control-allow-origin': '*' },
    contentType: 'application/json',
    body: shown('completed', id),
  });
  const looks = watched((count, id) => (count === 0 ? limited : fine(id)));
  await page.route('http://elsewhere.example/**', looks.handle);
  await stopTimers(page);
  await page.evaluate(async () => {
    const { JobsClient } = await import('/eliza-jobs/index.js');
    globalThis.client = new JobsClient({ baseUrl: 'http://elsewhere.example' });
    globalThis.waiting = [globalThis.client.pollJob('job-1')];
  });
  await looks.reach(1);
  await settle(page);
  // Another job, and one with an interval of the caller's own.
  await page.evaluate(() => {
    globalThis.waiting.push(globalThis.client.pollJob('job-2'), globalThis.client.pollJob('job-3', 100, 1_000));
  });
  for (let second = 1; second < 15; second += 1) {
    await page.clock.runFor(1_000);
    await settle(page);
    assert.equal(looks.count, 1, `after ${second} s`);
  }
  // And then one after the other, not all at once.
  for (let seconds = 0; looks.count < 4 && seconds < 20; seconds += 1) {
    await page.clock.runFor(1_000);
    await settle(page);
  }
  const done = await page.evaluate(async () => (await Promise.all(globalThis.waiting)).map((job) => job.status));
  assert.deepEqual([done, looks.count], [['completed', 'completed', 'completed'], 4]);
  await close();
});
