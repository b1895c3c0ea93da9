// What a call costs when something goes wrong: ours and the lightest peer against the sandbox's
// menu of faults, and, as a control that the faults bite as in life, the peer against the real
// server of its own library on a local chain.
import { wrapFetchWithPayment, x402Client } from '@x402/fetch';
import { ExactEvmScheme } from '@x402/evm/exact/client';
import { privateKeyToAccount } from 'viem/accounts';
import { JOBS, LIGHTEST, OURS, ours } from './programs.mjs';

export const title =
  'What has been paid for one answer of 0.02 USDC when something goes wrong, and the call is made again after a failure';

// The first account of every test chain.
const ACCOUNT = privateKeyToAccount('0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80');
const BODY = { userId: '22222222-2222-4222-8222-222222222222', content: 'hello' };
const SLOW_MS = 300;
const FAULTS = ['lose-reply', 'cut-body', 'pay-then-500', '402-again', 'html', 'settle-late', 'ask-more', 'wrong-recipient'];
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
/** The peer signs offers up to $1 only when it is told so; it has no list of recipients. */
const spend = { maxPerPayment: '1' };

const { createSandbox } = await import(new URL('./sandbox-node.js', ours.entry));
const { JobsClient } = await import(ours.entry);

/**
 * One answer with ours. The call is made again when its error says that this costs nothing more.
 */
async function withOurs(url, fetch, wallet, recipient) {
  const client = new JobsClient({ baseUrl: url, fetch, wallet, spend: { ...spend, recipients: [recipient] }, logger: quiet });
  for (let calls = 0; calls < 2; calls += 1) {
    try {
      await client.createAndWaitForJob(BODY);
      return 'answer';
    } catch (error) {
      if (!error.retryable) return 'refused';
    }
  }
  return 'failed';
}

/**
 * One answer with the peer, as its documentation has it. The call is made again when it has failed.
 */
async function withPeer(url, fetch) {
  const signer = { address: ACCOUNT.address, signTypedData: (data) => ACCOUNT.signTypedData(data) };
  const x402 = new x402Client().register('eip155:8453', new ExactEvmScheme(signer));
  const paying = wrapFetchWithPayment(fetch, x402);
  const request = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(BODY) };
  for (let calls = 0; calls < 2; calls += 1) {
    try {
      const response = await paying(`${url}${JOBS}`, request);
      if (response.ok && (await response.json()).jobId) return 'answer';
    } catch {
      // A lost answer, or one that is no JSON.
    }
  }
  return 'failed';
}

/**
 * The faults of an answer, put between the client and a real server: the first answer to a proof is
 * not what the server has sent.
 */
function unlucky(fault, fetch) {
  let asked, isOver;
  return async (input, init) => {
    const request = new Request(input, init);
    const isPaid = request.headers.has('payment-signature');
    const response = await fetch(request);
    if (!isPaid) asked ??= response.clone();
    if (!isPaid || isOver || !response.ok) return response;
    isOver = true;
    await response.arrayBuffer();
    if (fault === 'lose-reply') throw new TypeError('fetch failed');
    if (fault === 'cut-body') return new Response('{"jobId":"', { status: 201 });
    if (fault === 'pay-then-500') return new Response('{}', { status: 500 });
    if (fault === 'html') return new Response('<!doctype html>', { status: 200, headers: { 'content-type': 'text/html' } });
    return asked;
  };
}
/** The faults that can be put there. */
const OF_ANSWERS = ['lose-reply', 'cut-body', 'pay-then-500', '402-again', 'html'];

const cell = ({ paid, outcome }) => `${paid} (${outcome})`;

async function onSandbox(fault, ask) {
  const sandbox = createSandbox({ paywall: 'x402-v2', faults: [fault], slowMs: SLOW_MS });
  const outcome = await ask(sandbox);
  // What settles late has settled then.
  await new Promise((settled) => setTimeout(settled, SLOW_MS));
  return { paid: sandbox.payments.length, outcome };
}

async function onRealServer(fault, chain, server) {
  const before = (await chain.transfers()).length;
  const outcome = await withPeer(server.url, unlucky(fault, fetch));
  return { paid: (await chain.transfers()).length - before, outcome };
}

export async function measure() {
  const { startChain } = await import('../tests/servers/chain.mjs');
  const { startV2 } = await import('../tests/servers/x402-v2.mjs');
  const chain = await startChain('base');
  const server = await startV2(chain);
  const figures = {};
  try {
    for (const fault of FAULTS) {
      figures[fault] = {
        [OURS]: await onSandbox(fault, (sandbox) => withOurs(sandbox.url, sandbox.fetch, sandbox.wallet, sandbox.recipient)),
        [LIGHTEST]: await onSandbox(fault, (sandbox) => withPeer(sandbox.url, sandbox.fetch)),
        ...(OF_ANSWERS.includes(fault) ? { 'on a real server': await onRealServer(fault, chain, server) } : {}),
      };
    }
  } finally {
    await server.stop();
    await chain.stop();
  }
  const rows = Object.entries(figures).map(([fault, { [OURS]: mine, [LIGHTEST]: theirs, 'on a real server': real }]) => [
    fault,
    cell(mine),
    cell(theirs),
    real ? cell(real) : '–',
  ]);
  return { columns: ['fault', `payments with ${OURS}`, `with ${LIGHTEST}`, `with ${LIGHTEST} on a real server`], rows, figures };
}
