// A loopback server that misbehaves by script, on raw sockets: what a well-behaved HTTP library
// would never send.
import { EventEmitter, once } from 'node:events';
import net from 'node:net';
import { after } from 'node:test';
import { freePort } from '../../scripts/free-port.mjs';

const running = new Set();
after(() => Promise.all([...running].map((server) => server.close())));

/** The head of a response, and its body when that is given. */
export const reply = (status, body = '', headers = {}) => {
  const all = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), connection: 'close', ...headers };
  const lines = Object.entries(all)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} X\r\n${lines.join('')}\r\n${body}`;
};

/**
 * Each request is answered by the next step, the last one again and again. A step is a text to send
 * before the connection is closed, or a function of the socket and the request.
 */
export async function faultServer(...steps) {
  const requests = [];
  const sockets = new Set();
  const arrivals = new EventEmitter();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = text.slice(0, end);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (Buffer.byteLength(text) < Buffer.byteLength(head) + 4 + length) return;
      const [start, ...lines] = head.split('\r\n');
      const headers = Object.fromEntries(
        lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
      );
      const [method, path] = start.split(' ');
      const request = { method, path, headers, body: text.slice(end + 4) };
      text = '';
      const step = steps[Math.min(requests.push(request) - 1, steps.length - 1)];
      arrivals.emit('request');
      if (typeof step === 'function') step(socket, request);
      else socket.end(step);
    });
  });
  // Nobody else is given its port when it is closed.
  server.listen(await freePort(), '127.0.0.1');
  await once(server, 'listening');
  const fault = {
    url: `http://127.0.0.1:${server.address().port}`,
    requests,
    /** Waits for one more request. */
    next: () => once(arrivals, 'request'),
    async close() {
      running.delete(fault);
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  running.add(fault);
  return fault;
}
