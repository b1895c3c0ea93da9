// Tells the drawing what goes over the wire and what the wallet does, without changing any of it.
import { cut, short } from './dom.js';

/** Of a key nothing may be seen; how a proof begins is the same in all of them. */
const KEYS = ['x-api-key', 'authorization'];
const PROOFS = ['payment-signature', 'x-payment'];
const RECEIPTS = ['payment-response', 'x-payment-response'];
const JOBS = /\/api\/messaging\/jobs(?:\/(?<id>[^/?]+))?\/?(?<query>\?.*)?$/;

/** A header's value as it may be shown. */
export function shown(name, value) {
  if (KEYS.includes(name.toLowerCase())) return 'masked';
  return PROOFS.includes(name.toLowerCase()) ? `${value.slice(0, 6)}… (${value.length} characters, masked)` : value;
}

/** The JSON in a header that has it in base64; `undefined` when it has none. */
function decoded(value) {
  try {
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(value), (letter) => letter.codePointAt(0))));
  } catch {
    return undefined;
  }
}

/** What a request is for. */
function purpose(method, url, headers, body) {
  const match = JOBS.exec(url);
  if (!match) return { kind: 'other', label: `${method} ${new URL(url).pathname}` };
  if (method === 'POST') {
    if (PROOFS.some((name) => headers.has(name))) return { kind: 'proof', label: 'the question, with the proof' };
    return body.includes('"content":""')
      ? { kind: 'price', label: 'what does it cost?' }
      : { kind: 'ask', label: 'the question' };
  }
  if (match.groups.id === 'health') return { kind: 'other', label: 'how are you?' };
  if (match.groups.id) return { kind: 'poll', label: 'is it done?', group: 'poll' };
  return { kind: 'look', label: 'is my job there?' };
}

/** What a reply says. */
function meaning(kind, status, body) {
  if (status === 402) return { kind: 'price', label: 'payment required' };
  if (status === 201) return { kind: 'good', label: 'the job is created' };
  if (kind === 'price' && status === 400) return { kind: 'good', label: 'it costs nothing' };
  if (status === 429) return { kind: 'bad', label: 'too many requests' };
  if (status >= 400) return { kind: 'bad', label: `refused (${status})` };
  if (kind === 'poll') {
    const job = json(body);
    if (job?.status === 'completed') return { kind: 'answer', label: 'the answer' };
    return job ? { kind: 'wait', label: `not yet: ${job.status}`, group: 'wait' } : { kind: 'bad', label: 'not JSON' };
  }
  return { kind: 'plain', label: kind === 'look' ? 'the list of jobs' : `${status}` };
}

/**
 * What is wrong with a request for payment, by whom the user means to pay and how much at most;
 * `undefined` when nothing is.
 */
function wrongWith(required, { recipient, limit }) {
  const [offer] = required?.accepts ?? [];
  const payTo = offer?.payTo;
  if (payTo && payTo.toLowerCase() !== recipient.toLowerCase()) return `to ${short(payTo)}, not to ${short(recipient)}`;
  const price = Number.parseFloat(priceIn(required));
  return price > Number.parseFloat(limit) ? `above your limit of ${limit} USDC` : undefined;
}

/**
 * The price in a request for payment of x402, where it is in USDC; `undefined` elsewhere: there the
 * client says it.
 */
function priceIn(required) {
  const [offer] = required?.accepts ?? [];
  const atomic = offer?.amount ?? offer?.maxAmountRequired;
  if (!/^\d{1,30}$/.test(atomic ?? '') || !/^USDC?\b/.test(offer.extra?.name ?? '')) return undefined;
  const digits = atomic.padStart(7, '0');
  return `${`${digits.slice(0, -6)}.${digits.slice(-6)}`.replace(/\.?0+$/, '')} USDC`;
}

function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const listed = (headers) => [...headers].map(([name, value]) => [name, shown(name, value)]);
const shortened = (text) => cut(text, 1200);

/**
 * A `fetch` for `JobsClient` that draws each request and each reply.
 *
 * @param drawing Returns the drawing for what begins now.
 * @param expected `{ recipient, limit }`: a request for payment that is not by them is drawn as
 * wrong.
 * @param sandbox Where there is one, what moves on its chain is drawn too, and which fault has
 * struck is said.
 */
