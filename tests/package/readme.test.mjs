// Every program of the README runs as it is printed, on the installed package. What a reader has to
// have around it (a server, a wallet, the names that an application gives) stands in a module that
// is loaded before it. A program that nobody has thought of fails here.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { freePort } from '../../scripts/free-port.mjs';
import { installPackage } from '../../scripts/install-package.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const { folder } = installPackage('readme');
for (const name of ['viem', 'express'])
  symlinkSync(path.join(root, 'tests/servers/node_modules', name), path.join(folder, 'node_modules', name));

/** The programs, each under the bold words or the heading that it stands under. */
const programs = [];
let title;
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
for (const [, heading, bold, language, program] of readme.matchAll(
  /^#+ ([^\n]+)$|^\*\*([^\n]+?)\.\*\*|^```(\w*)\n(.*?)^```$/gms,
)) {
  if (program === undefined) title = heading ?? bold;
  else programs.push({ title, language, program });
}

const QUESTION = 'What is the weather in New York?';
const ANSWER = /^You asked: "What is the weather in New York\?"/;
const READER = `
import { JobsClient } from 'eliza-jobs';
import { createSandbox } from 'eliza-jobs/sandbox';
const { paywall, url, price, faults, rejects } = globalThis.setting;
const sandbox = createSandbox({ paywall, url, price, faults, seed: 1 });
globalThis.network = { fetch };
globalThis.fetch = sandbox.fetch;
globalThis.userId = crypto.randomUUID();
globalThis.content = '${QUESTION}';
const wallet = globalThis.wallet = rejects ? { ...sandbox.wallet, signTypedData: () => Promise.reject(Object.assign(new Error('no'), { code: 4001 })) } : sandbox.wallet;
globalThis.client = new JobsClient({ baseUrl: url, wallet });
process.on('exit', () => process.stderr.write('@' + JSON.stringify([sandbox.jobs.length, sandbox.payments.length])));
`;
const setting = { paywall: 'x402-v2', url: 'https://agents.example', price: '0.02' };

/**
 * Runs a program with what its reader has; gives what it prints, and how many jobs and payments the
 * server has.
 */
function run(program, { before = '', after = '', ...changes } = {}) {
  writeFileSync(path.join(folder, 'setting.mjs'), `globalThis.setting = ${JSON.stringify({ ...setting, ...changes })};`);
  writeFileSync(path.join(folder, 'reader.mjs'), `import './setting.mjs';\n${READER}\n${before}`);
  writeFileSync(path.join(folder, 'program.mjs'), `${program}\n${after}`);
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', './reader.mjs', 'program.mjs'], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, PRIVATE_KEY: `0x${'11'.repeat(32)}` },
  });
  assert.equal(status, 0, `${stderr}\n${stdout}`);
  const [, jobs, payments] = /@\[(\d+),(\d+)\]$/.exec(stderr);
  return { stdout, jobs: Number(jobs), payments: Number(payments) };
}

