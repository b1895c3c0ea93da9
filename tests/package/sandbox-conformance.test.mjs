// The sandbox beside the real servers: the same requests to both, and the same answers from both.
// What differs by its nature (ids, times, hashes, how long something took) is replaced by its kind;
// everything else has to be equal.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { installPackage } from '../../scripts/install-package.mjs';
import { ACCOUNTS, startChain } from '../servers/chain.mjs';
import { AGENT, startEliza } from '../servers/elizaos.mjs';
import { startV1 } from '../servers/x402-v1.mjs';
import {
  PAYMENT_IDENTIFIER,
  declarePaymentIdentifierExtension,
  validatePaymentIdentifierRequirement,
} from '../servers/x402-extensions.mjs';
import { startV2 } from '../servers/x402-v2.mjs';
import { USER } from './setting.mjs';

const { entry } = installPackage('sandbox-conformance');
const { createSandbox } = await import(new URL('./sandbox-node.js', entry));

const JOBS = '/api/messaging/jobs';
const SESSIONS = '/api/messaging/sessions';
const SERVERS = '/api/messaging/message-servers';
const CHANNELS = '/api/messaging/channels';
const UNKNOWN = '99999999-9999-4999-8999-999999999999';
/** Headers that clients act on. */
const HEADERS = [
  'content-type',
  'cache-control',
  'vary',
  'x-content-type-options',
  'ratelimit-policy',
  'ratelimit-limit',
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-allow-headers',
  'access-control-allow-methods',
  'x-payment-required',
  'x-payment-amount',
  'x-payment-currency',
  'x-payment-networks',
];
/** Headers of which only the presence is the same. */
const PRESENT = ['ratelimit-remaining', 'ratelimit-reset', 'retry-after'];
/** Headers with a document in them. */
const DOCUMENTS = ['payment-required', 'payment-response', 'x-payment-response'];

/** The agent of tests/servers/elizaos.mjs. */
async function answer(text, { sleep }) {
  if (text.startsWith('ignore')) return undefined;
  if (text.startsWith('fail')) throw new Error('the model fails because the message says so');
  const wait = /^wait:(\d+)\s*/.exec(text);
  if (wait) await sleep(Number(wait[1]));
  return `You asked: "${text.replace(/^(wait|stream):\d+\s*/, '')}". I am a test agent without a model, so this is all I can say.`;
}

/** Replaces what differs by its nature. Ids are numbered in the order in which they appear. */
function normalizer() {
  const ids = new Map();
  const known = [USER, AGENT, UNKNOWN, '00000000-0000-0000-0000-000000000000'];
  const text = (value) =>
    value
      .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi, (id) => {
        if (known.includes(id.toLowerCase())) return id;
        if (!ids.has(id)) ids.set(id, `id ${ids.size + 1}`);
        return ids.get(id);
      })
      .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'a time')
      .replace(/0x[0-9a-f]{64}/gi, 'a hash');
  const TIMES = ['createdAt', 'expiresAt', 'timestamp', 'created_at', 'updated_at', 'timeRemaining', 'uptime', 'before', 'after'];
  const DURATIONS = ['processingTimeMs', 'averageProcessingTimeMs'];
  const any = (value, key) => {
    if (key === 'agents' && Array.isArray(value)) return value.map((agent) => ({ ...any(agent), name: typeof agent.name }));
    if (Array.isArray(value)) return value.map((item) => any(item));
    if (value && typeof value === 'object') {
      const members = Object.entries(value).filter(([name]) => name !== 'stack');
      return Object.fromEntries(members.sort().map(([name, member]) => [name, any(member, name)]));
    }
    if (typeof value === 'number' && TIMES.includes(key)) return 'a time';
    if (typeof value === 'number' && DURATIONS.includes(key)) return 'a duration';
    if (['agentName', 'characterName', 'bio', 'thought', 'description'].includes(key)) return typeof value;
    if (key === 'inReplyTo') return typeof value;
    return typeof value === 'string' ? text(value) : value;
  };
  return any;
}

const parsed = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

