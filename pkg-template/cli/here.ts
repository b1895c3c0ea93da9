// A server on this machine: whether it is a sandbox. That decides which wallet pays, so an answer of the server says it, and never the
// failure to reach one: the server may have been started a moment ago.
import { setTimeout as pause } from 'node:timers/promises';
import { Refusal } from './exit.js';
import type { Output } from './output.js';
import { NO_SERVER_HERE } from './report.js';

/** What a served sandbox calls itself. */
const SANDBOX = 'eliza-jobs-sandbox';
const HEALTH = '/api/messaging/jobs/health';
/** The longest time for one answer. */
const PROBE_MS = 3_000;
/** The longest time for a server that was just started. */
const MOST_WAIT_MS = 8_000;
const FIRST_PAUSE_MS = 50;
const LAST_PAUSE_MS = 400;
/** What there is where nothing listens, or not yet: nothing was said. */
const NOT_YET = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'TimeoutError'];

/**
 * Whether the server says that it is a sandbox. One that lies gets signatures of an account that has nothing.
 *
 * @throws {Refusal} when nothing answers.
 */
export async function isSandboxHere(url: string, output: Output): Promise<boolean> {
  const end = performance.now() + MOST_WAIT_MS;
  for (let next = FIRST_PAUSE_MS; ; next = Math.min(next * 2, LAST_PAUSE_MS)) {
    const { isSandbox, failure = '' } = await look(url);
    if (isSandbox !== undefined) return isSandbox;
    if (performance.now() > end) {
      throw new Refusal('connection_failed', `no server answers at ${url} (${failure})`, ['Nothing was paid.', NO_SERVER_HERE]);
    }
    if (next === FIRST_PAUSE_MS) output.waiting('server', `waiting for one at ${url}`);
    await pause(next);
  }
}

/** What the server says of itself, or why it says nothing. */
async function look(url: string): Promise<{ isSandbox?: boolean; failure?: string }> {
  const limit = new AbortController();
  // It keeps the program running, which a request whose connection is lost may not.
  const timer = setTimeout(() => limit.abort(new DOMException('no answer', 'TimeoutError')), PROBE_MS);
  try {
    const response = await fetch(url.replace(/\/+$/, '') + HEALTH, { signal: limit.signal, redirect: 'manual' });
    await response.body?.cancel();
    return { isSandbox: response.headers.get('server') === SANDBOX };
  } catch (error) {
    const { name, cause } = error as { name?: string; cause?: { code?: string } };
    const failure = [cause?.code, name].find((what) => NOT_YET.includes(what ?? ''));
    // What is no HTTP is an answer too: whoever asks for something finds out what is wrong.
    return failure === undefined ? { isSandbox: false } : { failure };
  } finally {
    clearTimeout(timer);
  }
}
