// Each project of examples/ as its reader runs it: in the sandbox without any set-up, and on a
// server that an environment variable names.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { closeAll, installed, launch, startSandbox } from '../browser/setting.mjs';
import { serve } from '../servers/files.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const source = path.join(root, 'examples');
// The examples stand beside the installed package, as if npm had installed each.
const modules = path.dirname(installed);
const folder = path.dirname(modules);
const LIBRARIES = {
  'tests/servers': ['express', 'viem'],
  'tests/consumers': ['vite', '@vitejs/plugin-react'],
  '.': ['react', 'react-dom'],
};
for (const [place, names] of Object.entries(LIBRARIES)) {
  for (const name of names) {
    mkdirSync(path.dirname(path.join(modules, name)), { recursive: true });
    symlinkSync(path.join(root, place, 'node_modules', name), path.join(modules, name));
  }
}
symlinkSync(path.join(root, 'tests/consumers/node_modules/vite/bin/vite.js'), path.join(modules, '.bin/vite'));
const names = readdirSync(source).filter((name) => existsSync(path.join(source, name, 'package.json')));
for (const name of names) {
  const isSource = (file) => !/\/(node_modules|\.next|dist|payments)$/.test(file);
  cpSync(path.join(source, name), path.join(folder, name), { recursive: true, filter: isSource });
}

/** A key that everybody knows. */
const PRIVATE_KEY = `0x${'11'.repeat(32)}`;
const started = new Set();
let browser;
before(async () => (browser = await launch()));
after(async () => {
  for (const child of started) process.kill(-child.pid, 'SIGKILL');
  await Promise.all([browser?.close(), closeAll()]);
});

/**
 * Starts a script of an example as `npm run` does: `output()` is what it has printed, `ended` says
 * how it ended.
 */
function start(name, script, env = {}) {
  const { scripts } = JSON.parse(readFileSync(path.join(folder, name, 'package.json'), 'utf8'));
  return shell(name, scripts[script], env);
}
function shell(name, command, env) {
  const clean = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(NODE_|npm_)/.test(key)));
  const PATH = [path.join(modules, '.bin'), path.dirname(process.execPath), clean.PATH].join(path.delimiter);
  const options = { cwd: path.join(folder, name), env: { ...clean, PATH, NO_COLOR: '1', ...env }, detached: true };
  const child = spawn('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  started.add(child);
  let output = '';
  let wake = () => undefined;
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => wake((output += text)));
  const ended = new Promise((end) => child.on('close', (code) => (started.delete(child), end(code), wake())));
  /** Waits until it has printed this. */
  const said = async (pattern) => {
    for (;;) {
      const match = pattern.exec(output);
      if (match) return match;
      if (!started.has(child)) throw new Error(`it ended: ${output}`);
      await new Promise((next) => (wake = next));
    }
  };
  const stop = async () => {
    if (started.has(child)) process.kill(-child.pid, 'SIGTERM');
    await ended;
  };
  return { said, ended, stop, output: () => output };
}
/** Runs a script of an example as its reader does, and gives the lines that it prints. */
async function run(name, script, env) {
  const program = start(name, script, env);
  assert.equal(await program.ended, 0, program.output());
  return program.output().trimEnd().split('\n');
}
const Q = 'What is the weather in New York?';

