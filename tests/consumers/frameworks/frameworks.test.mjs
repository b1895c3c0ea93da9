// The packed package in the larger bundlers, frameworks and test runners: each does one paid job.
import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import vm from 'node:vm';
import { freePort } from '../../../scripts/free-port.mjs';
import { consumer, inPage, listening, opened, pageOf, refusal, run, said, serve, server, workshop } from '../harness.mjs';

const { folder, installed, out, project, tool, require, versionOf } = workshop('frameworks');
const bin = (name) => path.join(folder, 'node_modules', name);

consumer(`Rspack ${versionOf('@rspack/core')}`, 'a page', async (question) => {
  const { rspack } = await tool('@rspack/core');
  const folder = pageOf(path.join(out, 'rspack'));
  const entry = project('page.js');
  const options = { mode: 'production', context: path.dirname(entry), entry, target: 'web', performance: false };
  const stats = await new Promise((done, failed) =>
    rspack({ ...options, output: { path: folder, filename: 'page.js' } }, (error, stats) =>
      error ? failed(error) : done(stats.toJson({ all: false, errors: true, warnings: true })),
    ),
  );
  assert.deepEqual([stats.errors, stats.warnings], [[], []]);
  return inPage(folder, question);
});

consumer(`Parcel ${versionOf('parcel')}`, 'a page', async (question) => {
  const folder = path.join(out, 'parcel');
  const args = [
    'build',
    project('parcel.html'),
    '--dist-dir',
    folder,
    '--cache-dir',
    path.join(out, '.parcel'),
    '--no-source-maps',
  ];
  await run(process.execPath, [bin('parcel/lib/bin.js'), ...args], { cwd: path.join(folder, '..') });
  const files = await serve(folder);
  try {
    return await said(`${files.url}parcel.html`, question);
  } finally {
    files.close();
  }
});

const jest = `Jest ${versionOf('jest')}`;
function inJest(file, testEnvironment, env = {}) {
  const config = { rootDir: project(''), testEnvironment, testMatch: [`**/${file}`], transform: {} };
  const args = [bin('jest/bin/jest.js'), '--config', JSON.stringify(config), '--no-cache'];
  return run(process.execPath, args, { cwd: folder, env: { ...process.env, CI: 'true', ...env } });
}
for (const [how, environment] of [
  ['with node', 'node'],
  ['with jsdom, to which the project adds fetch', project('jsdom-with-fetch.cjs')],
]) {
  consumer(jest, how, async (question, wanted) => {
    await inJest('jest.test.cjs', environment, { SERVER: server.url, QUESTION: question, WANTED: wanted });
    return wanted;
  });
}
refusal(jest, 'with jsdom alone', /eliza-jobs needs [\w, ]*TextDecoder[\w, ]*, which this runtime does not have/, async () => {
  const failed = await inJest('jest-missing.test.cjs', 'jsdom').catch((error) => error);
  return failed.stderr;
});

refusal(
  `Metro ${versionOf('metro')} (React Native)`,
  'bundled, without WebAssembly',
  /^init_failed: eliza-jobs needs WebAssembly/,
  async () => {
    const Metro = require('metro');
    const config = await Metro.loadConfig({ cwd: folder, config: undefined }, { projectRoot: folder, watchFolders: [folder] });
    config.resolver.useWatchman = false;
    config.reporter = { update() {} };
    const outfile = path.join(out, 'metro.js');
    await Metro.runBuild(config, { entry: 'projects/metro.js', out: outfile, platform: 'ios', dev: false, minify: false });
    let words = '';
    // As bare as the engine of React Native is.
    const globals = { print: (text) => (words = text) };
    vm.runInNewContext(
      `delete globalThis.WebAssembly; globalThis.global = globalThis; ${readFileSync(outfile, 'utf8')}`,
      globals,
    );
    return words;
  },
);

const next = `Next.js ${versionOf('next')}`;
const command = [process.execPath, bin('next/dist/bin/next')];
// examples/next beside the tools, where the project's own node_modules would be, with pages of the
// tests: one build has all.
const app = project('example');
rmSync(app, { recursive: true, force: true });
for (const from of [path.resolve(import.meta.dirname, '../../../examples/next'), project('next')])
  cpSync(from, app, { recursive: true });
const { createSandbox, serveSandbox } = await import(path.join(installed, 'sandbox-node.js'));
const sandbox = createSandbox({ paywall: 'x402-v2', price: '0.02' });
const sandboxServer = await serveSandbox(sandbox);
after(() => sandboxServer.close());
const ofExample = { ELIZA_URL: sandboxServer.url, PRIVATE_KEY: `0x${'11'.repeat(32)}` };
const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', CI: 'true', ...ofExample };

const started = new Map();
/** Starts Next.js as it is built or in development; once. */
function nextIn(mode) {
  if (!started.has(mode)) started.set(mode, start(mode));
  return started.get(mode);
}
async function start(mode) {
  if (mode === 'start') await run(command[0], [command[1], 'build', app], { cwd: app, env, maxBuffer: 1e8 });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  await listening(
    [...command, mode, app, '--hostname', '127.0.0.1', '--port', String(port)],
    { cwd: app, env },
    `${url}tried/api/ask`,
  );
  return url;
}
const kinds = {
  'a server component': async (url, query) =>
    /said\((?:<!-- -->)?(.*?)(?:<!-- -->)?\)/.exec(await (await fetch(`${url}?${query}`)).text())?.[1],
  'a route handler': async (url, query) => (await fetch(`${url}/api/ask?${query}`)).text(),
  'an edge route handler': async (url, query) => (await fetch(`${url}/api/edge?${query}`)).text(),
  'a client component': (url, query, question) => said(`${url}/client`, question),
};
for (const [mode, how] of [
  ['start', 'build'],
  ['dev', 'dev'],
]) {
  for (const [kind, asks] of Object.entries(kinds)) {
    consumer(next, `${how}, ${kind}`, async (question) => {
      const url = await nextIn(mode);
      return asks(`${url}tried`, new URLSearchParams({ server: server.url, question }), question);
    });
  }
}

test('the project examples/next, built: its page asks its route, which pays', { timeout: 300_000 }, async () => {
  const page = await opened(await nextIn('start'));
  await page.click('button');
  await page.getByRole('status').filter({ hasText: 'What is the weather in New York?' }).waitFor();
  assert.equal(sandbox.payments.length, 1);
  await page.close();
});
