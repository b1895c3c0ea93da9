// Whether many calls leave anything behind: memory, and listeners on a signal that all of them
// share.
import { execFileSync } from 'node:child_process';
import path from 'node:path';

export const title = 'Before and after 100,000 calls (after 20,000 others, garbage collected)';

export async function measure() {
  const child = path.join(import.meta.dirname, 'memory-of-calls.mjs');
  const figures = JSON.parse(execFileSync(process.execPath, ['--expose-gc', child], { encoding: 'utf8' }));
  const rows = Object.keys(figures.before).map((what) => [what, figures.before[what], figures.after[what]].map(String));
  return { columns: ['what', 'before', 'after'], rows, figures };
}
