// What goes wrong around the command line: signals while the wallet is asked, servers that write to
// the terminal, folders that others may change, files that cannot be written.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { ACCOUNTS, startChain } from '../servers/chain.mjs';
import { startSeedOnChain } from '../servers/seed-on-chain.mjs';
import { startV2 } from '../servers/x402-v2.mjs';
import { answerTo, commandLine, emptyFolder, QUESTION, refused, signal, WITH_LIBRARIES } from './cli-user.mjs';

const { user, sandboxed } = await commandLine('cli-faults');
const KEY = ACCOUNTS[0].key;
const withKey = { cwd: WITH_LIBRARIES, ELIZA_JOBS_PRIVATE_KEY: KEY };
const MAX = ['--max', '0.05'];

let chain, transfers, v2;
const stops = [];
before(async () => {
  chain = await startChain('base');
  stops.push(() => chain.stop());
  [transfers, v2] = await Promise.all([startSeedOnChain({ base: chain }), startV2(chain)]);
  stops.push(...[transfers, v2].map((server) => () => server.stop()));
});
after(() => Promise.all(stops.reverse().map((stop) => stop())));

/** An HTTP server on this machine, and its address. */
async function served(t, listener) {
  const server = http.createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${server.address().port}` };
}

const textOf = async (request) => {
  let text = '';
  for await (const piece of request.setEncoding('utf8')) text += piece;
  return text;
};

/**
 * A node of the chain. `answer` sees each call, and passes it on or answers itself; nothing is
 * answered while it returns a promise.
 */
const node = (t, answer) =>
  served(t, async (request, response) => {
    const body = await textOf(request);
    const { id, method } = JSON.parse(body);
    const pass = async () =>
      (await fetch(chain.rpc, { method: 'POST', body, headers: { 'content-type': 'application/json' } })).json();
    const answered = await answer(method, pass);
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ jsonrpc: '2.0', id, ...answered }));
  });

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  test(`${name} after the transfer was sent: the program stays until its hash is recorded`, async (t) => {
    const paid = (await chain.transfers()).length;
    const asked = signal();
    let isMined = false;
    let later = 0;
    const { url } = await node(t, (method, pass) => {
      if (method !== 'eth_getTransactionReceipt') return pass();
      asked.come();
      // A program that had ended would not ask again.
      if (isMined && (later += 1) > 2) return pass();
      return { result: null };
    });
    const { start, run } = user(withKey);
    const asking = start('ask', transfers.url, QUESTION, ...MAX, '--rpc', url);
    await asked.promise;
    asking.child.kill(name);
    // As npx does, which passes on what the terminal has sent to both.
    asking.child.kill(name === 'SIGINT' ? 'SIGTERM' : 'SIGINT');
    isMined = true;
    const { code, stderr } = await asking.end;
    assert.equal(code, 3, stderr);
    const [, command] = /: eliza-jobs (resume .*)\n/.exec(stderr);
    assert.doesNotMatch(command, /--transaction/);
    const resumed = await run(...command.split(' '));
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.equal((await chain.transfers()).length, paid + 1);
  });
}

test('a hash that the program never saw: a second Ctrl-C ends it at once, and resume takes the hash', async (t) => {
  const paid = (await chain.transfers()).length;
  const sent = signal();
  const { url } = await node(t, async (method, pass) => {
    const said = await pass();
    if (method !== 'eth_sendRawTransaction') return said;
    sent.come(said.result);
    return new Promise(() => undefined);
  });
  const { start, run } = user(withKey);
  const asking = start('ask', transfers.url, QUESTION, ...MAX, '--rpc', url);
  const hash = await sent.promise;
  const again = setInterval(() => asking.child.kill('SIGINT'), 100);
  const { code, stderr } = await asking.end;
  clearInterval(again);
  // The first one would have said what is open.
  assert.deepEqual([code, stderr], [3, '']);
  const open = await run('pending');
  assert.match(open.stderr, /: eliza-jobs resume [-\w]+ --transaction <hash>\n/);
  const failed = await run('resume');
  assert.equal(failed.code, 3);
  assert.doesNotMatch(failed.stderr, /attempt\.transaction/);
  const [, command] = /block explorer, .* If it is there: eliza-jobs (resume [-\w]+ --transaction) <hash>\n/.exec(failed.stderr);
  for (const [given, word] of [
    [hash.slice(0, -1), 'must be a hash: 0x and 64 hexadecimal digits'],
    [KEY, 'was given the private key'],
  ]) {
    const wrong = await run(...command.split(' '), given);
    assert.deepEqual([wrong.code, wrong.stderr.includes(word), wrong.stderr.includes(KEY)], [2, true, false], wrong.stderr);
  }
  const without = await run('resume', '--transaction', hash);
  assert.deepEqual([without.code, without.stderr.includes('--transaction is for one payment')], [2, true], without.stderr);
  const resumed = await run(...command.split(' '), hash);
  assert.equal(resumed.code, 0, resumed.stderr);
  assert.equal((await chain.transfers()).length, paid + 1);
});

test('Ctrl-C where the store does not say what is open: that is no "nothing was paid"', async (t) => {
  const asked = signal();
  const { url } = await node(t, (method, pass) => {
    if (method !== 'eth_sendRawTransaction') return pass();
    asked.come();
    return new Promise(() => undefined);
  });
  const store = path.join(emptyFolder(), 'store');
  const asking = user(withKey).start('ask', transfers.url, QUESTION, ...MAX, '--rpc', url, '--store', store);
  await asked.promise;
  renameSync(store, `${store}.old`);
  writeFileSync(store, 'no folder');
  asking.child.kill('SIGINT');
  const { code, stderr } = await asking.end;
  assert.equal(code, 3, stderr);
  assert.ok(stderr.includes(`To look again: eliza-jobs pending --store ${store}\n`), stderr);
});

test('a transfer that the chain says has failed moved no money: exit code 1', async (t) => {
  const hash = `0x${'cd'.repeat(32)}`;
  let status = '0x1';
  const { url } = await node(t, (method, pass) => {
    if (method === 'eth_sendRawTransaction') return { result: hash };
    if (method !== 'eth_getTransactionReceipt') return pass();
    return { result: { transactionHash: hash, status, blockNumber: '0x1', logs: [] } };
  });
  const { run } = user(withKey);
  const refused = await run('ask', transfers.url, QUESTION, ...MAX, '--rpc', url);
  assert.equal(refused.code, 3, refused.stderr);
  // The block with it is another one now.
  status = '0x0';
  const { code, stderr } = await run('resume', '--rpc', url);
  assert.equal(code, 1, stderr);
  assert.match(stderr, /Nothing was paid\./);
});

/** What would set a terminal's title, clear it, turn its text around and colour it. */
const EVIL = '\x1b]0;title\x07\x1b[2J\u202e\u009b31m';
/** Everything of that kind but colours and the end of a line, which are the program's own. */
// eslint-disable-next-line no-control-regex -- exactly these
const CONTROLS = /[\0-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e]|\x1b(?!\[(\d*m|K))/;

test('no name, number, id or text of a server reaches the terminal as a command', async (t) => {
  const jobId = `j${EVIL}\n✓ paid`;
  const { url } = await served(t, (request, response) => {
    request.resume();
    response.setHeader('content-type', 'application/json');
    if (request.url.endsWith('/health')) {
      const counts = { [`x${EVIL}`]: 1 };
      response.end(JSON.stringify({ healthy: true, totalJobs: 1, maxJobs: EVIL, statusCounts: counts }));
    } else if (request.method === 'POST') {
      const createdAt = Date.now();
      response.writeHead(201).end(JSON.stringify({ jobId, status: 'pending', createdAt, expiresAt: createdAt + 1 }));
    } else response.end(JSON.stringify({ jobId, status: 'failed', error: EVIL, agentId: EVIL, createdAt: 1, expiresAt: 2 }));
  });
  const { run, onTerminal } = user();
  for (const args of [
    ['health', url],
    ['health', url, '--json'],
    ['ask', url, QUESTION],
    ['ask', url, QUESTION, '--json'],
  ]) {
    const { text } = await onTerminal(...args);
    assert.doesNotMatch(text, CONTROLS, JSON.stringify(text));
    assert.doesNotMatch(text, /^✓ paid/m);
  }
  const piped = await run('health', url, '--json');
  assert.doesNotMatch(piped.stdout, CONTROLS);
  assert.deepEqual(JSON.parse(piped.stdout).statusCounts, { [`x${EVIL}`]: 1 }, 'programs get it to the letter');
});

test('what is said of redirects, and records that others have written, are no commands either', async (t) => {
  const { url } = await served(t, (request, response) => {
    request.resume();
    if (request.url.endsWith('/health')) response.writeHead(307, { location: '/api/e\u009b31m' }).end();
    // Of this content type the library warns, with the path.
    else response.setHeader('content-type', 'text/plain').end('{"healthy":true,"totalJobs":1,"maxJobs":2,"statusCounts":{}}');
  });
  const { onTerminal, run, data } = user();
  const redirected = await onTerminal('health', url);
  assert.match(redirected.text, /content-type is not that of JSON \(GET \/api\/e/);
  assert.doesNotMatch(redirected.text, CONTROLS, JSON.stringify(redirected.text));
  const sandbox = await sandboxed(t, {}, refused({ proofs: true }));
  await run('ask', sandbox.url, EVIL);
  const open = await onTerminal('pending', '--sandbox');
  assert.match(open.text, /0\.02 USDC/, data);
  assert.doesNotMatch(open.text, CONTROLS, JSON.stringify(open.text));
});

test('payments in a sandbox are apart, and count for no budget of money, where the store is named too', async (t) => {
  const sandbox = await sandboxed(t, {}, refused({ proofs: true }));
  // A folder beside the default one.
  const data = emptyFolder();
  const store = path.join(data, 'eliza-jobs/mine');
  const { run } = user({ ...withKey, data });
  const asked = await run('ask', sandbox.url, QUESTION, '--store', store);
  assert.ok(asked.stderr.includes(`: eliza-jobs resume ${sandbox.url} --store ${store}\n`), asked.stderr);
  const named = user({ ...withKey, data, ELIZA_JOBS_STORE: store });
  const paid = await named.run('ask', v2.url, QUESTION, '--per-day', '0.03');
  assert.equal(paid.code, 0, paid.stderr);
  const rows = JSON.parse((await named.run('payments', '--json')).stdout);
  assert.deepEqual(
    rows.map(({ server }) => server),
    [v2.url],
  );
  const open = await named.run('pending');
  assert.equal(open.stderr, 'Nothing is open.\n1 in sandboxes: --sandbox\n');
  const inSandboxes = await named.run('pending', '--sandbox');
  assert.ok(inSandboxes.stderr.includes(`: eliza-jobs resume --sandbox --store ${store}\n`), inSandboxes.stderr);
});

/** Puts a viem there that leaves a mark when it is run. */
function plant(folder, mark) {
  const modules = path.join(folder, 'node_modules');
  const viem = path.join(modules, 'viem');
  mkdirSync(path.join(viem, 'accounts'), { recursive: true });
  writeFileSync(path.join(viem, 'package.json'), '{ "name": "viem", "main": "index.js" }');
  writeFileSync(path.join(viem, 'index.js'), '');
  const code = `require('node:fs').appendFileSync(${JSON.stringify(mark)}, 'ran');
exports.privateKeyToAccount = () => ({ address: '0x${'19'.repeat(20)}', signTypedData() {} });`;
  writeFileSync(path.join(viem, 'accounts/index.js'), code);
  return modules;
}

test('the key is given to no library of folders above the project, or of folders that others may change', async () => {
  const above = emptyFolder();
  const mark = path.join(above, 'mark');
  const modules = plant(above, mark);
  const cwd = path.join(above, 'deep/er');
  mkdirSync(cwd, { recursive: true });
  const { run, onTerminal } = user({ cwd, ELIZA_JOBS_PRIVATE_KEY: KEY });
  const ran = () => {
    try {
      return readFileSync(mark, 'utf8').length / 3;
    } catch {
      return 0;
    }
  };
  const ask = () => run('ask', v2.url, QUESTION, ...MAX);
  const outside = await ask();
  assert.deepEqual([outside.code, ran()], [1, 0], outside.stderr);
  assert.match(outside.stderr, /neither viem nor ethers is installed/);
  // A project of which the working directory is a part.
  writeFileSync(path.join(above, 'package.json'), '{}');
  chmodSync(modules, 0o777);
  const changeable = await ask();
  assert.deepEqual([changeable.code, ran()], [1, 0], changeable.stderr);
  assert.ok(changeable.stderr.includes(`${modules} is not used: others than you may change it.`), changeable.stderr);
  chmodSync(modules, 0o755);
  const { text } = await onTerminal('ask', 'localhost:1', QUESTION, ...MAX);
  assert.equal(ran(), 1, text);
  assert.ok(text.includes(`the key is used by ${path.join(modules, 'viem')}`), text);
  assert.doesNotMatch((await run('ask', 'localhost:1', QUESTION, ...MAX)).stderr, /the key is used/);
  // The project ends here.
  writeFileSync(path.join(cwd, 'package.json'), '{}');
  assert.deepEqual([(await ask()).code, ran()], [1, 2]);
});

test('a key is a key with 0X too', async () => {
  const { code, stderr } = await user({ ...withKey, ELIZA_JOBS_PRIVATE_KEY: `0X${KEY.slice(2)}` }).run(
    ...['ask', v2.url, QUESTION, ...MAX],
  );
  assert.equal(code, 0, stderr);
});

test('nobody reads the errors, or the disk is full: the exit code tells of the payment all the same', async (t) => {
  const refusing = { proofs: true };
  const { url } = await sandboxed(t, {}, refused(refusing));
  const { start, run, inShell } = user();
  const { child, end } = start('ask', url, QUESTION);
  child.stderr.destroy();
  assert.equal((await end).code, 3);
  refusing.proofs = false;
  const full = await inShell(`eliza-jobs resume ${url} > /dev/full`);
  assert.equal(full.code, 3, full.stderr);
  assert.match(full.stderr, /could not be written: ENOSPC[\s\S]*Paid: 0\.02 USDC/);
  const [, command] = /some time: eliza-jobs (resume .*)\n/.exec(full.stderr);
  assert.ok((await run(...command.split(' '))).stdout.startsWith(answerTo(QUESTION)), command);
});