/** One side: sends requests, and keeps what they were and what came, made comparable. */
function side(url, fetch) {
  const normal = normalizer();
  const transcript = [];
  const send = async (method, path, { body, headers = {}, type = 'application/json', name = '' } = {}) => {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(url + path, {
      method,
      headers: { ...(text === undefined || type === undefined ? {} : { 'content-type': type }), ...headers },
      ...(text === undefined ? {} : { body: text }),
    });
    const answered = await response.text();
    const kept = Object.fromEntries(
      HEADERS.map((name) => [name, response.headers.get(name)]).filter(([, value]) => value !== null),
    );
    for (const name of PRESENT) if (response.headers.has(name)) kept[name] = 'present';
    for (const name of DOCUMENTS) {
      const value = response.headers.get(name);
      if (value !== null) kept[name] = origin(normal(JSON.parse(Buffer.from(value, 'base64').toString())), url);
    }
    const said = parsed(answered);
    const asked = `${name ? `${name}: ` : ''}${method} ${normal(path)} ${(text ?? '').slice(0, 120)}`;
    const shown =
      response.headers.get('content-type') === 'text/event-stream'
        ? events(answered).map((event) => normal(event))
        : normal(said);
    transcript.push({
      asked: normal(asked).replaceAll(url, 'SERVER'),
      status: response.status,
      headers: kept,
      body: origin(shown, url),
    });
    return said;
  };
  return { send, transcript, forget: () => transcript.pop() };
}

const origin = (value, url) => parsed(JSON.stringify(value).replaceAll(url, 'SERVER'));
/** A stream of events; text that came in pieces counts as one piece. */
function events(text) {
  const all = text.split('\n\n').filter(Boolean);
  const read = all.map((event) => ({ event: /^event: (.*)$/m.exec(event)[1], data: JSON.parse(/^data: (.*)$/m.exec(event)[1]) }));
  const chunks = read.filter(({ event }) => event === 'chunk');
  const whole = { event: 'chunks', data: chunks.map(({ data }) => data.chunk).join('') };
  return [...read.filter(({ event }) => event !== 'chunk'), ...(chunks.length > 0 ? [whole] : [])];
}

const stops = [];
after(() => Promise.all(stops.map((stop) => stop())));

/** Has the same work done on both sides, and compares the transcripts. */
async function compare(real, sandbox, work) {
  const sides = [side(real.url, fetch), side(sandbox.url, sandbox.fetch)];
  await work(sides[0]);
  // Its first minute begins now, as the real server's did a moment before its first request.
  sandbox.reset();
  await work(sides[1]);
  const [expected, actual] = sides.map(({ transcript }) => transcript);
  assert.equal(actual.length, expected.length);
  const differences = [];
  for (const [place, wanted] of expected.entries()) {
    try {
      assert.deepEqual(actual[place], wanted);
    } catch ({ message }) {
      differences.push(`${wanted.asked}\n${message}`);
    }
  }
  assert.equal(differences.length, 0, `${differences.length} of ${expected.length} answers differ:\n${differences.join('\n\n')}`);
  return expected.length;
}

async function eliza(options) {
  const server = await startEliza(options);
  stops.push(() => server.stop());
  return server;
}

/** Waits until a job is over, without leaving a trace in the transcript. */
async function over({ send, forget }, jobId) {
  for (;;) {
    const { status } = await send('GET', `${JOBS}/${jobId}`);
    forget();
    if (status !== 'processing') return;
    await new Promise((next) => setTimeout(next, 50));
  }
}

/** Waits until a session has so many messages of the agent. */
async function answers({ send, forget }, sessionId, count) {
  for (;;) {
    const { messages } = await send('GET', `${SESSIONS}/${sessionId}/messages`);
    forget();
    if (messages.filter(({ isAgent }) => isAgent).length >= count) return;
    await new Promise((next) => setTimeout(next, 50));
  }
}

