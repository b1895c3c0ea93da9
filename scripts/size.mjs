// What a browser loads, and whether it is within the budget.
import { readFileSync, statSync } from 'node:fs';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const BUDGET = 42_000;
const measure = (file) => {
  const bytes = readFileSync(file);
  return { raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotliCompressSync(bytes).length };
};
const files = { 'all that a browser loads (index.js)': 'pkg/index.js', 'the wasm in it, alone': 'pkg/eliza_jobs_bg.wasm' };
for (const [what, file] of Object.entries(files)) {
  const { raw, gzip, brotli } = measure(file);
  console.log(
    `${what.padEnd(36)} raw ${String(raw).padStart(7)}   gzip ${String(gzip).padStart(6)}   brotli ${String(brotli).padStart(6)}`,
  );
}
const version = JSON.parse(readFileSync('pkg/package.json', 'utf8')).version;
console.log(`${'tarball'.padEnd(36)}     ${String(statSync(`eliza-jobs-${version}.tgz`).size).padStart(7)}`);
const { brotli } = measure('pkg/index.js');
console.log(`budget: ${brotli} of ${BUDGET} bytes (brotli)`);
if (brotli > BUDGET) {
  console.error('over the budget: what grew?');
  process.exit(1);
}
