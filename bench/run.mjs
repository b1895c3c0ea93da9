// Ours and the peers side by side, in one run: `make bench`. Nothing is asserted; the ratios are
// what another machine sees too.
// Some parts only: node bench/run.mjs size calls
import { mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { RESULTS } from './programs.mjs';

const PARTS = ['size', 'start', 'calls', 'payments', 'faults', 'memory', 'schedules', 'waits', 'crowds'];
const wanted = process.argv.length > 2 ? process.argv.slice(2) : PARTS;
const unknown = wanted.filter((part) => !PARTS.includes(part));
if (unknown.length > 0) throw new Error(`bench: no part is called ${unknown.join(', ')}; there are ${PARTS.join(', ')}`);

/** Columns of equal width; the first is text, the others are numbers. */
function aligned(table) {
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  return table.map((row) =>
    row.map((cell, column) => (column ? cell.padStart(widths[column]) : cell.padEnd(widths[column]))).join('  '),
  );
}

const markdown = ([head, ...rows]) =>
  [head, head.map((_, column) => (column ? '--:' : '---')), ...rows].map((row) => `| ${row.join(' | ')} |`);

const machine = { node: process.version, processors: os.cpus().length, load: os.loadavg()[0], date: new Date().toISOString() };
const results = { machine };
const pages = [
  `Node ${machine.node}, ${machine.processors} processors, load ${machine.load.toFixed(1)}, ${machine.date.slice(0, 10)}.`,
];
for (const part of wanted) {
  const { title, measure } = await import(`./${part}.mjs`);
  console.log(`\n${title}`);
  const { columns, rows, figures } = await measure();
  for (const line of aligned([columns, ...rows])) console.log(`  ${line}`);
  results[part] = figures;
  pages.push(`### ${title}`, markdown([columns, ...rows]).join('\n'));
}
mkdirSync(RESULTS, { recursive: true });
writeFileSync(path.join(RESULTS, 'results.json'), `${JSON.stringify(results, null, 2)}\n`);
writeFileSync(path.join(RESULTS, 'results.md'), `${pages.join('\n\n')}\n`);
console.log(`\nwritten to ${path.relative(process.cwd(), RESULTS)}/results.json and results.md`);
