// What the package's tests share: the installed package, and how they look at errors.
import assert from 'node:assert/strict';
import { installPackage } from '../../scripts/install-package.mjs';

export const USER = '22222222-2222-4222-8222-222222222222';
export const HASH = `0x${'ab'.repeat(32)}`;
export const params = { userId: USER, content: 'What is the weather in New York?' };

/** One installation for each file of tests. */
export async function installed(name) {
  const { folder, entry } = installPackage(name);
  return { folder, ...(await import(entry)) };
}

/** The error that a promise rejects with. */
export async function rejection(promise) {
  const value = await promise.then(
    (value) => ({ value }),
    (error) => error,
  );
  assert.ok(value instanceof Error || !('value' in Object(value)), `it resolved to ${JSON.stringify(value.value)}`);
  return value;
}

/** How many turns of the event loop it takes until a promise is settled; 1,000 at most. */
export async function turnsOf(promise) {
  let turns = 0;
  let isSettled = false;
  const settled = () => (isSettled = true);
  promise.then(settled, settled);
  while (!isSettled && turns < 1_000) {
    await new Promise((next) => setImmediate(next));
    turns += 1;
  }
  return turns;
}

/** Rejects with this name and code. */
export async function rejects(promise, name, code, message) {
  const error = await rejection(promise);
  assert.equal(`${error.name} ${error.code}`, `${name} ${code}`, error.stack);
  if (message) assert.match(error.message, message);
  return error;
}
