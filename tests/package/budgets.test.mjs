// Budgets that last: several programs on one fileStore, programs that are killed, a real chain that
// tells what has moved.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { startChain } from '../servers/chain.mjs';
import { startSeedOnChain } from '../servers/seed-on-chain.mjs';
import { viem } from '../servers/wallet-libraries.mjs';
import { startV2 } from '../servers/x402-v2.mjs';
import { HASH, installed, params, rejects } from './setting.mjs';

const { folder, fileStore, JobsClient, memoryStore } = await installed('budgets');
const scratch = fs.mkdtempSync(path.join(tmpdir(), 'eliza-jobs-'));
const children = new Set();
let chain, seed, v2;
before(async () => {
  chain = await startChain('base');
  [seed, v2] = await Promise.all([startSeedOnChain({ base: chain }), startV2(chain)]);
});
after(async () => {
  for (const child of children) child.kill('SIGKILL');
  await Promise.all([seed?.stop(), v2?.stop()]);
  await chain?.stop();
  fs.rmSync(scratch, { recursive: true });
});

const offer = { network: 'base', recipient: '0x209693Bc6afc0C5328bA36FaF03C514EF312287C', amount: '0.02' };
/** A server that answers each request with a 402, or with a job where there is a proof. */
const paywall = async (_url, { headers }) =>
  headers.get('x-payment')
    ? Response.json({ jobId: crypto.randomUUID(), status: 'pending' }, { status: 201 })
    : Response.json({ payment: [offer] }, { status: 402 });
const clientOf = (store, spend, options = {}) =>
  new JobsClient({ baseUrl: 'https://h', fetch: paywall, wallet: () => HASH, store, spend, ...options });

