// Many jobs that are waited for at once, through the whole package: on the real server with its
// limiter, and ten thousand of them on a server in this program that refuses what is above the
// limit. The figures are those of tests/host/crowd.rs.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { startEliza } from '../servers/elizaos.mjs';
import { installed, params } from './setting.mjs';

const { JobsClient } = await installed('crowd');
let server;
before(async () => (server = await startEliza()));
after(() => server?.stop());

test('forty jobs at once on the real server are answered by few requests, none of which it refuses', async () => {
  const sent = { POST: 0, job: 0, list: 0 };
  const statuses = new Set();
  const fetch = async (url, init) => {
    const answer = await globalThis.fetch(url, init);
    statuses.add(answer.status);
    sent[init.method === 'POST' ? 'POST' : url.includes('?') ? 'list' : 'job'] += 1;
    return answer;
  };
  const client = new JobsClient({ baseUrl: server.url, fetch });
  const questions = Array.from({ length: 40 }, (_, index) => `wait:${1_000 + index * 50} question ${index}`);
  const jobs = await Promise.all(
    questions.map((content) => client.createAndWaitForJob({ ...params, content, timeoutMs: 60_000 })),
  );
  jobs.forEach((job, index) => assert.match(job.result.message.content, new RegExp(`"question ${index}"`)));
  assert.equal(sent.POST, 40);
  assert.ok(sent.list > 0 && sent.job + sent.list < 40 * 3, JSON.stringify(sent));
  assert.ok(![...statuses].some((status) => status >= 400), [...statuses].join());
});

test('ten thousand jobs at once are answered within a limit of a thousand requests', { timeout: 120_000 }, async () => {
  const COUNT = 10_000;
  const began = performance.now();
  const message = { id: 'm', content: 'here', authorId: 'a', createdAt: 1 };
  const result = { message, processingTimeMs: 1 };
  // They are done one after the other within eight seconds.
  const shown = (id, now) => ({
    jobId: `job-${id}`,
    createdAt: 0,
    expiresAt: 300_000,
    ...(now > 1_000 + (id * 7_000) / COUNT ? { status: 'completed', result } : { status: 'processing' }),
  });
  const seen = { job: 0, list: 0, refused: 0 };
  const fetch = async (url) => {
    const now = performance.now() - began;
    const left = 1_000 - seen.job - seen.list - seen.refused - 1;
    const headers = { 'content-type': 'application/json', 'ratelimit-limit': '1000' };
    Object.assign(headers, { 'ratelimit-remaining': String(Math.max(left, 0)), 'ratelimit-reset': '900' });
    if (left < 0) return (seen.refused++, new Response('{}', { status: 429, headers: { ...headers, 'retry-after': '900' } }));
    const [, id] = /\/job-(\d+)$/.exec(url) ?? [];
    seen[id ? 'job' : 'list'] += 1;
    if (id) return new Response(JSON.stringify(shown(id, now)), { headers });
    let jobs = Array.from({ length: COUNT }, (_, at) => shown(COUNT - 1 - at, now));
    if (url.includes('status=processing')) jobs = jobs.filter(({ status }) => status === 'processing');
    return new Response(JSON.stringify({ jobs, total: COUNT, filtered: jobs.length }), { headers });
  };
  const client = new JobsClient({ baseUrl: 'https://h', fetch });
  const ids = Array.from({ length: COUNT }, (_, id) => `job-${id}`);
  const jobs = await Promise.all(ids.map((id) => client.pollJob(id)));
  assert.deepEqual(
    jobs.map(({ jobId, status }) => `${jobId} ${status}`),
    ids.map((id) => `${id} completed`),
  );
  assert.equal(seen.refused, 0);
  assert.ok(seen.job + seen.list < 600, JSON.stringify(seen));
  console.log(`10,000 jobs in ${((performance.now() - began) / 1000).toFixed(1)} s: ${JSON.stringify(seen)}`);
});