const good = { userId: USER, content: 'hi' };
const JUNK = [null, 5, 0, true, '', ' ', 'x', [], {}, -1, 1.5, `${USER}0`, USER.toUpperCase(), '{}'];
const badJobs = [
  ...['agentId', 'userId', 'content', 'metadata', 'timeoutMs'].flatMap((field) =>
    JUNK.map((value) => ({ ...good, [field]: value })),
  ),
  ...[999, 999.9, 300_000.1, 300_001, 1e9, '5s', '1000'].map((timeoutMs) => ({ ...good, timeoutMs })),
  ...[50_000, 50_001].map((length) => ({ ...good, content: 'x'.repeat(length) })),
  { ...good, content: '😀'.repeat(25_001) },
  ...[9_992, 9_993].map((length) => ({ ...good, metadata: { k: 'x'.repeat(length) } })),
  { ...good, metadata: { k: 'é'.repeat(9_992) } },
  { ...good, metadata: { k: '"'.repeat(4_997) } },
  { ...good, agentId: UNKNOWN },
  { ...good, agentId: AGENT.toUpperCase() },
  // What is wrong twice is refused for what the server looks at first.
  { agentId: 5, userId: 5 },
  { userId: 5, content: 5 },
  { userId: 'x', content: '' },
  { ...good, content: '', metadata: 'x' },
  { ...good, metadata: 'x', timeoutMs: 1 },
  { ...good, userId: 'x', timeoutMs: 1 },
  { ...good, userId: 'x', agentId: 'y' },
  { ...good, unknown: 1 },
  {},
];
const rawBodies = ['{bad', '"x"', '[]', 'null', '5', ' {"a":1', '{"a":1}}', '[1,', '', '   ', 'true', '{"a":"\u0001"}'];

test('the Jobs API: bodies, routes, methods, ids and lists', async () => {
  const sandbox = createSandbox({ answer });
  const count = await compare(await eliza(), sandbox, async (one) => {
    const { send } = one;
    // Jobs of one millisecond are listed in another order than those of two.
    const apart = () => new Promise((next) => setTimeout(next, 2));
    for (const body of [...badJobs, ...rawBodies]) {
      await send('POST', JOBS, { body });
      await apart();
    }
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/json; charset=utf-8',
      'multipart/form-data',
      'application/JSON',
      undefined,
    ]) {
      await send('POST', JOBS, { body: JSON.stringify({ ...good, content: '' }), type });
    }
    await send('POST', JOBS);
    await send('POST', JOBS, { body: { ...good, content: 'x'.repeat(2_100_000) } });
    for (const [method, path] of [
      ['PUT', JOBS],
      ['DELETE', JOBS],
      ['PATCH', JOBS],
      ['DELETE', `${JOBS}/${UNKNOWN}`],
      ['POST', `${JOBS}/${UNKNOWN}`],
      ['POST', `${JOBS}/health`],
      ['GET', '/api/agents'],
      ['HEAD', '/API/agents/'],
      ['GET', '/api/nothing'],
      ['GET', '/api/messaging'],
      ['GET', '/api/messaging/nothing'],
      ['POST', '/api/messaging/nothing'],
      ['GET', '/nothing'],
      ['GET', '/'],
      ['POST', '/'],
      ['GET', '/healthz'],
      ['GET', '/health'],
      ['GET', '/HEALTH/'],
      ['GET', `${JOBS}/a/b`],
    ]) {
      await send(method, path);
    }
    for (const id of ['nope', UNKNOWN, '%', '%zz', '%2F', encodeURIComponent('../sessions'), 'é', 'a%20b', 'x'.repeat(300)]) {
      await send('GET', `${JOBS}/${id}`);
    }
    const jobs = [];
    for (const body of [
      good,
      { ...good, agentId: AGENT, metadata: { a: [1, null, { b: 'é' }], z: 1.5, n: 1e21, f: 2.0 } },
      { ...good, content: 'ignore me', timeoutMs: 1000 },
      { ...good, content: 'fail', timeoutMs: 1000.5 },
      { ...good, content: 'wait:200 é "x" <y>' },
    ]) {
      jobs.push(await send('POST', JOBS, { body }));
      await apart();
    }
    for (const { jobId } of jobs) await over(one, jobId);
    for (const { jobId } of jobs) await send('GET', `${JOBS}/${jobId}`);
    await send('GET', `${JOBS}/${jobs[0].jobId.toUpperCase()}`);
    await send('GET', `${JOBS}/${jobs[0].jobId}/`);
    for (const query of [
      '',
      '?limit=1',
      '?limit=2&status=completed',
      '?limit=0',
      '?limit=-1',
      '?limit=-100',
      '?limit=x',
      '?limit=1x',
      '?limit=1.9',
      '?limit=%202',
      '?limit=',
      '?status=timeout',
      '?status=failed',
      '?status=bogus',
      '?status=COMPLETED',
      '?status=',
      '?limit=3#x',
      '?other=1',
    ]) {
      // The jobs of the bodies above are older.
      await send('GET', `${JOBS}${query || '?limit=5'}`);
    }
    await send('GET', `${JOBS}/?limit=1`);
    await send('GET', `/API/Messaging/JOBS?limit=1`);
    await send('HEAD', `${JOBS}?limit=1`);
    const { data } = await send('GET', `${SERVERS}/00000000-0000-0000-0000-000000000000/channels`);
    one.forget();
    for (const { jobId } of [jobs[0], jobs[2]]) {
      const { id } = data.channels.find(({ name }) => name === `job-${jobId}`);
      await send('GET', `${CHANNELS}/${id}/messages`);
    }
    for (const id of [UNKNOWN, 'x']) await send('GET', `${CHANNELS}/${id}/messages`);
    await send('GET', `${SERVERS}/x/channels`);
    for (const headers of [
      { origin: 'https://a.example' },
      {
        origin: 'https://a.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type, x-payment',
      },
      {},
    ]) {
      await send('OPTIONS', JOBS, { headers });
      await send('GET', `${JOBS}/nope`, { headers });
    }
  });
  assert.ok(count > 150, `${count} requests`);
});

