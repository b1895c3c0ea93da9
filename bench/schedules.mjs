// What polls cost by simulation, on five kinds of agents: `simulation.rs` runs the package's own
// schedule, compiled for the host.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { plot } from './plot.mjs';

export const title = 'Polling, simulated: cost (mean delay + 0.1 s a request) in multiples of the optimum; delay and requests';

const ROOT = path.resolve(import.meta.dirname, '..');
/** What the README shows. */
const PLOT = path.join(ROOT, 'docs/polling.svg');

export async function measure() {
  const cargo = ['run', '--quiet', '--release', '--locked', '--example', 'simulation'];
  const figures = JSON.parse(execFileSync('cargo', cargo, { cwd: ROOT, encoding: 'utf8', maxBuffer: 1e8 }));
  const names = figures.laws[0].rows.map(({ name }) => name);
  const rows = names.map((name, at) => [
    name,
    ...figures.laws.map(({ rows }) => {
      const { cost, meanMs, requests, unseen } = rows[at];
      const lost = unseen >= 0.0005 ? `, ${(unseen * 100).toFixed(1)} % never seen` : '';
      return `${(cost / rows[0].cost).toFixed(2)} × (${meanMs} ms, ${requests.toFixed(1)}${lost})`;
    }),
  ]);
  writeFileSync(PLOT, plot(figures));
  return { columns: ['strategy', ...figures.laws.map(({ law }) => law)], rows, figures };
}
