// What can never work is refused before anything is sent, with words that name the field, the rule
// and what was given.
import assert from 'node:assert/strict';
import vm from 'node:vm';
import test from 'node:test';
import {
  assertArgument,
  completed,
  created,
  eliza,
  jobId,
  jsonResponse,
  noFetch,
  recording,
  rejection,
  userId,
} from './fixtures.mjs';

const { JobsClient } = eliza;
const baseUrl = 'http://127.0.0.1:1';
const valid = { userId, content: 'hello' };

function thrown(work) {
  try {
    work();
  } catch (error) {
    return error;
  }
  assert.fail('it did not throw');
}

/** Refused by the constructor; `words` must be in the message. */
const badOption = (what, options, field, ...words) =>
  test(`new JobsClient refuses ${what}`, () =>
    assertArgument(
      thrown(() => new JobsClient(options)),
      field,
      ...words,
    ));

badOption('no options', undefined, 'options', 'must be', 'undefined');
badOption('null', null, 'options', 'null');
badOption('a string for options', 'http://x', 'options', 'baseUrl');
badOption('a missing baseUrl', {}, 'baseUrl', 'http', 'undefined');
badOption('a baseUrl that is no string', { baseUrl: 5 }, 'baseUrl', 'http', '5');
badOption(
  'a baseUrl without a scheme',
  { baseUrl: 'localhost:3000' },
  'baseUrl',
  'did you mean "http://localhost:3000"?',
  'localhost:3000',
);
badOption('a relative baseUrl', { baseUrl: '/api' }, 'baseUrl', 'http', '/api');
badOption('a baseUrl that is not http(s)', { baseUrl: 'ftp://host' }, 'baseUrl', 'http', 'ftp://host');
badOption('a baseUrl with a query', { baseUrl: 'http://host/x?a=1' }, 'baseUrl', 'query', '?a=1');
badOption('a baseUrl with an empty query', { baseUrl: 'http://host/x?' }, 'baseUrl', 'query');
badOption('a baseUrl with a fragment', { baseUrl: 'http://host/#top' }, 'baseUrl', 'fragment', '#top');

test('a baseUrl with credentials is refused, and neither name nor password is in the error', () => {
  for (const url of ['http://someone:hunter2@host/', 'https://someone@host', 'http://:hunter2@host']) {
    const error = thrown(() => new JobsClient({ baseUrl: url }));
    assertArgument(error, 'baseUrl', 'credentials');
    assert.doesNotMatch(`${error.message} ${error.stack}`, /hunter2|someone/);
  }
});

test('a baseUrl may have a path, a slash at the end, a port, capitals, and blanks around it', async () => {
  for (const [given, wanted] of [
    ['http://host', 'http://host'],
    ['http://host/', 'http://host'],
    ['http://host/eliza', 'http://host/eliza'],
    ['https://host:8443/a/b//', 'https://host:8443/a/b'],
    [' HTTP://HOST ', 'http://host'],
    ['http://[::1]:3000', 'http://[::1]:3000'],
  ]) {
    const fetch = recording(async () => jsonResponse(200, completed));
    await new JobsClient({ baseUrl: given, fetch }).getJob(jobId);
    assert.equal(fetch.calls[0][0], `${wanted}/api/messaging/jobs/${jobId}`, given);
  }
});

