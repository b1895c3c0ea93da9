// The demo page with the real elizaOS server behind it, until Ctrl-C.
import { serveDemo } from './demo-server.mjs';
import { installPackage } from './install-package.mjs';
import { startEliza } from '../tests/servers/elizaos.mjs';

console.log('starting elizaOS 1.7.0 with its paywall …');
const eliza = await startEliza({ paywall: true });
const { installed } = installPackage('demo');
const demo = await serveDemo({ api: eliza.url, installed, port: Number(process.env.PORT ?? 0) });
console.log(`\nThe demo is at ${demo.url}  (Ctrl-C ends it)`);
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => eliza.stop().finally(() => process.exit(0)));