test('the Sessions API: conversations, renewals, pages', async () => {
  const sandbox = createSandbox({ answer });
  const open = { agentId: AGENT, userId: USER };
  const count = await compare(await eliza(), sandbox, async (one) => {
    const { send } = one;
    for (const body of [
      {},
      { agentId: AGENT },
      { userId: USER },
      ...['x', 5, null, '', [], UNKNOWN, AGENT.toUpperCase()].flatMap((value) => [
        { ...open, agentId: value },
        { ...open, userId: value },
      ]),
      { ...open, metadata: { k: 'x'.repeat(10_233) } },
      { ...open, metadata: 'x' },
      { ...open, metadata: [1] },
      ...[
        {},
        { timeoutMinutes: '7' },
        { timeoutMinutes: 1 },
        { timeoutMinutes: 1e9 },
        { timeoutMinutes: 'x' },
        { autoRenew: false },
        { maxDurationMinutes: 1 },
        { maxDurationMinutes: 99_999 },
        { warningThresholdMinutes: 0 },
        { bogus: 1 },
        { timeoutMinutes: null },
      ].map((timeoutConfig) => ({ ...open, timeoutConfig })),
    ]) {
      await send('POST', SESSIONS, { body });
    }
    const { sessionId } = await send('POST', SESSIONS, {
      body: { ...open, metadata: { a: 1 }, timeoutConfig: { timeoutMinutes: 7 } },
    });
    const at = `${SESSIONS}/${sessionId}`;
    await send('GET', at);
    for (const path of [`${SESSIONS}/nope`, `${SESSIONS}/${UNKNOWN}`, `${SESSIONS}/nope/messages`]) await send('GET', path);
    for (const path of ['renew', 'heartbeat', 'messages'])
      await send('POST', `${SESSIONS}/nope/${path}`, { body: { content: 'x' } });
    await send('PATCH', `${SESSIONS}/nope/timeout`, { body: {} });
    await send('DELETE', `${SESSIONS}/nope`);
    for (const [method, path] of [
      ['PUT', at],
      ['POST', at],
      ['GET', `${at}/nothing`],
      ['GET', `${at}/renew`],
    ]) {
      await send(method, path);
    }
    for (const body of [
      { content: '' },
      { content: 5 },
      { content: null },
      {},
      { content: 'x'.repeat(4_001) },
      ...['bogus', 5, true, 'SYNC'].map((mode) => ({ content: 'a', mode })),
      { content: 'a', metadata: { k: 'x'.repeat(10_233) } },
    ]) {
      await send('POST', `${at}/messages`, { body });
    }
    await send('POST', `${at}/messages`, { body: { content: 'one', mode: 'sync', transport: 'http' } });
    await answers(one, sessionId, 1);
    await send('POST', `${at}/messages`, { body: { content: 'two', metadata: { own: 1 } } });
    await answers(one, sessionId, 2);
    await send('POST', `${at}/messages`, { body: { content: 'stream:5 three', mode: 'stream' } });
    await answers(one, sessionId, 3);
    await send('POST', `${at}/messages`, { body: { content: 'fail four', mode: 'sync' } });
    await send('POST', `${at}/messages`, { body: { content: 'fail five', mode: 'stream' } });
    for (const query of [
      '',
      '?limit=3',
      '?limit=0',
      '?limit=x',
      '?limit=-5',
      '?limit=1000',
      '?before=abc',
      '?after=x',
      '?before=1',
      '?after=1&limit=2',
      '?before=99999999999999&limit=1',
      '?before=99999999999999&after=1',
      '?before=',
      '?after=99999999999999',
    ]) {
      await send('GET', `${at}/messages${query}`);
    }
    for (const [method, path] of [
      ['POST', 'renew'],
      ['POST', 'heartbeat'],
    ]) {
      await send(method, `${at}/${path}`);
    }
    for (const body of [
      { timeoutMinutes: 3 },
      { timeoutMinutes: 1441 },
      { autoRenew: 'x' },
      { timeoutMinutes: {} },
      { warningThresholdMinutes: true },
      {},
      { timeoutMinutes: 60, autoRenew: false },
      { timeoutMinutes: 'x' },
      { maxDurationMinutes: '90' },
    ]) {
      await send('PATCH', `${at}/timeout`, { body });
    }
    await send('GET', at);
    await send('GET', `${SESSIONS}/health`);
    const { sessions, stats } = await send('GET', SESSIONS);
    one.forget();
    assert.deepEqual([sessions.length, stats.expiredSessions], [stats.totalSessions, 0]);
    await send('DELETE', at);
    await send('DELETE', at);
    await send('GET', at);
  });
  assert.ok(count > 80, `${count} requests`);
});