test('what one caller or its onUpdate does to a job reaches no other caller, and not its own answer', async () => {
  const message = { id: 'm', content: 'here', authorId: 'a', createdAt: 1 };
  const metadata = { mine: { deep: 1 } };
  const began = performance.now();
  const shown = (id) => ({
    jobId: `job-${id}`,
    createdAt: 0,
    expiresAt: 30_000,
    metadata,
    ...(performance.now() - began > 1_500
      ? { status: 'completed', result: { message, processingTimeMs: 1 } }
      : { status: 'processing' }),
  });
  let lists = 0;
  const fetch = async (url) => {
    const [, id] = /\/job-(\d+)/.exec(url) ?? [];
    lists += id ? 0 : 1;
    // More jobs than the rate limit has requests for, so that the list with the answers is asked
    // for.
    const headers = { 'ratelimit-limit': '1000', 'ratelimit-remaining': '400', 'ratelimit-reset': '9' };
    return Response.json(id ? shown(id) : { jobs: [0, 1, 2].map(shown), total: 3, filtered: 3 }, { headers });
  };
  const client = new JobsClient({ baseUrl: 'https://h', fetch });
  const onUpdate = ({ job }) => {
    delete job.result;
    job.metadata.mine.deep = 'changed';
  };
  const twice = [0, 0, 0].map(() => client.pollJob('job-0', { onUpdate }));
  const jobs = await Promise.all([...twice, client.pollJob('job-1'), client.pollJob('job-2')]);
  assert.ok(lists > 0);
  jobs[0].result.message.content = 'changed';
  for (const job of jobs.slice(1)) assert.equal(job.result.message.content, 'here');
  for (const job of jobs) assert.equal(job.metadata.mine.deep, 1);
});

test('a list of megabytes is parsed in slices, between which the program goes on, and comes out as it was sent', async (t) => {
  const whole = JSON.parse;
  const parse = t.mock.method(JSON, 'parse');
  const odd = [{ a: 1 }, { b: '},{"jobId":"x"' }];
  const job = (at) => ({ jobId: `job-${at}`, status: 'pending', createdAt: at, metadata: { text: '},{"]'.repeat(200), odd } });
  const jobs = Array.from({ length: 1_500 }, (_, at) => job(at));
  const texts = {
    'a list': [JSON.stringify({ jobs, total: 1_500, filtered: 1_500 }), true],
    'a list that begins with a space': [` ${JSON.stringify({ jobs })}`, true],
    'a list with another one behind it': [JSON.stringify({ jobs, errors: [] }), false],
    'a list with jobs in a job': [JSON.stringify({ jobs: [{ ...job(0), parts: jobs }] }), false],
    'a list that is replaced': [`{"jobs":${JSON.stringify(jobs)},"jobs":{}}`, false],
  };
  for (const [what, [text, isSliced]] of Object.entries(texts)) {
    const headers = { 'content-type': 'application/json' };
    const client = new JobsClient({ baseUrl: 'https://h', fetch: async () => new Response(text, { headers }) });
    parse.mock.resetCalls();
    let turns = 0;
    const counting = setInterval(() => (turns += 1));
    const listed = await client.listJobs().catch(({ code }) => code);
    clearInterval(counting);
    const longest = Math.max(...parse.mock.calls.map(({ arguments: [given] }) => given.length));
    assert.equal(longest < 600_000, isSliced, `${what}: ${longest} of ${text.length}`);
    assert.ok(!isSliced || turns > 1, what);
    const right = whole(text);
    assert.deepEqual(listed, Array.isArray(right.jobs) ? right : 'invalid_response', what);
  }
});

test('each of ten thousand jobs that are waited for holds a kilobyte at most', () => {
  const program = path.resolve(import.meta.dirname, '../../bench/memory-of-waits.mjs');
  const held = Number(execFileSync(process.execPath, ['--expose-gc', program, 'ours'], { encoding: 'utf8' }));
  assert.ok(held > 100 && held <= 1_000, `${held} bytes`);
});
