// `useJob` in Chromium, with React 18 and 19 in StrictMode: reloads at every moment, with the
// payments counted at the server.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { build } from 'esbuild';
import { closeAll, installed, launch, startSandbox } from './setting.mjs';

/** Machines that test are busy. */
const LIMIT = Number(process.env.LIMIT ?? 60_000);
const VERSIONS = ['18', '19'];

/** The page: which components are in it is in its address. */
const PAGE = `
import { StrictMode, useEffect, useState } from 'react';
import { createRoot, hydrateRoot } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import { JobsClient } from 'eliza-jobs';
import { useJob } from 'eliza-jobs/react';

const wallet = { address: () => globalThis.account(), signTypedData: (typedData) => globalThis.sign(typedData) };
const newClient = () => new JobsClient({ baseUrl: location.origin, wallet });
const clients = [newClient(), newClient()];
const { scene, question = 'rain?' } = Object.fromEntries(new URLSearchParams(location.search));

function Ask({ name, client = clients[0], k, inEffect }) {
  const job = useJob(client, { key: k });
  const { ask } = job;
  useEffect(() => {
    if (inEffect) ask(question);
  }, [ask, inEffect]);
  return (
    <section id={name}>
      <button className="ask" onClick={() => ask(question)}>ask</button>
      <button className="cancel" onClick={job.cancel}>cancel</button>
      <i>{job.status}</i>
      <output>{job.answer ?? job.error?.message}</output>
    </section>
  );
}
function Shown({ children }) {
  const [isShown, setShown] = useState(true);
  return <div><button className="toggle" onClick={() => setShown(!isShown)}>toggle</button>{isShown && children}</div>;
}
function Changing() {
  const [[at, k], change] = useState([0, 'k']);
  globalThis.change = (...to) => change(to);
  return <Ask name="one" client={clients[at]} k={k} />;
}
const scenes = {
  one: <Ask name="one" k="k" />,
  effect: <Ask name="one" k="k" inEffect />,
  several: <><Ask name="one" k="k" /><Ask name="two" k="k" /><Ask name="three" /><Ask name="four" /></>,
  shown: <Shown><Ask name="one" k="k" /></Shown>,
  changing: <Changing />,
};
const page = <StrictMode>{scenes[scene]}</StrictMode>;
const element = document.getElementById('root');
if (location.hash === '#hydrate') {
  element.innerHTML = renderToString(page);
  globalThis.rendered = element.innerText;
  hydrateRoot(element, page);
} else createRoot(element).render(page);
`;

/** Where a component is printed. */
const PRINTED = { readme: 'README.md', docs: 'docs/react.md' };
const root = path.resolve(import.meta.dirname, '../..');

/** A page's program, as a developer's bundler makes it. */
async function bundled(contents, alias = {}) {
  const { outputFiles } = await build({
    stdin: { contents, loader: 'jsx', resolveDir: path.dirname(path.dirname(installed)) },
    ...{ bundle: true, format: 'esm', write: false, jsx: 'automatic', logLevel: 'error' },
    define: { 'process.env.NODE_ENV': '"development"' },
    alias,
  });
  return outputFiles[0].contents;
}

let browser, server, url;
const scripts = new Map();
/**
 * The sandbox that requests go to, and what the server does with a request before it goes there,
 * and before its answer goes back.
 */
let api;
let hold = { before: () => undefined, after: () => undefined };

before(async () => {
  for (const version of VERSIONS) {
    scripts.set(
      `/${version}.js`,
      await bundled(PAGE, version === '18' ? { react: 'react-18', 'react-dom': 'react-dom-18' } : {}),
    );
  }
  for (const [name, file] of Object.entries(PRINTED)) {
    const [, component] = /```jsx\n(.*?)```/s.exec(readFileSync(path.join(root, file), 'utf8'));
    const contents = `${component.replace("'http://localhost:3000'", 'location.origin')}
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
createRoot(document.getElementById('root')).render(<StrictMode><Weather /></StrictMode>);`;
    scripts.set(`/${name}.js`, await bundled(contents));
  }
  server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://h');
    if (pathname.startsWith('/api/')) return void pass(request, response).catch(() => response.destroy());
    const script = scripts.get(pathname);
    if (script) return response.writeHead(200, { 'content-type': 'text/javascript' }).end(script);
    const html = `<!doctype html><link rel="icon" href="data:,"><div id="root"></div><script type="module" src="${pathname}.js"></script>`;
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html);
  });
  server.listen(0, '127.0.0.1');
  [browser] = await Promise.all([launch(), once(server, 'listening')]);
  url = `http://127.0.0.1:${server.address().port}/`;
});
after(async () => {
  await Promise.all([browser?.close(), closeAll()]);
  server?.closeAllConnections();
  server?.close();
});

