// What was paid, also after the answers: compared with what the chain itself says, as a list and as
// a table.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startChain } from '../servers/chain.mjs';
import { startSeedOnChain } from '../servers/seed-on-chain.mjs';
import { viem } from '../servers/wallet-libraries.mjs';
import { Papa } from '../servers/spreadsheet.mjs';
import { startV2 } from '../servers/x402-v2.mjs';
import { HASH, installed, params, rejection } from './setting.mjs';

const { folder, JobsClient, memoryStore } = await installed('history');
const { fromViem } = await import(`file://${folder}/node_modules/eliza-jobs/wallets.js`);
let chain, seed, v2;
before(async () => {
  chain = await startChain('base');
  [seed, v2] = await Promise.all([startSeedOnChain({ base: chain }), startV2(chain)]);
});
after(async () => {
  await Promise.all([seed?.stop(), v2?.stop()]);
  await chain?.stop();
});

const Transfer = viem.parseAbiItem('event Transfer(address indexed from, address indexed to, uint256 value)');
/**
 * A table as lists of cells, as an import reads it: by RFC 4180, or where other signs separate
 * cells.
 */
function parsed(csv, delimiter = ',') {
  assert.ok(csv.endsWith('\r\n') && csv.isWellFormed());
  const { data, errors } = Papa.parse(csv.slice(0, -2), { delimiter, newline: '\r\n' });
  if (delimiter === ',') assert.deepEqual(errors, []);
  return data;
}

test('each payment is in the list and in the table, as the chain has it, and nothing else', async () => {
  const store = memoryStore();
  const wallet = fromViem(chain.walletClient(0));
  const clients = [v2, seed].map(({ url }) => new JobsClient({ baseUrl: url, wallet, store }));
  const began = Date.now();
  for (const client of [...clients, ...clients]) await client.createAndWaitForJob(params);
  // One that is not answered yet, one that the user refuses.
  await clients[0].createJob(params);
  const refusing = {
    address: await wallet.address(),
    signTypedData: () => Promise.reject(Object.assign(new Error('no'), { code: 4001 })),
  };
  assert.equal(
    (await rejection(new JobsClient({ baseUrl: v2.url, wallet: refusing, store }).createJob(params))).code,
    'wallet_rejected',
  );

  const rows = await clients[0].payments();
  const logs = await chain.publicClient.getLogs({ address: chain.usdc, event: Transfer, fromBlock: 0n });
  const moved = logs.filter(({ args }) => BigInt(args.from) !== 0n);
  assert.equal(rows.length, 5);
  assert.equal(moved.length, 5);
  for (const [at, row] of rows.entries()) {
    const { args } = moved.find(({ transactionHash }) => transactionHash === row.transaction);
    assert.deepEqual([row.amountAtomic, row.recipient.toLowerCase()], [String(args.value), args.to.toLowerCase()]);
    assert.ok(row.createdAt >= began && row.createdAt <= Date.now() && (at === 0 || row.createdAt >= rows[at - 1].createdAt));
    assert.deepEqual([row.state, row.currency, row.network], ['accepted', 'USDC', 'base']);
    assert.match(row.jobId, /^job-/);
    assert.ok([v2.url, seed.url].includes(row.server));
    for (const secret of ['proof', 'request', 'idempotencyKey', 'fingerprint']) assert.ok(!(secret in row), secret);
  }
  assert.equal(new Set(rows.map(({ transaction }) => transaction)).size, 5);
  for (const key of await store.keys('eliza-jobs/paid/')) assert.doesNotMatch(await store.get(key), /weather/);

  const [titles, ...table] = parsed(await clients[1].paymentsCsv());
  assert.deepEqual(titles.slice(0, 6), ['date', 'amount', 'currency', 'network', 'recipient', 'transaction']);
  assert.deepEqual(
    table.map(([date, amount, currency, network, recipient, transaction]) => [
      Date.parse(date),
      amount,
      currency,
      network,
      recipient,
      transaction,
    ]),
    rows.map(({ createdAt, amount, currency, network, recipient, transaction }) => [
      createdAt,
      amount,
      currency,
      network,
      recipient,
      transaction,
    ]),
  );

  const [, second, third] = rows;
  const between = await clients[0].payments({ since: new Date(second.createdAt), until: third.createdAt });
  assert.deepEqual(
    between.map(({ attemptId }) => attemptId),
    [second.attemptId],
  );
  assert.equal((await clients[0].payments({ since: new Date(began).toISOString(), state: 'accepted' })).length, 5);
  assert.deepEqual(await clients[0].payments({ state: 'unknown' }), []);
  let seen = 0;
  for await (const row of clients[0].payments()) if ((seen += row.attemptId ? 1 : 0) === 2) break;
  assert.equal(seen, 2);
});

const offer = { network: 'base', recipient: '0x209693Bc6afc0C5328bA36FaF03C514EF312287C', amount: '0.02' };
const paywall =
  (jobId) =>
  async (_url, { headers }) =>
    headers.get('x-payment')
      ? Response.json({ jobId, status: 'pending' }, { status: 201 })
      : Response.json({ payment: [offer] }, { status: 402 });

/**
 * What begins a formula in one spreadsheet or another, also in full width and as other signs of the
 * same look.
 */
