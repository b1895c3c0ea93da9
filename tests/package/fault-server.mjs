// A server made of a raw socket: it can do what no HTTP library lets a server do, and it sees exactly what a client sends.
//
//   const server = await faultServer((request, reply) => reply.json(200, {…}));
//   request  { n (from 0), method, path, headers, body, at (milliseconds) }
//   reply    json() · body() · raw() for any bytes · end() · reset() · hang() · closed (a promise) · socket
import { createServer } from 'node:net';

class Reply {
  constructor(socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', resolve));
  }
  /** Any bytes. Says whether more is wanted now. */
  raw(text) {
    return this.socket.write(text);
  }
  /** The head of an answer; without a length the body lasts until `end()`. */
  head(status, headers = {}) {
    const lines = Object.entries({ connection: 'close', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    return this.raw(`HTTP/1.1 ${status} Status\r\n${lines.join('')}\r\n`);
  }
  body(status, type, text, headers = {}) {
    this.head(status, { 'content-type': type, 'content-length': Buffer.byteLength(text), ...headers });
    this.raw(text);
    this.end();
  }
  json(status, value, headers) {
    this.body(status, 'application/json', JSON.stringify(value), headers);
  }
  end() {
    this.socket.end();
  }
  reset() {
    this.socket.resetAndDestroy();
  }
  /** Says nothing more; the socket stays open until the client or the test closes it. */
  hang() {}
}

function read(socket, onRequest) {
  let bytes = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) return;
    const [line, ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
    const [method, path] = line.split(' ');
    const headers = Object.fromEntries(
      lines.map((text) => [text.slice(0, text.indexOf(':')).toLowerCase(), text.slice(text.indexOf(':') + 1).trim()]),
    );
    const from = end + 4;
    const length = Number(headers['content-length'] ?? 0);
    if (bytes.length < from + length) return;
    const body = bytes.subarray(from, from + length).toString();
    bytes = bytes.subarray(from + length);
    onRequest({ method, path, headers, body });
  });
}

export async function faultServer(answer) {
  const requests = [];
  const sockets = new Set();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}); // the client's resets are what is tested
    socket.on('close', () => sockets.delete(socket));
    read(socket, (seen) => {
      const request = { n: requests.length, at: performance.now(), ...seen };
      requests.push(request);
      answer(request, new Reply(socket));
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    /** How many connections are open now. */
    open: () => sockets.size,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** An address on which nobody listens. */
export async function closedPort() {
  const server = await faultServer(() => {});
  await server.close();
  return server.url;
}
