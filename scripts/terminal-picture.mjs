// The picture of the command line in the README, docs/terminal.svg: what a terminal shows after a
// paid job in the sandbox.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const { createSandbox, serveSandbox } = await import(path.join(root, 'pkg/sandbox-node.js'));
const QUESTION = 'What is the weather in New York?';
const ANSWER = 'Sunny, 24 °C, with a light wind from the south-west. Rain is likely after 6 pm.';

const ESCAPE = '\u001b';
/** A command of the terminal, the end of a line, the way back to its beginning, or text. */
const PIECES = new RegExp(`${ESCAPE}\\[([\\d;]*)[A-Za-z]|\\r\\n|\\r|[^${ESCAPE}\\r]+`, 'g');
/** The lines on the screen when the program has ended, each as pieces of one style. */
function screen(output) {
  const lines = [[]];
  let style = '';
  for (const [piece, codes] of output.matchAll(PIECES)) {
    if (piece === '\r\n') lines.push([]);
    // A line of progress is written over by the next one.
    else if (piece === '\r') lines[lines.length - 1] = [];
    else if (piece.startsWith(ESCAPE)) style = piece.endsWith('m') ? STYLES[codes] : style;
    else lines.at(-1).push([style, piece]);
  }
  while (lines.at(-1).length === 0) lines.pop();
  return lines;
}
const STYLES = { 0: '', 1: 'bold', 2: 'dim', 31: 'red', 32: 'green', 33: 'yellow', 36: 'cyan' };

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
function picture(lines) {
  const [width, line] = [880, 22];
  const height = line * lines.length + 64;
  const rows = lines.map((pieces, at) => {
    const spans = pieces.map(([style, text]) => `<tspan class="${style}">${escaped(text)}</tspan>`).join('');
    return `  <text x="20" y="${60 + at * line}" xml:space="preserve">${spans}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="A terminal: ${QUESTION}">
  <style>
    text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #e6e9ef; }
    .dim { fill: #8b93a5; } .green { fill: #6fd08c; } .cyan { fill: #6cc4e8; } .yellow { fill: #e8c66c; } .red { fill: #ef7d7d; } .bold { font-weight: 700; }
  </style>
  <rect width="${width}" height="${height}" rx="10" fill="#171b24"/>
  <circle cx="24" cy="22" r="6" fill="#ef6a5e"/><circle cx="44" cy="22" r="6" fill="#f4bf4f"/><circle cx="64" cy="22" r="6" fill="#61c554"/>
${rows.join('\n')}
</svg>
`;
}

const home = mkdtempSync(path.join(tmpdir(), 'eliza-jobs-'));
const { url, close } = await serveSandbox(createSandbox({ paywall: 'x402-v2', answerMs: 1200, answer: () => ANSWER, seed: 7 }));
const { host } = new URL(url);
try {
  // A terminal is what `script` gives to its command.
  const command = `${process.execPath} ${path.join(root, 'pkg/cli.js')} ask ${host} "${QUESTION}"`;
  const env = { ...process.env, HOME: home, XDG_DATA_HOME: home, TERM: 'xterm-256color', NO_COLOR: undefined };
  const child = spawn('script', ['-qec', command, '/dev/null'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the command ended with ${code}: ${output}`);
  const typed = [
    ['dim', '$ '],
    ['', `npx eliza-jobs ask localhost:3000 "${QUESTION}"`],
  ];
  writeFileSync(path.join(root, 'docs/terminal.svg'), picture([typed, ...screen(output)]));
} finally {
  await close();
  rmSync(home, { recursive: true });
}
