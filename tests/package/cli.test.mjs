// The command line as users have it: the installed package's program, in processes of their own.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, readdirSync, readFileSync, statSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { freePort } from '../../scripts/free-port.mjs';
import { ACCOUNTS, startChain } from '../servers/chain.mjs';
import { startEliza } from '../servers/elizaos.mjs';
import { startSeedOnChain } from '../servers/seed-on-chain.mjs';
import { startV2 } from '../servers/x402-v2.mjs';
import {
  answerTo,
  commandLine,
  emptyFolder,
  hasProof,
  QUESTION,
  refused,
  signal,
  withLibrary,
  WITH_LIBRARIES,
} from './cli-user.mjs';

const { installed, user, sandboxed, createSandbox, serveSandbox } = await commandLine('cli');
const KEY = ACCOUNTS[0].key;
const COMMANDS = ['ask', 'quote', 'payments', 'pending', 'resume', 'health', 'sandbox'];

let chain, v2, transfers, eliza;
const stops = [];
before(async () => {
  chain = await startChain('base');
  stops.push(() => chain.stop());
  [v2, transfers, eliza] = await Promise.all([
    startV2(chain),
    startSeedOnChain({ base: chain }),
    startEliza({ paywall: { strict: true } }),
  ]);
  stops.push(...[v2, transfers, eliza].map((server) => () => server.stop()));
});
after(() => Promise.all(stops.reverse().map((stop) => stop())));

