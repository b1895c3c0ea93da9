// What a client learns about how long agents take: through the package, its options and a store
// that outlives it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { installed, params } from './setting.mjs';

const { ArgumentError, JobsClient, memoryStore } = await installed('polling');
const RECORD = 'eliza-jobs/pace/';
const AGENT_MS = 1_200;

/** A server whose agent takes always the same time. */
function server() {
  const polls = [];
  let done;
  const job = (more) => ({
    jobId: 'job',
    agentId: 'agent',
    userId: params.userId,
    prompt: params.content,
    createdAt: 1,
    ...more,
  });
  const answer = (status, body) =>
    new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
  const fetch = async (url, { method }) => {
    if (method === 'POST') {
      done = performance.now() + AGENT_MS;
      polls.push(0);
      return answer(201, job({ status: 'processing', expiresAt: 120_000 }));
    }
    polls[polls.length - 1] += 1;
    if (performance.now() < done) return answer(200, job({ status: 'processing', expiresAt: 120_000 }));
    const message = { id: 'm', content: 'here', authorId: 'agent', createdAt: 2 };
    return answer(200, job({ status: 'completed', result: { message, processingTimeMs: AGENT_MS } }));
  };
  return { polls, fetch };
}

/** A store whose keys the test knows. */
function openStore() {
  const items = new Map();
  const store = memoryStore();
  let wake;
  const written = new Promise((resolve) => (wake = resolve));
  const set = (key, value) => {
    items.set(key, value);
    if (key.startsWith(RECORD)) wake();
    return store.set(key, value);
  };
  return { store: { ...store, set }, written, learned: () => [...items].filter(([key]) => key.startsWith(RECORD)) };
}

async function ask(options) {
  const warnings = [];
  const client = new JobsClient({
    baseUrl: 'https://agent.example',
    logger: { warn: (words) => warnings.push(words) },
    ...options,
  });
  await client.createAndWaitForJob(params);
  return warnings;
}

test('a client of a new program with the same store polls when the answer is likely', async () => {
  const { polls, fetch } = server();
  const { store, learned } = openStore();
  for (let job = 0; job < 5; job += 1) assert.deepEqual(await ask({ fetch, store }), []);
  assert.equal(learned().length, 1);
  assert.ok(learned()[0][1].length <= 2048, `${learned()[0][1].length} characters`);
  assert.ok(!learned()[0][1].includes(params.content));
  assert.ok(polls.at(-1) < polls[0], polls.join());
});

test('with remember: false nothing is written down', async () => {
  const { fetch } = server();
  const { store, learned } = openStore();
  for (let job = 0; job < 3; job += 1) await ask({ fetch, store, polling: { remember: false } });
  assert.deepEqual(learned(), []);
});

test('a record that is garbage is the beginning anew, with one warning', async () => {
  const { polls, fetch } = server();
  const { store, learned, written } = openStore();
  await ask({ fetch, store });
  await written;
  const [[key, whole]] = learned();
  const hostile = { ...JSON.parse(whole), agents: [{ agent: '', times: [-1, 1e300, 'x'] }] };
  for (const text of ['{', '[]', JSON.stringify(hostile), whole.replace('"version":1', '"version":99')]) {
    const { store } = openStore();
    store.set(key, text);
    const warnings = await ask({ fetch, store });
    assert.equal(warnings.length, 1, `${text}: ${warnings.join('; ')}`);
    assert.match(warnings[0], /what was learned/);
    assert.ok(polls.at(-1) <= polls[0] + 2, `${text}: ${polls.join()}`);
  }
});

test('minPauseMs and maxPauseMs are kept', async () => {
  const { polls, fetch } = server();
  await ask({ fetch, store: memoryStore(), polling: { minPauseMs: 250 } });
  assert.ok(polls[0] <= 3, `${polls[0]} polls of a job of ${AGENT_MS} ms`);
});

test('what can never be meant is refused, with the member, the value and the rule', () => {
  const odd = {
    pollCostMs: [0, -1, NaN, Infinity, '100', 300_001],
    minPauseMs: [49, -1, NaN, null, '50', 300_001],
    maxPauseMs: [49, -5, NaN, Infinity, {}],
    remember: ['yes', 1, null],
  };
  const refused = (polling, field) =>
    assert.throws(
      () => new JobsClient({ baseUrl: 'https://agent.example', polling }),
      (error) =>
        error instanceof ArgumentError &&
        error.code === 'invalid_argument' &&
        error.field === field &&
        /must be/.test(error.message),
      `${field} ${JSON.stringify(polling)}`,
    );
  for (const [member, values] of Object.entries(odd)) {
    for (const value of values) refused({ [member]: value }, `polling.${member}`);
  }
  refused({ minPauseMs: 5_000, maxPauseMs: 1_000 }, 'polling.maxPauseMs');
  assert.throws(
    () => new JobsClient({ baseUrl: 'https://agent.example', polling: { minPause: 50 } }),
    /did you mean `polling.minPauseMs`/,
  );
});
