// What the command line says of what it was given: a key where a question belongs, addresses,
// folders, days; and what Ctrl-C ends when nothing is under way.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { freePort } from '../../scripts/free-port.mjs';
import { commandLine, emptyFolder, QUESTION, refused, signal, WITH_LIBRARIES } from './cli-user.mjs';

const { user, sandboxed, createSandbox } = await commandLine('cli-words');
const KEY = `0x${'1a'.repeat(32)}`;
const withKey = { cwd: WITH_LIBRARIES, ELIZA_JOBS_PRIVATE_KEY: KEY };

/** A server on this machine that does not say that it is a sandbox. */
async function nameless(t, options) {
  const sandbox = createSandbox(options);
  const server = http.createServer(async (request, response) => {
    const parts = await request.toArray();
    const { method, url } = request;
    const headers = { ...request.headers };
    const answer = await sandbox.fetch(sandbox.url + url, {
      method,
      headers,
      ...(parts.length > 0 && { body: Buffer.concat(parts) }),
    });
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    response.end(await answer.text());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => (server.close(), server.closeAllConnections()));
  return { sandbox, url: `http://127.0.0.1:${server.address().port}` };
}

test('a key is no question: from standard input too, it is not sent', async (t) => {
  const { sandbox, url } = await sandboxed(t);
  for (const question of [KEY, KEY.slice(2).toUpperCase(), `my key is ${KEY}, why?`]) {
    const { child, end } = user(withKey).start('ask', url, '-');
    child.stdin.end(`${question}\n`);
    const { code, stdout, stderr } = await end;
    assert.deepEqual([code, stdout], [2, ''], stderr);
    assert.match(stderr, /the question holds a private key\n {2}Nothing was sent/);
    assert.ok(!stderr.toLowerCase().includes(KEY.slice(2, 20)), stderr);
  }
  assert.deepEqual(sandbox.requests, []);
});

test('a transfer without a node: every offer is in the words of the command line', async (t) => {
  const { sandbox, url } = await nameless(t, { paywall: 'elizaos' });
  const { run } = user(withKey);
  const { code, stderr } = await run('ask', url, QUESTION, '--max', '0.05');
  assert.equal(code, 1, stderr);
  assert.match(stderr, /on base: what pays here lacks sendTransfer; .* on polygon: what pays here lacks sendTransfer;/);
  assert.doesNotMatch(stderr, /fromViem|fromEthers/);
  // An address of nothing is no wrong use: it may be down.
  const down = await run('ask', url, QUESTION, '--max', '0.05', '--rpc', 'http://127.0.0.1:9');
  assert.equal(down.code, 1, down.stderr);
  assert.match(
    down.stderr,
    /the wallet failed[\s\S]*Nothing was paid\.\n {2}Is --rpc a node of the network, and does it answer\?/,
  );
  const asked = sandbox.requests.length;
  for (const rpc of ['foo', 'ftp://x', 'localhost:8545', 'https://']) {
    const wrong = await run('ask', url, QUESTION, '--max', '0.05', '--rpc', rpc);
    assert.equal(wrong.code, 2, wrong.stderr);
    assert.match(wrong.stderr, /--rpc must be an address that begins with https:\/\/ or http:\/\//);
  }
  assert.deepEqual([sandbox.requests.length, sandbox.payments.length], [asked, 0]);
});

test('what is no server of elizaOS is said to be that, in the words of the command line', async (t) => {
  for (const [handle, words] of [
    [(response) => response.setHeader('content-type', 'text/html').end('<h1>Hi</h1>'), 'is this the address of the API?'],
    [(response) => response.writeHead(302, { location: 'https://agents.example/' }).end(), 'use the address where it leads'],
  ]) {
    const server = http.createServer((_, response) => handle(response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => (server.close(), server.closeAllConnections()));
    for (const command of [['ask', QUESTION], ['quote']]) {
      const { code, stderr } = await user().run(command[0], `http://127.0.0.1:${server.address().port}`, ...command.slice(1));
      assert.equal(code, 1, stderr);
      assert.ok(stderr.includes(words), stderr);
      assert.doesNotMatch(stderr, /baseUrl/);
    }
  }
});

test('a server that cannot be reached: which, what the system says, that nothing was paid, and what to do', async () => {
  const port = await freePort();
  for (const [args, message, ...lines] of [
    [
      ['ask', 'http://localhost:1', QUESTION],
      'no connection to localhost:1 (POST /api/messaging/jobs): bad port',
      'Nothing was paid.',
      'HTTP is never sent to port 1, which belongs to another protocol: give the server another one, such as 3000.',
    ],
    [
      ['ask', 'nowhere.invalid', QUESTION],
      'no connection to nowhere.invalid (POST /api/messaging/jobs): E',
      'Nothing was paid.',
      'No machine is known as nowhere.invalid: is the name right, and is this machine online?',
    ],
    [
      ['health', `localhost:${port}`],
      `no connection to localhost:${port} (GET /api/messaging/jobs/health): ECONNREFUSED`,
      `Does the server run? "eliza-jobs sandbox --port ${port}" starts one for trying out.`,
    ],
    [
      ['health', 'https://localhost:1'],
      'bad port',
      'HTTP is never sent to port 1, which belongs to another protocol: give the server another one, such as 3000.',
    ],
  ]) {
    const { code, stdout, stderr } = await user().run(...args);
    assert.deepEqual([code, stdout], [1, ''], stderr);
    assert.ok(stderr.split('\n')[0].includes(message), stderr);
    for (const line of lines) assert.ok(stderr.includes(`\n  ${line}\n`), stderr);
  }
});

test('a day that is none is refused, and a time without a zone is UTC', async () => {
  const { run } = user({ TZ: 'Pacific/Kiritimati' });
  for (const day of [
    '2026-02-30',
    '2026-04-31',
    '2026-01-01 (x)',
    '2026-01-01 10:00',
    '2026-01-01T10',
    '2026-01-01T25:00',
    '26-01-01',
  ]) {
    const { code, stderr } = await run('payments', '--since', day);
    assert.deepEqual([code, stderr.includes('--since must be a date such as 2026-01-31')], [2, true], `${day}: ${stderr}`);
  }
  // There it is tomorrow half of the day.
  const now = new Date().toISOString().slice(0, 16);
  for (const time of [now, `${now}Z`, `${now}:00.000+00:00`, '2024-02-29']) {
    const { code, stderr } = await run('payments', '--since', time);
    assert.equal(code, 0, `${time}: ${stderr}`);
  }
});

test('a folder that cannot be used is named with the option for another one', async (t) => {
  const { sandbox, url } = await sandboxed(t);
  const file = path.join(emptyFolder(), 'file');
  writeFileSync(file, '');
  for (const [command, ...more] of [['ask', url, QUESTION], ['pending'], ['resume'], ['payments']]) {
    const { code, stderr } = await user().run(command, ...more, '--store', file);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /Payments are recorded in a folder that must be writable: name another one with --store <folder>\./);
    assert.doesNotMatch(stderr, /\n {4}at /);
  }
  assert.equal(sandbox.payments.length, 0);
});

test('localhost and 127.0.0.1 are one server: what is open is found by either name', async (t) => {
  const refusing = { proofs: true };
  const { sandbox, url } = await sandboxed(t, {}, refused(refusing));
  const { run } = user();
  const local = url.replace('127.0.0.1', 'localhost');
  assert.equal((await run('ask', local, QUESTION)).code, 3);
  const { stdout } = await run('pending', url);
  assert.match(stdout, new RegExp(` ${local} `));
  refusing.proofs = false;
  const { code, stderr } = await run('resume', `${url}/`);
  assert.deepEqual([code, stderr, sandbox.payments.length], [0, '', 1]);
  // Another port is another server.
  assert.equal((await run('pending', 'localhost:1')).stderr, 'Nothing is open.\n');
});

test('whoever is to type the question is told so', async (t) => {
  const { url } = await sandboxed(t);
  // The terminal's end comes at once: no question is typed.
  const { code, text } = await user().onTerminal('ask', url, '-');
  assert.equal(code, 2, text);
  assert.match(text, /Type the question, and end it with Ctrl-D[^]*the question is empty/);
});

test('on a narrow terminal the clock is there all the same', async (t) => {
  const { url } = await sandboxed(t, { answerMs: 400 });
  const { code, stdout } = await user().inShell(`script -qec "stty cols 24; eliza-jobs ask ${url} Hello" /dev/null </dev/null`);
  assert.equal(code, 0, stdout);
  const written = stdout.split('\r').map((line) => line.replace(/\x1b\[\d*[mK]/g, '')); // eslint-disable-line no-control-regex -- a terminal's own
  const clocks = written.filter((line) => line.startsWith('· thinking'));
  assert.ok(clocks.length > 0);
  for (const line of clocks) assert.match(line, /^· thinking .* 0\.\d s$/);
  assert.ok(
    clocks.every((line) => line.length < 24),
    clocks.join('\n'),
  );
});

for (const [what, prepare] of [
  ['standard input', (url) => ['ask', url, '-']],
  ['a server', (url) => ['ask', url, QUESTION]],
  ['a price', (url) => ['quote', url]],
  ['a state of health', (url) => ['health', url]],
]) {
  test(`Ctrl-C while ${what} is waited for: 130, and a document where one is wanted`, async (t) => {
    // It takes requests and says nothing.
    const came = signal();
    const server = http
      .createServer(({ method }, response) => {
        // What the price is asked of is no sandbox.
        if (args[0] === 'quote' && method === 'GET') response.end('{}');
        else came.come();
      })
      .listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => (server.close(), server.closeAllConnections()));
    const args = prepare(`http://127.0.0.1:${server.address().port}`);
    const { child, end } = user().start(...args, '--json');
    // More than the pipe holds: it is read. Its end does not come.
    if (args.includes('-')) await new Promise((read) => child.stdin.write('x'.repeat(300_000), read));
    else await came.promise;
    child.kill('SIGINT');
    const { code, stdout } = await end;
    const { error, exitCode } = JSON.parse(stdout);
    assert.deepEqual([code, exitCode, error.code, error.fundsMoved, error.open], [130, 130, 'interrupted', false, []]);
  });
}
