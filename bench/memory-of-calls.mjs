// Makes many calls in this process, and prints what it holds before and after them.
import { getEventListeners } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { HEADERS, JOB, JOB_ID } from './job.mjs';
import { ours } from './programs.mjs';

const CALLS = 100_000;
const WARM_UP = 20_000;
const AT_ONCE = 100;

const { JobsClient } = await import(ours.entry);
const client = new JobsClient({
  baseUrl: 'https://agent.example',
  fetch: async () => new Response(JOB, { status: 200, headers: HEADERS }),
});
const { signal } = new AbortController();

async function calls(count) {
  for (let made = 0; made < count; made += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, () => client.getJob(JOB_ID, { signal })));
  }
}

async function held() {
  for (let turn = 0; turn < 5; turn += 1) {
    await nextTurn();
    globalThis.gc();
  }
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  const kilobytes = (bytes) => Math.round(bytes / 1024);
  return {
    'JavaScript heap, KB': kilobytes(heapUsed),
    'outside the heap, KB': kilobytes(external + arrayBuffers),
    'process, KB': kilobytes(rss),
    'listeners on the signal': getEventListeners(signal, 'abort').length,
    'timers and other active resources': process.getActiveResourcesInfo().length,
  };
}

await calls(WARM_UP);
const before = await held();
await calls(CALLS);
process.stdout.write(JSON.stringify({ before, after: await held() }));
