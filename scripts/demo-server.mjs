// The demo page and the package on one loopback address, compressed and cached as a good static
// host does it. Where there is a server to pass requests on to, it is behind /api/.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { CHUNKS, demoFiles } from './demo-files.mjs';

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };
/**
 * As strict as a careful site: the package needs 'wasm-unsafe-eval', the page may ask any server,
 * and shows wallets' icons.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "connect-src 'self' http: https:",
  "img-src 'self' data:",
  "frame-src 'self'",
  "frame-ancestors 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');
const ENCODERS = {
  br: (body) => promisify(brotliCompress)(body, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: body.length } }),
  gzip: promisify(gzip),
};

/**
 * Where what was compressed is kept, by its encoding and its hash: brotli takes seconds for the
 * package, and longer on a busy machine.
 */
const KEPT = path.resolve(import.meta.dirname, '../target/demo');
const compressed = new Map();

/**
 * Serves the page, whose package is that in the folder `installed`, and, under /eliza-jobs/, the
 * package's files as they are. Passes /api/ on to `api` where that is given.
 */
export async function serveDemo({ api, installed, port = 0, policy = POLICY }) {
  // The parts of the package are asked for one after the other, and are compressed at the same
  // time.
  for (const plain of (await demoFiles(installed)).values()) void encoded(plain, 'br').catch(() => undefined);
  const server = http.createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://demo');
    if (api && pathname.startsWith('/api/')) return pass(request, response, api);
    try {
      const { body, encoding, tag } = await packed(await contents(pathname, installed), request);
      const headers = {
        etag: tag,
        // The name of a chunk changes with what is in it.
        'cache-control': pathname.startsWith(CHUNKS) ? 'public, max-age=31536000, immutable' : 'no-cache',
        vary: 'accept-encoding',
        'x-content-type-options': 'nosniff',
      };
      if (request.headers['if-none-match'] === tag) return response.writeHead(304, headers).end();
      response.writeHead(200, {
        ...headers,
        'content-type': `${TYPES[path.extname(pathname) || '.html'] ?? 'text/plain'}; charset=utf-8`,
        'content-length': body.length,
        ...(encoding && { 'content-encoding': encoding }),
        'content-security-policy': policy,
        'referrer-policy': 'no-referrer',
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

/** What is at a path. @throws when nothing is. */
async function contents(pathname, installed) {
  const name = decodeURIComponent(pathname);
  if (name.startsWith('/eliza-jobs/')) {
    const file = path.join(installed, name.slice('/eliza-jobs/'.length));
    if (!file.startsWith(installed + path.sep)) throw new Error('outside');
    return readFile(file);
  }
  const found = (await demoFiles(installed)).get(name === '/' ? '/index.html' : name);
  if (!found) throw new Error('not here');
  return found;
}

/** A file as the browser takes it, compressed once for each version of it. */
async function packed(plain, request) {
  const taken = request.headers['accept-encoding'] ?? '';
  const encoding = Object.keys(ENCODERS).find((name) => new RegExp(`\\b${name}\\b`).test(taken));
  const body = encoding ? await encoded(plain, encoding) : plain;
  return { body, encoding, tag: `"${version(plain, encoding)}"` };
}

const version = (plain, encoding) => `${encoding ?? 'plain'}-${createHash('sha256').update(plain).digest('base64url')}`;

/** The file in an encoding. */
function encoded(plain, encoding) {
  const name = version(plain, encoding);
  if (!compressed.has(name))
    compressed.set(
      name,
      keptOrMade(path.join(KEPT, name), () => ENCODERS[encoding](plain)),
    );
  return compressed.get(name);
}

/**
 * A file that is kept, or is made now. Another program may be making it at the same time: it
 * appears as a whole.
 */
async function keptOrMade(file, make) {
  const kept = await readFile(file).catch(() => undefined);
  if (kept) return kept;
  const made = await make();
  const part = `${file}.${process.pid}`;
  await mkdir(KEPT, { recursive: true });
  await writeFile(part, made);
  await rename(part, file);
  return made;
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
