// The real elizaOS server with one deterministic agent, in a process of its own.
//
//   const server = await startEliza({ paywall: true });   // { url, seen(), stop(), log() }
//   const older = await startEliza({ version: '1.6.5' });  // 1.7.0 unless said otherwise; or 1.7.2, whose jobs never complete
//
// or as a program: `node elizaos.mjs` prints its address. No model, no network, no files: the agent
// answers by rule, the database is PGlite in memory. The server ends when the process that started
// it ends.
//
// What a message makes the agent do:
//   "wait:2000 …"   answer after 2000 ms
//   "ignore …"      not answer: the job times out
//   "fail …"        the model throws: the job times out
//   "stream:5 …"    answer in five pieces where the server streams (1.7.0 and later), else at once
//   anything else   answer at once
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { freePort } from '../../scripts/free-port.mjs';

export const AGENT = '11111111-1111-4111-8111-111111111111';

/** The folder that has a version's packages: this one, or the one that is named after it. */
const HERE = '1.7.0';

/**
 * Starts the server; options: version, paywall (true | {strict, price, networks, recipient}),
 * apiKey, agent (false for none).
 */
export async function startEliza({ version = HERE, paywall, apiKey, agent = true } = {}) {
  const port = await freePort();
  const child = fork(import.meta.filename, ['--child'], {
    env: {
      ...process.env,
      SERVER_HOST: '127.0.0.1',
      SERVER_PORT: String(port),
      CENTRAL_MESSAGE_SERVER_URL: `http://127.0.0.1:${port}`,
      PGLITE_DATA_DIR: 'memory://',
      ELIZA_UI_ENABLE: 'false',
      LOG_LEVEL: 'error',
      SECRET_SALT: 'test',
      // Its default is a host outside; nothing listens on this one.
      SENTRY_DSN: 'http://x@127.0.0.1:9/1',
      ELIZA_SERVER_AUTH_TOKEN: apiKey ?? '',
      ELIZA_TEST: JSON.stringify({ version, port, agent, paywall: paywall === true ? {} : (paywall ?? null) }),
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output = (output + text).slice(-20_000)));
  const gone = once(child, 'exit');
  const message = await Promise.race([
    once(child, 'message'),
    gone.then(([code]) => {
      throw new Error(`the elizaOS server ended with ${code} before it was ready:\n${output}`);
    }),
  ]);
  if (!message[0].ready) throw new Error('the elizaOS server spoke before it was ready');
  return {
    url: `http://127.0.0.1:${port}`,
    log: () => output,
    /** The requests to create a job that the paywall saw, oldest first: { headers, body }. */
    async seen() {
      const answer = once(child, 'message');
      child.send('seen');
      return (await answer)[0].seen;
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await gone;
    },
  };
}

async function serve({ version, port, agent, paywall }) {
  const require = createRequire(path.join(import.meta.dirname, version === HERE ? '.' : version, 'package.json'));
  const { resolve } = require;
  // Where a version's packages are missing, those of the folder above would be found in their
  // place.
  const found = require('@elizaos/server/package.json').version;
  if (found !== version) throw new Error(`elizaOS ${version} is not installed (found ${found}); make test installs it`);
  const { AgentServer } = await import(pathToFileURL(resolve('@elizaos/server')));
  const { ModelType } = await import(pathToFileURL(resolve('@elizaos/core')));
  const { createPaywall } = await import('./seed-paywall.mjs');
  const OPEN = '[[';
  const CLOSE = ']]';
  const asked = (prompt) => prompt.slice(prompt.lastIndexOf(OPEN) + OPEN.length, prompt.lastIndexOf(CLOSE));
  const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  /** As a model streams: a piece at a time. */
  async function* inPieces(text, count) {
    const size = Math.ceil(text.length / count);
    for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
  }
  const plugin = {
    name: 'deterministic-agent',
    description: 'Answers by rule',
    priority: 100,
    models: {
      [ModelType.TEXT_SMALL]: async (_runtime, { prompt }) => {
        const action = prompt.includes(OPEN) && asked(prompt).startsWith('ignore') ? 'IGNORE' : 'RESPOND';
        return `<response><reasoning>by rule</reasoning><action>${action}</action></response>`;
      },
      [ModelType.TEXT_LARGE]: async (_runtime, { prompt, stream }) => {
        const text = prompt.includes(OPEN) ? asked(prompt) : '';
        if (text.startsWith('fail')) throw new Error('the model fails because the message says so');
        const wait = /^wait:(\d+)\s*/.exec(text);
        if (wait) await new Promise((done) => setTimeout(done, Number(wait[1])));
        const question = text.replace(/^(wait|stream):\d+\s*/, '');
        const answer = `You asked: "${question}". I am a test agent without a model, so this is all I can say.`;
        const response = `<response><thought>by rule</thought><actions>REPLY</actions><providers></providers><text>${escape(answer)}</text></response>`;
        const pieces = Number(/^stream:(\d+)/.exec(text)?.[1] ?? 1);
        return stream ? { textStream: inPieces(response, pieces) } : response;
      },
      [ModelType.TEXT_EMBEDDING]: async () => Array.from({ length: 384 }, (_, i) => (i === 0 ? 1 : 0)),
    },
    providers: [
      {
        name: 'RECENT_MESSAGES',
        description: 'Puts the message into the prompt',
        position: 100,
        get: async (_runtime, message) => {
          const text = OPEN + message.content.text + CLOSE;
          return { text, values: { recentMessages: text }, data: {} };
        },
      },
    ],
  };
  const wall = paywall && createPaywall(paywall);
  const server = new AgentServer();
  await server.start({
    port,
    dataDir: 'memory://',
    middlewares: wall ? [wall.middleware] : [],
    agents: agent
      ? [
          {
            character: { id: AGENT, name: 'Test agent', bio: ['answers by rule'], system: 'test', plugins: [], settings: {} },
            plugins: [plugin],
          },
        ]
      : [],
  });
  // Node closes a connection that was idle for 5 seconds, also when a request has arrived on it
  // while the machine stood still.
  server.server.keepAliveTimeout = 10 * 60_000;
  // elizaOS takes the next port, without an error, when this one is taken.
  const { port: bound } = server.server.address();
  if (bound !== port) throw new Error(`port ${port} was taken meanwhile; elizaOS listens on ${bound}`);
  process.on('message', () => process.send({ seen: wall?.seen ?? [] }));
  process.on('disconnect', () => process.exit());
  process.send({ ready: true });
}

if (process.argv[2] === '--child') {
  await serve(JSON.parse(process.env.ELIZA_TEST));
} else if (process.argv[1] === import.meta.filename) {
  const server = await startEliza({ paywall: process.argv.includes('--paywall') });
  console.log(server.url);
}