/** Passes a request on to the sandbox, unless it is held. */
async function pass(request, response) {
  const parts = [];
  for await (const part of request) parts.push(part);
  const seen = { method: request.method, isPaid: 'payment-signature' in request.headers };
  await hold.before(seen);
  const headers = Object.entries(request.headers).filter(([name]) => /^(content-type|payment-signature)$/.test(name));
  const body = parts.length > 0 ? { body: Buffer.concat(parts) } : {};
  const answer = await api.sandbox.fetch(`http://${request.headers.host}${request.url}`, {
    method: request.method,
    headers,
    ...body,
  });
  const text = await answer.text();
  await hold.after(seen);
  response.writeHead(answer.status, [...answer.headers].flat()).end(text);
}

/** The page in a browser of its own, with a wallet that the test has in hand. */
async function open(version, query, { sandbox, wallet = {} } = {}) {
  api = await startSandbox(sandbox);
  hold = { before: () => undefined, after: () => undefined };
  const context = await browser.newContext();
  context.setDefaultTimeout(LIMIT);
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  // What React complains of; that an answer was a 402 is the browser's own remark.
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) errors.push(message.text());
  });
  let asked = 0;
  await context.exposeFunction('account', () => api.sandbox.account);
  await context.exposeFunction('sign', async (typedData) => {
    asked += 1;
    await wallet.before?.();
    return api.sandbox.wallet.signTypedData(typedData);
  });
  await page.goto(`${url}${version}?${new URLSearchParams(query)}`);
  return {
    page,
    api,
    errors,
    asked: () => asked,
    click: (selector) => page.click(selector),
    /** Waits until a component shows this. */
    async shows(name, status) {
      const shown = page.locator(`#${name} i`, { hasText: new RegExp(`^${status}$`) });
      await shown.waitFor().catch(async (error) => {
        throw new Error(`${await page.innerText('body')}; ${errors.join('; ')}`, { cause: error });
      });
    },
    text: (name) => page.innerText(`#${name} output`),
    async close() {
      await context.close();
      await api.close();
    },
  };
}
const never = new Promise(() => {});
function released() {
  const made = {};
  made.promise = new Promise((resolve) => (made.resolve = resolve));
  return made;
}
/**
 * Something that is reached once, and holds there until it is let go: what is held then never goes
 * on.
 */
function stop() {
  let reach;
  let isOver = false;
  const reached = new Promise((resolve) => (reach = resolve));
  const here = () => {
    if (isOver) return undefined;
    isOver = true;
    reach();
    return never;
  };
  return { reached, here };
}

/** How far it goes before the page is loaded again, and how often the wallet is asked in all. */
const MOMENTS = {
  'before the 402': async ({ click }) => {
    const { reached, here } = stop();
    hold.before = ({ method, isPaid }) => (method === 'POST' && !isPaid ? here() : undefined);
    await click('#one .ask');
    await reached;
    return 1;
  },
  'while the wallet is open': async ({ click, wallet, shows }) => {
    const { reached, here } = stop();
    wallet.before = here;
    await click('#one .ask');
    await reached;
    await shows('one', 'confirming');
    return 2;
  },
  'after the signature, before the proof has arrived': async ({ click }) => {
    const { reached, here } = stop();
    hold.before = ({ isPaid }) => (isPaid ? here() : undefined);
    await click('#one .ask');
    await reached;
    return 1;
  },
  'after the proof has arrived, before the reply': async ({ click, api }) => {
    const { reached, here } = stop();
    hold.after = ({ isPaid }) => (isPaid ? here() : undefined);
    await click('#one .ask');
    await reached;
    assert.equal(api.sandbox.payments.length, 1);
    return 1;
  },
  'while it is polled': async ({ click, shows }) => {
    let polled;
    const once = new Promise((resolve) => (polled = resolve));
    hold.after = ({ method }) => void (method === 'GET' && polled());
    await click('#one .ask');
    await once;
    await shows('one', 'waiting');
    return 1;
  },
  'after the answer': async ({ click, shows, api }) => {
    api.release();
    await click('#one .ask');
    await shows('one', 'answered');
    return 1;
  },
};

test("two tabs with one key: the second one waits for the first one's wallet, and both have the answer", async () => {
  const gate = released();
  const { page, api, click, shows, asked, errors, close } = await open(
    '19',
    { scene: 'one' },
    { wallet: { before: () => gate.promise } },
  );
  await click('#one .ask');
  await shows('one', 'confirming');
  const other = await page.context().newPage();
  await other.goto(page.url());
  const statusOf = (tab, status) => tab.locator('#one i', { hasText: status }).waitFor();
  await statusOf(other, 'asking');
  gate.resolve();
  await Promise.all([page, other].map((tab) => statusOf(tab, 'answered')));
  assert.deepEqual([api.sandbox.payments.length, api.sandbox.jobs.length, asked(), errors], [1, 1, 1, []]);
  await close();
});

