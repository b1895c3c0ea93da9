// Starts `waiting-server.mjs` in a process of its own.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

export async function startServer() {
  const server = fork(path.join(import.meta.dirname, 'waiting-server.mjs'));
  const [{ port }] = await once(server, 'message');
  const ask = async (message) => {
    const answer = once(server, 'message');
    server.send(message);
    return (await answer)[0];
  };
  return { url: `http://127.0.0.1:${port}`, ask, stop: () => server.kill() };
}

/** Numbers that are the same in each run, between 0 and 1. */
export function seeded(state) {
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 1 | state) + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 7), 61 | state) ^ state;
    mixed = (mixed ^ (mixed >>> 14)) >>> 0;
    return (mixed + 0.5) / 4_294_967_296;
  };
}

/** How long an agent takes, in milliseconds: log-normal. */
export const logNormal = (random, median, sigma) =>
  median * Math.exp(sigma * Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random()));