/** What a terminal shows of this text: each line as it was written last, without colours. */
const asShown = (text) =>
  text
    .split(/\r?\n/)
    // eslint-disable-next-line no-control-regex -- a terminal's own
    .map((line) => line.split(/\r|\x1b\[K/).findLast((part) => part) ?? '')
    // eslint-disable-next-line no-control-regex -- as above
    .map((line) => line.replace(/\x1b\[\d*m/g, '').trimEnd());

test('in a pipe there is the bare answer and nothing else, and it is paid for once', async (t) => {
  const { sandbox, url } = await sandboxed(t);
  const { code, stdout, stderr } = await user().run('ask', url, QUESTION);
  assert.deepEqual([code, stderr], [0, '']);
  assert.ok(stdout.startsWith(answerTo(QUESTION)) && stdout.endsWith('.\n') && stdout.split('\n').length === 2, stdout);
  assert.equal(sandbox.payments.length, 1);
});

test('the question comes from standard input too', async (t) => {
  const { url } = await sandboxed(t, { paywall: 'none', price: undefined });
  const { child, end } = user().start('ask', url, '-');
  child.stdin.end('two\nlines\n');
  const { code, stdout } = await end;
  assert.deepEqual([code, stdout.startsWith('You asked: "two\nlines".')], [0, true], stdout);
});

test('--json is one document with the answer and the payment', async (t) => {
  const { sandbox, url } = await sandboxed(t);
  const { code, stdout, stderr } = await user().run('ask', url, QUESTION, '--json');
  const { answer, jobId, payment } = JSON.parse(stdout);
  assert.deepEqual([code, stderr, answer.startsWith(answerTo(QUESTION)), jobId], [0, '', true, sandbox.jobs[0].jobId]);
  const [{ transaction, amount }] = sandbox.payments;
  assert.deepEqual([payment.transaction, payment.amount, payment.state], [transaction, amount, 'accepted']);
  assert.doesNotMatch(stdout, /signature|proof/i);
});

test('on a terminal each step is a line in colour, and the answer is set apart', async (t) => {
  const { url } = await sandboxed(t, { answerMs: 500 });
  const { code, text } = await user().onTerminal('ask', url, QUESTION);
  assert.equal(code, 0, text);
  assert.match(text, /\x1b\[32m✓\x1b\[0m/); // eslint-disable-line no-control-regex -- a colour
  assert.match(text, /the agent is at work 0\.[2-9] s/, 'a clock runs');
  const lines = asShown(text);
  const steps = lines.filter((line) => /^[✓·]/.test(line)).map((line) => line.split(/\s+/)[1]);
  assert.deepEqual(steps, ['ask', 'price', 'paid', 'job', 'answered'], lines.join('\n'));
  const at = lines.findIndex((line) => line.startsWith(answerTo(QUESTION)));
  assert.deepEqual([lines[at - 1], lines[at + 1]], ['', ''], lines.join('\n'));
  assert.match(
    lines.slice(at + 2).join('\n'),
    /^0\.02 USDC on base to 0x7e57\w+\ntransaction 0x\w{64}\nsandbox: no money exists there\n/,
  );
});

test('NO_COLOR is respected', async (t) => {
  const { url } = await sandboxed(t);
  const { text } = await user({ NO_COLOR: '1' }).onTerminal('ask', url, QUESTION);
  assert.doesNotMatch(text, /\x1b\[\d+m/); // eslint-disable-line no-control-regex -- a colour
});

test('no answer controls the terminal; a pipe gets it as it is', async (t) => {
  const evil = '\x1b]0;title\x07\x1b[2J\u202egnp.exe\u009b31m fine';
  const { url } = await sandboxed(t, { paywall: 'none', price: undefined, answer: () => evil });
  const { text } = await user().onTerminal('ask', url, QUESTION);
  assert.doesNotMatch(text, /\x1b\]|\x1b\[2J|\u202e|\u009b|\x07/); // eslint-disable-line no-control-regex -- what must not be there
  assert.match(text, /fine/);
  assert.equal((await user().run('ask', url, QUESTION)).stdout, `${evil}\n`);
});

test('wrong use: exit code 2, what is wrong, what would be right, and nothing is sent', async (t) => {
  const requests = [];
  const server = http.createServer((request, response) => (requests.push(request.url), response.end())).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const host = `127.0.0.1:${server.address().port}`;
  const url = `http://${host}`;
  const id = randomUUID();
  const { run } = user();
  for (const [args, ...words] of [
    [[], 'Usage: eliza-jobs <command>'],
    [['aks', url, 'q'], 'no command "aks"', 'Did you mean "ask"?'],
    [['nonsense'], 'There are: ask, quote, payments, pending, resume, health, sandbox.'],
    [[url, 'q'], 'the command is missing', 'Try: eliza-jobs ask'],
    [['ask'], '<url> is missing', 'Usage: eliza-jobs ask <url> <question>'],
    [['ask', url], '<question> is missing', 'write - to read the question from standard input'],
    [['ask', 'hi', host], '"hi" is no address', `Did you mean: eliza-jobs ask ${host} "hi"`],
    [['ask', 'Is it $5?', url], 'is no address', `eliza-jobs ask ${url} 'Is it $5?'`],
    [['ask', '-', host], `eliza-jobs ask ${host} -`],
    [['ask', 'hi', 'there'], '"hi" is no address', 'https://agents.example'],
    [['quote', '3999'], '"3999" is no address', 'Did you mean localhost:3999?'],
    [['pending', ':3999'], 'Did you mean localhost:3999?'],
    [['resume', 'hi'], '"hi" is neither an address nor an id', 'Usage: eliza-jobs resume [url] [id]'],
    [['resume', url, 'hi'], '"hi" is no id', 'Usage: eliza-jobs resume [url] [id]'],
    [['resume', id, url], `Did you mean: eliza-jobs resume ${url} ${id}`],
    [['resume', id], `nothing is open with the id ${id}`, `eliza-jobs resume <url> ${id}`],
    [['resume', url, '--agent', id], '--agent and --timeout are for one payment'],
    [['resume', url, id, '--timeout', '60'], '--timeout needs --agent'],
    [['ask', url, 'What', 'is'], 'more than one argument', 'quotation marks'],
    [['ask', url, ''], 'the question is empty'],
    [['ask', url, '  '], 'the question is empty'],
    [['ask', url, 'x'.repeat(50_001)], 'the question has 50001 characters; a server takes 50000'],
    [['ask', url, 'q', '--mx', '1'], 'no option --mx', 'Did you mean --max?'],
    [['ask', url, 'q', '-x'], 'no option -x', 'ask --help'],
    [['ask', url, 'q', '--max'], '--max needs a value', '--max <usdc>'],
    [['ask', url, 'q', '--max', '--json'], '--max needs a value'],
    [['ask', url, 'q', '--max='], '--max needs a value'],
    [['ask', url, 'q', '--json=yes'], '--json takes no value'],
    [['ask', url, 'q', '--max', '1', '--max', '2'], '--max is given twice'],
    ...['0', '-1', '0,05', '5 cents', '1e3', 'NaN', '0.0000001', '$1', '1.'].map((max) => [
      ['ask', url, 'q', '--max', max],
      '--max must be a number of USDC such as 0.05',
      JSON.stringify(max),
    ]),
    [['ask', url, 'q', '--per-day', 'much'], '--per-day must be a number of USDC', '"much"'],
    [['ask', url, 'q', '--timeout', '0'], '--timeout must be a whole number from 1 to 300', '"0"'],
    [['ask', url, 'q', '--agent', 'eliza'], '--agent must be a UUID', '"eliza"'],
    [['ask', url, 'q', '--user', 'me'], '--user must be a UUID', '"me"'],
    [['ask', url, 'q', '--network', 'bse', '--max', '1'], '--network (once for each network) must be one of: base,', '"bse"'],
    [['ask', url, 'q', '--network', 'base,polygon'], '--network (once for each network)', '"base,polygon"'],
    [['ask', 'ftp://agents.example', 'q'], 'must begin with https:// or http://'],
    [['ask', 'localhost:70000', 'q'], 'given: "localhost:70000"', 'A port is at most 65535.'],
    [['ask', 'https://', 'q'], 'address must be one such as https://agents.example'],
    [
      ['ask', 'https://user:pass@agents.example', 'q'],
      'the address must not hold credentials (a key goes into ELIZA_JOBS_API_KEY)',
    ],
    [['payments', '--csv', '--json'], '--csv and --json exclude each other'],
    [['payments', '--since', 'yesterday'], '--since must be a date such as 2026-01-31', '"yesterday"'],
    [['payments', '--since', '2026-13-45'], '--since must be a date'],
    [['payments', '--since', '9999-01-01'], '--since must not be in the future; given: "9999-01-01"'],
    [['payments', '--state', 'paid'], '--state must be one of intended, proven'],
    [['payments', url], 'one argument too many'],
    [['sandbox', '--port', '70000'], '--port must be a whole number from 0 to 65535'],
    [['sandbox', '--port', String(server.address().port)], 'is taken', '--port'],
    [['sandbox', '--paywall', 'x402'], '--paywall must be one of none, elizaos, x402-v1, x402-v2', 'x402-v1 or x402-v2?'],
    [['sandbox', '--paywall', 'elizaso'], 'Did you mean elizaos?'],
    [['sandbox', '--fault', 'lose-repyl'], '"lose-repyl"', 'Did you mean lose-reply?'],
    [['sandbox', '--fault', 'lose'], 'Did you mean lose-reply?'],
    [['sandbox', '--fault', 'foo'], '--fault must be one of lose-reply, ', '; given: "foo"'],
    [['sandbox', '--paywall', 'none', '--price', '1'], '--price is given, and with --paywall none nothing is paid'],
    [['sandbox', '--paywall', 'none', '--fault', 'ask-more'], "the fault 'ask-more' needs a paywall\n  Leave out --paywall none"],
  ]) {
    const { code, stdout, stderr } = await run(...args);
    assert.equal(code, 2, `${args.join(' ').slice(0, 200)}: ${stdout}${stderr}`);
    for (const word of words) assert.ok((stdout + stderr).includes(word), `"${word}" is not in: ${stdout}${stderr}`);
    assert.doesNotMatch(stderr, /\n {4}at |\[object/);
  }
  assert.deepEqual(
    requests.filter((url) => !url.endsWith('/health')),
    [],
  );
});

test('errors are a document for programs', async () => {
  const { code, stdout, stderr } = await user().run('ask', 'localhost:1', 'q', '--json');
  const { error, exitCode, next } = JSON.parse(stdout);
  assert.deepEqual([code, exitCode, stderr, error.code, error.fundsMoved], [1, 1, '', 'connection_failed', false]);
  assert.ok(Array.isArray(next));
  const wrong = await user().run('ask', '--json');
  assert.deepEqual([wrong.code, JSON.parse(wrong.stdout).error.code], [2, 'wrong_use']);
});

test('a key is taken from no argument, and no message shows one', async (t) => {
  const { sandbox, url } = await sandboxed(t);
  for (const args of [
    ['ask', url, 'q', KEY],
    ['ask', url, 'q', KEY.slice(2)],
    ['ask', url, 'q', `--key=${KEY}`],
    ['ask', url, 'q', '--private-key', KEY],
    [KEY],
  ]) {
    const { code, stdout, stderr } = await user().run(...args);
    assert.equal(code, 2);
    assert.match(stderr, /private key was given as an argument[\s\S]*ELIZA_JOBS_PRIVATE_KEY/);
    assert.ok(!`${stdout}${stderr}`.includes(KEY.slice(2, 20)), stderr);
  }
  assert.equal(sandbox.requests.length, 0);
  for (const bad of [`${KEY}0`, KEY.slice(0, -1), `0x${'f'.repeat(64)}`]) {
    const { code, stderr } = await user({ cwd: WITH_LIBRARIES, ELIZA_JOBS_PRIVATE_KEY: bad }).run(
      'ask',
      v2.url,
      'q',
      '--max',
      '1',
    );
    assert.equal(code, 2, stderr);
    assert.match(stderr, /ELIZA_JOBS_PRIVATE_KEY/);
    assert.ok(!stderr.includes(bad.slice(2, 20)), stderr);
  }
});

test('every command has its help, and --version is the package’s', async () => {
  const { run } = user();
  const all = await run('--help');
  assert.equal(all.code, 0);
  for (const name of COMMANDS) assert.ok(all.stdout.includes(`\n  ${name} `), name);
  for (const args of COMMANDS.flatMap((name) => [
    [name, '--help'],
    [name, '-h'],
    ['help', name],
  ])) {
    const { code, stdout, stderr } = await run(...args);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^Usage: eliza-jobs \w+[\s\S]*--json[\s\S]*Exit codes: 0 done/);
  }
  const { version } = JSON.parse(readFileSync(path.join(installed, 'package.json'), 'utf8'));
  for (const flag of ['--version', '-v', '-V']) assert.equal((await run(flag)).stdout, `${version}\n`);
  assert.match((await run('ask', '--help')).stdout, /--store <folder>.*ELIZA_JOBS_STORE/);
  assert.match((await run('sandbox', '--help')).stdout, /https:\/\/\S+\/docs\/sandbox\.md#faults/);
});

test('no line of a help is longer than the terminal, or than 80 characters in a pipe, but for a command or an address', async () => {
  const { inShell } = user();
  for (const columns of [80, 40]) {
    for (const name of ['', ...COMMANDS]) {
      // Only a terminal has a width of its own.
      const line = `eliza-jobs ${name} --help`;
      const { code, stdout } = await inShell(
        columns === 80 ? line : `script -qec "stty cols ${columns}; ${line}" /dev/null </dev/null`,
      );
      assert.equal(code, 0);
      const long = stdout
        .split(/\r?\n/)
        .filter((text) => text.length > columns && !/^ *(https:|Usage: |eliza-jobs |git diff )\S/.test(text));
      assert.deepEqual(long, [], `${line} in ${columns}`);
      if (name === 'ask') assert.match(stdout, /--max <usdc>\s+the most that one answer may cost,\s+such as 0\.05\s/);
    }
  }
});

test('quote prints the price and pays nothing', async (t) => {
  const { sandbox, url } = await sandboxed(t);
  const { run, onTerminal } = user();
  assert.deepEqual(await run('quote', url).then(({ code, stdout, stderr }) => [code, stdout, stderr]), [0, '0.02 USDC\n', '']);
  const { chosen, free } = JSON.parse((await run('quote', url, '--json')).stdout);
  assert.deepEqual([free, chosen.amount, chosen.recipient], [false, '0.02', sandbox.recipient]);
  const tooDear = await run('quote', url, '--max', '0.01');
  assert.equal(tooDear.code, 1);
  assert.match(tooDear.stderr, /0\.01 USDC[\s\S]*Nothing was paid/);
  assert.match((await onTerminal('quote', url)).text, /0\.02 USDC on base to 0x7e57/);
  assert.deepEqual([sandbox.payments.length, sandbox.jobs.length], [0, 0]);
  const free_ = await sandboxed(t, { paywall: 'none', price: undefined });
  assert.equal((await run('quote', free_.url)).stdout, 'free\n');
});

test('health is for people, for programs, and for shells', async (t) => {
  const { url } = await sandboxed(t);
  const { run } = user();
  const { code, stdout } = await run('health', url);
  assert.deepEqual([code, stdout.split('\n')[0]], [0, 'healthy']);
  assert.equal(JSON.parse((await run('health', url, '--json')).stdout).healthy, true);
  const failed = await run('health', 'localhost:1');
  assert.deepEqual([failed.code, failed.stderr.includes('paid')], [1, false], failed.stderr);
  const withTls = url.replace('http:', 'https:');
  assert.ok((await run('health', withTls)).stderr.includes(`It speaks http; write ${url}\n`));
});

test('the sandbox command serves what the others ask, and says what happens', async (t) => {
  const { start, run } = user();
  const sandbox = start('sandbox', '--port', '0', '--price', '0.05', '--answer-ms', '0', '--fault', 'lose-reply');
  t.after(() => sandbox.child.kill());
  while (!/http:\/\/\S+/.test(sandbox.stdout)) await once(sandbox.child.stdout, 'data');
  const [url] = /http:\/\/\S+/.exec(sandbox.stdout);
  assert.equal((await run('quote', url)).stdout, '0.05 USDC\n');
  // The reply to the payment is lost: the job is searched for, and nothing is paid again.
  assert.equal((await run('ask', url, QUESTION)).code, 0);
  sandbox.child.kill('SIGINT');
  const { code, stdout, stderr } = await sandbox.end;
  assert.equal(code, 0);
  assert.match(stdout, /POST \/api\/messaging\/jobs → 402[\s\S]*payment 1: 0\.05 USDC on base, 0x/);
  assert.match(stderr, /requests, 1 payments/);
});

for (const paywall of ['elizaos', 'x402-v1', 'x402-v2']) {
  test(`the test wallet pays a sandbox with the paywall ${paywall} that another program serves`, async (t) => {
    const { start, run } = user();
    const sandbox = start('sandbox', '--port', '0', '--paywall', paywall, '--json');
    t.after(() => sandbox.child.kill());
    while (!sandbox.stdout.includes('\n')) await once(sandbox.child.stdout, 'data');
    const { url } = JSON.parse(sandbox.stdout.split('\n')[0]);
    for (const question of ['one', 'two']) {
      const { code, stdout, stderr } = await run('ask', url, question);
      assert.deepEqual([code, stdout.startsWith(answerTo(question))], [0, true], stderr);
    }
  });
}

test('a key of the server is named as the command line takes it', async (t) => {
  const { url } = await sandboxed(t, { paywall: 'none', price: undefined, apiKey: 'right' });
  const missing = await user().run('ask', url, QUESTION);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /HTTP 401.*; set ELIZA_JOBS_API_KEY\n/);
  const wrong = await user({ ELIZA_JOBS_API_KEY: 'wrong' }).run('ask', url, QUESTION);
  assert.match(wrong.stderr, /HTTP 401.*; it does not take the key in ELIZA_JOBS_API_KEY\n/);
  assert.equal((await user({ ELIZA_JOBS_API_KEY: 'right' }).run('ask', url, QUESTION)).code, 0);
});

/**
 * What is known of the charge: of a settlement that failed, of one without a receipt, and of one
 * whose reply was lost.
 */
for (const [paywall, fault, settled, words] of [
  ['x402-v2', 'settle-fails', false, 'the server says that it has not charged it so far: invalid_exact_evm_transaction_failed'],
  ['x402-v2', 'settle-late', false, 'the server says that it has not charged it so far: settlement_pending'],
  ['x402-v1', 'settle-fails', undefined, 'no receipt: whether the server has charged it is not known'],
  ['x402-v2', 'lose-reply', undefined, 'no receipt: whether the server has charged it is not known'],
]) {
  test(`${fault} with ${paywall}: the answer, and nothing says that it was charged`, async (t) => {
    const { sandbox, url } = await sandboxed(t, { paywall, faults: [fault], slowMs: 60_000 });
    const { run, onTerminal } = user();
    const { code, text } = await onTerminal('ask', url, QUESTION);
    const lines = asShown(text);
    assert.equal(code, 0, text);
    assert.ok(
      lines.some((line) => /^! signed +0\.02 USDC; /.test(line) && line.endsWith(words)),
      text,
    );
    assert.ok(!lines.some((line) => /^✓ paid/.test(line)), text);
    assert.equal(lines.filter((line) => line.trim() === words).length, 1, text);
    const listed = await run('payments', '--sandbox');
    assert.match(listed.stdout, / {2}accepted {2}/);
    assert.ok(listed.stdout.trimEnd().endsWith(words), listed.stdout);
    const [row] = JSON.parse((await run('payments', '--sandbox', '--json')).stdout);
    assert.deepEqual([row.state, row.settled], ['accepted', settled]);
    assert.equal(sandbox.payments.length, fault === 'lose-reply' ? 1 : 0);
  });
}

test('what was charged has a receipt, in all that is said of it', async (t) => {
  const { url } = await sandboxed(t);
  const { run, onTerminal } = user();
  const { text } = await onTerminal('ask', url, QUESTION);
  assert.match(asShown(text).join('\n'), /✓ paid +0\.02 USDC, taken by the server/);
  assert.doesNotMatch(text, /charged|receipt/);
  const { payment } = JSON.parse((await run('ask', url, QUESTION, '--json')).stdout);
  assert.deepEqual([payment.state, payment.settled], ['accepted', true]);
});

test('a sandbox is paid with the test wallet, whatever key is set', async (t) => {
  const { sandbox, url } = await sandboxed(t);
  const { run } = user({ cwd: WITH_LIBRARIES, ELIZA_JOBS_PRIVATE_KEY: KEY });
  assert.equal((await run('ask', url, QUESTION)).code, 0);
  assert.deepEqual(
    sandbox.payments.map(({ from }) => from.toLowerCase()),
    [sandbox.account.toLowerCase()],
  );
});

test('a bill for another address is refused with the option that allows it', async (t) => {
  const sandbox = createSandbox({ paywall: 'x402-v2' });
  // As behind a proxy: the server knows itself by another address.
  const inside = (input) => String(input).replace(/\/\/[^/]+/, '//inside.example');
  const { url, close } = await serveSandbox({ fetch: (input, init) => sandbox.fetch(inside(input), init) });
  t.after(close);
  const { run } = user();
  const refused = await run('ask', url, QUESTION);
  assert.equal(refused.code, 1, refused.stderr);
  const [, resource] = /--allow-resource (http:\/\/inside\.example[^\s;]+)/.exec(refused.stderr);
  const allowed = await run('ask', url, QUESTION, '--allow-resource', resource);
  assert.deepEqual([allowed.code, sandbox.payments.length], [0, 1], allowed.stderr);
});

test('what has value needs a limit: without one the price is named and nothing is paid', async () => {
  const paid = (await chain.transfers()).length;
  const { run } = user({ cwd: WITH_LIBRARIES, ELIZA_JOBS_PRIVATE_KEY: KEY });
  const { code, stdout, stderr } = await run('ask', v2.url, QUESTION);
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /asks for 0\.02 USDC on base to 0x[\s\S]*no limit was given[\s\S]*Nothing was paid[\s\S]*--max 0\.02/);
  const low = await run('ask', v2.url, QUESTION, '--max', '0.01');
  assert.equal(low.code, 1);
  assert.match(low.stderr, /0\.02 USDC[\s\S]*Nothing was paid[\s\S]*--max/);
  assert.equal((await chain.transfers()).length, paid);
});

test('without a key, and without a library that signs, it says what to do', async () => {
  const noKey = await user({ cwd: WITH_LIBRARIES }).run('ask', v2.url, QUESTION, '--max', '0.05');
  assert.equal(noKey.code, 1);
  assert.match(noKey.stderr, /0\.02 USDC[\s\S]*Nothing was paid[\s\S]*Set ELIZA_JOBS_PRIVATE_KEY/);
  assert.doesNotMatch(noKey.stderr, /give the client|say how much/, 'a limit was given');
  const noLimit = await user({ cwd: WITH_LIBRARIES }).run('ask', v2.url, QUESTION);
  assert.match(noLimit.stderr, /Set ELIZA_JOBS_PRIVATE_KEY[\s\S]*And say how much may be paid: --max/);
  const cwd = emptyFolder();
  const noLibrary = await user({ cwd, ELIZA_JOBS_PRIVATE_KEY: KEY }).run('ask', v2.url, QUESTION, '--max', '0.05');
  assert.equal(noLibrary.code, 1);
  assert.match(noLibrary.stderr, /neither viem nor ethers is installed[\s\S]*npm install viem/);
  assert.ok(!noLibrary.stderr.includes(KEY.slice(2, 20)));
});

for (const name of ['viem', 'ethers']) {
  test(`${name} signs for a server of x402: one transfer on the chain`, async () => {
    const before = (await chain.transfers()).length;
    const { run } = user({ cwd: withLibrary(name), ELIZA_JOBS_PRIVATE_KEY: KEY });
    const { code, stdout, stderr } = await run('ask', v2.url, QUESTION, '--max', '0.05', '--json');
    assert.equal(code, 0, stdout + stderr);
    assert.equal(JSON.parse(stdout).payment.amount, '0.02');
    const after = (await chain.transfers()).slice(before);
    assert.deepEqual(
      after.map(({ from, value }) => [from, value]),
      [[ACCOUNTS[0].address, 20_000n]],
    );
  });

  test(`${name} makes a transfer for elizaOS's paywall, with the address of a node`, async () => {
    const before = (await chain.transfers()).length;
    const { run } = user({ cwd: withLibrary(name), ELIZA_JOBS_PRIVATE_KEY: KEY });
    const without = await run('ask', transfers.url, QUESTION, '--max', '0.05');
    assert.equal(without.code, 1, without.stderr);
    assert.match(without.stderr, /Nothing was paid/);
    const { code, stderr } = await run('ask', transfers.url, QUESTION, '--max', '0.05', '--rpc', chain.rpc);
    assert.equal(code, 0, stderr);
    assert.equal((await chain.transfers()).length, before + 1);
  });
}

/** Resolves with the real server's count of paid requests when it has one more. */
async function paidRequest(server, before) {
  for (;;) {
    const seen = await server.seen();
    if (seen.slice(before).some(({ headers }) => headers['x-payment'])) return;
    await new Promise((next) => setTimeout(next, 50));
  }
}

test('kill -9 on the real server, then resume: one transfer, and the answer', async () => {
  const [before, seen] = [(await chain.transfers()).length, (await eliza.seen()).length];
  const { start, run } = user({ cwd: WITH_LIBRARIES, ELIZA_JOBS_PRIVATE_KEY: KEY });
  const asking = start('ask', eliza.url, 'wait:4000 Is it safe?', '--max', '0.05', '--rpc', chain.rpc);
  await paidRequest(eliza, seen);
  asking.child.kill('SIGKILL');
  assert.equal((await asking.end).signal, 'SIGKILL');
  const open = await run('pending');
  assert.equal(open.code, 0);
  assert.match(open.stdout, /0\.02 USDC on base to 0x\w+ {2}http:\/\/127\.0\.0\.1:\d+ {2}wait:4000 Is it safe\?/);
  const { code, stdout, stderr } = await run('resume');
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^You asked: "Is it safe\?"/);
  assert.equal((await chain.transfers()).length, before + 1);
  assert.equal((await run('pending')).stderr, 'Nothing is open.\n');
});

for (const [when, holds] of [
  ['before the server has the proof', (init) => hasProof(init)],
  ['after the server has the proof, before its answer', (init, response) => hasProof(init) && response],
  ['while the agent thinks', (init, response) => init.method === 'GET' && response],
]) {
  test(`kill -9 ${when}, then resume: one payment`, async (t) => {
    const reached = signal();
    let holding = true;
    const { sandbox, url } = await sandboxed(t, { answerMs: 100 }, async (pass, init) => {
      const isJob = holding && !init.isProbe;
      if (isJob && holds(init)) {
        holding = false;
        reached.come();
        throw new Error('the connection breaks');
      }
      const response = await pass();
      if (isJob && !response.url.endsWith('/health') && holds(init, response) && sandbox.payments.length > 0) {
        holding = false;
        reached.come();
        // The program is dead before this answer could reach it.
        return new Promise(() => undefined);
      }
      return response;
    });
    const { start, run } = user();
    const asking = start('ask', url, QUESTION);
    await reached.promise;
    asking.child.kill('SIGKILL');
    assert.equal((await asking.end).signal, 'SIGKILL');
    const { code, stdout, stderr } = await run('resume', url);
    assert.equal(code, 0, stderr);
    assert.ok(stdout.startsWith(answerTo(QUESTION)), stdout);
    assert.equal(sandbox.payments.length, 1);
  });
}

test('Ctrl-C says what is open, and the command that it names gets the answer', async (t) => {
  const { sandbox, url } = await sandboxed(t, { answerMs: 1_500 });
  const { start, run } = user();
  const asking = start('ask', url, QUESTION);
  while (sandbox.jobs.length === 0) await new Promise((next) => setTimeout(next, 20));
  asking.child.kill('SIGINT');
  const { code, stderr } = await asking.end;
  assert.equal(code, 3, stderr);
  assert.match(stderr, /interrupted\n {2}Open: 0\.02 USDC on base to 0x7e57.*\n/);
  const [, next] = /: eliza-jobs (resume .*)\n/.exec(stderr);
  const resumed = await run(...next.split(' '));
  assert.deepEqual([resumed.code, resumed.stdout.startsWith(answerTo(QUESTION))], [0, true], resumed.stderr);
  assert.equal(sandbox.payments.length, 1);
});

test('a server that has said nothing of the job in all its time is named: nobody says that the job goes on', async (t) => {
  let isGone = false;
  const { sandbox, url } = await sandboxed(t, { answerMs: 5_000 }, (pass) =>
    isGone ? Promise.reject(new TypeError('gone')) : pass(),
  );
  const { start, run } = user();
  const asking = start('ask', url, QUESTION, '--timeout', '1');
  while (sandbox.jobs.length === 0) await new Promise((next) => setTimeout(next, 20));
  asking.child.kill('SIGINT');
  assert.equal((await asking.end).code, 3);
  isGone = true;
  const { code, stderr } = await run('resume', url);
  assert.equal(code, 3, stderr);
  assert.ok(
    stderr.includes(`\n  ${url} has said nothing of the job: does the server run? A sandbox that has ended has lost its jobs.\n`),
    stderr,
  );
  assert.match(stderr, /\n {2}When it is back, its answer: eliza-jobs resume http:\S+ [\da-f-]{36}\n/);
  assert.doesNotMatch(stderr, /The job goes on/);
  assert.equal(sandbox.payments.length, 1);
});

for (const [paywall, faults, moved] of [
  ['x402-v2', [], true],
  ['x402-v2', ['settle-fails'], 'unknown'],
]) {
  test(`SIGTERM with --json ${faults.length > 0 ? 'after a settlement that failed' : 'after the payment'}: fundsMoved is ${moved}`, async (t) => {
    const { sandbox, url } = await sandboxed(t, { paywall, faults, answerMs: 20_000 });
    const { data, start, run } = user();
    const asking = start('ask', url, QUESTION, '--json');
    // The job is read when its payment was recorded as taken.
    const isRead = ({ method, path }) => method === 'GET' && /\/jobs\/[\da-f]{8}-/.test(path);
    while (!sandbox.requests.some(isRead)) await new Promise((next) => setTimeout(next, 20));
    asking.child.kill('SIGTERM');
    const { code, stdout } = await asking.end;
    const { error, exitCode } = JSON.parse(stdout);
    assert.deepEqual(
      [code, exitCode, error.fundsMoved, error.open.map(({ state }) => state)],
      [3, 3, moved, ['accepted']],
      stdout,
    );
    assert.equal(JSON.parse((await run('pending', '--sandbox', '--json')).stdout).length, 1, data);
  });
}

test('Ctrl-C before anything was paid: 130', async (t) => {
  const reached = signal();
  const { url } = await sandboxed(t, {}, (pass, { method }) => {
    if (method !== 'POST') return pass();
    reached.come();
    return new Promise(() => undefined);
  });
  const asking = user().start('ask', url, QUESTION);
  await reached.promise;
  asking.child.kill('SIGINT');
  const { code, stderr } = await asking.end;
  assert.equal(code, 130);
  assert.match(stderr, /interrupted\n {2}Nothing was paid/);
});

test('where money may have moved the exit code is 3, and the command that goes on is named', async (t) => {
  const refusing = { proofs: true };
  const { sandbox, url } = await sandboxed(t, {}, refused(refusing));
  const { run } = user();
  const { code, stdout, stderr } = await run('ask', url, QUESTION);
  assert.deepEqual([code, stdout], [3, ''], stderr);
  assert.match(stderr, /Money may have moved: 0\.02 USDC on base[\s\S]*: eliza-jobs resume http/);
  refusing.proofs = false;
  const resumed = await run('resume', url);
  assert.deepEqual([resumed.code, resumed.stdout.startsWith(answerTo(QUESTION))], [0, true], resumed.stderr);
  assert.equal(sandbox.payments.length, 1);
});

test('a job that is over without an answer is paid: nothing can be resumed, and more time is proposed', async (t) => {
  const { sandbox, url } = await sandboxed(t, { answerMs: 60_000 });
  const { run } = user();
  const { code, stderr } = await run('ask', url, QUESTION, '--timeout', '1');
  assert.equal(code, 3);
  assert.match(stderr, /\n {2}Paid: 0\.02 USDC[\s\S]*over without an answer: there is nothing to resume\./);
  assert.ok(stderr.includes('Next time give the agent longer: --timeout 120\n'), stderr);
  assert.doesNotMatch(stderr, /eliza-jobs resume|without paying again/);
  sandbox.fault('job-gone');
  const gone = await run('ask', url, QUESTION, '--json');
  const { error, next } = JSON.parse(gone.stdout);
  assert.deepEqual([gone.code, error.code, next.length], [3, 'job_gone', 1]);
  assert.ok(
    next[0].endsWith(`To ask again without paying, until its time is over: eliza-jobs resume ${url} ${error.jobId}`),
    next[0],
  );
  // Another server behind the same address may have it.
  const open = JSON.parse((await run('pending', url, '--json')).stdout);
  assert.deepEqual(
    open.map(({ jobId }) => jobId),
    [error.jobId],
  );
});

test('a sandbox that is still starting is waited for: what pays is decided by an answer', async (t) => {
  // Two requests come to nothing, and then nothing listens for a moment.
  let seen = 0;
  const starting = net.createServer((socket) => {
    socket
      .on('error', () => undefined)
      .once('data', () => {
        socket.destroy();
        seen += 1;
        if (seen === 2) starting.close();
      });
  });
  const port = await freePort();
  await once(starting.listen(port, '127.0.0.1'), 'listening');
  const sandbox = createSandbox({ paywall: 'x402-v2' });
  starting.once('close', async () => {
    const served = await serveSandbox(sandbox, { port });
    t.after(() => served.close());
  });
  const { code, text } = await user().onTerminal('ask', `127.0.0.1:${port}`, QUESTION);
  assert.deepEqual([code, text.includes(answerTo(QUESTION)), sandbox.payments.length], [0, true, 1], text);
  assert.match(text, /waiting for one at http:\/\/127/);
});

test('where nothing answers on this machine, nothing is decided and nothing is sent', async () => {
  const port = await freePort();
  const ends = [
    ['ask', `127.0.0.1:${port}`, QUESTION],
    ['quote', `127.0.0.1:${port}`],
  ].map((command) => user().run(...command));
  for (const { code, stderr } of await Promise.all(ends)) {
    assert.equal(code, 1);
    assert.match(
      stderr,
      /no server answers at http:\/\/127\.0\.0\.1:\d+ \(ECONNREFUSED\)\n {2}Nothing was paid\.\n {2}Does the server run\?/,
    );
    assert.doesNotMatch(stderr, /PRIVATE_KEY/);
  }
});

test('commands that go on are printed as the program was called', async (t) => {
  const refusing = { proofs: true };
  const { url } = await sandboxed(t, {}, refused(refusing));
  const npm = { npm_config_user_agent: 'npm/11.0.0 node/v24.0.0 linux x64', npm_command: 'exec' };
  const { run } = user(npm);
  assert.ok((await run('ask', url, QUESTION)).stderr.includes(`: npx eliza-jobs resume ${url}\n`));
  assert.match(
    (await run('pending', '--sandbox')).stderr,
    /: npx eliza-jobs resume --sandbox\n.*: npx eliza-jobs resume [\w-]+\n/,
  );
  assert.match((await run('resume', 'hi')).stderr, /"npx eliza-jobs pending" lists/);
  // A script of a project has the name in its PATH.
  const script = user({ ...npm, npm_command: 'run-script' });
  assert.match((await script.run('resume', 'hi')).stderr, /"eliza-jobs pending" lists/);
});

for (const [agent, folder, command] of [
  ['pnpm/10.1.0', 'pnpm/dlx/1a2b', 'pnpm dlx'],
  ['yarn/4.5.0', 'xfs-1a2b/dlx-77', 'yarn dlx'],
  ['bun/1.2.0', 'bunx-1000-eliza-jobs@latest', 'bunx'],
]) {
  test(`commands that go on are printed as ${command} takes them`, async () => {
    const place = path.join(emptyFolder(), folder, 'node_modules/eliza-jobs');
    cpSync(installed, place, { recursive: true });
    const env = { PATH: process.env.PATH, npm_config_user_agent: agent };
    const { stderr } = spawnSync(process.execPath, [path.join(place, 'cli.js'), 'resume', 'hi'], { env, encoding: 'utf8' });
    assert.ok(stderr.includes(`"${command} eliza-jobs pending" lists`), stderr);
  });
}

test('a terminal that knows no commands gets none', async (t) => {
  const { url } = await sandboxed(t);
  const { code, text } = await user({ TERM: 'dumb' }).onTerminal('ask', url, QUESTION);
  assert.deepEqual([code, text.includes(answerTo(QUESTION))], [0, true], text);
  assert.doesNotMatch(text, /\x1b/); // eslint-disable-line no-control-regex -- what must not be there
});

test('an agent that the server does not list is refused before anything is paid', async (t) => {
  const { sandbox, url } = await sandboxed(t);
  const wrong = randomUUID();
  const { code, stderr } = await user().run('ask', url, QUESTION, '--agent', wrong);
  assert.equal(code, 1, stderr);
  assert.match(stderr, new RegExp(`no agent ${wrong}\n {2}Nothing was paid\\.[\\s\\S]*${sandbox.agentId} {2}Sandbox agent\n`));
  assert.ok(!sandbox.requests.some(({ method }) => method === 'POST'), 'no job was asked for');
  assert.equal((await user().run('ask', url, QUESTION, '--agent', sandbox.agentId.toUpperCase())).code, 0);
});

test('a request that was refused after its payment is corrected with another agent, and nothing is paid again', async (t) => {
  const { sandbox, url } = await sandboxed(t, {}, (pass, _, { pathname }) =>
    // A server that does not show its agents.
    pathname === '/api/agents' ? new Response('{}', { status: 404 }) : pass(),
  );
  const { run } = user();
  const { code, stderr } = await run('ask', url, QUESTION, '--agent', randomUUID(), '--timeout', '100');
  assert.equal(code, 3, stderr);
  assert.doesNotMatch(stderr, /client\./);
  assert.match(stderr, /The signature can be used until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\./);
  const [, command] = /: eliza-jobs (resume .*) --agent <id> --timeout 100\n/.exec(stderr);
  const signed = sandbox.payments.length;
  const resumed = await run(...command.split(' '), '--agent', sandbox.agentId, '--timeout', '100');
  assert.deepEqual([resumed.code, resumed.stdout.startsWith(answerTo(QUESTION))], [0, true], resumed.stderr);
  assert.deepEqual([signed, sandbox.payments.length, sandbox.jobs.length], [0, 1, 1]);
  const [{ createdAt, expiresAt }] = sandbox.jobs;
  assert.equal(expiresAt - createdAt, 100_000);
});

test('pending names the ids and the commands, and an id needs no address', async (t) => {
  const refusing = { proofs: true };
  const { sandbox, url } = await sandboxed(t, {}, refused(refusing));
  const { run } = user();
  await run('ask', url, QUESTION);
  for (const command of ['pending', 'resume']) {
    assert.deepEqual(await run(command).then(({ code, stderr }) => [code, stderr]), [
      0,
      'Nothing is open.\n1 in sandboxes: --sandbox\n',
    ]);
  }
  const open = await run('pending', '--sandbox');
  const [id] = open.stdout.split(' ');
  assert.match(open.stderr, new RegExp(`: eliza-jobs resume --sandbox\n.*: eliza-jobs resume ${id}\n`));
  assert.ok((await run('pending', url)).stderr.includes(`: eliza-jobs resume ${url}\n`));
  refusing.proofs = false;
  const resumed = await run('resume', id);
  assert.deepEqual([resumed.code, resumed.stdout.startsWith(answerTo(QUESTION))], [0, true], resumed.stderr);
  for (const args of [
    ['resume', id],
    ['resume', url, id],
  ]) {
    const { code, stderr } = await run(...args);
    assert.equal(code, 2);
    assert.match(stderr, new RegExp(`the payment ${id} is not open any more`));
    const [, again] = /: eliza-jobs (resume .*)\n/.exec(stderr);
    assert.ok((await run(...again.split(' '))).stdout.startsWith(answerTo(QUESTION)), again);
  }
  const unknown = await run('resume', url, randomUUID());
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /nothing is open with this id any more/);
  assert.doesNotMatch(unknown.stderr, /HTTP 404|paid/);
  assert.match((await run('payments')).stderr, /\n1 in sandboxes: --sandbox\n/);
  assert.equal((await run('pending')).stderr, 'Nothing is open.\n', 'what is paid and answered is not open');
  assert.equal(sandbox.payments.length, 1);
});

test('resume --json is a list, with what went wrong in it', async (t) => {
  const refusing = { proofs: true };
  const { url } = await sandboxed(t, {}, refused(refusing));
  const { run } = user();
  await run('ask', url, 'one');
  await run('ask', url, 'two');
  const open = JSON.parse((await run('pending', url, '--json')).stdout);
  assert.deepEqual(
    open.map(({ content, amount, server }) => [content, amount, server]),
    ['one', 'two'].map((content) => [content, '0.02', url]),
  );
  const failed = await run('resume', url, '--json');
  assert.deepEqual([failed.code, JSON.parse(failed.stdout).map(({ error }) => error.fundsMoved)], [3, ['unknown', 'unknown']]);
  refusing.proofs = false;
  const one = await run('resume', url, open[1].attemptId);
  assert.deepEqual([one.code, one.stdout.startsWith(answerTo('two'))], [0, true], one.stderr);
  const rest = await run('resume', url, '--json');
  assert.deepEqual([rest.code, JSON.parse(rest.stdout).map(({ answer }) => answer.startsWith(answerTo('one')))], [0, [true]]);
});

test('a job that cost nothing is waited for by its id', async (t) => {
  const { sandbox, url } = await sandboxed(t, { paywall: 'none', price: undefined, answerMs: 1_500 });
  const { start, run } = user();
  const asking = start('ask', url, QUESTION);
  while (sandbox.jobs.length === 0) await new Promise((next) => setTimeout(next, 20));
  asking.child.kill('SIGKILL');
  await asking.end;
  const { code, stdout } = await run('resume', url, sandbox.jobs[0].jobId);
  assert.deepEqual([code, stdout.startsWith(answerTo(QUESTION))], [0, true]);
});

test('the program contains nothing that stands in another file of the package', () => {
  const program = readFileSync(path.join(installed, 'cli.js'), 'utf8');
  for (const file of ['./node.js', './wallets.js', './sandbox-node.js']) assert.ok(program.includes(`"${file}"`), file);
  assert.doesNotMatch(program, /class ElizaJobsError|makeGlue/);
});

test('payments are recorded in the user’s data folder, for nobody else’s eyes', async (t) => {
  const { url } = await sandboxed(t, {}, refused({ proofs: true }));
  const { run, data } = user();
  await run('ask', url, QUESTION);
  const store = path.join(data, 'eliza-jobs/sandbox');
  assert.equal(statSync(store).mode & 0o777, 0o700);
  const records = readdirSync(store).filter((name) => name.startsWith('eliza-jobs%2Fpayment'));
  assert.equal(records.length, 1);
  assert.equal(statSync(path.join(store, records[0])).mode & 0o777, 0o600);
  const elsewhere = emptyFolder();
  assert.match((await run('pending', url, '--store', elsewhere)).stderr, /Nothing is open/);
  assert.equal((await run('pending', '--sandbox')).stdout.split('\n').length, 2);
  assert.match((await run('pending')).stderr, /Nothing is open/, 'a sandbox’s payments are no payments');
});

test('a budget for a day holds for programs that run one after the other, and payments are listed', async () => {
  const before = (await chain.transfers()).length;
  const { run } = user({ cwd: WITH_LIBRARIES, ELIZA_JOBS_PRIVATE_KEY: KEY });
  const ask = () => run('ask', v2.url, QUESTION, '--per-day', '0.05');
  assert.deepEqual([(await ask()).code, (await ask()).code], [0, 0]);
  const third = await ask();
  assert.equal(third.code, 1, third.stderr);
  assert.match(third.stderr, /Nothing was paid/);
  assert.equal((await chain.transfers()).length, before + 2);
  const rows = JSON.parse((await run('payments', '--json')).stdout);
  assert.deepEqual(
    rows.map(({ amount, state, server }) => [amount, state, server]),
    [1, 2].map(() => ['0.02', 'accepted', v2.url]),
  );
  assert.equal((await run('payments')).stdout.trim().split('\n').length, 2);
  const [titles, ...lines] = (await run('payments', '--csv')).stdout.trim().split('\r\n');
  assert.deepEqual([titles.split(',').slice(0, 3), lines.length], [['date', 'amount', 'currency'], 2]);
  assert.equal(JSON.parse((await run('payments', '--json', '--until', '2020-01-01')).stdout).length, 0);
});

test('whoever stops reading is no error', async (t) => {
  const { url } = await sandboxed(t);
  const { child, end } = user().start('ask', url, QUESTION);
  child.stdout.destroy();
  const { code, stderr } = await end;
  assert.deepEqual([code, stderr], [0, '']);
});