const option = (name, value) => ({ baseUrl, [name]: value });
badOption('a wallet that is no function', option('wallet', '0xabc'), 'wallet', 'function', 'a string');
badOption('a wallet that is an object', option('wallet', {}), 'wallet', 'function', 'an object');
badOption('a fetch that is no function', option('fetch', 'fetch'), 'fetch', 'function');
badOption('a timeoutMs of 0', option('timeoutMs', 0), 'timeoutMs', '1', '0');
badOption('a negative timeoutMs', option('timeoutMs', -5), 'timeoutMs', '-5');
badOption('a timeoutMs of NaN', option('timeoutMs', NaN), 'timeoutMs', 'number', 'NaN');
badOption('an infinite timeoutMs', option('timeoutMs', Infinity), 'timeoutMs', 'Infinity');
badOption('a timeoutMs that timers cannot hold', option('timeoutMs', 2 ** 31), 'timeoutMs', '2147483647', '2147483648');
badOption('a timeoutMs of "5s"', option('timeoutMs', '5s'), 'timeoutMs', 'number', '5s');
badOption('retries below 0', option('retries', -1), 'retries', '-1');
badOption('retries of 1.5', option('retries', 1.5), 'retries', '1.5');
badOption('maxResponseBytes of 0', option('maxResponseBytes', 0), 'maxResponseBytes', '0');
badOption('spend that is no object', option('spend', '0.10'), 'spend', 'object');
badOption(
  'a misspelt limit',
  option('spend', { maxPerPayments: '0.10' }),
  'spend.maxPerPayments',
  'unknown option `spend.maxPerPayments`; did you mean `spend.maxPerPayment`?',
);
badOption('a limit that is a number', option('spend', { maxPerPayment: 0.1 }), 'spend.maxPerPayment', 'decimal', '0.1');
badOption('a limit with seven decimals', option('spend', { maxPerPayment: '0.0000001' }), 'spend.maxPerPayment', '0.0000001');
badOption('a limit in hexadecimal', option('spend', { maxPerPayment: '0x10' }), 'spend.maxPerPayment', '0x10');
badOption('a negative limit', option('spend', { maxPerPayment: '-1' }), 'spend.maxPerPayment', '-1');
badOption('an unknown network', option('spend', { networks: ['base', 'solana'] }), 'spend.networks', 'polygon', 'solana');
badOption('an empty list of networks', option('spend', { networks: [] }), 'spend.networks');
badOption('networks that are no list', option('spend', { networks: 'base' }), 'spend.networks', 'list');
for (const [misspelt, meant] of [
  ['onConfirm', 'confirm'],
  ['spending', 'spend'],
  ['timeout', 'timeoutMs'],
  ['timeoutMS', 'timeoutMs'],
  ['url', 'baseUrl'],
  ['fecth', 'fetch'],
]) {
  const words = [`unknown option \`${misspelt}\`; did you mean \`${meant}\`?`, 'Known: baseUrl, apiKey'];
  badOption(`the misspelt option “${misspelt}”`, option(misspelt, 5), misspelt, ...words);
}
badOption('an option that resembles none', option('colour', 5), 'colour', 'unknown option `colour`; Known: baseUrl');
badOption('an option without a name', option('', 5), '', 'unknown option ``');
badOption('a header name that HTTP does not allow', option('headers', { 'a b': 'x' }), 'headers');
badOption('headers that are no object', option('headers', 5), 'headers', 'object');
badOption('a payment header of the caller’s', option('headers', { 'X-Payment': 'x' }), 'headers', 'payment');

test('a bad API key or header value is refused without showing it', () => {
  for (const [options, field] of [
    [{ apiKey: 'se cret' }, 'apiKey'],
    [{ apiKey: 'secret\r\nx: y' }, 'apiKey'],
    [{ apiKey: '' }, 'apiKey'],
    [{ apiKey: 12345 }, 'apiKey'],
    [{ headers: { authorization: 'secret\r\nx: y' } }, 'headers'],
    [{ headers: { authorization: 'secret\u0000' } }, 'headers'],
  ]) {
    const error = thrown(() => new JobsClient({ baseUrl, ...options }));
    assertArgument(error, field);
    assert.doesNotMatch(error.message, /secret|se cret|12345/);
  }
});

/** Rejected by a method; nothing may have been sent. */
const badCall = (what, call, field, ...words) =>
  test(`${what} is refused and nothing is sent`, async () => {
    const fetch = noFetch();
    const wallet = recording(() => assert.fail('the wallet was asked'));
    const client = new JobsClient({ baseUrl, fetch, wallet });
    const promise = call(client);
    assert.ok(promise instanceof Promise, 'a rejection, not a throw');
    assertArgument(await rejection(promise), field, ...words);
    assert.equal(fetch.calls.length, 0);
    assert.equal(wallet.calls.length, 0);
  });

// A typo in what is paid for would cost money.
badCall('a misspelt member of a request', (client) => client.createJob({ ...valid, agentid: userId }), 'agentid', '`agentId`?');
badCall(
  'a misspelt member of a list',
  (client) => client.listJobs({ state: 'completed' }),
  'state',
  'member of params',
  'status',
);
badCall('a misspelt option of a call', (client) => client.getJob(jobId, { timeout: 5 }), 'timeout', '`timeoutMs`?');

