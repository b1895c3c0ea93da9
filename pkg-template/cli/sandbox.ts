// `sandbox`: a server with its paywall on this machine, for trying out everything else.
import { createSandbox, serveSandbox, type FaultName, type Sandbox, type SandboxOptions } from '../sandbox-node.js';
import type { Command, Given } from './command.js';
import { EXIT, UsageError } from './exit.js';
import { Interrupt } from './interrupt.js';
import { inShort, paint, type Output } from './output.js';
import { PROGRAM } from './program.js';
import { amount, notOneOf, oneOf, whole } from './values.js';

const PAYWALLS = ['none', 'elizaos', 'x402-v1', 'x402-v2'] as const;
const DOCS = 'https://github.com/eliza-jobs/eliza-jobs/blob/main/docs/sandbox.md#faults';
const PORT = 3000;
const MOST_PORT = 65_535;
const MOST_MS = 300_000;

export const sandbox: Command = {
  name: 'sandbox',
  summary: 'serve a sandbox on this machine, until Ctrl-C',
  takes: [],
  about: `Serves an elizaOS server with a paywall whose money does not exist, and prints what happens there. "ask", "quote" and the others take
its address, and pay with a test wallet. All faults: ${DOCS}`,
  options: [
    { name: 'port', value: '<port>', help: `the port (default: ${PORT}; 0: any that is free)` },
    { name: 'paywall', value: '<kind>', help: `${PAYWALLS.join(', ')} (default: x402-v2)` },
    { name: 'price', value: '<usdc>', help: 'what an answer costs (default: 0.02)' },
    { name: 'answer-ms', value: '<ms>', help: 'how long the agent takes (default: 300)' },
    { name: 'fault', value: '<name>', many: true, help: 'what goes wrong once: lose-reply, ask-more, …' },
  ],
  examples: [
    'eliza-jobs sandbox',
    'eliza-jobs sandbox --port 0 --paywall elizaos --price 0.05',
    'eliza-jobs sandbox --fault lose-reply',
  ],
  async run(given, output) {
    const port = whole(given, 'port', 0, MOST_PORT) ?? PORT;
    const sandbox = made(optionsOf(given));
    const watched = new Watched(sandbox, output);
    const served = await serveSandbox({ fetch: watched.fetch }, { port }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') throw error;
      const why = error.code === 'EACCES' ? 'may not be used' : 'is taken';
      throw new UsageError(`port ${port} ${why}`, 'Name another one with --port, or 0 for any that is free.');
    });
    if (output.json) output.document({ type: 'listening', url: served.url }, 0);
    else begin(output, served.url);
    const interrupt = new Interrupt(EXIT.interrupted);
    await interrupt.come;
    interrupt.end();
    await served.close();
    watched.tell();
    const { requests, payments } = sandbox;
    output.remark('');
    output.remark(`${requests.length} requests, ${payments.length} payments`);
    return EXIT.done;
  },
};

function optionsOf(given: Given): SandboxOptions {
  const paywall = oneOf(given, 'paywall', PAYWALLS) ?? 'x402-v2';
  const price = amount(given, 'price');
  if (price && paywall === 'none') {
    throw new UsageError('--price is given, and with --paywall none nothing is paid', 'Leave one of the two out.');
  }
  return {
    paywall,
    answerMs: whole(given, 'answer-ms', 0, MOST_MS) ?? 300,
    ...(price && { price }),
    // The test wallet of another program transfers on a chain of its own: there is only its hash to
    // look at.
    ...(paywall === 'elizaos' && { hashCheck: 'once' as const }),
    faults: given.all('fault') as FaultName[],
  };
}

/** A sandbox. Its faults are known to its module alone, which says them. */
function made(options: SandboxOptions): Sandbox {
  try {
    return createSandbox(options);
  } catch (error) {
    const { message } = error as Error;
    if (message.includes('needs a paywall')) {
      throw new UsageError(message.replace(/:.*/s, ''), 'Leave out --paywall none, or the fault.');
    }
    const [, given, names] = /^faults has '(.*)', but may only have (.*?)\./s.exec(message) ?? [];
    if (given === undefined || names === undefined) throw error;
    throw notOneOf('fault', given, names.match(/[\w-]+/g) ?? []);
  }
}

function begin(output: Output, url: string) {
  output.line(paint('bold', url), '  a sandbox: no money exists there. Ctrl-C ends it.');
  output.remark(`Try: ${PROGRAM} ask ${url} "What is the weather in New York?"`);
}

/** A sandbox that tells of what happens in it. */
class Watched {
  readonly #sandbox: Sandbox;
  readonly #output: Output;
  #paid = 0;

  constructor(sandbox: Sandbox, output: Output) {
    this.#sandbox = sandbox;
    this.#output = output;
  }

  readonly fetch: Sandbox['fetch'] = async (input, init) => {
    const { pathname } = new URL(input instanceof Request ? input.url : input);
    const line = `${init?.method ?? 'GET'} ${inShort(pathname, 80)}`;
    try {
      const response = await this.#sandbox.fetch(input, init);
      this.#say({ type: 'request', line, status: response.status });
      return response;
    } catch (error) {
      this.#say({ type: 'request', line, status: 'no answer' });
      throw error;
    } finally {
      this.tell();
    }
  };

  /** Tells of payments that are new. */
  tell() {
    for (const { amount, currency, network, transaction } of this.#sandbox.payments.slice(this.#paid)) {
      this.#paid += 1;
      this.#say({ type: 'payment', amount, currency, network, transaction });
    }
  }

  #say(event: { type: 'request'; line: string; status: number | string } | Paid) {
    if (this.#output.json) this.#output.document(event, 0);
    else if (event.type === 'payment') {
      const { amount, currency, network, transaction } = event;
      this.#output.line(paint('green', `payment ${this.#paid}: ${amount} ${currency} on ${network}, ${transaction}`));
    } else this.#output.line(paint('dim', `${event.line} → ${event.status}`));
  }
}

interface Paid {
  readonly type: 'payment';
  readonly amount: string;
  readonly currency: string;
  readonly network: string;
  readonly transaction: string;
}
