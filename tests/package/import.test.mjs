// How the package can be got hold of.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { install } from './install.mjs';

const run = promisify(execFile);
const folder = await install();
const names = [
  'ApiError',
  'ArgumentError',
  'ConnectionError',
  'ElizaJobsError',
  'JobError',
  'JobStatus',
  'JobsClient',
  'PaymentError',
];
/** Runs a program in the application's folder. */
const node = async (source, type) =>
  JSON.parse((await run(process.execPath, [`--input-type=${type}`, '-e', source], { cwd: folder })).stdout);

test('import gives the public names and nothing else', async () => {
  const found = await node("console.log(JSON.stringify(Object.keys(await import('eliza-jobs'))))", 'module');
  assert.deepEqual(found.sort(), names);
});

test('require gives the same names', async () => {
  const found = await node("console.log(JSON.stringify(Object.keys(require('eliza-jobs'))))", 'commonjs');
  assert.deepEqual(found.filter((name) => name !== '__esModule').sort(), names);
});

test('a client works right after import and right after require, with no init call', async () => {
  const use = `
    const client = new JobsClient({ baseUrl: 'http://x', fetch: async () => Response.json({ totalJobs: 1, statusCounts: {} }) });
    client.getJobsHealth().then((health) => console.log(JSON.stringify(health.totalJobs)));`;
  assert.equal(await node(`import { JobsClient } from 'eliza-jobs';${use}`, 'module'), 1);
  assert.equal(await node(`const { JobsClient } = require('eliza-jobs');${use}`, 'commonjs'), 1);
});

test('importing has no side effect: no global, no listener, no timer, nothing compiled, nothing fetched', async () => {
  const source = `
    let compiled = 0, fetched = 0;
    for (const name of ['Module', 'Instance', 'compile', 'instantiate', 'compileStreaming', 'instantiateStreaming']) {
      const original = WebAssembly[name];
      WebAssembly[name] = new Proxy(original, {
        apply: (...all) => (compiled++, Reflect.apply(...all)),
        construct: (...all) => (compiled++, Reflect.construct(...all)),
      });
    }
    globalThis.fetch = () => fetched++;
    const globals = () => Object.getOwnPropertyNames(globalThis).length + Object.getOwnPropertySymbols(globalThis).length;
    const listeners = () => process.eventNames().length;
    const before = [globals(), listeners()];
    const { JobsClient } = await import('eliza-jobs');
    const imported = [globals() - before[0], listeners() - before[1], process.getActiveResourcesInfo().includes('Timeout'), compiled, fetched];
    new JobsClient({ baseUrl: 'http://x' });
    console.log(JSON.stringify({ imported, compiledByFirstUse: compiled > 0, fetched }));`;
  assert.deepEqual(await node(source, 'module'), { imported: [0, 0, false, 0, 0], compiledByFirstUse: true, fetched: 0 });
});

test('importing works where WebAssembly is missing; making a client says so', async () => {
  const source = `
    delete globalThis.WebAssembly;
    const { JobsClient, ElizaJobsError } = await import('eliza-jobs');
    try { new JobsClient({ baseUrl: 'http://x' }) } catch (error) {
      console.log(JSON.stringify([error.code, error instanceof ElizaJobsError, error.message.includes('WebAssembly')]));
    }`;
  assert.deepEqual(await node(source, 'module'), ['init_failed', true, true]);
});

test('errors of the imported copy are instances of the required copy’s classes', async () => {
  const source = `
    import { createRequire } from 'node:module';
    import * as imported from 'eliza-jobs';
    const required = createRequire(process.cwd() + '/x.js')('eliza-jobs');
    const error = await new imported.JobsClient({ baseUrl: 'http://x' }).getJob('').catch((error) => error);
    const other = new Error('other');
    console.log(JSON.stringify([
      imported.ArgumentError !== required.ArgumentError,
      ...[required.ArgumentError, required.ElizaJobsError, TypeError, required.ApiError].map((Class) => error instanceof Class),
      other instanceof required.ElizaJobsError,
    ]));`;
  assert.deepEqual(await node(source, 'module'), [true, true, true, true, false, false]);
});

test('the package has types for both module systems, a licence, a readme, and no dependency or install script', async () => {
  const inside = path.join(folder, 'node_modules/eliza-jobs');
  const files = await readdir(inside);
  for (const file of ['index.js', 'index.cjs', 'index.d.ts', 'index.d.cts', 'LICENSE', 'README.md'])
    assert.ok(files.includes(file), file);
  const manifest = JSON.parse(await readFile(path.join(inside, 'package.json'), 'utf8'));
  assert.equal(manifest.dependencies, undefined);
  assert.equal(manifest.scripts, undefined);
  assert.equal(createRequire(`${folder}/x.js`)('eliza-jobs/package.json').version, manifest.version);
});

test('no file of the package names a path of the machine that built it', async () => {
  const inside = path.join(folder, 'node_modules/eliza-jobs');
  const root = path.resolve(import.meta.dirname, '../..');
  for (const file of await readdir(inside)) {
    const bytes = await readFile(path.join(inside, file));
    for (const place of [root, process.env.HOME, '.cargo/registry']) {
      assert.ok(!bytes.includes(`${place}/`), `${place} is in ${file}`);
    }
  }
});
