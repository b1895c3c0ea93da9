// The demo page and the package on one loopback address, and the elizaOS server behind it: a page without a bundler.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };
/** As strict as a careful site: the package needs 'wasm-unsafe-eval' and nothing else. */
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; img-src data:";

/** Serves www/ and, under /eliza-jobs/, the installed package; passes /api/ on. */
export async function serveDemo({ api, installed, port = 0, policy = POLICY }) {
  const server = http.createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://demo');
    if (pathname.startsWith('/api/')) return pass(request, response, api);
    const [folder, name] = pathname.startsWith('/eliza-jobs/')
      ? [installed, pathname.slice(12)]
      : [path.join(root, 'www'), pathname.slice(1)];
    const file = path.join(folder, name || 'index.html');
    try {
      if (!file.startsWith(folder + path.sep)) throw new Error('outside');
      const body = await readFile(file);
      response.writeHead(200, {
        'content-type': `${TYPES[path.extname(file)] ?? 'text/plain'}; charset=utf-8`,
        'content-security-policy': policy,
      });
      response.end(body);
    } catch {
      response.writeHead(404).end('not here');
    }
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function pass(request, response, api) {
  const target = new URL(request.url, api);
  const headers = { ...request.headers, host: target.host };
  const onward = http.request(target, { method: request.method, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.headersSent || response.writeHead(502).end('the elizaOS server does not answer'));
  request.pipe(onward);
}