const cyclic = { a: {} };
cyclic.a.b = cyclic;
const nested = (levels) => (levels ? { a: nested(levels - 1) } : {});
const requests = [
  ['no request', undefined, 'params', 'object'],
  ['null for a request', null, 'params', 'null'],
  ['a string for a request', 'hello', 'params', 'hello'],
  ['an array for a request', [], 'params', 'an array'],
  ['a missing userId', { content: 'x' }, 'userId', 'UUID', 'undefined'],
  ['a userId of null', { ...valid, userId: null }, 'userId', 'UUID', 'null'],
  ['a userId that is no string', { ...valid, userId: 7 }, 'userId', 'UUID', '7'],
  ['a userId that is no UUID', { ...valid, userId: 'user-uuid' }, 'userId', 'UUID', 'user-uuid'],
  ['a userId with a brace', { ...valid, userId: `{${userId}}` }, 'userId', 'UUID'],
  ['a userId with a line feed at the end', { ...valid, userId: `${userId}\n` }, 'userId', 'UUID'],
  ['an agentId of null', { ...valid, agentId: null }, 'agentId', 'UUID', 'null'],
  ['an agentId that is no UUID', { ...valid, agentId: 'agent' }, 'agentId', 'UUID', 'agent'],
  ['missing content', { userId }, 'content', 'string', 'undefined'],
  ['content of null', { userId, content: null }, 'content', 'null'],
  ['content that is no string', { userId, content: 42 }, 'content', 'string', '42'],
  ['empty content', { userId, content: '' }, 'content', 'empty'],
  ['content of 50,001 units', { userId, content: 'x'.repeat(50_001) }, 'content', '50000', '50001'],
  ['content of 50,002 units in 25,001 characters', { userId, content: '🎉'.repeat(25_001) }, 'content', '50000', '50002'],
  ['content with half a surrogate pair', { userId, content: 'a\ud83cb' }, 'content', 'surrogate'],
  ['content with the other half', { userId, content: '\udf89' }, 'content', 'surrogate'],
  ['content with U+0000, which servers cannot store', { userId, content: 'a\u0000b' }, 'content'],
  ['metadata of null', { ...valid, metadata: null }, 'metadata', 'object', 'null'],
  ['metadata that is a string', { ...valid, metadata: 'x' }, 'metadata', 'object', 'x'],
  ['metadata that is an array', { ...valid, metadata: [1] }, 'metadata', 'object', 'an array'],
  ['cyclic metadata', { ...valid, metadata: cyclic }, 'metadata', 'cycle', 'a.b'],
  ['metadata of 10,001 bytes', { ...valid, metadata: { a: 'x'.repeat(9_993) } }, 'metadata', '10000', '10001'],
  ['metadata that is a Map', { ...valid, metadata: new Map([['a', 1]]) }, 'metadata', 'a Map'],
  ['metadata that is a Date', { ...valid, metadata: new Date() }, 'metadata'],
  ['metadata that is a function', { ...valid, metadata: () => {} }, 'metadata'],
  ['metadata with a Map inside', { ...valid, metadata: { deep: { map: new Map() } } }, 'metadata', 'a Map', 'deep.map'],
  ['metadata with a Set inside', { ...valid, metadata: { set: new Set() } }, 'metadata', 'a Set', 'set'],
  ['metadata with a BigInt', { ...valid, metadata: { n: 1n } }, 'metadata', 'a BigInt', 'n'],
  ['metadata with a function', { ...valid, metadata: { list: [0, () => {}] } }, 'metadata', 'a function', 'list.1'],
  ['metadata with a symbol', { ...valid, metadata: { s: Symbol('s') } }, 'metadata', 'a symbol', 's'],
  ['metadata with NaN', { ...valid, metadata: { n: NaN } }, 'metadata', 'NaN', 'n'],
  ['metadata with Infinity', { ...valid, metadata: { n: -Infinity } }, 'metadata', '-Infinity', 'n'],
  [
    'metadata that throws',
    {
      ...valid,
      metadata: {
        get a() {
          throw new Error('from a getter');
        },
      },
    },
    'metadata',
  ],
  ['metadata nested too deep', { ...valid, metadata: nested(1_000) }, 'metadata', 'levels'],
  ['metadata with half a surrogate pair, which servers cannot store', { ...valid, metadata: { a: '\ud800' } }, 'metadata'],
  ['metadata with U+0000, which servers cannot store', { ...valid, metadata: { a: '\u0000' } }, 'metadata'],
  ['a timeoutMs of 999', { ...valid, timeoutMs: 999 }, 'timeoutMs', '1000', '999'],
  ['a timeoutMs of 300001', { ...valid, timeoutMs: 300_001 }, 'timeoutMs', '300000', '300001'],
  ['a timeoutMs of NaN', { ...valid, timeoutMs: NaN }, 'timeoutMs', 'number', 'NaN'],
  ['a timeoutMs of "5s"', { ...valid, timeoutMs: '5s' }, 'timeoutMs', 'number', '5s'],
  ['a timeoutMs of null', { ...valid, timeoutMs: null }, 'timeoutMs', 'null'],
  ['a negative timeoutMs', { ...valid, timeoutMs: -1 }, 'timeoutMs', '-1'],
];
for (const [what, params, ...expected] of requests) {
  badCall(`createJob with ${what}`, (client) => client.createJob(params), ...expected);
}
for (const [what, params, ...expected] of [requests[0], requests[7], requests[15], requests[24], requests[42]]) {
  badCall(`createAndWaitForJob with ${what}`, (client) => client.createAndWaitForJob(params), ...expected);
}

