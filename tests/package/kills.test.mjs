// Programs that pay on a real chain from one fileStore, eight at once, and are killed at random
// moments: no more moves than the budget allows, and each transfer gets its job. KILLS=1000 kills
// as many; `make soak` does.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ACCOUNTS, startChain } from '../servers/chain.mjs';
import { startSeedOnChain } from '../servers/seed-on-chain.mjs';
import { viem } from '../servers/wallet-libraries.mjs';
import { startV2 } from '../servers/x402-v2.mjs';
import { installed, params } from './setting.mjs';

const KILLS = Number(process.env.KILLS ?? 24);
/** How many programs run at once. */
const PROGRAMS = 8;
/**
 * For how many payments a store has a budget. It is spent while programs are killed, and all go on
 * to try to spend more.
 */
const PAYMENTS = KILLS > 100 ? 60 : 16;
const PRICE = 20_000n;
/**
 * The longest life of a program that is ready. Most lives are shorter than a payment; some are
 * longer than the lease of a lock, or nobody would take over the locks of the dead.
 */
const LIFE_MS = 6_000;
/** Longer than any kill takes on a slow machine: a program that hangs is found out. */
const LIMIT_MS = 120_000 + KILLS * 5_000;

const { folder, fileStore, JobsClient } = await installed('kills');
const { fromEip1193 } = await import(`file://${folder}/node_modules/eliza-jobs/wallets.js`);
const scratch = fs.mkdtempSync(path.join(tmpdir(), 'eliza-jobs-'));
const children = new Set();
const servers = {};
let chain;
before(async () => {
  chain = await startChain('base');
  [servers.elizaos, servers['x402-v2']] = await Promise.all([startSeedOnChain({ base: chain }), startV2(chain)]);
});
after(async () => {
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(Object.values(servers).map((server) => server.stop()));
  await chain?.stop();
  fs.rmSync(scratch, { recursive: true });
});

/** Asks the node, which knows the account's key and counts its transactions for all programs. */
const ASK = `async ({ method, params }) => {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const response = await fetch(RPC, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const { result, error } = await response.json();
  if (error) throw Object.assign(new Error(error.message), error);
  return result;
}`;
const MOST = String((Number(PRICE) * PAYMENTS) / 1e6);
const budget = { perDay: MOST, total: MOST };

/**
 * A program that pays until its budget is spent. It says when it begins, and how each of its calls
 * has ended.
 */
