// What the suites share: who asks, test wallets, a fetch that counts, and how errors are looked at.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { importPackage } from './install.mjs';

export const eliza = await importPackage();
const { ApiError, ArgumentError, ConnectionError, ElizaJobsError, JobError, PaymentError } = eliza;

export const userId = '11111111-2222-4333-8444-555555555555';
export const jobId = '99999999-2222-4333-8444-555555555555';
export const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** A transaction hash as a chain would give it. */
export const newHash = () => `0x${randomBytes(32).toString('hex')}`;

/** A function that remembers what it was called with. */
export function recording(work) {
  const calls = [];
  const recorded = (...given) => {
    calls.push(given);
    return work(...given);
  };
  return Object.assign(recorded, { calls });
}

/** A wallet without money: it gives well-formed hashes, a new one each time. */
export const testWallet = (give = newHash) => recording(async (transfer) => give(transfer));

/** A fetch that must not be called. Should it be, the call ends at once. */
export const noFetch = () => recording(async () => jsonResponse(400, { error: 'nothing may be sent' }));

export const jsonResponse = (status, body, headers) =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } });

/** A job as the server shows it. */
export const job = (status, more) => ({
  jobId,
  status,
  agentId: userId,
  userId,
  prompt: 'hello',
  createdAt: 1_000,
  expiresAt: 31_000,
  metadata: {},
  ...more,
});
export const created = { jobId, status: 'processing', createdAt: 1_000, expiresAt: 31_000 };
export const completed = job('completed', {
  result: { message: { id: jobId, content: 'the answer', authorId: userId, createdAt: 2_000 }, processingTimeMs: 1_000 },
});
/** A 402 in the dialect of the elizaOS paywall. */
export const paymentRequired = (entries = [{}]) => ({
  error: 'Payment Required',
  message: 'This endpoint requires payment via x402 protocol',
  payment: entries.map((entry) => ({
    network: 'base',
    recipient: `0x${'5e'.repeat(20)}`,
    amount: '0.020000',
    currency: 'USDC',
    chainId: 8453,
    ...entry,
  })),
});

/** What a promise rejects with. */
export async function rejection(promise) {
  let value;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  assert.fail(`it resolved: ${inspect(value)}`);
}

const classes = [
  [ArgumentError, /^invalid_argument$/],
  [ConnectionError, /^(connection_|request_timeout)/],
  [JobError, /^(job_(failed|timeout|gone)|wait_timeout)$/],
  [PaymentError, /^(payment_|wallet_)/],
  [ApiError, /./],
];

/** Looks at an error: its code, the class that goes with the code, and members that must be as given. */
export function assertError(error, code, members = {}) {
  assert.ok(error instanceof Error, inspect(error));
  assert.equal(error.code, code, inspect(error));
  const [Class] = classes.find(([, pattern]) => pattern.test(code));
  assert.ok(error instanceof Class && error instanceof ElizaJobsError, inspect(error));
  assert.equal(error.name, Class.name);
  assert.equal(typeof error.retryable, 'boolean');
  assert.equal(error.statusCode, error.status);
  assert.doesNotMatch(error.message, /\[object|undefined|unreachable|RuntimeError/, error.message);
  for (const [name, value] of Object.entries(members)) {
    if (value instanceof RegExp) assert.match(`${error[name]}`, value, name);
    else assert.deepEqual(error[name], value, `${name} of ${inspect(error)}`);
  }
}

/** A bad argument: the message names the field, the rule and what was given. */
export function assertArgument(error, field, ...words) {
  assertError(error, 'invalid_argument', { field, retryable: false });
  assert.ok(error instanceof TypeError);
  for (const word of [field.split('.').at(-1), ...words]) {
    assert.ok(error.message.includes(word), `"${word}" is not in: ${error.message}`);
  }
}

/** The proof must not get into what is printed or logged. */
export function assertHidden(error, secret) {
  for (const text of [
    error.message,
    String(error),
    error.stack,
    inspect(error, { depth: 9 }),
    JSON.stringify(error),
    JSON.stringify(Object.entries(error)),
  ]) {
    assert.ok(!text.includes(secret), `the secret is in: ${text}`);
  }
}
