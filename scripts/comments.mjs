// No comment is wider than 100 columns. Formatters leave comments alone, so this looks.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const WIDTH = 100;
const COMMENT = /^\s*(\/\/|\/\*|\* )/;
// What cannot be wrapped: tables and drawings, words for a linter, commands to copy.
const WHOLE = /^\s*(\/\/!|\/\/|\/?\*) (\||eslint-|@ts-| {2,})|[│─►◄┘└]/;

const files = execFileSync('git', ['ls-files', '-z', '*.rs', '*.ts', '*.tsx', '*.js', '*.mjs'], { encoding: 'utf8' }).split('\0');
const tooWide = files.flatMap((file) => {
  // Made from what is checked here.
  if (!file || file === 'tests/types/golden.d.ts') return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  const isTooWide = (line) => line.length > WIDTH && COMMENT.test(line) && !WHOLE.test(line);
  return lines.flatMap((line, index) => (isTooWide(line) ? [`${file}:${index + 1}: ${line.length} columns`] : []));
});
for (const line of tooWide) console.error(line);
if (tooWide.length > 0) {
  console.error(`comments are at most ${WIDTH} columns wide`);
  process.exit(1);
}