function program(where, server) {
  const code = `
    import { fileStore, JobsClient } from 'eliza-jobs';
    import { fromEip1193 } from 'eliza-jobs/wallets';
    const RPC = ${JSON.stringify(chain.rpc)};
    const client = new JobsClient({ baseUrl: ${JSON.stringify(server.url)}, wallet: fromEip1193({ request: ${ASK} }),
      store: fileStore(${JSON.stringify(where)}), spend: { budget: ${JSON.stringify(budget)} }, logger: { warn() {} } });
    console.log('ready');
    for (let said; said !== 'payment_over_limit'; console.log(said)) {
      said = await client.createAndWaitForJob(${JSON.stringify(params)}, 50, 20).then(() => 'paid', ({ code }) => code);
    }
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.add(child);
  const running = { child, said: [], over: once(child, 'close') };
  running.ready = new Promise((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text) => {
      running.said.push(...text.trim().split('\n'));
      resolve();
    });
    child.once('close', resolve);
  });
  void running.over.then(() => children.delete(child));
  return running;
}

/** What moved from the payer, each with its transaction. */
async function transfers() {
  const event = viem.parseAbiItem('event Transfer(address indexed from, address indexed to, uint256 value)');
  const logs = await chain.publicClient.getLogs({ address: chain.usdc, event, fromBlock: 0n });
  return logs
    .filter(({ args }) => args.from === ACCOUNTS[0].address)
    .map(({ args: { value }, transactionHash }) => ({ value, hash: transactionHash }));
}

/**
 * Programs that are killed and started again, until the budget is spent, or at most so many were
 * killed; then one that spends what is left. How many were killed while they were at it.
 */
async function killed(where, server, most) {
  const count = { begun: 0, killed: 0 };
  let isSpent = false;
  const lane = async () => {
    while (!isSpent && count.begun < most) {
      count.begun += 1;
      const { child, ready, over, said } = program(where, server);
      await ready;
      await Promise.race([over, pause(LIFE_MS * Math.random() ** 2)]);
      child.kill('SIGKILL');
      await over;
      if (child.signalCode === 'SIGKILL') count.killed += 1;
      isSpent ||= said.at(-1) === 'payment_over_limit';
    }
  };
  await Promise.all(Array.from({ length: PROGRAMS }, lane));
  const last = program(where, server);
  await last.over;
  assert.equal(last.said.at(-1), 'payment_over_limit');
  return count.killed;
}

/**
 * Goes on with all that is open, as the next program does, and pays nothing; a transfer whose hash
 * was lost is what the user finds in the wallet.
 */
async function recovered(where, server, moved) {
  const ask = new Function('RPC', `return ${ASK}`)(chain.rpc);
  const paying = [];
  const request = (call) => {
    if (/^eth_s(end|ign)/.test(call.method)) paying.push(call.method);
    return ask(call);
  };
  const client = new JobsClient({
    baseUrl: server.url,
    wallet: fromEip1193({ request }),
    store: fileStore(where),
    spend: { budget },
    logger: { warn() {} },
  });
  const known = new Set((await client.payments()).map(({ transaction }) => transaction));
  const lost = moved.map(({ hash }) => hash).filter((hash) => !known.has(hash));
  const pending = await client.pendingPayments();
  // At once: the locks of the dead are free after some seconds.
  const ends = await Promise.all(
    pending.map((payment) =>
      client.resume(payment).then(
        () => 'job',
        ({ code }) => code,
      ),
    ),
  );
  for (const [at, payment] of pending.entries()) {
    // There is a job; or its time is over; or nobody has signed it; or nobody knows.
    const known = ['job', 'payment_outcome_unknown', 'payment_not_open', 'payment_refused', 'wallet_timeout'];
    assert.ok(known.includes(ends[at]), `${payment.state}: ${ends[at]}`);
    const isLost = ends[at] !== 'job' && payment.dialect === 'elizaos' && !payment.transaction;
    if (isLost && lost.length > 0) await client.resume({ ...payment, transaction: lost.pop() });
  }
  assert.deepEqual(paying, [], 'nothing is paid to recover');
  return client;
}

/** What became of the money of one round. */
async function judged(where, server, before) {
  const ofThisRound = async () => (await transfers()).filter(({ hash }) => !before.has(hash));
  let [client, moved] = [undefined, await ofThisRound()];
  // A transfer that a killed program has just sent may be mined meanwhile.
  for (let known = -1; known < moved.length; moved = await ofThisRound()) {
    known = moved.length;
    client = await recovered(where, server, moved);
  }
  const sum = moved.reduce((sum, { value }) => sum + value, 0n);
  assert.ok(sum <= PRICE * BigInt(PAYMENTS), `${sum} moved, and the budget is for ${PAYMENTS} payments`);
  const { total } = await client.spending();
  assert.ok(
    Math.round(Number(total.spent) * 1e6) + Math.round(Number(total.reserved) * 1e6) >= Number(sum),
    JSON.stringify(total),
  );
  // Each transfer has a job, which is in the list of what was paid; and no job was paid for twice.
  const rows = await client.payments({ state: 'accepted' });
  assert.ok(rows.length >= moved.length, `${moved.length} transfers, and ${rows.length} payments with a job`);
  const named = new Map(rows.filter(({ transaction }) => transaction).map(({ transaction, jobId }) => [transaction, jobId]));
  const unnamed = moved.filter(({ hash }) => !named.has(hash)).length;
  // A job that was found by a search: no answer has named its transaction.
  assert.ok(unnamed <= rows.length - named.size, `${unnamed} transfers without a job`);
  assert.equal(new Set(rows.map(({ jobId }) => jobId)).size, rows.length);
  for (const { jobId } of rows)
    assert.ok(
      server.jobs.some((job) => job.jobId === jobId),
      `${jobId} is no job of the server`,
    );
  return { moved: moved.length, jobs: rows.length };
}

test('killed between the sending of a transfer and its mining: the record has the hash, and the payment goes on without a wallet', async () => {
  const [where, server] = [path.join(scratch, 'sent'), servers.elizaos];
  const before = new Set((await transfers()).map(({ hash }) => hash));
  // The node never says that it is mined.
  const code = `
    import { fileStore, JobsClient } from 'eliza-jobs';
    import { fromEip1193 } from 'eliza-jobs/wallets';
    const RPC = ${JSON.stringify(chain.rpc)};
    const ask = ${ASK};
    const request = (call) => (call.method === 'eth_getTransactionReceipt' ? new Promise(() => {}) : ask(call));
    const store = fileStore(${JSON.stringify(where)});
    const { set } = store;
    store.set = async (key, value) => {
      await set(key, value);
      const [hash] = /0x[0-9a-f]{64}/.exec(value) ?? [];
      if (hash) console.log(hash);
    };
    const client = new JobsClient({ baseUrl: ${JSON.stringify(server.url)}, wallet: fromEip1193({ request }), store });
    await client.createAndWaitForJob(${JSON.stringify(params)});
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.add(child);
  const [said] = await once(child.stdout.setEncoding('utf8'), 'data');
  child.kill('SIGKILL');
  await once(child, 'close');
  children.delete(child);

  const sendTransfer = () => assert.fail('it was paid');
  const client = new JobsClient({
    baseUrl: server.url,
    wallet: { sendTransfer },
    store: fileStore(where),
    logger: { warn() {} },
  });
  const [payment, ...others] = await client.pendingPayments();
  assert.deepEqual([payment.state, `${payment.transaction}\n`, others.length], ['proven', said, 0]);
  const job = await client.resume(payment);
  assert.equal(job.payment.transaction, payment.transaction);
  const moved = (await transfers()).map(({ hash }) => hash).filter((hash) => !before.has(hash));
  assert.deepEqual(moved, [payment.transaction]);
});

test(
  `killed ${KILLS} times, eight programs at once never spend more than the budget, and no paid job is lost`,
  { timeout: LIMIT_MS },
  async (t) => {
    const told = { kills: 0, rounds: 0, moved: 0, jobs: 0 };
    const began = Date.now();
    for (; told.kills < KILLS; told.rounds += 1) {
      const dialect = told.rounds % 2 === 0 ? 'x402-v2' : 'elizaos';
      const [where, server] = [path.join(scratch, String(told.rounds)), servers[dialect]];
      const before = new Set((await transfers()).map(({ hash }) => hash));
      // Each dialect has its share, however few they are.
      const kills = await killed(where, server, Math.min(KILLS - told.kills, Math.max(1, KILLS >> 1)));
      const { moved, jobs } = await judged(where, server, before);
      told.kills += kills;
      told.moved += moved;
      told.jobs += jobs;
      t.diagnostic(`${dialect}: ${kills} kills, ${moved} of ${PAYMENTS} payments moved, ${jobs} jobs`);
      fs.rmSync(where, { recursive: true });
    }
    t.diagnostic(`${JSON.stringify(told)} in ${Math.round((Date.now() - began) / 1000)} s`);
  },
);