test('a key, no agent, and the rate limit', async () => {
  const real = await eliza({ agent: false, apiKey: 'right-key' });
  const sandbox = createSandbox({ agent: false, apiKey: 'right-key' });
  await compare(real, sandbox, async ({ send, forget }) => {
    const headers = { 'x-api-key': 'right-key' };
    for (const [method, path, options] of [
      ['GET', JOBS],
      ['GET', `${JOBS}/health`],
      ['GET', '/api/agents'],
      ['HEAD', '/API/agents/'],
      ['GET', '/api/nothing'],
      ['GET', '/health'],
      ['GET', '/healthz'],
      ['OPTIONS', JOBS],
      ['POST', JOBS, { body: good }],
      ['POST', JOBS, { body: '{bad' }],
      ['GET', JOBS, { headers: { 'x-api-key': 'wrong-key' } }],
      ['GET', JOBS, { headers: { authorization: 'Bearer right-key' } }],
      ['GET', JOBS, { headers }],
      ['GET', '/api/agents', { headers }],
      ['POST', JOBS, { body: good, headers }],
      ['POST', JOBS, { body: { ...good, agentId: AGENT }, headers }],
      ['POST', SESSIONS, { body: { agentId: AGENT, userId: USER }, headers }],
    ]) {
      await send(method, path, options);
    }
    for (let left = 1000; left > 0; left -= 1) {
      const { error } = await send('GET', `${JOBS}/health`, { headers });
      if (error) break;
      forget();
    }
    await send('POST', JOBS, { body: good, headers });
    await send('GET', '/healthz', { headers });
  });
});

/**
 * The sandbox lets every page read its 402s. The real paywalls leave that to the server that they
 * stand in.
 */
const withoutOrigins = (transcript) => {
  for (const { status, headers } of transcript) {
    if (status === 402)
      for (const name of ['vary', 'access-control-allow-origin', 'access-control-allow-credentials']) delete headers[name];
  }
};

