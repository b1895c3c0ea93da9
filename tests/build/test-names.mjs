// The names of a file's tests, as they are written there.
import { readFileSync } from 'node:fs';

/**
 * The names of the tests of a file of Rust, or of one for Node's test runner: of tables of tests
 * too, whose rows begin with the name.
 */
export function names(file) {
  const pattern = file.endsWith('.rs')
    ? /#\[test\]\s+fn (?<name>\w+)\(/g
    : /^\s*(?:test\(\s*|\[\s*)(?<quote>['"`])(?<name>(?:\\.|(?!\k<quote>).)*)\k<quote>/gm;
  return [...readFileSync(file, 'utf8').matchAll(pattern)].map(({ groups }) => groups.name.replace(/\\(.)/g, '$1'));
}
