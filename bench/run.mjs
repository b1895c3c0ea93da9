// Ours and the peers side by side, in one run: what a browser loads to create a job, pay for it and wait, and what a call costs.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { once } from 'node:events';
import path from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { build } from 'esbuild';
import { installPackage } from '../scripts/install-package.mjs';

const ours = installPackage('bench');
const eliza = "import { ElizaClient } from '@elizaos/api-client'; globalThis.client = ElizaClient";
const programs = {
  'eliza-jobs': { folder: ours.folder, code: "import { JobsClient } from 'eliza-jobs'; globalThis.client = JobsClient" },
  '@elizaos/api-client + x402-fetch + viem': {
    folder: import.meta.dirname,
    code: `${eliza};
import { wrapFetchWithPayment } from 'x402-fetch'; import { createWalletClient, custom } from 'viem'; import { base, polygon } from 'viem/chains';
globalThis.pay = [wrapFetchWithPayment, createWalletClient, custom, base, polygon]`,
  },
  '@elizaos/api-client + @x402/fetch + @x402/evm': {
    folder: import.meta.dirname,
    code: `${eliza};
import { wrapFetchWithPayment, x402Client } from '@x402/fetch'; import { ExactEvmScheme } from '@x402/evm/exact/client';
globalThis.pay = [wrapFetchWithPayment, x402Client, ExactEvmScheme]`,
  },
};

console.log('What a browser loads (bundled and minified by esbuild, brotli)');
const sizes = {};
for (const [name, { folder, code }] of Object.entries(programs)) {
  const bundle = await build({
    stdin: { contents: code, resolveDir: folder },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    logLevel: 'error',
  });
  sizes[name] = brotliCompressSync(bundle.outputFiles[0].contents).length;
  console.log(
    `  ${name.padEnd(48)} ${String(sizes[name]).padStart(7)} bytes  ${(sizes[name] / sizes['eliza-jobs']).toFixed(2)} × ours`,
  );
}

console.log('\nReading one job from a loopback server, one call after the other (median of 5 rounds of 500)');
const body = readFileSync(path.join(import.meta.dirname, '../tests/fixtures/eliza-1.7.0.json'), 'utf8');
const job = JSON.stringify(JSON.parse(body).completed);
const server = http.createServer((_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(job));
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const baseUrl = `http://127.0.0.1:${server.address().port}`;
const { JobsClient } = await import(ours.entry);
const { ElizaClient } = await import('@elizaos/api-client');
const [mine, theirs] = [new JobsClient({ baseUrl }), new ElizaClient({ baseUrl })];
const calls = {
  'eliza-jobs getJob': () => mine.getJob('x'),
  '@elizaos/api-client jobs.getJob': () => theirs.jobs.getJob('x'),
  'plain fetch and JSON.parse': async () => (await fetch(`${baseUrl}/api/messaging/jobs/x`)).json(),
};
const medians = {};
for (const [name, call] of Object.entries(calls)) {
  const rounds = [];
  for (let round = 0; round < 6; round++) {
    const began = performance.now();
    for (let i = 0; i < 500; i++) await call();
    rounds.push((performance.now() - began) / 500);
  }
  // The first round warms up.
  medians[name] = rounds.slice(1).sort((a, b) => a - b)[2];
  const ratio = medians[name] / medians['eliza-jobs getJob'];
  console.log(`  ${name.padEnd(48)} ${(medians[name] * 1000).toFixed(0).padStart(7)} µs     ${ratio.toFixed(2)} × ours`);
}
server.close();
server.closeAllConnections();