test("elizaOS's paywall, as deployed and strict", async () => {
  for (const [strict, hashCheck] of [
    [false, 'shape'],
    [true, 'once'],
  ]) {
    const recipient = '0x209693Bc6afc0C5328bA36FaF03C514EF312287C';
    const real = await eliza({ paywall: { strict, recipient } });
    const sandbox = createSandbox({ paywall: 'elizaos', hashCheck, recipient, answer });
    const hash = (byte) => `0x${byte.repeat(32)}`;
    await compare(real, sandbox, async ({ send, transcript }) => {
      const pay = (name, headers, body = good) => send('POST', JOBS, { name, headers, body });
      await pay('nothing', {});
      for (const proof of ['', 'x', '0x', hash('zz'), hash('ab').slice(2), `${hash('ab')}0`])
        await pay(proof, { 'x-payment': proof });
      await pay('another network', { 'x-payment': hash('ab'), 'x-payment-network': 'Base' });
      await pay('no such network', { 'x-payment': hash('ab'), 'x-payment-network': 'ethereum' });
      await pay('paid', { 'x-payment': hash('ab') });
      await pay('the same again', { 'x-payment': hash('ab') });
      await pay('on polygon', { 'x-payment': hash('cd'), 'x-payment-network': 'polygon' });
      await pay('paid for a bad body', { 'x-payment': hash('ef') }, { ...good, content: '' });
      await pay('the same with a good body', { 'x-payment': hash('ef') });
      await pay('paid for bad JSON', { 'x-payment': hash('01') }, '{bad');
      await send('GET', `${JOBS}/nope`);
      await send('POST', SESSIONS, { body: {} });
      withoutOrigins(transcript);
    });
  }
});

const TYPES = {
  TransferWithAuthorization: [
    ['from', 'address'],
    ['to', 'address'],
    ['value', 'uint256'],
    ['validAfter', 'uint256'],
    ['validBefore', 'uint256'],
    ['nonce', 'bytes32'],
  ].map(([name, type]) => ({ name, type })),
};
const [PAYER, , PAYEE, OTHER] = ACCOUNTS;
const base64 = (document) => Buffer.from(JSON.stringify(document)).toString('base64');

/** Signed authorizations that are the same on both sides but for their times. */
function signer(usdc) {
  let count = 0;
  return async (change = {}) => {
    const now = Math.floor(Date.now() / 1000);
    count += 1;
    const nonce = `0x${count.toString(16).padStart(64, '0')}`;
    const message = {
      from: PAYER.address,
      to: PAYEE.address,
      value: '20000',
      validAfter: '0',
      validBefore: String(now + 60),
      nonce,
    };
    for (const [key, value] of Object.entries(change)) message[key] = typeof value === 'function' ? value(now) : value;
    const domain = { name: 'USD Coin', version: '2', chainId: 8453, verifyingContract: usdc };
    const signature = await PAYER.signTypedData({ domain, types: TYPES, primaryType: 'TransferWithAuthorization', message });
    return { signature, authorization: message };
  };
}

/** What is wrong with an authorization. */
const CHANGES = {
  'too little': { value: '19999' },
  'too much': { value: '20001' },
  'to another': { to: OTHER.address },
  over: { validBefore: (now) => String(now - 10) },
  'over soon': { validBefore: (now) => String(now + 3) },
  'not yet': { validAfter: (now) => String(now + 600) },
};

async function paidServers(start, paywall, options, more) {
  const chain = await startChain('base');
  const real = await start(chain, options);
  stops.push(async () => {
    await real.stop();
    await chain.stop();
  });
  const sandbox = createSandbox({ paywall, recipient: PAYEE.address, answer, ...more });
  return { usdc: chain.usdc, real, sandbox };
}

/**
 * The jobs behind these paywalls are not elizaOS's: of a job that was created, only the status and
 * the receipt are compared.
 */
const onlyPayment = (transcript) => {
  for (const entry of transcript) {
    delete entry.headers.vary;
    for (const name of Object.keys(entry.headers))
      if (/^(access-control|ratelimit|x-content)/.test(name)) delete entry.headers[name];
    if (entry.status === 201) entry.body = 'a job';
  }
};

