// Delay against requests, every strategy on it: one panel for each kind of agent, as an SVG.

const PANELS = {
  LogNormal: 'usual: median 3 s, 5 % over 20 s',
  Uniform: 'anything from 0.2 to 30 s',
  Steady: 'steady: 3 s ± 30 %',
  Slow: 'slow: 45 s ± 40 %',
  Bimodal: '70 % 1.5 s, 30 % 12 s',
};
const PANEL = { width: 270, height: 230, left: 46, top: 62, gap: 50 };
const COLORS = { ours: '#0b6e4f', optimum: '#111', fixed: '#9a9a9a', document: '#c0392b', peers: '#d35400' };

const escape = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
const text = (x, y, words, more = '') => `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escape(words)}</text>`;

/** The smallest and the largest, with some room around them, for an axis of logarithms. */
const range = (values) => [Math.min(...values) / 1.25, Math.max(...values) * 1.25];
const scale = ([least, most], from, to) => {
  const [low, high] = [Math.log(least), Math.log(most)];
  return (value) => from + ((Math.log(value) - low) / (high - low)) * (to - from);
};
const TICKS = [1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 300, 500, 1_000, 2_000, 3_000, 5_000, 10_000];

/** How a strategy is shown. */
function mark(name) {
  if (name === 'optimum') return { color: COLORS.optimum, shape: 'star' };
  if (name.startsWith('every')) return { color: COLORS.fixed, shape: 'dot' };
  if (name.startsWith('document')) return { color: COLORS.document, shape: 'square' };
  if (name.startsWith('@elizaos')) return { color: COLORS.peers, shape: 'triangle' };
  return { color: COLORS.ours, shape: name.includes('before') ? 'ring' : 'dot' };
}

function drawn({ color, shape }, x, y, size = 4) {
  const at = (dx, dy) => `${(x + dx * size).toFixed(1)},${(y + dy * size).toFixed(1)}`;
  switch (shape) {
    case 'star':
      return `<path d="M${at(-1.6, 0)}L${at(1.6, 0)}M${at(0, -1.6)}L${at(0, 1.6)}M${at(-1.1, -1.1)}L${at(1.1, 1.1)}M${at(-1.1, 1.1)}L${at(1.1, -1.1)}" stroke="${color}" stroke-width="1.6"/>`;
    case 'square':
      return `<path d="M${at(-1, -1)}L${at(1, -1)}L${at(1, 1)}L${at(-1, 1)}Z" fill="none" stroke="${color}" stroke-width="1.8"/>`;
    case 'triangle':
      return `<path d="M${at(0, -0.8)}L${at(0.7, 0.5)}L${at(-0.7, 0.5)}Z" fill="${color}"/>`;
    case 'ring':
      return `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${size}" fill="none" stroke="${color}" stroke-width="1.6"/>`;
    default:
      return `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${size * 0.8}" fill="${color}"/>`;
  }
}

function panel({ law, rows, curve }, left, top) {
  const { width, height } = PANEL;
  const points = [...rows, ...curve];
  const [xRange, yRange] = [range(points.map(({ requests }) => requests)), range(points.map(({ meanMs }) => meanMs))];
  const x = scale(xRange, left, left + width);
  const y = scale(yRange, top + height, top);
  const inside = ([least, most]) => TICKS.filter((tick) => tick >= least && tick <= most);
  const grid = [
    ...inside(xRange).map((tick) => [
      `<path d="M${x(tick).toFixed(1)},${top}V${top + height}" stroke="#eee"/>`,
      text(x(tick), top + height + 14, String(tick), 'text-anchor="middle"'),
    ]),
    ...inside(yRange).map((tick) => [
      `<path d="M${left},${y(tick).toFixed(1)}H${left + width}" stroke="#eee"/>`,
      text(left - 5, y(tick) + 3.5, tick < 1_000 ? `${tick} ms` : `${tick / 1_000} s`, 'text-anchor="end"'),
    ]),
  ].flat();
  const line = curve
    .map(({ requests, meanMs }, at) => `${at ? 'L' : 'M'}${x(requests).toFixed(1)},${y(meanMs).toFixed(1)}`)
    .join('');
  const isShown = ({ name }) => !/job (2|6|51)$/.test(name);
  const marks = rows.filter(isShown).map((row) => {
    const label = row.name.startsWith('every') ? row.name.slice(6) : /job (\d+)$/.exec(row.name)?.[0];
    const [px, py] = [x(row.requests), y(row.meanMs)];
    const lost = row.unseen > 0.05 ? `${Math.round(row.unseen * 100)} % never seen` : undefined;
    const said =
      lost && row.name.startsWith('document')
        ? text(px - 8, py - 6, lost, `text-anchor="end" fill="${COLORS.document}"`)
        : label
          ? text(px + 6, py + (row.name.startsWith('every') ? 10 : -5), label, `fill="${mark(row.name).color}"`)
          : '';
    return `<g><title>${escape(`${row.name}: ${row.meanMs} ms, ${row.requests} requests`)}</title>${drawn(mark(row.name), px, py)}${said}</g>`;
  });
  return [
    text(left, top - 8, PANELS[law], 'font-weight="600" font-size="12"'),
    ...grid,
    `<rect x="${left}" y="${top}" width="${width}" height="${height}" fill="none" stroke="#bbb"/>`,
    `<path d="${line}" fill="none" stroke="${COLORS.ours}" stroke-width="1.6" opacity="0.6"/>`,
    ...marks,
  ].join('\n');
}

/** The plot of what `simulation.rs` has printed. */
export function plot({ laws }) {
  const step = { x: PANEL.width + PANEL.left + 24, y: PANEL.height + PANEL.gap + 22 };
  const place = (at) => [PANEL.left + 8 + (at % 3) * step.x, PANEL.top + Math.floor(at / 3) * step.y];
  const [width, height] = [3 * step.x + 8, PANEL.top + 2 * step.y - 6];
  const [legendX, legendY] = place(5);
  const legend = [
    ['optimum', 'optimum of one who knows the agent'],
    ['eliza-jobs, job 21', 'eliza-jobs: first job, and the 21st'],
    ['line', 'eliza-jobs, 21st job, other pollCostMs'],
    ['eliza-jobs before', 'eliza-jobs 0.1, which did not learn'],
    ['document', "the Jobs API document's two strategies"],
    ['@elizaos', '@elizaos/api-client 1.7.2, two defaults'],
    ['every', 'one fixed interval'],
  ].map(([name, words], at) => {
    const y = legendY + 24 + at * 22;
    const symbol =
      name === 'line'
        ? `<path d="M${legendX + 2},${y}H${legendX + 22}" stroke="${COLORS.ours}" stroke-width="1.6" opacity="0.6"/>`
        : drawn(mark(name), legendX + 12, y);
    return `${symbol}${text(legendX + 30, y + 4, words, 'font-size="12"')}`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="10" fill="#333" role="img" aria-label="Mean delay of an answer against requests a job, for five kinds of agents">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text(
      PANEL.left + 8,
      24,
      'Mean delay of an answer (up) against requests a job (right); both scales are logarithmic, and less is better',
      'font-size="13"',
    ),
    ...laws.map((law, at) => panel(law, ...place(at))),
    ...legend,
    '</svg>\n',
  ].join('\n');
}

// By itself: writes the plot of the figures that `make bench` has left, without measuring again.
if (process.argv[1] === import.meta.filename) {
  const { readFileSync } = await import('node:fs');
  process.stdout.write(plot(JSON.parse(readFileSync('target/bench/results.json', 'utf8')).schedules));
}
