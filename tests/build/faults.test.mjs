// docs/faults.md: every fault names its tests, and every test that it names is there.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { names } from './test-names.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const page = readFileSync(path.join(root, 'docs/faults.md'), 'utf8');
const faults = page.split(/^### /m).slice(1);

test('the page has the faults that this package is made for', () => {
  assert.ok(faults.length >= 65, `${faults.length} faults`);
  const titles = faults.map((fault) => fault.split('\n', 1)[0]);
  assert.equal(new Set(titles).size, titles.length, 'each title is an anchor of its own');
});

for (const fault of faults) {
  const [title] = fault.split('\n', 1);
  test(`“${title}” names tests that are there`, () => {
    const found = [...fault.matchAll(/\]\(\.\.\/([^)]+)\)((?:,? “[^”]+”)+)/g)].flatMap(([, file, list]) =>
      [...list.matchAll(/“([^”]+)”/g)].map(([, name]) => [file, name]),
    );
    assert.ok(found.length > 0, 'no test');
    for (const [file, name] of found) assert.ok(names(path.join(root, file)).includes(name), `${file} has no test "${name}"`);
  });
}

test('no test is named by its number in a list', () => {
  assert.doesNotMatch(page, /\brows? \d/);
});