const free = { paywall: 'none', price: undefined, url: 'http://localhost:3000' };
const checks = {
  'Quick start': (program) => {
    const { stdout, jobs } = run(program, free);
    assert.match(stdout, ANSWER);
    assert.equal(jobs, 1);
  },
  'Pay from Node': (program) => {
    rmSync(path.join(folder, 'payments'), { recursive: true, force: true });
    const { stdout, payments } = run(program);
    assert.match(stdout, ANSWER);
    assert.match(stdout, / 0\.02\n$/);
    assert.equal(payments, 1);
  },
  'Pay from a browser': (program) => {
    const before = `
globalThis.asked = [];
const { account, signTypedData } = sandbox.wallet;
globalThis.window = {
  confirm: (text) => (asked.push(text), true),
  ethereum: {
    request: async ({ method, params }) => {
      if (method === 'eth_requestAccounts' || method === 'eth_accounts') return [typeof account === 'function' ? await account() : sandbox.account];
      if (method === 'eth_chainId') return '0x2105';
      if (method === 'eth_signTypedData_v4') return signTypedData.call(sandbox.wallet, JSON.parse(params[1]));
      throw Object.assign(new Error(method), { code: 4200 });
    },
  },
};`;
    const after = 'console.log((await client.createAndWaitForJob({ userId, content })).result.message.content, asked.join());';
    const { stdout, payments } = run(program, { before, after });
    assert.match(stdout, ANSWER);
    assert.match(stdout, /Pay 0\.02 USDC on base\?\n$/);
    assert.equal(payments, 1);
  },
  'The price first': (program) => {
    const { stdout, jobs, payments } = run(program);
    assert.deepEqual([stdout, jobs, payments], ['0.02 USDC on base\n', 0, 0]);
    assert.equal(run(program, free).stdout, 'free\n');
    assert.match(run(program, { price: '5.00' }).stdout, /5/);
  },
  'Resume after a crash or a reload': (program) => {
    const before = 'await client.createJob({ userId, content });';
    const { stdout, payments } = run(program, { before });
    assert.match(stdout, ANSWER);
    assert.equal(payments, 1);
  },
  'Fifty questions, one budget': (program) => {
    const before = `globalThis.questions = Array.from({ length: 50 }, (_, i) => 'Question ' + i);
globalThis.client = new JobsClient({ baseUrl: url, wallet, spend: { budget: '0.50' } });`;
    const { stdout, payments } = run(program, { before });
    assert.equal(stdout, '25 answers for 0.5 USDC\n');
    assert.equal(payments, 25);
  },
  'Never twice for the same order': (program) => {
    const before = "globalThis.orderId = '7';";
    const after =
      'const again = await client.createJob({ userId, content }, { idempotencyKey: `order-${orderId}` }); console.log(again.jobId === jobId);';
    const { stdout, payments } = run(program, { before, after });
    assert.deepEqual([stdout, payments], ['true\n', 1]);
  },
  Progress: (program) => {
    const { stdout } = run(program);
    const types = stdout.trim().split('\n');
    assert.deepEqual([...new Set(types)], ['quote', 'payment', 'created', 'status']);
    const printed = /\/\/ (.+)$/m.exec(program)[1].split(', ');
    assert.deepEqual(printed, [...new Set(types)], 'the comment says what comes');
  },
  Stop: (program) => {
    assert.equal(run(program).payments, 1);
  },
  'Test without a server, and without money': (program) => {
    const printed = /console\.log\(.*\); \/\/ (.+)$/m.exec(program)[1];
    assert.equal(run(program).stdout, `${printed}\n`);
  },
  'An Express route': async (program) => {
    const port = await freePort();
    const after = `
const ask = async (question) => {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ question }) };
  const response = await network.fetch('http://127.0.0.1:${port}/ask', init);
  return [response.status, await response.json()];
};
const odd = await network.fetch('http://127.0.0.1:${port}/ask', { method: 'POST', body: 'question=hi' });
console.log(JSON.stringify([await ask(content), await ask(''), [odd.status, await odd.json()]]));
process.exit();`;
    rmSync(path.join(folder, 'payments'), { recursive: true, force: true });
    const { stdout, payments } = run(program.replace('8080', port), { after });
    const [[status, { answer }], [refused, error], [odd, { field }]] = JSON.parse(stdout);
    assert.deepEqual([odd, field], [400, 'question'], 'a body that is no JSON');
    assert.ok(existsSync(path.join(folder, 'payments')), 'payments outlive the program');
    assert.deepEqual([status, refused, error.code, error.fundsMoved, payments], [200, 400, 'invalid_argument', false, 1]);
    assert.match(answer, ANSWER);
  },
  'A conversation': (program) => {
    assert.ok(run(program, free).stdout.includes('I need help with my account'));
  },
  Errors: (program) => {
    const outcomes = {
      wallet_rejected: { rejects: true, payments: 0 },
      payment_over_limit: { price: '5.00', payments: 0 },
      // Nothing gets through after the proof has been sent, until the program goes on.
      payment_outcome_unknown: {
        payments: 1,
        before: `
let network = 'up';
const paying = new JobsClient({ baseUrl: url, wallet, retries: 0, fetch: async (input, init) => {
  const response = network === 'down' ? undefined : await sandbox.fetch(input, init);
  if (network === 'up' && sandbox.payments.length > 0) network = 'down';
  if (network === 'down') throw new TypeError('fetch failed');
  return response;
} });
globalThis.client = {
  createAndWaitForJob: (params) => paying.createAndWaitForJob(params, { timeoutMs: 2000 }),
  resume: async (payment) => {
    network = 'up again';
    console.log('resumed', (await paying.resume(payment)).status);
  },
};`,
        prints: /^resumed completed\n$/,
      },
      wait_timeout: {
        payments: 1,
        before: `
const slow = createSandbox({ url, answerMs: 300 });
const waits = new JobsClient({ baseUrl: url, fetch: slow.fetch });
globalThis.client = {
  createAndWaitForJob: (params) => waits.createAndWaitForJob(params, { timeoutMs: 100 }),
  pollJob: async (jobId) => console.log('polled', (await waits.pollJob(jobId)).status),
};`,
        prints: /^polled completed\n$/,
      },
    };
    for (const [, code] of program.matchAll(/case '(\w+)'/g)) {
      const { payments, prints = /^$/, ...changes } = outcomes[code];
      const outcome = run(program, changes);
      assert.match(outcome.stdout, prints, code);
      if (code !== 'wait_timeout') assert.equal(outcome.payments, payments, code);
    }
  },
};

