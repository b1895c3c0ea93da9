// What a signed payment costs beside the wallet's own signing: the server is in memory, the
// wallet's time is measured and left out.
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import path from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { wrapFetchWithPayment, x402Client } from '@x402/fetch';
import { ExactEvmScheme } from '@x402/evm/exact/client';
import { ExactEvmSchemeV1 } from '@x402/evm/exact/v1/client';
import { privateKeyToAccount } from 'viem/accounts';
import { JOBS, LIGHTEST, OURS, ours } from './programs.mjs';
import { median, quantile } from './statistics.mjs';

export const title = 'A signed payment: milliseconds of CPU beyond the signing, the 402 and the paid request included';

const ROUNDS = 11;
const PAYMENTS = 25;
const CROWD = 1_000;
// The first account of every test chain.
const KEY = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80';
const BASE_URL = 'https://api.example.com';
const BODY = { userId: '22222222-2222-4222-8222-222222222222', content: 'hello' };
const CREATED = JSON.stringify({
  jobId: '99999999-2222-4333-8444-555555555555',
  status: 'processing',
  createdAt: 1,
  expiresAt: 2,
});
const json = { 'content-type': 'application/json' };

/**
 * The 402 that the reference libraries' servers answer with, and the header that they want in
 * return.
 */
const recorded = (version) =>
  JSON.parse(readFileSync(path.join(import.meta.dirname, `../tests/fixtures/x402-${version}-base.json`), 'utf8'));

/** A server in memory: 402 until there is a proof. */
function serverOf({ headers, body, headerName }) {
  const asked = JSON.stringify(body);
  return async (input, init) => {
    // As a network does: the event loop goes round before there is an answer.
    await nextTurn();
    const sent = input instanceof Request ? input.headers : new Headers(init.headers);
    return sent.has(headerName)
      ? new Response(CREATED, { status: 201, headers: json })
      : new Response(asked, { status: 402, headers: { ...json, ...headers } });
  };
}

/** A wallet that counts the CPU time of its own. viem signs before it returns its promise. */
function timedWallet() {
  const account = privateKeyToAccount(KEY);
  const wallet = {
    address: account.address,
    micros: 0,
    signTypedData(data) {
      const began = process.cpuUsage();
      const signature = account.signTypedData(data);
      const { user, system } = process.cpuUsage(began);
      wallet.micros += user + system;
      return signature;
    },
  };
  return wallet;
}

/** A function that makes one payment, with its wallet. */
async function payers(version) {
  const server = serverOf(recorded(version));
  const { JobsClient } = await import(ours.entry);
  const [mine, theirs] = [timedWallet(), timedWallet()];
  const spend = { maxPerPayment: '1', budget: '1000000' };
  const client = new JobsClient({ baseUrl: BASE_URL, wallet: mine, fetch: server, spend });
  const signer = { address: theirs.address, signTypedData: theirs.signTypedData };
  const x402 = new x402Client().register('eip155:8453', new ExactEvmScheme(signer));
  x402.registerV1('base', new ExactEvmSchemeV1(signer));
  const paying = wrapFetchWithPayment(server, x402);
  const request = { method: 'POST', headers: json, body: JSON.stringify(BODY) };
  return {
    [OURS]: { wallet: mine, pay: () => client.createJob(BODY) },
    [LIGHTEST]: { wallet: theirs, pay: async () => (await paying(`${BASE_URL}${JOBS}`, request)).json() },
  };
}

export async function measure() {
  const figures = {};
  for (const version of ['v1', 'v2']) {
    const paid = await payers(version);
    figures[`x402 ${version}, one after the other`] = await oneByOne(paid);
    figures[`x402 ${version}, ${CROWD.toLocaleString('en')} at once`] = await atOnce(paid);
  }
  const rows = Object.entries(figures).map(([what, { [OURS]: mine, [LIGHTEST]: theirs }]) => [
    what,
    ...[mine.cpu, theirs.cpu, mine.signing].map((ms) => ms.toFixed(2)),
    ...[mine, theirs].map(({ stall }) => stall?.toFixed(0) ?? '–'),
  ]);
  const columns = ['payments', OURS, LIGHTEST, 'signing alone', 'longest stall of ours', 'of theirs'];
  return { columns, rows, figures };
}

const cpuMillis = (began) => {
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1000;
};

/** The CPU time of `work` beyond that of the wallet, and that of the wallet, for each payment. */
async function cpuOf({ wallet }, payments, work) {
  wallet.micros = 0;
  const began = process.cpuUsage();
  await work();
  const signing = wallet.micros / 1000;
  return { cpu: (cpuMillis(began) - signing) / payments, signing: signing / payments };
}

async function oneByOne(paid) {
  const measured = Object.fromEntries(Object.keys(paid).map((name) => [name, []]));
  // The first rounds warm up.
  for (let round = -3; round < ROUNDS; round += 1) {
    for (const [name, payer] of Object.entries(paid)) {
      const cost = await cpuOf(payer, PAYMENTS, async () => {
        for (let payment = 0; payment < PAYMENTS; payment += 1) await payer.pay();
      });
      if (round >= 0) measured[name].push(cost);
    }
  }
  return Object.fromEntries(
    Object.entries(measured).map(([name, costs]) => [
      name,
      { cpu: median(costs.map(({ cpu }) => cpu)), signing: median(costs.map(({ signing }) => signing)) },
    ]),
  );
}

/**
 * All at once: also when the first and the last are done, and the longest time that the event loop
 * stood still.
 */
async function atOnce(paid) {
  const costs = {};
  for (const [name, payer] of Object.entries(paid)) {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    const done = [];
    delay.enable();
    // It measures from timer to timer of its own.
    await sleep(20);
    const began = performance.now();
    const cost = await cpuOf(payer, CROWD, () =>
      Promise.all(Array.from({ length: CROWD }, () => payer.pay().then(() => done.push(performance.now() - began)))),
    );
    await sleep(20);
    delay.disable();
    costs[name] = { ...cost, stall: delay.max / 1e6, first: quantile(done, 0), last: quantile(done, 1) };
  }
  return costs;
}