for (const [what, id, word] of [
  ['an empty id', '', '""'],
  ['no id', undefined, 'undefined'],
  ['an id of null', null, 'null'],
  ['a number for an id', 5, '5'],
  ['an object for an id', { jobId }, 'an object'],
  ['half a surrogate pair for an id', '\ud800', 'jobId'],
  // However it is written, no client can keep it in a path.
  ['a dot for an id', '.', 'jobId'],
  ['two dots for an id', '..', 'jobId'],
]) {
  badCall(`getJob with ${what}`, (client) => client.getJob(id), 'jobId', word);
  badCall(`pollJob with ${what}`, (client) => client.pollJob(id), 'jobId', word);
}

for (const [what, value, word] of [
  ['0', 0, '0'],
  ['negative', -1, '-1'],
  ['NaN', NaN, 'NaN'],
  ['10^12', 1e12, '1000000000000'],
  ['a string', '100', '100'],
  ['null', null, 'null'],
]) {
  badCall(`pollJob with an interval that is ${what}`, (client) => client.pollJob(jobId, value), 'interval', word);
  badCall(
    `pollJob with an intervalMs that is ${what}`,
    (client) => client.pollJob(jobId, { intervalMs: value }),
    'intervalMs',
    word,
  );
  badCall(
    `createAndWaitForJob with an interval that is ${what}`,
    (client) => client.createAndWaitForJob(valid, value),
    'interval',
    word,
  );
}
for (const [what, value, word] of [
  ['0', 0, '0'],
  ['negative', -1, '-1'],
  ['NaN', NaN, 'NaN'],
  ['1.5', 1.5, '1.5'],
  ['a string', '3', '3'],
]) {
  badCall(`pollJob with maxAttempts that is ${what}`, (client) => client.pollJob(jobId, 10, value), 'maxAttempts', word);
  badCall(
    `pollJob with maxAttempts in options that is ${what}`,
    (client) => client.pollJob(jobId, { maxAttempts: value }),
    'maxAttempts',
    word,
  );
}
badCall(
  'pollJob with options twice',
  (client) => client.pollJob(jobId, { intervalMs: 5 }, undefined, { intervalMs: 5 }),
  'options',
);

