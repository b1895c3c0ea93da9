// A server on this machine: whether it is a sandbox. That decides which wallet pays, so an answer
// of the server says it, and never the failure to reach one: the server may have been started a
// moment ago.
import { setTimeout as pause } from 'node:timers/promises';
import { Refusal } from './exit.js';
import type { Output } from './output.js';
import { noServerHere } from './unreached.js';

/** What a served sandbox calls itself. */
const SANDBOX = 'eliza-jobs-sandbox';
const HEALTH = '/api/messaging/jobs/health';
/** The longest time for one answer. */
const PROBE_MS = 3_000;
/** The longest time for a server that was just started. */
const MAX_WAIT_MS = 8_000;
const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 400;
/** The errors of a connection to which nothing answers, or not yet. */
const NO_ANSWER = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'TimeoutError'];

/** What a server says of itself, or the error for one that says nothing. */
type Probed = { is: 'sandbox' | 'other' } | { is: 'silent'; error: string };

/**
 * Whether the server says that it is a sandbox. One that lies gets signatures of an account that
 * has nothing.
 *
 * @throws {Refusal} when nothing answers for {@link MAX_WAIT_MS}.
 */
export async function isLocalSandbox(url: string, output: Output): Promise<boolean> {
  const end = performance.now() + MAX_WAIT_MS;
  for (let next = FIRST_PAUSE_MS; ; next = Math.min(next * 2, MAX_PAUSE_MS)) {
    const probed = await probe(url);
    if (probed.is !== 'silent') return probed.is === 'sandbox';
    if (performance.now() > end) {
      throw new Refusal('connection_failed', `no server answers at ${url} (${probed.error})`, [
        'Nothing was paid.',
        noServerHere(url),
      ]);
    }
    if (next === FIRST_PAUSE_MS) output.waiting('server', `waiting for one at ${url}`);
    await pause(next);
  }
}

/** Asks the server once. */
async function probe(url: string): Promise<Probed> {
  const limit = new AbortController();
  // It keeps the program running, which a request whose connection is lost may not.
  const timer = setTimeout(() => limit.abort(new DOMException('no answer', 'TimeoutError')), PROBE_MS);
  try {
    const response = await fetch(url.replace(/\/+$/, '') + HEALTH, { signal: limit.signal, redirect: 'manual' });
    await response.body?.cancel();
    return { is: response.headers.get('server') === SANDBOX ? 'sandbox' : 'other' };
  } catch (thrown) {
    const { name, cause } = thrown as { name?: string; cause?: { code?: string } };
    const error = [cause?.code, name].find((what) => NO_ANSWER.includes(what ?? ''));
    // What is no HTTP is an answer too: the request that follows finds out what is wrong.
    return error === undefined ? { is: 'other' } : { is: 'silent', error };
  } finally {
    clearTimeout(timer);
  }
}