/** Another program that pays on the chain, until it has no budget or is killed. */
function program(where, server, budget, calls) {
  const code = `
    import { fileStore, JobsClient } from 'eliza-jobs';
    import { fromEip1193 } from 'eliza-jobs/wallets';
    // The node knows the account's key, and counts its transactions for all programs.
    const request = async ({ method, params }) => {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
      const response = await fetch(${JSON.stringify(chain.rpc)}, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      const { result, error } = await response.json();
      if (error) throw Object.assign(new Error(error.message), error);
      return result;
    };
    const wallet = fromEip1193({ request });
    const client = new JobsClient({ baseUrl: ${JSON.stringify(server.url)}, wallet, store: fileStore(${JSON.stringify(where)}),
      spend: { budget: ${JSON.stringify(budget)} }, logger: { warn() {} } });
    const call = () => client.createAndWaitForJob({ userId: ${JSON.stringify(params.userId)}, content: 'q' }, 50, 20)
      .then(() => 'paid', ({ code }) => code);
    for (let round = 0; round < ${calls}; round++) console.log(await call());
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.add(child);
  const running = { child, said: '', over: once(child, 'close') };
  child.stdout.setEncoding('utf8').on('data', (text) => (running.said += text));
  void running.over.then(() => children.delete(child));
  return running;
}
/** An amount of USDC in its atomic units. */
const atomic = (amount) => viem.parseUnits(amount, 6);
const place = (name) => path.join(scratch, name);
const moved = async () => (await chain.transfers()).reduce((sum, { value }) => sum + value, 0n);

test('three starts of a program with a budget for one payment make one payment', async () => {
  const before = await moved();
  const said = [];
  for (let start = 0; start < 3; start++) {
    const running = program(place('starts'), v2, { total: '0.02' }, 1);
    await running.over;
    said.push(running.said.trim());
  }
  assert.deepEqual(said, ['paid', 'payment_over_limit', 'payment_over_limit']);
  assert.equal((await moved()) - before, 20_000n);
});

for (const which of ['v2', 'elizaos']) {
  test(
    `eight programs at once on one fileStore, and some are killed: never more than the budget (${which})`,
    { timeout: 300_000 },
    async () => {
      const server = which === 'v2' ? v2 : seed;
      const before = await moved();
      const where = place(`eight-${which}`);
      const budget = { perDay: '0.20', total: '0.20' };
      const running = Array.from({ length: 8 }, () => program(where, server, budget, 4));
      for (const [number, { child, over }] of running.entries()) {
        if (number % 2 === 0) continue;
        // At a random moment of its payments.
        await Promise.race([over, new Promise((next) => setTimeout(next, 300 + Math.random() * 1_500))]);
        child.kill('SIGKILL');
      }
      await Promise.all(running.map(({ over }) => over));
      // Others come later and use up what is left.
      const last = program(where, server, budget, 12);
      await last.over;
      const sum = (await moved()) - before;
      assert.ok(sum <= 200_000n, `${sum} moved`);
      assert.ok(sum >= 60_000n, `only ${sum} moved`);
      assert.match(last.said, /payment_over_limit\n$/);
      // What a killed program's wallet has moved without a word is still reserved: it counts
      // against the budget like what is spent.
      const { total } = await clientOf(fileStore(where), { budget }).spending();
      assert.ok(atomic(total.spent) + atomic(total.reserved) >= sum, `${JSON.stringify(total)}, and ${sum} moved`);
    },
  );
}

test('a budget lasts where the store lasts, for each hour, each day and in all', async () => {
  const store = memoryStore();
  const spend = { budget: { perHour: '0.02', perDay: '0.05', total: '1.00' } };
  await clientOf(store, spend).createJob(params);
  const later = clientOf(store, spend);
  const error = await rejects(
    later.createJob(params),
    'PaymentError',
    'payment_over_limit',
    /spend\.budget\.perHour allows 0\.02 USDC an hour/,
  );
  assert.equal(error.retryable, false);
  assert.equal(later.spent(), '0');
  const spending = await later.spending();
  const hour = Math.floor(Date.now() / 3_600_000) * 3_600_000;
  assert.deepEqual(Object.keys(spending).sort(), ['currency', 'perDay', 'perHour', 'total']);
  assert.deepEqual({ ...spending.perDay, since: 0 }, { spent: '0.02', reserved: '0', remaining: '0.03', since: 0 });
  assert.deepEqual({ ...spending.total, since: 0 }, { spent: '0.02', reserved: '0', remaining: '0.98', since: 0 });
  assert.ok(spending.perHour.since >= hour && spending.perHour.since <= Date.now());
  assert.deepEqual(await clientOf(store, {}).spending(), { currency: 'USDC' });
  const other = { budget: { total: '0.02', scope: 'search' } };
  await clientOf(store, other).createJob(params);
  assert.equal((await clientOf(store, other).spending()).total.remaining, '0');
});

test('a clock that is put forward and back between programs fills no budget again', async () => {
  const where = place('clock');
  const spend = { budget: { perDay: '0.02' } };
  const day = 86_400_000;
  /** A program on a machine whose clock is so far ahead. */
  const pays = async (ahead) => {
    const code = `
      const { now } = Date;
      Date.now = () => now() + ${ahead};
      const { fileStore, JobsClient } = await import('eliza-jobs');
      const fetch = async (_url, { headers }) =>
        headers.get('x-payment')
          ? Response.json({ jobId: crypto.randomUUID(), status: 'pending' }, { status: 201 })
          : Response.json({ payment: [${JSON.stringify(offer)}] }, { status: 402 });
      const client = new JobsClient({ baseUrl: 'https://h', fetch, wallet: () => ${JSON.stringify(HASH)},
        store: fileStore(${JSON.stringify(where)}), spend: ${JSON.stringify(spend)} });
      console.log(await client.createJob(${JSON.stringify(params)}).then(() => 'paid', ({ code }) => code));
    `;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], { cwd: folder });
    return stdout.trim();
  };
  const ends = [];
  for (const days of [0, 0, -1, -400, 1, 1, 0, -1, 2]) ends.push(await pays(days * day));
  const over = 'payment_over_limit';
  assert.deepEqual(ends, ['paid', over, over, over, 'paid', over, over, over, 'paid']);
  assert.equal((await clientOf(fileStore(where), { budget: '1.00' }).spending()).total.spent, '0.06');
});

test('budgets that can never work are refused, with the member, the rule and what was given', async () => {
  const given = (budget, options) => () => clientOf(memoryStore(), { budget }, options);
  for (const [budget, words] of [
    [2, /spend\.budget must be a decimal string.*given: 2/],
    ['-1', /spend\.budget must be a decimal string.*given: "-1"/],
    ['1e3', /spend\.budget must be a decimal string/],
    [{ perDay: 1 }, /spend\.budget\.perDay must be a decimal string.*given: 1/],
    [{ perDay: '-1' }, /spend\.budget\.perDay must be a decimal string/],
    [{ perHour: '2', total: '1' }, /spend\.budget has a perHour that must not be above total; given: "2"/],
    [{ perHour: '2', perDay: '1' }, /spend\.budget has a perHour that must not be above perDay; given: "2"/],
    [{ perDay: '2', total: '1' }, /spend\.budget has a perDay that must not be above total; given: "2"/],
    [{ perMonth: '2' }, /unknown option `spend\.budget\.perMonth`; Known: perHour, perDay, total, scope/],
    [{}, /spend\.budget must have at least one of perHour, perDay and total/],
    [{ scope: 'a' }, /spend\.budget must have at least one of/],
    [{ total: '1', scope: 'a\ud800' }, /spend\.budget\.scope must be a string of 1 to 100 bytes of well-formed text/],
    [{ total: '1', scope: '' }, /spend\.budget\.scope must be a string of 1 to 100 bytes/],
    [{ total: '1', scope: 5 }, /spend\.budget\.scope must be a string/],
    [['1'], /spend\.budget must be a decimal string/],
  ]) {
    assert.throws(given(budget), { name: 'ArgumentError', message: words }, JSON.stringify(budget));
  }
  // Other tokens have budgets of their own, by the same rules.
  const eurc = {
    network: 'base',
    asset: '0x60a3E35Cc302bFA44Cb288Bc5a4F316Fdb1adb42',
    symbol: 'EURC',
    decimals: 6,
    name: 'EURC',
    version: '2',
    maxPerPayment: '0.10',
  };
  for (const budget of [2, '-1', { perDay: '2', total: '1' }, { perMonth: '2' }, {}, ['1']]) {
    const make = () => clientOf(memoryStore(), { assets: [{ ...eurc, budget }] });
    assert.throws(make, { name: 'ArgumentError', message: /budget/ }, JSON.stringify(budget));
  }
  const { lock, ...unlocked } = memoryStore();
  assert.equal(typeof lock, 'function');
  assert.throws(given({ total: '1' }, { store: unlocked }), { message: /spend\.budget needs a store that can lock/ });
  assert.doesNotThrow(given('1', { store: unlocked }));
  assert.throws(() => clientOf(memoryStore(), {}, { keepPaymentsDays: 0 }), {
    message: /keepPaymentsDays must be a number of days/,
  });
  await assert.rejects(clientOf(memoryStore(), {}).spending('EURC'), { name: 'ArgumentError', field: 'currency' });
});

test('a program that is killed between the record and the wallet leaves its money set aside for a while only', async () => {
  const where = place('killed');
  const code = `
    import { fileStore, JobsClient } from 'eliza-jobs';
    const offer = ${JSON.stringify({ scheme: 'exact', network: 'base', maxAmountRequired: '20000', payTo: offer.recipient, maxTimeoutSeconds: 60, asset: '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913', extra: { name: 'USD Coin', version: '2' } })};
    const fetch = async () => Response.json({ x402Version: 1, accepts: [offer] }, { status: 402 });
    const wallet = { address: '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266', signTypedData: () => process.kill(process.pid, 'SIGKILL') };
    const client = new JobsClient({ baseUrl: 'https://h', fetch, wallet, store: fileStore(${JSON.stringify(where)}), spend: { budget: '0.02' } });
    await client.createJob(${JSON.stringify(params)});
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL']);
  const spend = { budget: '0.02' };
  const { total } = await clientOf(fileStore(where), spend).spending();
  assert.deepEqual([total.spent, total.reserved], ['0', '0.02'], 'the wallet may still sign');
  await rejects(clientOf(fileStore(where), spend).createJob(params), 'PaymentError', 'payment_over_limit');
  // Nothing was signed, and its time is over.
  const [name] = fs.readdirSync(where).filter((name) => name.includes('payment%2F'));
  const record = JSON.parse(fs.readFileSync(path.join(where, name), 'utf8'));
  fs.writeFileSync(path.join(where, name), JSON.stringify({ ...record, validUntil: Date.now() - 120_000 }));
  await clientOf(fileStore(where), spend).createJob(params);
});

test('counters that are damaged are counted again from the records of a folder', async () => {
  const where = place('damaged');
  const spend = { budget: { total: '1000' } };
  const client = clientOf(fileStore(where), spend);
  for (let count = 0; count < 3; count++) await client.createJob(params);
  const [counters] = fs.readdirSync(where).filter((name) => name.includes('budget%2F'));
  const before = await client.spending();
  fs.writeFileSync(path.join(where, counters), '{"version":1,');
  const after = await clientOf(fileStore(where), spend).spending();
  const used = ({ total }) => Number(total.spent) + Number(total.reserved);
  assert.equal(used(after).toFixed(6), used(before).toFixed(6));
});