for (const [what, limit, word] of [
  ['−1', -1, '-1'],
  ['0', 0, '0'],
  ['1.5', 1.5, '1.5'],
  ['NaN', NaN, 'NaN'],
  ['a string', '5', '5'],
  ['infinite', Infinity, 'Infinity'],
]) {
  badCall(`listJobs with a limit of ${what}`, (client) => client.listJobs({ limit }), 'limit', word);
}
badCall('a question that is no string', (client) => client.ask(5), 'question', '50000', '5');
badCall('a missing question', (client) => client.ask(), 'question', 'undefined');
badCall('an empty question', (client) => client.ask(''), 'question', 'cannot be empty');
badCall('a question with half a surrogate pair', (client) => client.ask('\ud800'), 'question', 'well-formed');
badCall('a userId for ask that is no UUID', (client) => client.ask('hi', { userId: 'me' }), 'userId', 'UUID', 'me');
badCall('an option that ask does not know', (client) => client.ask('hi', { user: userId }), 'user', 'did you mean `userId`');
badCall('metadata for ask that is no object', (client) => client.ask('hi', { metadata: 5 }), 'metadata', 'object');
badCall('options for ask that are none', (client) => client.ask('hi', 'now'), 'options', 'now');
badCall('options for quote that are none', (client) => client.quote(5), 'options', '5');
badCall('listJobs with an unknown status', (client) => client.listJobs({ status: 'done' }), 'status', 'completed', 'done');
badCall(
  'listJobs with a status that would reach into the query',
  (client) => client.listJobs({ status: 'failed&limit=1' }),
  'status',
);
badCall('listJobs with a status that is no string', (client) => client.listJobs({ status: 1 }), 'status', '1');
badCall('listJobs with a string for params', (client) => client.listJobs('completed'), 'params', 'object');

for (const [what, options, field] of [
  ['options that are a number', 5, 'options'],
  ['a signal that is none', { signal: {} }, 'signal'],
  ['a timeoutMs of 0', { timeoutMs: 0 }, 'timeoutMs'],
  ['a timeoutMs of NaN', { timeoutMs: NaN }, 'timeoutMs'],
  ['a header with a line feed', { headers: { a: 'b\nc' } }, 'headers'],
  ['a payment header', { headers: { 'x-payment': 'x' } }, 'headers'],
]) {
  badCall(`createJob with ${what}`, (client) => client.createJob(valid, options), field);
  badCall(`getJob with ${what}`, (client) => client.getJob(jobId, options), field);
  badCall(`listJobs with ${what}`, (client) => client.listJobs({}, options), field);
  badCall(`getJobsHealth with ${what}`, (client) => client.getJobsHealth(options), field);
  badCall(`pollJob with ${what}`, (client) => client.pollJob(jobId, 10, 1, options), field);
}
for (const [misspelt, meant] of [
  ['interval', 'intervalMs'],
  ['timeout', 'timeoutMs'],
  ['onProgress', undefined],
]) {
  const options = { [misspelt]: 5 };
  const words = [`unknown option \`${misspelt}\``, meant ? `did you mean \`${meant}\`?` : 'Known: signal, timeoutMs'];
  badCall(`createAndWaitForJob with ${misspelt}`, (client) => client.createAndWaitForJob(valid, options), misspelt, ...words);
  badCall(`pollJob with ${misspelt}, last`, (client) => client.pollJob(jobId, 10, 1, options), misspelt, ...words);
  badCall(`getJob with ${misspelt}`, (client) => client.getJob(jobId, options), misspelt, ...words);
  badCall(`resume with ${misspelt}`, (client) => client.resume(jobId, options), misspelt, ...words);
}

// What is there in another place is sent there.
for (const [what, call, member, place] of [
  ['quote with a question', (client) => client.quote({ content: 'hello' }), 'content', 'the params of createJob'],
  ['getJob with a wallet', (client) => client.getJob(jobId, { wallet: {} }), 'wallet', 'the options of new JobsClient'],
  ['createJob with a budget', (client) => client.createJob(valid, { budget: '1' }), 'budget', "the client's `spend`"],
  ['params with a signal', (client) => client.createJob({ ...valid, signal: null }), 'signal', 'options of a call'],
  ['params with a key', (client) => client.createJob({ ...valid, idempotencyKey: 'x' }), 'idempotencyKey', 'options of a call'],
  ['listJobs with a time limit in its params', (client) => client.listJobs({ timeoutMs: 5 }), 'timeoutMs', 'options of a call'],
  ['ask with its question twice', (client) => client.ask('hello', { content: 'hello' }), 'content', 'the params of createJob'],
]) {
  badCall(what, call, member, `\`${member}\`; it belongs into `, place);
}
badOption('a budget beside spend', option('budget', '1'), 'budget', "`budget`; it belongs into the client's `spend`");
badOption(
  "a call's option",
  option('onUpdate', () => {}),
  'onUpdate',
  'it belongs into the options of a call',
);
badOption('a user', option('userId', userId), 'userId', 'it belongs into the params of createJob');
badOption(
  'a limit beside its budget',
  option('spend', { perDay: '1' }),
  'spend.perDay',
  "it belongs into the client's `spend.budget`",
);
badCall(
  "a job's own time of half a second",
  (client) => client.createJob({ ...valid, timeoutMs: 500 }),
  'timeoutMs',
  'from 1000 to 300000',
  "a call's own limit is an option",
);