// Components run in a browser: tests/browser/react.test.mjs.
for (const { title, program } of programs.filter(({ language }) => !['sh', 'jsx'].includes(language))) {
  test(`the README's program runs as it is printed: ${title}`, async () => {
    assert.ok(Object.hasOwn(checks, title), 'no test knows what it does');
    await checks[title](program);
  });
}

test('the README’s programs compile in strict TypeScript, with what an application has around them', () => {
  const prelude = `
import type { JobsClient as Client, Wallet } from 'eliza-jobs';
import type { Eip1193Provider } from 'eliza-jobs/wallets';
declare global {
  interface Window { ethereum: Eip1193Provider }
  const client: Client;
  const wallet: Wallet;
  const userId: string, content: string, orderId: string;
  const questions: string[];
  const process: { env: { PRIVATE_KEY: \`0x\${string}\` }; stdout: { write(text: string): void } };
}`;
  const files = programs
    .filter(({ language }) => language === 'js')
    .map(({ title, program }) => [`${title.replace(/\W+/g, '-')}.mts`, program]);
  assert.ok(files.length >= 10);
  // Express's own types are a package of their own, which is not installed here.
  files.push(
    ['express.d.ts', "declare module 'express' { const express: any; export default express; }"],
    ['prelude.mts', prelude],
  );
  for (const [name, text] of files)
    writeFileSync(path.join(folder, name), name.endsWith('.mts') ? `${text}\nexport {};\n` : text);
  const compilerOptions = {
    ...{ strict: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true, isolatedModules: true, noEmit: true },
    ...{ target: 'es2022', module: 'nodenext', lib: ['es2024', 'dom', 'dom.iterable'], types: [], skipLibCheck: true },
    noImplicitAny: false,
  };
  writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: files.map(([name]) => name) }));
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
  assert.equal(status, 0, stdout);
});

test("the README's commands do what they say", async () => {
  const commands = Object.fromEntries(
    programs.filter(({ language }) => language === 'sh').map(({ title, program }) => [title, program]),
  );
  assert.deepEqual(Object.keys(commands), ['eliza-jobs', 'From a terminal', 'Contributing']);
  assert.equal(commands['eliza-jobs'], 'npm install eliza-jobs\n', 'which is what the installation of every test does');

  const targets = execFileSync('make', ['help'], { cwd: root, encoding: 'utf8' });
  for (const [, target] of commands.Contributing.matchAll(/^make (\w+)/gm)) assert.match(targets, new RegExp(`^${target} `, 'm'));

  const [serve, ask] = commands['From a terminal']
    .replaceAll('3000', await freePort())
    .trim()
    .split('\n');
  assert.ok(serve.endsWith(' &'));
  await beside(serve.slice(0, -2), () => {
    const { status, stdout, stderr } = spawnSync('bash', ['-c', ask], { cwd: folder, encoding: 'utf8', timeout: 60_000 });
    assert.equal(status, 0, stderr);
    assert.match(stdout, ANSWER);
  });
});

test('the free server of the README answers its first program', async () => {
  const port = await freePort();
  const [, serve] = /`(npx eliza-jobs sandbox [^`]+)`/.exec(readme);
  const { program } = programs.find(({ title }) => title === 'Quick start');
  writeFileSync(path.join(folder, 'program.mjs'), program.replaceAll('3000', port));
  await beside(serve.replaceAll('3000', port), () => {
    assert.match(execFileSync(process.execPath, ['program.mjs'], { cwd: folder, encoding: 'utf8' }), ANSWER);
  });
});

/** Does something while a server's command runs, from its first line on. */
async function beside(command, work) {
  const server = spawn('bash', ['-c', `exec ${command}`], { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'], detached: true });
  try {
    await once(server.stdout, 'data');
    work();
  } finally {
    process.kill(-server.pid);
  }
}