test('each example names what it imports, and this version of the package', () => {
  const { version } = JSON.parse(readFileSync(path.join(installed, 'package.json'), 'utf8'));
  assert.deepEqual(names, ['agent', 'express', 'next', 'node', 'page', 'react']);
  for (const name of names) {
    const { dependencies, devDependencies = {} } = JSON.parse(readFileSync(path.join(source, name, 'package.json'), 'utf8'));
    const files = readdirSync(path.join(source, name), { recursive: true }).filter((file) =>
      /(?<!node_modules.*)\.jsx?$/.test(file),
    );
    const imported = files.flatMap((file) =>
      [...readFileSync(path.join(source, name, file), 'utf8').matchAll(/(?:from |import\()'((?:@[\w-]+\/)?[\w-]+)/g)].map(
        (match) => match[1],
      ),
    );
    for (const library of imported) assert.ok({ ...dependencies, ...devDependencies }[library], `${name} imports ${library}`);
    assert.equal(dependencies['eliza-jobs'], `^${version}`, name);
  }
});

test('node: a free question', async () => {
  const [said, ...more] = await run('node', 'free');
  assert.match(said, /weather in New York/);
  assert.deepEqual(more, []);
  const { url } = await startSandbox({ paywall: 'none', price: undefined });
  assert.deepEqual(await run('node', 'free', { ELIZA_URL: url }), [`You asked: ${Q}`]);
});

test('node: a paid question within a budget, which lasts', async () => {
  assert.equal((await run('node', 'paid'))[1], 'paid 0.02 USDC, 0.98 left today');
  assert.ok(!existsSync(path.join(folder, 'node/payments')), 'what the sandbox was paid counts for no budget');
  const { url, sandbox } = await startSandbox();
  for (const left of ['0.98', '0.96']) {
    const said = await run('node', 'paid', { ELIZA_URL: url, PRIVATE_KEY });
    assert.deepEqual(said, [`You asked: ${Q}`, `paid 0.02 USDC, ${left} left today`]);
  }
  assert.equal(sandbox.payments.length, 2);
});

test('agent: what it asks another agent stays within its budget, also when it is started again', async () => {
  const spent = 'spent 0.04 USDC, 0.01 left';
  assert.deepEqual(await run('agent', 'start'), [
    'the expert asks for 0.02 USDC',
    'How long is the Nile? 21 letters long',
    'How high is K2? 15 letters long',
    'How old is the Moon? I do not know, and my budget is spent.',
    spent,
  ]);
  const { url, sandbox } = await startSandbox();
  for (let times = 0; times < 2; times += 1) {
    const said = await run('agent', 'start', { ELIZA_URL: url, PRIVATE_KEY });
    assert.deepEqual([said[1], said[4]], ['How long is the Nile? You asked: How long is the Nile?', spent]);
  }
  assert.equal(sandbox.payments.length, 2);
});

test('express: a route that pays, once for one key', async () => {
  const post = (url, body, key) => {
    const headers = { 'content-type': 'application/json', ...(key && { 'idempotency-key': key }) };
    return fetch(`${url}/ask`, { method: 'POST', headers, body: JSON.stringify(body) });
  };
  const { url, sandbox } = await startSandbox();
  for (const env of [{}, { ELIZA_URL: url, PRIVATE_KEY }]) {
    const program = start('express', 'start', { PORT: '0', ...env });
    const [at] = await program.said(/http:\/\/127\.0\.0\.1:\d+/);
    for (let times = 0; times < 2; times += 1) {
      const response = await post(at, { question: Q }, 'order-1');
      assert.deepEqual([response.status, (await response.json()).answer.includes(Q)], [200, true]);
    }
    const refused = await post(at, {});
    assert.deepEqual([refused.status, await refused.json()], [400, { error: 'invalid_argument' }]);
    assert.equal((await (await fetch(`${at}/spending`)).json()).perHour.spent, '0.02');
    await program.stop();
  }
  assert.equal(sandbox.payments.length, 1);
});

test('next: the route pays, once for one key (all of the project: make consumers)', async () => {
  const program = `const { POST } = await import('./app/api/ask/route.js');
    const headers = { 'idempotency-key': 'order-1' };
    const post = (body) => POST(new Request('http://h/api/ask', { method: 'POST', headers, body: JSON.stringify(body) }));
    for (const body of [{ question: '${Q}' }, { question: '${Q}' }, {}]) {
      const response = await post(body);
      console.log(response.status, await response.text());
    }`;
  const { url, sandbox } = await startSandbox();
  for (const env of [{}, { ELIZA_URL: url, PRIVATE_KEY }]) {
    const run = shell('next', 'node --input-type=module -e "$PROGRAM"', { PROGRAM: program, ...env });
    assert.equal(await run.ended, 0, run.output());
    assert.equal(run.output().match(/^200 \{"answer":".*weather in New York/gm)?.length, 2, run.output());
    assert.match(run.output(), /^400 \{"error":"invalid_argument"\}$/m);
  }
  assert.equal(sandbox.payments.length, 1);
});

/** A page, with an EIP-1193 wallet whose account is the sandbox's. */
async function open(url, sandbox) {
  const page = await (await browser.newContext()).newPage();
  page.setDefaultTimeout(60_000);
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('dialog', (dialog) => dialog.accept());
  if (sandbox) {
    await page.exposeFunction('signTypedData', (text) => sandbox.wallet.signTypedData(JSON.parse(text)));
    await page.addInitScript((account) => {
      const answers = { eth_requestAccounts: [account], eth_accounts: [account], eth_chainId: '0x2105' };
      const request = async ({ method, params }) =>
        method === 'eth_signTypedData_v4' ? globalThis.signTypedData(params[1]) : answers[method];
      globalThis.ethereum = { request };
    }, sandbox.account);
  }
  await page.goto(url);
  return { page, errors, close: () => page.context().close() };
}

test('page: an import map and no build', async () => {
  const files = await serve(path.join(folder, 'page'), { also: { '/node_modules/': modules } });
  const { url, sandbox } = await startSandbox();
  for (const query of ['', `?server=${encodeURIComponent(url)}`]) {
    const { page, errors, close } = await open(files.url + query, sandbox);
    await page.click('button');
    await page.locator('output', { hasText: Q }).waitFor();
    assert.deepEqual(errors, []);
    await close();
  }
  assert.equal(sandbox.payments.length, 1);
  files.close();
});

test('react: in development it asks its own sandbox, and comes back with the answer after a reload', async () => {
  const program = start('react', 'dev');
  const [, url] = await program.said(/(http:\/\/localhost:\d+\/)/);
  const { page, errors, close } = await open(url);
  const status = page.getByRole('status');
  await page.click('text=Ask');
  await status.filter({ hasText: 'The agent is thinking' }).waitFor();
  await page.reload();
  await status.filter({ hasText: Q }).waitFor();
  await page.getByText('Paid 0.02 USDC.').waitFor();
  await page.reload();
  await status.filter({ hasText: Q }).waitFor();
  await page.click('text=Forget');
  await status.filter({ hasText: /^$/ }).waitFor({ state: 'attached' });
  assert.deepEqual(errors, []);
  await close();
  await program.stop();
});

test("react: built for a real server, it pays with the browser's wallet", async () => {
  const missing = start('react', 'build');
  assert.equal(await missing.ended, 1);
  assert.match(missing.output(), /ELIZA_URL is missing/);
  const { url, sandbox, release } = await startSandbox();
  await run('react', 'build', { ELIZA_URL: url });
  const dist = path.join(folder, 'react/dist');
  // The sandbox is not in it.
  const text = readdirSync(path.join(dist, 'assets')).map((file) => readFileSync(path.join(dist, 'assets', file), 'utf8'));
  assert.ok(text.every((script) => !script.includes('lose-reply')));
  const files = await serve(dist);
  const { page, errors, close } = await open(files.url, sandbox);
  const status = page.getByRole('status');
  await page.fill('input', 'wait for it');
  await page.click('text=Ask');
  await status.filter({ hasText: 'The agent is thinking' }).waitFor();
  await page.click('text=Stop');
  await status.filter({ hasText: 'Stopped.' }).waitFor();
  await page.reload();
  await status.filter({ hasText: 'Stopped.' }).waitFor();
  release();
  await page.click('text=Go on');
  await status.filter({ hasText: 'You asked: wait for it' }).waitFor();
  assert.deepEqual([sandbox.payments.length, errors], [1, []]);
  await close();
  files.close();
});