test('what is undefined, inherited or not enumerable is no misspelt option; all calls take the same ones', async () => {
  const fetch = async () => jsonResponse(200, completed);
  const own = { baseUrl, fetch, timeout: undefined, retries: undefined, [Symbol('mine')]: 5 };
  const options = Object.defineProperty(Object.assign(Object.create({ timeout: 5 }), own), 'interval', { value: 5 });
  const call = {
    intervalMs: 5,
    maxAttempts: 1,
    onUpdate() {},
    idempotencyKey: 'k',
    signal: null,
    timeoutMs: undefined,
    spend: undefined,
  };
  assert.equal((await new JobsClient(options).getJob(jobId, call)).jobId, jobId);
});

badCall(
  'createJob with an onUpdate that is no function',
  (client) => client.createJob(valid, { onUpdate: 'log' }),
  'onUpdate',
  'function',
);

test('what lies on the edge of the rules is sent as it is', async () => {
  for (const params of [
    { userId: userId.toUpperCase(), content: 'x' },
    { userId, content: 'x'.repeat(50_000) },
    { userId, content: '🎉'.repeat(25_000) },
    { userId, content: 'x', metadata: {} },
    { userId, content: 'x', metadata: { a: 'x'.repeat(9_992) } },
    { userId, content: 'x', metadata: { list: [1, 'two', null, true, { three: 3.5 }], ü: '🎉', 'not-an-identifier': -0.25 } },
    { userId, content: 'x', timeoutMs: 1_000 },
    { userId, content: 'x', timeoutMs: 300_000 },
    { userId, content: 'x', timeoutMs: 1_000.5 },
    { userId, agentId: userId, content: 'x' },
  ]) {
    const fetch = recording(async () => jsonResponse(201, created));
    await new JobsClient({ baseUrl, fetch }).createJob(params);
    assert.deepEqual(JSON.parse(fetch.calls[0][1].body), params);
  }
});

test('an empty or undefined agentId is an absent one, and undefined metadata keys are left out', async () => {
  for (const agentId of ['', undefined]) {
    const fetch = recording(async () => jsonResponse(201, created));
    await new JobsClient({ baseUrl, fetch }).createJob({
      ...valid,
      agentId,
      timeoutMs: undefined,
      metadata: { a: undefined, b: 1 },
    });
    assert.deepEqual(JSON.parse(fetch.calls[0][1].body), { ...valid, metadata: { b: 1 } });
  }
});

test('metadata of another realm, without a prototype, and with a date in it are plain JSON', async () => {
  const metadata = Object.assign(Object.create(null), {
    other: vm.runInNewContext('({ list: [1, { a: 2 }] })'),
    when: new Date(0),
  });
  const fetch = recording(async () => jsonResponse(201, created));
  await new JobsClient({ baseUrl, fetch }).createJob({ ...valid, metadata });
  assert.deepEqual(JSON.parse(fetch.calls[0][1].body).metadata, {
    other: { list: [1, { a: 2 }] },
    when: '1970-01-01T00:00:00.000Z',
  });
});

test('what the caller changes after the call changes nothing', async () => {
  const fetch = recording(async () => jsonResponse(201, created));
  const params = { ...valid, metadata: { a: { b: 1 } } };
  const promise = new JobsClient({ baseUrl, fetch }).createJob(params);
  params.content = 'changed';
  params.metadata.a.b = 2;
  await promise;
  assert.deepEqual(JSON.parse(fetch.calls[0][1].body), { ...valid, metadata: { a: { b: 1 } } });
});

test('the caller’s own objects are left as they were', async () => {
  const params = Object.freeze({ ...valid, metadata: Object.freeze({ a: 1 }) });
  const options = Object.freeze({ headers: Object.freeze({ 'x-a': '1' }) });
  const fetch = async () => jsonResponse(201, created);
  await new JobsClient(Object.freeze({ baseUrl, fetch })).createJob(params, options);
  assert.deepEqual(params, { ...valid, metadata: { a: 1 } });
});
