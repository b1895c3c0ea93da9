// From the import of a program to its first request: in Node, and in Chromium on a fast and a slow
// processor.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { bundle, LIGHTEST, OURS, PROGRAMS, RESULTS } from './programs.mjs';
import { interleaved, median } from './statistics.mjs';

export const title = 'From import to the first request: milliseconds, medians of fresh starts';

const ROUNDS = 15;
const TRACED_ROUNDS = 5;
const SLOWDOWNS = [1, 4];

export async function measure() {
  mkdirSync(RESULTS, { recursive: true });
  const bundles = {};
  for (const name of [OURS, LIGHTEST]) {
    bundles[name] = path.join(RESULTS, `${name === OURS ? 'ours' : 'lightest'}.mjs`);
    writeFileSync(bundles[name], await bundle(PROGRAMS[name]));
  }
  const figures = { Node: await inNode(bundles), ...(await inChromium(bundles)) };
  const rows = Object.entries(figures).map(([where, { [OURS]: mine, [LIGHTEST]: theirs }]) => [
    where,
    mine.toFixed(1),
    theirs.toFixed(1),
    `${(mine / theirs).toFixed(2)} ×`,
  ]);
  return { columns: ['where', OURS, LIGHTEST, 'ours to it'], rows, figures };
}

const medians = (measured) => Object.fromEntries(Object.entries(measured).map(([name, values]) => [name, median(values)]));
const each = (bundles, work) => Object.fromEntries(Object.entries(bundles).map(([name, file]) => [name, () => work(file)]));

/** A fresh process each time. */
async function inNode(bundles) {
  const start = (file) => Number(execFileSync(process.execPath, [path.join(import.meta.dirname, 'start-in-node.mjs'), file]));
  return medians(await interleaved(each(bundles, start), ROUNDS));
}

/** A fresh profile and renderer process each time. */
async function inChromium(bundles) {
  const server = await serve(bundles);
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  });
  const figures = {};
  try {
    for (const slowdown of SLOWDOWNS) {
      const begun = (file) => startPage(browser, `${server.url}/${path.basename(file)}`, slowdown, untraced);
      const blocked = (file) => startPage(browser, `${server.url}/${path.basename(file)}`, slowdown, longestTask);
      const where = `Chromium, ${slowdown} × CPU slow-down`;
      figures[where] = medians(await interleaved(each(bundles, begun), ROUNDS));
      figures[`${where}: longest task of the page's main thread`] = medians(
        await interleaved(each(bundles, blocked), TRACED_ROUNDS),
      );
    }
  } finally {
    await browser.close();
    server.close();
  }
  return figures;
}

/** Opens an empty page, and measures when it imports the program. */
async function startPage(browser, program, slowdown, how) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto(new URL('/', program).href);
    const devtools = await context.newCDPSession(page);
    await devtools.send('Emulation.setCPUThrottlingRate', { rate: slowdown });
    return await how(browser, page, program);
  } finally {
    await context.close();
  }
}

const importing = (program) =>
  new Promise((resolve, reject) => {
    const began = performance.now();
    globalThis.fetch = () => {
      resolve(performance.now() - began);
      return new Promise(() => {});
    };
    import(program).catch(reject);
  });

const untraced = (_browser, page, program) => page.evaluate(importing, program);

/** The longest time that the page's main thread is blocked. */
async function longestTask(browser, page, program) {
  await browser.startTracing(page, { screenshots: false, categories: ['disabled-by-default-devtools.timeline', '__metadata'] });
  await page.evaluate(importing, program);
  // The task that has sent the request is over in the next one.
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve)));
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
  const isMain = ({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain';
  const threads = new Set(traceEvents.filter(isMain).map(({ pid, tid }) => `${pid} ${tid}`));
  const tasks = traceEvents.filter(({ name, dur, pid, tid }) => name === 'RunTask' && dur > 0 && threads.has(`${pid} ${tid}`));
  return Math.max(...tasks.map(({ dur }) => dur)) / 1000;
}

/** Serves an empty page and the programs. */
async function serve(bundles) {
  const programs = new Map(Object.values(bundles).map((file) => [`/${path.basename(file)}`, file]));
  const server = http.createServer(({ url }, response) => {
    const file = programs.get(url);
    response.setHeader('content-type', file ? 'text/javascript' : 'text/html');
    response.end(file ? readFileSync(file) : '<!doctype html><title>bench</title>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${server.address().port}`, close };
}
