// Starts the real elizaOS server (@elizaos/server 1.7.0) on a free loopback port, with its database in memory and one scripted
// agent (agent.mjs): no model, no key, nothing outside this machine.
//
//   import { startEliza } from './eliza.mjs';
//   const server = await startEliza({ paywall: true });   // { url, agentId, requests(), forget(), setPaywall(), log(), stop() }
//
//   node tests/servers/eliza.mjs                           // prints its address and runs until Ctrl-C
//     PORT=3000  KEY=secret (API key)  PAYWALL=lax|strict  PRICE=0.02  NETWORKS=base,polygon  AGENT=none
import { fork } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const here = import.meta.dirname;
const LOG_LIMIT = 200_000;

const freePort = () =>
  new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });

/**
 * @param {object} [options]
 * @param {boolean | {price?: string, networks?: string[], recipient?: string}} [options.paywall] ask for payment
 * @param {boolean} [options.strict] the paywall takes each transaction hash once
 * @param {string} [options.apiKey] the key that the server wants in X-API-KEY
 * @param {boolean} [options.agent] false: a server without any agent
 * @param {number} [options.port] 0: a free one
 * @param {Record<string, string>} [options.env] more environment for the server
 */
export async function startEliza({ paywall = false, strict = false, apiKey, agent = true, port = 0, env = {} } = {}) {
  if (!existsSync(path.join(here, 'node_modules/@elizaos/server'))) {
    throw new Error('the elizaOS server is not installed: run `npm ci --ignore-scripts` in tests/servers');
  }
  const wall = paywall ? { ...(paywall === true ? {} : paywall), strict } : null;
  const child = fork(
    path.join(here, 'child.mjs'),
    [JSON.stringify({ port: port || (await freePort()), wantAgent: agent, wall })],
    {
      cwd: mkdtempSync(path.join(tmpdir(), 'eliza-')),
      // Not this process's environment: the server would connect to whatever database or model it finds named there.
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        SERVER_HOST: '127.0.0.1',
        ELIZA_UI_ENABLE: 'false',
        LOG_LEVEL: 'warn',
        SECRET_SALT: 'test',
        SENTRY_DSN: 'http://nobody@127.0.0.1:9/1', // else it reports to its makers
        ...(apiKey === undefined ? {} : { ELIZA_SERVER_AUTH_TOKEN: apiKey }),
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  );
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (log = (log + text).slice(-LOG_LIMIT)));
  }
  const ended = new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? signal)));
  const asked = new Map();
  const ready = new Promise((resolve) => {
    child.on('message', (message) => {
      if (message.ready) return resolve(message.ready);
      asked.get(message.id)?.(message.answer);
      asked.delete(message.id);
    });
  });
  const { url, agentId } = await Promise.race([
    ready,
    ended.then((code) => {
      throw new Error(`the elizaOS server ended (${code}) before it was ready:\n${log.slice(-2000)}`);
    }),
  ]);
  let questions = 0;
  const ask = (what, more) =>
    new Promise((resolve, reject) => {
      const id = ++questions;
      asked.set(id, resolve);
      child.send({ id, ask: what, ...more }, (error) => error && reject(error));
    });
  return {
    url,
    agentId,
    /** Every request since the last `forget()`: {method, url, headers, body, status}. Those of the agent itself are among them. */
    requests: () => ask('requests'),
    forget: () => ask('forget'),
    /** Another paywall, or none (null). */
    setPaywall: (wall) => ask('setPaywall', { wall }),
    log: () => log,
    ended,
    async stop() {
      if (child.connected) child.disconnect();
      const late = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await ended;
      clearTimeout(late);
    },
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { PORT, KEY, PAYWALL, PRICE, NETWORKS, AGENT } = process.env;
  const server = await startEliza({
    port: Number(PORT ?? 0),
    apiKey: KEY,
    agent: AGENT !== 'none',
    strict: PAYWALL === 'strict',
    paywall: PAYWALL ? { ...(PRICE && { price: PRICE }), ...(NETWORKS && { networks: NETWORKS.split(',') }) } : false,
  });
  console.log(`elizaOS server ${server.url}${PAYWALL ? ` (${PAYWALL} paywall)` : ''}; agent ${server.agentId ?? 'none'}. Ctrl-C ends it.`);
  const code = await server.ended;
  console.log(server.log().slice(-2000));
  process.exitCode = code === 0 || code === 'SIGINT' ? 0 : 1;
}
