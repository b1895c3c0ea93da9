// The sandbox in Node, Bun and Deno: all of the entry, and a listener for programs that need an
// address.
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { isIP, type AddressInfo } from 'node:net';
import { callerOf, placedAt } from './caller.js';
import { argumentError } from './errors.js';
import { unknownMember } from './members.js';
import type { Sandbox, ServedSandbox, ServeOptions } from './sandbox.js';

export * from './sandbox.js';

/** By this name in the header `Server`, programs know that no money exists there. */
const NAME = 'eliza-jobs-sandbox';
const OPTIONS = 'port, host';
const NAMES = /^[a-z\d]([\w-]*[a-z\d])?(\.[a-z\d]([\w-]*[a-z\d])?)*$/i;

/** As in the main entry, and serves. */
export function serveSandbox(sandbox: Pick<Sandbox, 'fetch'>, options: ServeOptions = {}): Promise<ServedSandbox> {
  const caller = callerOf(serveSandbox);
  return serve(sandbox, options).catch((error: unknown) => {
    throw placedAt(caller, error);
  });
}

/**
 * Whether this is an address or a name. Node takes an empty text for all addresses, and the system
 * a number such as "0" for one.
 */
const isHost = (text: string): boolean => isIP(text) !== 0 || (NAMES.test(text) && !/(^|\.)(\d+|0x[\da-f]*)$/i.test(text));

async function serve(sandbox: Pick<Sandbox, 'fetch'>, options: ServeOptions): Promise<ServedSandbox> {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw argumentError('options', `serveSandbox takes an object of options; given: ${JSON.stringify(options)}`);
  }
  const { port = 0, host = '127.0.0.1' } = options;
  if (typeof (sandbox as Partial<Sandbox> | undefined)?.fetch !== 'function') {
    throw argumentError('sandbox', 'serveSandbox takes what createSandbox returns, and then its own options');
  }
  const unknown = unknownMember(options, 'options', OPTIONS);
  if (unknown) throw argumentError(unknown.name, unknown.words + unknown.hint);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw argumentError('port', `port must be a whole number from 0 to 65535; given: ${JSON.stringify(port)}`);
  }
  if (typeof host !== 'string' || !isHost(host)) {
    const rule = "host must be an address or a name of this machine, such as '127.0.0.1' or 'localhost', without a port";
    throw argumentError('host', `${rule}; given: ${typeof host === 'string' ? JSON.stringify(host.slice(0, 60)) : typeof host}`);
  }
  const server = http.createServer((request, response) => void pass(sandbox, request, response));
  await new Promise<void>((listening, failed) => {
    server.once('error', failed);
    server.listen(port, host, () => {
      server.off('error', failed);
      listening();
    });
  });
  const bound = server.address() as AddressInfo;
  const address = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
  return {
    url: `http://${address}:${bound.port}`,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}

/**
 * Passes a request on, and its answer back. Where the sandbox breaks a connection, this one breaks.
 */
async function pass(sandbox: Pick<Sandbox, 'fetch'>, request: IncomingMessage, response: ServerResponse) {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  try {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const { method = 'GET', headers } = request;
    const answer = await sandbox.fetch(`http://${headers.host ?? 'localhost'}${request.url ?? '/'}`, {
      method,
      headers: Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]),
      ...(method !== 'GET' && method !== 'HEAD' && parts.length > 0 ? { body: Buffer.concat(parts) } : {}),
      signal: gone.signal,
    });
    response.writeHead(answer.status, [...answer.headers, ['server', NAME]].flat());
    response.flushHeaders();
    const reader = answer.body?.getReader();
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) response.write(part.value);
    response.end();
  } catch {
    response.destroy();
  }
}
