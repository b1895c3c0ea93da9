// What calls hold: many that wait, and many that are over, which are to leave nothing behind,
// neither memory nor listeners on a signal that all of them share.
import { execFileSync } from 'node:child_process';
import path from 'node:path';

export const title = 'Memory: before and after 100,000 calls (after 20,000 others), and of each among 10,000 that wait';

function child(file, ...given) {
  const script = path.join(import.meta.dirname, file);
  return JSON.parse(execFileSync(process.execPath, ['--expose-gc', script, ...given], { encoding: 'utf8' }));
}

export async function measure() {
  const calls = child('memory-of-calls.mjs');
  const waiting = { ours: child('memory-of-waits.mjs', 'ours'), eliza: child('memory-of-waits.mjs', 'eliza') };
  const rows = Object.keys(calls.before).map((what) => [what, calls.before[what], calls.after[what]].map(String));
  rows.push(['bytes a wait', '–', String(waiting.ours)], ['bytes a wait, @elizaos/api-client', '–', String(waiting.eliza)]);
  return { columns: ['what', 'before', 'after'], rows, figures: { calls, waiting } };
}
