// Clocks that are wrong: the client's machine is ahead of the servers' and the chain's, or behind
// them. What is signed is good by the server's clock, for no longer than the server asks; and what
// has run out is not sent again.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { ACCOUNTS, startChain } from '../servers/chain.mjs';
import { startV1 } from '../servers/x402-v1.mjs';
import { startV2 } from '../servers/x402-v2.mjs';
import { installed, params } from './setting.mjs';

const { folder } = await installed('clocks');
const [PAYER, , PAYEE] = ACCOUNTS.map(({ address }) => address);
const PRICE = 20_000n;
const CHAIN = new URL('../servers/chain.mjs', import.meta.url).href;

let chain;
const servers = {};
before(async () => {
  chain = await startChain('base');
  [servers.v1, servers.v2] = await Promise.all([startV1(chain), startV2(chain)]);
});
after(async () => {
  await Promise.all(Object.values(servers).map((server) => server.stop()));
  await chain?.stop();
});

/** A program on a machine whose clock is so many seconds ahead; `work` prints one line of JSON. */
async function program(server, secondsAhead, work) {
  const code = `
    const { now } = Date;
    let ahead = ${secondsAhead * 1000};
    Date.now = () => now() + ahead;
    const { JobsClient } = await import('eliza-jobs');
    const { fromViem } = await import('eliza-jobs/wallets');
    const { ACCOUNTS } = await import(${JSON.stringify(CHAIN)});
    const { url: baseUrl, params } = ${JSON.stringify({ url: server.url, params })};
    const wallet = fromViem(ACCOUNTS[0]);
    const fetch = globalThis.fetch;
    /** As a page of another origin reads it: without the server's date. */
    const dateless = async (...given) => {
      const response = await fetch(...given);
      const headers = new Headers(response.headers);
      headers.delete('date');
      return new Response(response.body, { status: response.status, headers });
    };
    const say = (said) => console.log(JSON.stringify(said));
    const failure = ({ code, message, fundsMoved }) => ({ code, message, fundsMoved });
    ${work}`;
  const args = ['--input-type=module', '-e', code];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder, timeout: 60_000 });
  return JSON.parse(stdout);
}
/** What moved from the payer to the payee during some work. */
async function moved(work) {
  const ours = async () => (await chain.transfers()).filter(({ from, to }) => from === PAYER && to === PAYEE);
  const before = (await ours()).length;
  const value = await work();
  return { value, paid: (await ours()).slice(before).map(({ value }) => value) };
}
/** The proofs that a server was sent, and what the last one says. */
function proofs(server) {
  const sent = server.requests.map(({ headers }) => headers['payment-signature'] ?? headers['x-payment']).filter(Boolean);
  return { count: sent.length, last: JSON.parse(Buffer.from(sent.at(-1) ?? 'bnVsbA==', 'base64'))?.payload.authorization };
}

for (const seconds of [-600, -90, -30, 30, 90, 600]) {
  for (const dialect of ['v1', 'v2']) {
    test(`${dialect}: a clock that is ${Math.abs(seconds)} s ${seconds < 0 ? 'behind' : 'ahead'} pays once, and signs for a minute`, async () => {
      const server = servers[dialect];
      const work = `
        const client = new JobsClient({ baseUrl, wallet });
        const { payment } = await client.createJob(params);
        say([payment.state, payment.receipt.success, client.spent(), (await client.pendingPayments()).length]);`;
      const { value, paid } = await moved(() => program(server, seconds, work));
      assert.deepEqual([value, paid], [['accepted', true, '0.02', 1], [PRICE]]);
      // By the clock of the server, whose date has whole seconds.
      const left = Number(proofs(server).last.validBefore) - Date.now() / 1000;
      assert.ok(left <= 62 && left > 6, `good for ${left} s`);
    });
  }
}

for (const dialect of ['v1', 'v2']) {
  test(`${dialect}: where the server's date cannot be read, a small difference is paid, and a refusal speaks of the clock`, async () => {
    const server = servers[dialect];
    const work = `
      const client = new JobsClient({ baseUrl, wallet, fetch: dateless });
      say(await client.createJob(params).then(({ payment }) => ({ code: payment.state }), failure));`;
    for (const seconds of [-30, 30, 90]) {
      const { value, paid } = await moved(() => program(server, seconds, work));
      assert.deepEqual([value, paid], [{ code: 'accepted' }, [PRICE]], `${seconds}`);
    }
    for (const seconds of [-90, -600]) {
      const { value, paid } = await moved(() => program(server, seconds, work));
      assert.deepEqual([value.code, value.fundsMoved, paid], ['payment_refused', 'unknown', []], value.message);
      assert.match(value.message, /the server's clock could not be read: is this machine's clock right\?/);
    }
  });

  test(`${dialect}: a clock that is two hours wrong is not believed, and the refusal says by how much`, async () => {
    const work = `
      let apart;
      /** Remembers how far the server's date, which has whole seconds, is ahead at first. */
      const dated = async (...given) => {
        const response = await fetch(...given);
        apart ??= (Date.parse(response.headers.get('date')) - Date.now()) / 1000;
        return response;
      };
      const client = new JobsClient({ baseUrl, wallet, fetch: dated });
      say({ ...(await client.createJob(params).then(() => ({}), failure)), apart });`;
    const { value, paid } = await moved(() => program(servers[dialect], -7200, work));
    assert.deepEqual([value.code, paid], ['payment_refused', []], value.message);
    assert.ok(value.apart > 7190 && value.apart <= 7200, `${value.apart} s`);
    const [, said] = /the server's clock is (\d+) seconds ahead of this machine's/.exec(value.message);
    // The client reads its clock a moment later.
    assert.ok(said <= value.apart && said > value.apart - 2, `${said} is said of ${value.apart} s`);
  });

  test(`${dialect}: an authorization whose time is over is not sent again: resume says so`, async () => {
    const server = servers[dialect];
    const before = proofs(server).count;
    // The proof never gets to the server, as far as anybody knows.
    const work = `
      const breaks = (url, init) => {
        const isProof = init.headers.has('x-payment') || init.headers.has('payment-signature');
        return isProof ? Promise.reject(new TypeError('fetch failed', { cause: { code: 'ECONNRESET' } })) : fetch(url, init);
      };
      const client = new JobsClient({ baseUrl, wallet, fetch: (...given) => broken(...given) });
      let broken = breaks;
      const lost = await client.createJob(params).then(() => ({}), failure);
      broken = fetch;
      ahead += 120_000;
      const [open] = await client.pendingPayments();
      const over = await client.resume(open).then(() => ({}), failure);
      say([lost, over, client.spent(), (await client.pendingPayments()).length]);`;
    const { value, paid } = await moved(() => program(server, 0, work));
    const [lost, over, spent, open] = value;
    assert.deepEqual([lost.code, over.code, over.fundsMoved], ['payment_outcome_unknown', 'payment_outcome_unknown', 'unknown']);
    assert.match(over.message, /the time of what was signed is over, so that it can be settled no more/);
    assert.deepEqual([proofs(server).count - before, paid, spent, open], [0, [], '0.02', 1]);
  });
}
