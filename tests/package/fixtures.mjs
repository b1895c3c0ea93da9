// What the tests of arguments share: well-formed values, a fetch that must not be called, and how a
// bad argument is looked at.
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { installed, rejection, USER } from './setting.mjs';

export { rejection };
export const eliza = await installed('arguments');
export const userId = USER;
export const jobId = '99999999-2222-4333-8444-555555555555';
export const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** A function that remembers what it was called with. */
export function recording(work) {
  const calls = [];
  const recorded = (...given) => {
    calls.push(given);
    return work(...given);
  };
  return Object.assign(recorded, { calls });
}

export const jsonResponse = (status, body, headers) =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } });

/** A fetch that must not be called. Should it be, the call ends at once. */
export const noFetch = () => recording(async () => jsonResponse(400, { error: 'nothing may be sent' }));

export const created = { jobId, status: 'processing', createdAt: 1_000, expiresAt: 31_000 };
/** A job with its answer. */
export const completed = {
  ...{ ...created, status: 'completed', agentId: userId, userId, prompt: 'hello', metadata: {} },
  result: { message: { id: jobId, content: 'the answer', authorId: userId, createdAt: 2_000 }, processingTimeMs: 1_000 },
};

/** A bad argument: the message names the field, the rule and what was given. */
export function assertArgument(error, field, ...words) {
  assert.ok(
    error instanceof eliza.ArgumentError && error instanceof TypeError && error instanceof eliza.ElizaJobsError,
    inspect(error),
  );
  const { code, retryable, fundsMoved } = error;
  assert.deepEqual([code, error.field, retryable, fundsMoved], ['invalid_argument', field, false, false], inspect(error));
  assert.doesNotMatch(error.message, /\[object|unreachable|RuntimeError/);
  for (const word of [field.split('.').at(-1), ...words]) {
    assert.ok(error.message.includes(word), `"${word}" is not in: ${error.message}`);
  }
}
