// What the consumers' tests share: the package as a user gets it, a server that charges, a browser,
// and the table of what was tried.
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { serve } from '../servers/files.mjs';
import { startServer } from './server.mjs';

export { serve };

const root = path.resolve(import.meta.dirname, '../..');
export const run = promisify(execFile);
export const server = await startServer();
let browser;
/** What ends the programs that were started. */
const ends = [];
after(async () => {
  await Promise.all(ends.map((end) => end()));
  await browser?.close();
  server.close();
});

/**
 * A folder of tools with projects: the package is put among the tools, and results go elsewhere.
 */
export function workshop(name) {
  const folder = path.join(import.meta.dirname, name);
  const out = path.join(root, 'target/consumers', name);
  const installed = path.join(folder, 'node_modules/eliza-jobs');
  const { version } = JSON.parse(readFileSync(path.join(root, 'pkg/package.json'), 'utf8'));
  for (const place of [out, installed]) rmSync(place, { recursive: true, force: true });
  for (const place of [out, installed]) mkdirSync(place, { recursive: true });
  execFileSync('tar', ['xzf', path.join(root, `eliza-jobs-${version}.tgz`), '-C', installed, '--strip-components=1']);
  const require = createRequire(path.join(folder, 'package.json'));
  const project = (file) => path.join(folder, 'projects', file);
  const versionOf = (tool) => JSON.parse(readFileSync(path.join(folder, 'node_modules', tool, 'package.json'), 'utf8')).version;
  /** Imports a tool of this folder. */
  const tool = async (name) => import(require.resolve(name));
  return { folder, out, installed, project, tool, require, versionOf };
}

const rows = [];
let asked = 0;

/**
 * A test of one consumer: `work` gets a question and returns what its program said. The server must
 * have been paid for the question once. `what` and `how` become a row of docs/runtimes.md.
 */
export function consumer(what, how, work) {
  test(`${what}: ${how}`, { timeout: 300_000 }, async () => {
    rows.push([what, how, 'fails']);
    asked += 1;
    const question = `question ${asked}`;
    const wanted = `right: you said ${question} for 0.02`;
    const said = await work(question, wanted);
    assert.equal(String(said).trim().split('\n').at(-1), wanted);
    assert.equal(server.paid.get(question), 1);
    rows.find((row) => row[0] === what && row[1] === how)[2] = 'works';
  });
}

/** A test of what a consumer says where the package cannot work: `work` returns it. */
export function refusal(what, how, pattern, work) {
  test(`${what}: ${how}`, { timeout: 300_000 }, async () => {
    rows.push([what, how, 'fails']);
    assert.match(await work(), pattern);
    rows.at(-1)[2] = 'says what is missing';
  });
}

async function newPage() {
  const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];
  browser ??= await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [...args, '--disable-component-update', '--disable-sync'],
  });
  return browser.newPage();
}

/** A page in Chromium. */
export async function opened(url) {
  const page = await newPage();
  await page.goto(url);
  return page;
}

/** Opens a page in Chromium, and waits for what it says in its title. */
export async function said(url, question, prepare) {
  const page = await newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  try {
    await prepare?.(page);
    await page.goto(`${url}?server=${encodeURIComponent(server.url)}&question=${encodeURIComponent(question ?? '')}`);
    await page.waitForFunction(() => globalThis.document.title.includes(':'), undefined, { timeout: 60_000 });
    return await page.title();
  } catch (error) {
    throw new Error(`the page said nothing: ${errors.join('; ')}`, { cause: error });
  } finally {
    await page.close();
  }
}

/** A folder with a page that loads this script. */
export function pageOf(folder, script = '<script type="module" src="/page.js"></script>') {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'index.html'), `<!doctype html><link rel="icon" href="data:,"><body>${script}</body>`);
  return folder;
}

/**
 * Starts a program that listens, waits until it answers, and ends it with all that it has started
 * when the tests are over.
 */
export async function listening([command, ...args], options, url) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, ...options });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  let isOver = false;
  const exit = once(child, 'exit').then(() => (isOver = true));
  const end = () => isOver || process.kill(-child.pid, 'SIGKILL');
  process.on('exit', end);
  ends.push(() => (end(), exit));
  for (;;) {
    if (isOver) throw new Error(`it ended: ${output}`);
    if (await fetch(url).catch(() => undefined)) return;
    await new Promise((next) => setTimeout(next, 100));
  }
}

const PAGE = path.join(root, 'docs/runtimes.md');
/** What a row is about, whichever version it was tried in. */
const subject = (line) =>
  line
    .split(' | ')
    .slice(0, 2)
    .join(' | ')
    .replace(/ \d+\.[\d.]+/, '');

/** Puts this run's rows into docs/runtimes.md; those of other runs stay, in their order. */
after(() => {
  const lines = readFileSync(PAGE, 'utf8').split('\n');
  const begin = lines.findIndex((line) => line.startsWith('| ---')) + 1;
  const end = lines.findIndex((line, at) => at >= begin && !line.startsWith('| '));
  const table = new Map(lines.slice(begin, end).map((line) => [subject(line), line]));
  for (const row of rows) {
    const line = `| ${row.join(' | ')} |`;
    table.set(subject(line), line);
  }
  lines.splice(begin, end - begin, ...table.values());
  writeFileSync(PAGE, lines.join('\n'));
});

/** What the page in this folder says to a question. */
export const inPage = async (folder, question) => {
  const files = await serve(folder);
  try {
    return await said(files.url, question);
  } finally {
    files.close();
  }
};
