// What a page loads to create a job and pay for it.
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { bundle, OURS, PROGRAMS } from './programs.mjs';

export const title = 'What a page loads: bundled and minified by esbuild';

export async function measure() {
  const sizes = {};
  for (const [name, program] of Object.entries(PROGRAMS)) {
    const bytes = await bundle(program);
    sizes[name] = { raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotliCompressSync(bytes).length };
  }
  const rows = Object.entries(sizes).map(([name, { raw, gzip, brotli }]) => [
    name,
    ...[raw, gzip, brotli].map((bytes) => bytes.toLocaleString('en')),
    `${(brotli / sizes[OURS].brotli).toFixed(2)} ×`,
  ]);
  return { columns: ['program', 'bytes', 'gzip', 'brotli', 'to ours'], rows, figures: sizes };
}