/** Pays with a good proof, with the same one again, and with bad ones. Returns the good one. */
async function payInManyWays(pay, proof) {
  const paid = await proof();
  await pay('paid', paid);
  await pay('the same again', paid);
  for (const [name, change] of Object.entries(CHANGES)) await pay(name, await proof(change));
  const forged = await proof();
  forged.payload.signature = `0x${'11'.repeat(65)}`;
  await pay('forged', forged);
  await pay('nothing in it', { a: 1 });
  return paid;
}

test('x402, version 1: what it asks for, takes and refuses', async () => {
  const { usdc, real, sandbox } = await paidServers(startV1, 'x402-v1');
  await compare(real, sandbox, async ({ send, transcript }) => {
    const sign = signer(usdc);
    const pay = (name, payment, body = good) => send('POST', JOBS, { name, headers: { 'x-payment': base64(payment) }, body });
    const proof = async (change, more = {}) => ({
      x402Version: 1,
      scheme: 'exact',
      network: 'base',
      payload: await sign(change),
      ...more,
    });
    await send('POST', JOBS, { body: good });
    await payInManyWays(pay, proof);
    await pay('on another network', await proof({}, { network: 'polygon' }));
    onlyPayment(transcript);
  });
});

test('x402, version 2: what it asks for, takes and refuses', async () => {
  const { usdc, real, sandbox } = await paidServers(startV2, 'x402-v2');
  await compare(real, sandbox, async ({ send, transcript }) => {
    const sign = signer(usdc);
    const pay = (name, payment, body = good) =>
      send('POST', JOBS, { name, headers: { 'payment-signature': base64(payment) }, body });
    await send('POST', JOBS, { body: good });
    const { resource, accepts } = transcript[0].headers['payment-required'];
    const proof = async (change, more = {}, accepted = {}) => ({
      ...{ x402Version: 2, payload: await sign(change), resource, accepted: { ...accepts[0], ...accepted } },
      ...more,
    });
    const paid = await payInManyWays(pay, proof);
    await pay('for another price', await proof({}, {}, { amount: '1' }));
    await pay('without the resource', await proof({}, { resource: undefined }));
    await send('POST', JOBS, { name: 'not base64', headers: { 'payment-signature': 'junk' }, body: good });
    await send('POST', JOBS, { name: 'of version 1', headers: { 'x-payment': base64(paid) }, body: good });
    onlyPayment(transcript);
  });
});

test('x402, version 2, with ids of payments: what it declares, and which ids it takes', async () => {
  const extensions = { [PAYMENT_IDENTIFIER]: declarePaymentIdentifierExtension(true) };
  // The reference library leaves it to the server to refuse.
  const handler = ({ headers }, response, next) => {
    const payment = JSON.parse(Buffer.from(headers['payment-signature'], 'base64').toString());
    const { valid, errors } = validatePaymentIdentifierRequirement(payment, true);
    return valid ? next() : response.status(400).json({ error: errors[0] });
  };
  const more = { paymentIdentifier: 'required' };
  const { usdc, real, sandbox } = await paidServers(startV2, 'x402-v2', { extensions, handler }, more);
  await compare(real, sandbox, async ({ send, transcript }) => {
    const sign = signer(usdc);
    await send('POST', JOBS, { body: good });
    const { resource, accepts, extensions } = transcript[0].headers['payment-required'];
    for (const [name, id] of [
      ['without an id', undefined],
      ['an empty id', ''],
      ['a number', 5],
      ['too short', 'pay_12345678901'],
      ['too long', 'x'.repeat(129)],
      ['another letter', 'pay_1234567890123456.'],
      ['the shortest', 'pay_123456789012'],
      ['the longest', 'x'.repeat(128)],
    ]) {
      const declared = extensions[PAYMENT_IDENTIFIER];
      const answered = { [PAYMENT_IDENTIFIER]: { ...declared, info: { ...declared.info, id } } };
      const payment = { x402Version: 2, payload: await sign({}), resource, accepted: accepts[0], extensions: answered };
      await send('POST', JOBS, { name, headers: { 'payment-signature': base64(payment) }, body: good });
    }
    onlyPayment(transcript);
    for (const entry of transcript) if (entry.status === 400) delete entry.headers['cache-control'];
  });
});
