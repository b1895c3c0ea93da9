// A server of static files for pages.
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';

const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
};

/** Serves a folder; the addresses in `also` come from there. */
export async function serve(folder, { headers = {}, also = {} } = {}) {
  const files = http.createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://h');
    const name = pathname === '/' ? '/index.html' : pathname;
    const [prefix, other] = Object.entries(also).find(([prefix]) => name.startsWith(prefix)) ?? ['', folder];
    const file = path.join(other, name.slice(prefix.length));
    if (!existsSync(file)) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': TYPES[path.extname(file)] ?? 'text/plain', ...headers }).end(readFileSync(file));
  });
  files.listen(0, '127.0.0.1');
  await once(files, 'listening');
  const close = () => (files.close(), files.closeAllConnections());
  return { url: `http://127.0.0.1:${files.address().port}/`, close };
}
