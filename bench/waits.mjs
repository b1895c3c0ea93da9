// Waiting for one job after another on a loopback server: how late answers are seen, and how many
// requests that takes.
import { ElizaClient } from '@elizaos/api-client';
import { ours } from './programs.mjs';
import { quantile } from './statistics.mjs';
import { logNormal, seeded, startServer } from './waiting-server-client.mjs';

export const title = 'Waiting for one job after another, on a loopback server whose agent takes 3 s ± 30 %';

/** So many programs at the same time, each with so many jobs. */
const PROGRAMS = 8;
const JOBS = 25;
/** The first jobs of ours count by themselves: nothing is known yet. */
const FIRST = 5;
const USER = '22222222-2222-4222-8222-222222222222';

export async function measure() {
  const { JobsClient } = await import(ours.entry);
  // Each strategy, asked one question; resolves with the job.
  const strategies = {
    'eliza-jobs': (baseUrl) => {
      const client = new JobsClient({ baseUrl });
      return (params) => client.createAndWaitForJob(params);
    },
    '@elizaos/api-client': (baseUrl) => {
      const { jobs } = new ElizaClient({ baseUrl });
      return async (params) => (await jobs.createAndPoll(params)).job;
    },
    '@elizaos/api-client, with backoff': (baseUrl) => {
      const { jobs } = new ElizaClient({ baseUrl });
      return async (params) => (await jobs.createAndPollWithBackoff(params)).job;
    },
  };
  const figures = Object.fromEntries(
    (await Promise.all(Object.entries(strategies).map(([name, start]) => all(name, start)))).flat(),
  );
  const best = figures[`eliza-jobs, jobs ${FIRST + 1} to ${JOBS}`];
  const rows = Object.entries(figures).map(([name, { meanMs, p95Ms, requests, costMs }]) => [
    name,
    `${meanMs.toFixed(0)} ms`,
    `${p95Ms.toFixed(0)} ms`,
    requests.toFixed(1),
    `${(costMs / best.costMs).toFixed(2)} ×`,
  ]);
  return { columns: ['client', 'mean delay', '95 % within', 'requests a job', 'cost to ours'], rows, figures };
}

/** A strategy in all programs; each has a server of its own, which counts for it alone. */
async function all(name, start) {
  const jobs = (await Promise.all(Array.from({ length: PROGRAMS }, (_, program) => one(start, program)))).flat();
  if (name !== 'eliza-jobs') return [[name, summary(jobs)]];
  const part = (is) => summary(jobs.filter(({ number }) => is(number)));
  return [
    [`${name}, jobs 1 to ${FIRST}`, part((number) => number < FIRST)],
    [`${name}, jobs ${FIRST + 1} to ${JOBS}`, part((number) => number >= FIRST)],
  ];
}

async function one(start, program) {
  const server = await startServer();
  const [ask, random, seen] = [start(server.url), seeded(program + 1), []];
  let before = 0;
  for (let number = 0; number < JOBS; number += 1) {
    const takes = Math.round(logNormal(random, 3_000, 0.3));
    const job = await ask({ userId: USER, content: `takes ${takes} ms` });
    const delay = Date.now() - job.result.message.createdAt;
    const { requests } = await server.ask('counts');
    seen.push({ number, delay, requests: requests - before });
    before = requests;
  }
  server.stop();
  return seen;
}

function summary(jobs) {
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const delays = jobs.map(({ delay }) => delay);
  const requests = mean(jobs.map(({ requests }) => requests));
  // A request is worth 100 ms of waiting.
  return { meanMs: mean(delays), p95Ms: quantile(delays, 0.95), requests, costMs: mean(delays) + 100 * requests };
}
