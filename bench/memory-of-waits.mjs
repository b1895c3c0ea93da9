// Waits for many jobs that nobody answers, and prints how many bytes each of the waits holds: of
// JavaScript's heap and of WebAssembly's memory.
import { setTimeout as pause } from 'node:timers/promises';
import { JOBS, ours } from './programs.mjs';

const COUNT = 10_000;
const AGENT = '7f3f1a2e-1c52-4d0a-9c1e-0c8f9f3b2a11';
const baseUrl = 'https://agent.example';
const ids = Array.from({ length: COUNT }, (_, at) => `${String(at).padStart(8, '0')}-1c52-4d0a-9c1e-0c8f9f3b2a11`);
const createdAt = Date.now();
const expiresAt = createdAt + 600_000;
const job = (jobId) => ({ jobId, agentId: AGENT, userId: AGENT, prompt: 'hi', status: 'processing', createdAt, expiresAt });

/** Whose job or list was asked for how often. */
const asked = new Set();
let allAreKnown;
const known = new Promise((resolve) => (allAreKnown = resolve));
function know(jobIds) {
  for (const jobId of jobIds) asked.add(jobId);
  if (asked.size >= COUNT) allAreKnown();
}

globalThis.fetch = async (address) => {
  const url = new URL(address);
  const isList = url.pathname === JOBS;
  const shown = isList ? ids.slice(0, Number(url.searchParams.get('limit'))) : [url.pathname.split('/').pop()];
  know(shown);
  const body = isList ? { jobs: shown.map(job), total: COUNT, filtered: COUNT } : job(shown[0]);
  return new Response(JSON.stringify(body), { headers: { 'content-type': 'application/json' } });
};

async function program(name) {
  if (name === 'ours') {
    const { JobsClient } = await import(ours.entry);
    const client = new JobsClient({ baseUrl });
    return (id) => client.pollJob(id);
  }
  const { ElizaClient } = await import('@elizaos/api-client');
  const { jobs } = new ElizaClient({ baseUrl });
  return (id) => jobs.poll(id, { interval: 60_000 });
}

const held = () => {
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

const wait = await program(process.argv[2]);
const ignore = () => undefined;
// The first of them load and compile what all need.
for (const id of ids.slice(0, 100)) wait(id).catch(ignore);
await pause(500);
const before = held();
const waits = ids.slice(100).map((id) => {
  const answer = wait(id);
  answer.catch(ignore);
  return answer;
});
await known;
// The least of several looks: while a list of all jobs is read, that is held too.
const looks = [];
for (let look = 0; look < 12; look += 1) {
  await pause(500);
  looks.push(held() - before);
}
process.stdout.write(`${Math.round(Math.min(...looks) / waits.length)}\n`, () => process.exit());
