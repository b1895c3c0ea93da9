// The demo page, until Ctrl-C.
//
//   SERVER=sandbox       nothing but the page, which has the sandbox in it: the default
//   SERVER=eliza         the real elizaOS server 1.7.0 with its paywall too; type its address into the page
//   PORT=…               the page's port
import path from 'node:path';
import { serveDemo } from './demo-server.mjs';

const installed = path.resolve(import.meta.dirname, '../pkg');
let eliza;
if (process.env.SERVER === 'eliza') {
  console.log('starting elizaOS 1.7.0 with its paywall …');
  const { startEliza } = await import('../tests/servers/elizaos.mjs');
  eliza = await startEliza({ paywall: true });
}
const demo = await serveDemo({ installed, port: Number(process.env.PORT ?? 0) });
console.log(`\nThe demo is at ${demo.url}  (Ctrl-C ends it)`);
if (eliza) console.log(`The elizaOS server is at ${eliza.url}: choose “A server of yours” in the page.`);
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => Promise.all([demo.close(), eliza?.stop()]).finally(() => process.exit(0)));
}