// The reloads with the newest React; what React itself does, with both.
for (const version of VERSIONS) {
  for (const [moment, reach] of Object.entries(version === '19' ? MOMENTS : {})) {
    test(`React ${version}: a page that is loaded again ${moment} comes back with the paid answer, and pays once`, async () => {
      const wallet = {};
      const world = await open(version, { scene: 'one', question: 'wait for rain' }, { wallet });
      const { page, api, shows, text, errors, asked, close } = world;
      const times = await reach({ ...world, wallet });
      const before = api.sandbox.requests.length;
      await page.reload();
      api.release();
      await shows('one', 'answered');
      assert.equal(await text('one'), 'You asked: wait for rain');
      const { payments, jobs, requests } = api.sandbox;
      assert.deepEqual([payments.length, jobs.length, asked()], [1, 1, times]);
      if (moment === 'after the answer') assert.equal(requests.length, before, 'nothing is sent');
      assert.deepEqual(errors, []);
      await close();
    });
  }

  test(`React ${version}: asked in an effect, which StrictMode calls twice, and again after a reload: one job`, async () => {
    const { page, api, shows, asked, errors, close } = await open(version, { scene: 'effect' });
    await shows('one', 'answered');
    await page.reload();
    await shows('one', 'answered');
    assert.deepEqual([api.sandbox.jobs.length, api.sandbox.payments.length, asked()], [1, 1, 1]);
    assert.deepEqual(errors, []);
    await close();
  });

  test(`React ${version}: components with one key share a question, those without have their own`, async () => {
    const { api, click, shows, text, errors, close } = await open(version, { scene: 'several' });
    await click('#one .ask');
    await click('#three .ask');
    for (const name of ['one', 'two', 'three']) await shows(name, 'answered');
    await shows('four', 'idle');
    assert.equal(await text('two'), 'You asked: rain?');
    assert.equal(api.sandbox.jobs.length, 2);
    assert.deepEqual(errors, []);
    await close();
  });

  test(`React ${version}: a component that goes and comes back meanwhile finds its question`, async () => {
    const { api, page, click, shows, text, errors, close } = await open(version, { scene: 'shown', question: 'wait for it' });
    await click('#one .ask');
    await shows('one', 'waiting');
    await click('.toggle');
    const answered = page.waitForResponse(async (response) => (await response.text()).includes('"completed"'));
    api.release();
    await answered;
    await click('.toggle');
    await shows('one', 'answered');
    assert.equal(await text('one'), 'You asked: wait for it');
    assert.deepEqual([api.sandbox.jobs.length, errors], [1, []]);
    await close();
  });

  test(`React ${version}: another key or another client is another question, and the way back leads to the first`, async () => {
    const { api, page, click, shows, asked, errors, close } = await open(version, { scene: 'changing', question: 'wait for it' });
    const change = (...to) => page.evaluate((to) => globalThis.change(...to), to);
    await click('#one .ask');
    await shows('one', 'waiting');
    await change(0, 'other');
    await shows('one', 'idle');
    await change(0, 'k');
    await shows('one', 'waiting');
    await click('#one .cancel');
    await shows('one', 'stopped');
    // Another client of the same server finds the question by its key, as another page would.
    await change(1, 'k');
    await shows('one', 'stopped');
    api.release();
    await click('#one .ask');
    await shows('one', 'answered');
    assert.deepEqual([api.sandbox.payments.length, asked(), errors], [1, 1, []]);
    await close();
  });

  test(`React ${version}: a page that was rendered on a server is idle there, and has the answer once it is alive`, async () => {
    const { page, click, shows, errors, close } = await open(version, { scene: 'one' });
    await click('#one .ask');
    await shows('one', 'answered');
    await page.goto(`${page.url()}#hydrate`);
    await page.reload();
    await shows('one', 'answered');
    assert.match(await page.evaluate(() => globalThis.rendered), /idle/);
    assert.deepEqual(errors, []);
    await close();
  });
}

for (const [name, file] of Object.entries(PRINTED)) {
  test(`the component in ${file} works as it is printed`, async () => {
    const { page, click, api, errors, close } = await open(name, {}, { sandbox: { paywall: 'none', price: undefined } });
    const button = page.locator('button');
    assert.equal(await button.innerText(), 'idle');
    await click('button');
    await button.getByText('You asked: What is the weather in New York?').waitFor();
    await page.reload();
    await button.getByText('You asked').waitFor();
    assert.deepEqual([api.sandbox.jobs.length, errors], [1, []]);
    await close();
  });
}
