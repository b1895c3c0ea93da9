// The package in Cloudflare's own runtime, where each request is a world of its own: calls of
// several requests on one client.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { freePort } from '../../scripts/free-port.mjs';
import { startEliza } from '../servers/elizaos.mjs';
import { installed, USER } from './setting.mjs';

const { folder } = await installed('workers');
const server = await startEliza();
after(() => server.stop());

const WORKER = `
import { ElizaClient } from './workerd.js';
let client;
export default {
  async fetch(request) {
    const question = new URL(request.url).searchParams.get('q');
    // One client for all requests, as is usual in a module.
    client ??= new ElizaClient({ baseUrl: '${server.url}' });
    const job = await client.messaging.createAndWaitForJob({ userId: '${USER}', content: question });
    return new Response(job.result.message.content);
  },
};`;
const CONFIG = (port, date) => `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker), (name = "internet", network = (allow = ["private", "local"]))],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "worker.js"),
    (name = "workerd.js", esModule = embed "workerd.js"),
    (name = "eliza_jobs_bg.wasm", wasm = embed "eliza_jobs_bg.wasm"),
  ],
  compatibilityDate = "${date}",
);`;

/** The program itself: npm's wrapper of it would be one process more. */
function program() {
  const from = createRequire(path.resolve(import.meta.dirname, '../servers/package.json'));
  const machine = `${os.platform()}-${os.arch() === 'x64' ? '64' : os.arch()}`;
  return path.join(path.dirname(from.resolve(`@cloudflare/workerd-${machine}/package.json`)), 'bin/workerd');
}

// Before 2024-11-11 the runtime throws on `cache` in the options of a request.
for (const date of ['2026-11-01', '2024-11-10', '2023-01-01'])
  test(
    `in Workers of ${date}, calls of several requests on one client are answered each with its own answer`,
    {
      timeout: 120_000,
    },
    async () => {
      const place = mkdtempSync(path.join(os.tmpdir(), 'workers-'));
      const port = await freePort();
      for (const file of ['workerd.js', 'eliza_jobs_bg.wasm']) {
        copyFileSync(path.join(folder, 'node_modules/eliza-jobs', file), path.join(place, file));
      }
      writeFileSync(path.join(place, 'worker.js'), WORKER);
      writeFileSync(path.join(place, 'config.capnp'), CONFIG(port, date));
      const worker = spawn(program(), ['serve', '--control-fd=3', path.join(place, 'config.capnp')], {
        stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
      });
      try {
        // It says on the control channel when it listens.
        await once(worker.stdio[3], 'data');
        const ask = async (question) => {
          const answer = await fetch(`http://127.0.0.1:${port}/?q=${question}`);
          return [answer.status, (await answer.text()).includes(`"${question}"`)];
        };
        const questions = Array.from({ length: 8 }, (_, index) => `question-${index}`);
        assert.deepEqual(
          await Promise.all(questions.map(ask)),
          questions.map(() => [200, true]),
        );
      } finally {
        worker.kill('SIGKILL');
        await once(worker, 'exit');
        rmSync(place, { recursive: true, force: true });
      }
    },
  );
