// Many jobs that are waited for in one program, against a server with elizaOS's limiter (1,000
// requests in 15 minutes).
import { execFileSync } from 'node:child_process';
import path from 'node:path';

export const title = 'Waiting for many jobs at once (median 3 s; the jobs begin within five seconds)';

const COUNTS = [1, 20, 100, 10_000];
/** How each figure is shown. */
const COLUMNS = {
  'requests a job': ({ requestsPerJob }) => requestsPerJob.toFixed(3),
  refused: ({ refused }) => String(refused),
  'most in a second': ({ peakPerSecond }) => String(peakPerSecond),
  'mean delay': ({ meanDelayMs }) => `${meanDelayMs.toFixed(0)} ms`,
  '95 % within': ({ p95DelayMs }) => `${p95DelayMs.toFixed(0)} ms`,
  'received a job': ({ kilobytesPerJob }) => `${kilobytesPerJob.toFixed(0)} KB`,
  'longest stall': ({ longestStallMs }) => `${longestStallMs.toFixed(0)} ms`,
  'an abort takes': ({ abortMs }) => `${abortMs.toFixed(1)} ms`,
};

export async function measure() {
  const child = path.join(import.meta.dirname, 'crowd-of-waits.mjs');
  const figures = {};
  for (const count of COUNTS) {
    figures[count] = JSON.parse(execFileSync(process.execPath, [child, String(count)], { encoding: 'utf8' }));
  }
  const rows = Object.entries(figures).map(([count, of]) => [count, ...Object.values(COLUMNS).map((shown) => shown(of))]);
  return { columns: ['jobs', ...Object.keys(COLUMNS)], rows, figures };
}