const SIGNS = [...'=+-@|%\uff1d\uff0b\uff0d\uff20\uff05\uff5c\u2212\ufe62\ufe63\ufe66\ufe6b'];
const BLANKS = ['', ' ', '\t', '\r', '\n', '\r\n', '\u00a0', '\u3000', '\ufeff', '\u200b', '\u00ad', '\0', ' \t\0 '];
const BREAKS = ['x,', 'x;', 'x\t', 'x"', 'x",', 'x\r\n', '"', "x';", 'x; '];

test('no job can be named so that a spreadsheet takes it for a formula, whatever separates its cells', async () => {
  const store = memoryStore();
  const names = [
    ...SIGNS.flatMap((sign) => [...BLANKS, ...BREAKS].map((before) => `${before}${sign}1+1`)),
    '=HYPERLINK("http://e","x")',
    "=cmd|' /C calc'!A0",
    'a,b\r\nc',
    'a";"b',
    '"quoted"',
    '\t\t\t',
    ' ',
    'ordinary-1',
  ];
  for (const jobId of names) {
    await new JobsClient({ baseUrl: 'https://h', fetch: paywall(jobId), wallet: () => HASH, store }).createJob(params);
  }
  const csv = await new JobsClient({ baseUrl: 'https://h', store }).paymentsCsv();
  const table = parsed(csv);
  // Nothing but apostrophes is added: each name is there once, in one cell of its row.
  assert.deepEqual([...new Set(table.map((row) => row.length))], [12]);
  const bare = (text) => text.replaceAll("'", '');
  const cells = table.slice(1).map((row) => row[6]);
  assert.deepEqual(cells.map(bare).sort(), names.map(bare).sort());
  assert.ok(
    ['a,b\r\nc', '"quoted"', 'ordinary-1', ' '].every((name) => cells.includes(name)),
    'what is no formula stays as it is',
  );
  const formula = new RegExp(`^[\\s\\p{C}]*[${SIGNS.join('').replace('-', '\\-')}]`, 'u');
  for (const delimiter of [',', ';', '\t']) {
    for (const cell of parsed(csv, delimiter).flat()) {
      assert.doesNotMatch(cell, formula, delimiter);
      assert.doesNotMatch(cell, /^[\t\r\n]/, delimiter);
    }
  }
});

test('what is no time and no state is refused', async () => {
  const client = new JobsClient({ baseUrl: 'https://h', store: memoryStore() });
  for (const [options, field] of [
    [{ since: 'yesterday' }, 'since'],
    [{ since: Date.now() + 60_000 }, 'since'],
    [{ since: new Date(Number.NaN) }, 'since'],
    [{ until: {} }, 'until'],
    [{ until: -1 }, 'until'],
    [{ state: 'paid' }, 'state'],
    [{ from: 1 }, 'from'],
  ]) {
    for (const call of [async () => client.payments(options), () => client.paymentsCsv(options)]) {
      const error = await rejection(call());
      assert.deepEqual([error.code, error.field], ['invalid_argument', field], JSON.stringify(options));
    }
  }
});

test('payments are kept for as long as the application wants, and listed in bounded memory', { timeout: 120_000 }, async () => {
  const store = memoryStore();
  const make = (options) => new JobsClient({ baseUrl: 'https://h', wallet: () => HASH, store, ...options });
  const done = async (url, init) => {
    if (init.method === 'POST') return paywall('j')(url, init);
    const message = { id: 'm', content: 'here', authorId: 'a', createdAt: 1 };
    return Response.json({
      jobId: 'j',
      status: 'completed',
      createdAt: 0,
      expiresAt: 1,
      result: { message, processingTimeMs: 1 },
    });
  };
  const history = async () => [...(await store.keys('eliza-jobs/paid/'))];
  const [first] = await (async () => {
    const other = memoryStore();
    await make({ fetch: done, store: other }).createAndWaitForJob(params);
    while ([...(await other.keys('eliza-jobs/paid/'))].length < 1) await new Promise((next) => setImmediate(next));
    return Promise.all([...(await other.keys('eliza-jobs/paid/'))].map((key) => other.get(key)));
  })();
  const record = JSON.parse(first);
  const day = 86_400_000;
  for (const [days, id] of [
    [500, 'old'],
    [399, 'kept'],
  ]) {
    const begunAt = Date.now() - days * day;
    await store.set(`eliza-jobs/paid/${begunAt}-${id}`, JSON.stringify({ ...record, attemptId: id, begunAt }));
  }
  await make({ fetch: done }).createAndWaitForJob(params);
  while ((await history()).some((name) => name.endsWith('-old')) || (await history()).length < 2)
    await new Promise((next) => setImmediate(next));
  assert.deepEqual((await make().payments()).map(({ attemptId }) => attemptId === 'kept').sort(), [false, true]);
  assert.equal((await make({ fetch: done, keepPaymentsDays: 600 }).payments()).length, 2);

  const many = 100_000;
  let read = 0;
  const large = {
    ...store,
    keys: () => Array.from({ length: many }, (_, at) => `eliza-jobs/paid/${1.7e12 + at}-${at}`),
    get: (name) => (
      (read += 1),
      name.startsWith('eliza-jobs/paid/')
        ? JSON.stringify({ ...record, attemptId: name.slice(30), begunAt: Number(name.slice(16, 29)) })
        : undefined
    ),
  };
  let seen = 0;
  for await (const row of make({ store: large }).payments()) {
    seen += 1;
    assert.ok(read - seen <= 1, 'one record at a time');
    assert.equal(row.attemptId, String(seen - 1));
    if (seen === 5_000) break;
  }
  assert.equal((await make({ store: large }).payments({ since: 1.7e12 + many - 10 })).length, 10);
});