export function recordedFetch(send, drawing, sandbox, expected) {
  let moved = sandbox?.payments.length ?? 0;
  const settle = (sequence) => {
    for (const payment of sandbox?.payments.slice(moved) ?? []) {
      moved += 1;
      const label = `${payment.amount} ${payment.currency} move`;
      sequence.add({ from: 'Server', to: 'Chain', kind: 'chain', label, detail: { facts: Object.entries(payment) } });
    }
  };
  const struck = () => {
    const fault = sandbox?.requests.at(-1)?.fault;
    return fault ? { fault } : {};
  };
  // `isLost`: the page is gone before the reply comes.
  return async (input, init = {}, isLost = false) => {
    const url = typeof input === 'string' ? input : (input.url ?? String(input));
    const headers = new Headers(init.headers ?? input.headers);
    const method = init.method ?? input.method ?? 'GET';
    const body = typeof init.body === 'string' ? init.body : '';
    const what = purpose(method, url, headers, body);
    const detail = { title: `${method} ${url}`, headers: listed(headers), body: shortened(body) };
    const sequence = drawing();
    sequence.add({ from: 'You', to: 'Server', ...what, detail });
    let response;
    try {
      response = await send(input, init);
    } catch (error) {
      settle(sequence);
      if (!init.signal?.aborted) {
        const label = navigator.onLine || sandbox ? 'the connection broke' : 'offline';
        sequence.add({ from: 'Server', to: 'You', kind: 'lost', label, ...struck(), detail: { title: String(error) } });
      }
      throw error;
    }
    settle(sequence);
    drawReply(response, what, sequence, { struck, sandbox, isLost, expected });
    return response;
  };
}

function drawReply(response, what, sequence, { struck, sandbox, isLost, expected }) {
  const { status, headers } = response;
  const detail = { title: `${status} ${response.statusText}`.trim(), headers: listed(headers) };
  const asked = decoded(headers.get('payment-required') ?? '');
  if (asked) detail.decoded = JSON.stringify(asked, undefined, 2);
  const receipt = RECEIPTS.map((name) => decoded(headers.get(name) ?? '')).find(Boolean);
  // Elsewhere the chain is out of sight: the receipt is what is known of it.
  if (receipt?.transaction && !sandbox) {
    const facts = Object.entries(receipt).filter(([, value]) => typeof value === 'string');
    sequence.add({ from: 'Server', to: 'Chain', kind: 'chain', label: 'settled', detail: { facts } });
  }
  const reply = (body) => {
    const text = body === undefined ? {} : { body: shortened(body) };
    const said = meaning(what.kind, status, body ?? '');
    const required = status === 402 ? (asked ?? json(body ?? '')) : undefined;
    const price = priceIn(required);
    if (price) said.label += `: ${price}`;
    if (required && expected) said.wrong = wrongWith(required, expected);
    if (isLost) said.kind = 'lost';
    return { from: 'Server', to: 'You', status, ...said, detail: { ...detail, ...text } };
  };
  const body = response.clone().text();
  // What a poll says is in its body.
  if (what.kind === 'poll') {
    body.then((text) => sequence.add({ ...reply(text), ...struck() }), brokeOff);
    return;
  }
  const step = sequence.add({ ...reply(), ...struck() });
  body.then((text) => {
    const { label, detail: whole } = reply(text);
    step.update(label.includes(':') ? { label, detail: whole } : { detail: whole });
  }, brokeOff);
  function brokeOff() {
    sequence.add({ from: 'Server', to: 'You', kind: 'lost', label: 'the reply broke off', ...struck() });
  }
}

/** A wallet that draws when it signs and when it transfers, and when it has no account. */
export function recordedWallet(wallet, drawing) {
  const recorded = { ...wallet };
  if (wallet.address) {
    recorded.address = async () => {
      try {
        return await wallet.address();
      } catch (error) {
        drawing().add({
          from: 'You',
          to: 'You',
          kind: 'bad',
          label: 'your wallet shows no account',
          detail: { title: error?.message },
        });
        throw error;
      }
    };
  }
  if (wallet.signTypedData) {
    recorded.signTypedData = async (typedData) => {
      const { from, to, value, validBefore } = typedData.message;
      const facts = Object.entries({ from, to, value, validBefore, token: typedData.domain.verifyingContract });
      const sequence = drawing();
      const step = sequence.add({ from: 'You', to: 'You', kind: 'sign', label: 'your wallet is asked', detail: { facts } });
      try {
        const signature = await wallet.signTypedData(typedData);
        step.update({ label: 'your wallet signs' });
        return signature;
      } catch (error) {
        step.update({ kind: 'bad', label: 'your wallet does not sign', detail: { facts, title: error?.message } });
        throw error;
      }
    };
  }
  if (wallet.sendTransfer) {
    recorded.sendTransfer = async (quote) => {
      const { amount, currency, network, recipient } = quote;
      const facts = Object.entries({ amount, currency, network, recipient });
      const sequence = drawing();
      const step = sequence.add({ from: 'You', to: 'You', kind: 'sign', label: 'your wallet is asked', detail: { facts } });
      let hash;
      try {
        hash = await wallet.sendTransfer(quote);
      } catch (error) {
        step.update({ kind: 'bad', label: 'your wallet makes no transfer', detail: { facts, title: error?.message } });
        throw error;
      }
      step.update({ label: 'your wallet pays' });
      sequence.add({ from: 'You', to: 'Chain', kind: 'chain', label: `a transfer of ${amount} ${currency}`, detail: { facts } });
      sequence.add({ from: 'Chain', to: 'You', kind: 'chain', label: 'mined', detail: { facts: [['transaction', hash]] } });
      return hash;
    };
  }
  return recorded;
}
