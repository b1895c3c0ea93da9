// The package's types against the golden file: a change of the public face must be seen and meant.
import { readFileSync, writeFileSync } from 'node:fs';

const GOLDEN = 'tests/types/golden.d.ts';
const types = readFileSync('pkg/index.d.ts', 'utf8');
// wasm-bindgen orders the declarations as it likes; each stands for itself.
const sorted = (text) =>
  text
    .split(/\n\n(?=\/\*\*|export)/)
    .map((part) => part.trim())
    .sort()
    .join('\n\n') + '\n';
if (process.argv.includes('--write')) {
  writeFileSync(GOLDEN, sorted(types));
} else if (sorted(types) !== readFileSync(GOLDEN, 'utf8')) {
  console.error(`pkg/index.d.ts differs from ${GOLDEN}; look at "make golden && git diff", and commit it when it is meant`);
  process.exit(1);
}
