// What a browser loads, and whether it is within the budget. With --functions also which functions
// of the wasm are the largest.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'esbuild';

// A ratchet: the present size, rounded up. The aim is 96,000: below the lightest peers of
// `make bench`. The rebuilt rooms are not there yet.
const BUDGET = 188_000;
const { version } = JSON.parse(readFileSync('pkg/package.json', 'utf8'));
/** What a page loads: the package as the page's own bundler minifies it. */
async function page() {
  const entry = { contents: "export * from './index.js';", resolveDir: 'pkg' };
  const options = { bundle: true, minify: true, format: 'esm', target: 'es2022', legalComments: 'none', write: false };
  const { outputFiles } = await build({ stdin: entry, ...options });
  return outputFiles[0].contents;
}
const wholePage = await page();
const contents = {
  'all that a page loads (bundled)': wholePage,
  'the wasm in it, alone': readFileSync('pkg/eliza_jobs_bg.wasm'),
  tarball: readFileSync(`eliza-jobs-${version}.tgz`),
};
const column = (value) => String(value).padStart(8);
console.log(`${''.padEnd(36)}${['raw', 'gzip', 'brotli'].map(column).join('')}`);
for (const [what, bytes] of Object.entries(contents)) {
  // A tarball is compressed already.
  const packed = what === 'tarball' ? [] : [gzipSync(bytes, { level: 9 }).length, brotliCompressSync(bytes).length];
  console.log(`${what.padEnd(36)}${[bytes.length, ...packed].map(column).join('')}`);
}

if (process.argv.includes('--functions')) {
  // The package's functions; only their names are still there.
  const metrics = execFileSync('wasm-opt', ['target/package/named.wasm', '--func-metrics'], {
    encoding: 'utf8',
    maxBuffer: 1e9,
    stdio: 'pipe',
  });
  const functions = [...metrics.matchAll(/^func: (?<name>.*)\n \[binary-bytes\] *: (?<bytes>\d+)/gm)].map(({ groups }) => groups);
  console.log('\nthe largest functions, in bytes before compression');
  for (const { name, bytes } of functions.sort((a, b) => b.bytes - a.bytes).slice(0, 40)) {
    console.log(`${column(bytes)}  ${name.replace(/\[[0-9a-f]{16}\]|::h[0-9a-f]{16}$/g, '')}`);
  }
}

const size = brotliCompressSync(wholePage).length;
console.log(`\nbudget: ${size} of ${BUDGET} bytes (brotli)`);
if (size > BUDGET) {
  console.error('over the budget; `make size` says what is large');
  process.exit(1);
}
