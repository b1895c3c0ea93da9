// Waits for many jobs at once in this process, and prints what that costs.
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { ours } from './programs.mjs';
import { quantile } from './statistics.mjs';
import { logNormal, seeded, startServer } from './waiting-server-client.mjs';

/** All jobs begin within this time, in milliseconds. */
const ARRIVALS = 5_000;
const count = Number(process.argv[2]);

const { JobsClient } = await import(ours.entry);
const server = await startServer();
const random = seeded(1);
const begins = Date.now() + 1_000;
const jobs = Array.from({ length: count }, (_, at) => {
  const createdAt = Math.round(begins + (ARRIVALS * at) / count);
  return [createdAt, createdAt + Math.min(60_000, Math.round(logNormal(random, 3_000, 1.15)))];
});
await server.ask({ make: jobs });
const client = new JobsClient({ baseUrl: server.url });
// The first wait loads the module and compiles it.
const warm = new JobsClient({ baseUrl: server.url });
await warm.getJob('0');

const one = async (at) => {
  const job = await client.pollJob(String(at));
  return Date.now() - job.result.message.createdAt;
};
const results = [];
const stalls = monitorEventLoopDelay({ resolution: 1 });
stalls.enable();
// Those whose time has come begin together, as in a program that takes orders.
for (let at = 0; at < count; ) {
  for (; at < count && jobs[at][0] <= Date.now(); at += 1) results.push(one(at));
  await pause(5);
}
stalls.disable();
const beginning = stalls.max / 1e6;
stalls.reset();
stalls.enable();
// One among them is given up: how long until its call has ended?
const given = new AbortController();
const aborted = client.pollJob(String(count - 1), { signal: given.signal }).then(
  () => 0,
  () => performance.now(),
);
await pause(100);
const at = performance.now();
given.abort();
const abortMs = Math.max(0, (await aborted) - at);
const delays = await Promise.all(results);
stalls.disable();
const counts = await server.ask('counts');
server.stop();
const figures = {
  requestsPerJob: (counts.requests - 1) / count,
  lists: counts.lists,
  refused: counts.refused,
  peakPerSecond: Math.max(...Object.values(counts.bySecond)),
  meanDelayMs: delays.reduce((sum, delay) => sum + delay, 0) / count,
  p95DelayMs: quantile(delays, 0.95),
  kilobytesPerJob: counts.bytes / count / 1_000,
  longestStallMs: Math.max(beginning, stalls.max / 1e6),
  beginningStallMs: beginning,
  abortMs,
};
process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit());
await once(process, 'exit');
