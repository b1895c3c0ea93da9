// What reading a job costs, beside plain fetch and JSON.parse: from a server, and without a
// network.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { HEADERS, JOB, JOB_ID } from './job.mjs';
import { JOBS, OURS, ours } from './programs.mjs';
import { interleaved, median } from './statistics.mjs';

export const title = 'getJob: microseconds a call, one after the other, medians of rounds';

const ROUNDS = 15;
const PLAIN = 'fetch and JSON.parse';
const ELIZA = '@elizaos/api-client';

export async function measure() {
  const figures = {
    'loopback server': await fromServer(),
    'a fetch that answers from memory': await fromMemory(),
  };
  const rows = Object.entries(figures).flatMap(([where, medians]) =>
    ['time', 'CPU'].map((what) => [
      `${where}, ${what}`,
      ...[OURS, PLAIN, ELIZA].map((name) => medians[name]?.[what].toFixed(0) ?? '–'),
      `${(medians[OURS][what] / medians[PLAIN][what]).toFixed(2)} ×`,
    ]),
  );
  return { columns: ['where', OURS, PLAIN, ELIZA, `ours to ${PLAIN}`], rows, figures };
}

/** The server is a process of its own: what it costs is no part of what the calls cost here. */
async function fromServer() {
  const server = fork(path.join(import.meta.dirname, 'job-server.mjs'));
  try {
    const [{ port }] = await once(server, 'message');
    const baseUrl = `http://127.0.0.1:${port}`;
    const { JobsClient } = await import(ours.entry);
    const { ElizaClient } = await import('@elizaos/api-client');
    const [client, eliza] = [new JobsClient({ baseUrl }), new ElizaClient({ baseUrl })];
    return await perCall(200, {
      [OURS]: () => client.getJob(JOB_ID),
      [PLAIN]: async () => JSON.parse(await (await fetch(`${baseUrl}${JOBS}/${JOB_ID}`)).text()),
      [ELIZA]: () => eliza.jobs.getJob(JOB_ID),
    });
  } finally {
    server.kill();
  }
}

async function fromMemory() {
  const answer = async () => new Response(JOB, { status: 200, headers: HEADERS });
  const { JobsClient } = await import(ours.entry);
  const client = new JobsClient({ baseUrl: 'https://agent.example', fetch: answer });
  return perCall(1_000, {
    [OURS]: () => client.getJob(JOB_ID),
    [PLAIN]: async () => JSON.parse(await (await answer(`https://agent.example${JOBS}/${JOB_ID}`)).text()),
  });
}

/**
 * The medians of each in microseconds: time, and CPU of this process, which other programs of a
 * busy machine change less.
 */
async function perCall(calls, works) {
  const round = (work) => async () => {
    const [began, before] = [performance.now(), process.cpuUsage()];
    for (let call = 0; call < calls; call += 1) await work();
    const { user, system } = process.cpuUsage(before);
    return { time: ((performance.now() - began) * 1000) / calls, CPU: (user + system) / calls };
  };
  const rounds = Object.fromEntries(Object.entries(works).map(([name, work]) => [name, round(work)]));
  // The compilers of the runtime need some rounds.
  await interleaved(rounds, 4);
  const measured = await interleaved(rounds, ROUNDS);
  const medians = (values) => ({ time: median(values.map(({ time }) => time)), CPU: median(values.map(({ CPU }) => CPU)) });
  return Object.fromEntries(Object.entries(measured).map(([name, values]) => [name, medians(values)]));
}
