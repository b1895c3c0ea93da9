// The demo page, until Ctrl-C.
//
//   SERVER=sandbox       nothing but the page, which has the sandbox in it: the default
//   SERVER=eliza         the real elizaOS server 1.7.0 with its paywall, started for this
//   SERVER=http://…      a server of yours
//   PORT=…               the page's port
import path from 'node:path';
import { serveDemo } from './demo-server.mjs';

const installed = path.resolve(import.meta.dirname, '../pkg');
const wanted = process.env.SERVER || 'sandbox';
let eliza;
if (wanted === 'eliza') {
  console.log('starting elizaOS 1.7.0 with its paywall …');
  const { startEliza } = await import('../tests/servers/elizaos.mjs');
  eliza = await startEliza({ paywall: true });
}
const demo = await serveDemo({ installed, port: Number(process.env.PORT ?? 0) });
const server = eliza?.url ?? (wanted === 'sandbox' ? undefined : wanted);
const address = server ? `${demo.url}?server=${encodeURIComponent(server)}` : demo.url;
console.log(`\nThe demo is at ${address}  (Ctrl-C ends it)`);
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => Promise.all([demo.close(), eliza?.stop()]).finally(() => process.exit(0)));
}
