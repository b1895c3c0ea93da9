// The package's types against the golden file, so that a change of them is seen and meant.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const GOLDEN = 'tests/types/golden.d.ts';

/** A file's declarations, and those of the files that it exports from. */
function declarations(file, seen = new Set()) {
  if (seen.has(file)) return '';
  seen.add(file);
  const text = readFileSync(file, 'utf8');
  const others = [...text.matchAll(/^export [^;]*? from '(.*)\.js';$/gm)];
  return [text, ...others.map(([, other]) => declarations(path.join(path.dirname(file), `${other}.d.ts`), seen))].join('\n\n');
}
const types = ['index', 'react', 'sandbox'].map((entry) => declarations(`pkg/${entry}.d.ts`)).join('\n\n');
// wasm-bindgen's order of the declarations is not stable; each stands for itself.
const sorted = (text) =>
  text
    .replace(/^(\/\/ |\/\* (ts|es)lint|export (type )?\*).*\n/gm, '')
    .split(/\n\n+(?=\/\*\*|export)/)
    .map((part) => part.trim())
    .filter(Boolean)
    .sort()
    .join('\n\n') + '\n';
if (process.argv.includes('--write')) {
  writeFileSync(GOLDEN, sorted(types));
} else if (sorted(types) !== readFileSync(GOLDEN, 'utf8')) {
  console.error(
    `the declarations in pkg/ differ from ${GOLDEN}; look at "make golden && git diff", and commit it when it is meant`,
  );
  process.exit(1);
}
