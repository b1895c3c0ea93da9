// What the documentation points at is there: files, headings, and the tests that
// docs/conformance.md names.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { names } from './test-names.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const read = (file) => readFileSync(path.join(root, file), 'utf8');
const texts = readdirSync(path.join(root, 'docs')).filter((name) => name.endsWith('.md'));
const pages = ['README.md', ...texts.map((name) => `docs/${name}`)];
/** As headings are linked to. */
const anchor = (heading) =>
  heading
    .toLowerCase()
    .replaceAll('`', '')
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');

for (const page of pages) {
  test(`every link of ${page} leads somewhere`, () => {
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)];
    assert.ok(links.length > 0);
    for (const [link, file, heading] of links) {
      const target = file ? path.join(path.dirname(page), file) : page;
      assert.ok(existsSync(path.join(root, target)), link);
      const headings = heading ? [...read(target).matchAll(/^#+ (.*)/gm)].map((match) => anchor(match[1])) : [];
      assert.ok(!heading || headings.includes(heading), link);
    }
  });
}

test('every row of docs/conformance.md names what keeps it, and every test that it names is there', () => {
  const page = read('docs/conformance.md');
  const rows = page.split('\n').filter((line) => line.startsWith('| ') && !/^\| (---|the document says)/.test(line));
  assert.ok(rows.length > 20);
  for (const row of rows) assert.match(row, /“|\]\(\.\.\/examples\//, row);
  // “…” after a link to a file is the name of a test in it.
  const named = [...page.matchAll(/\]\(\.\.\/(tests\/[^)]+)\) “([^”]+)”/g)];
  assert.ok(named.length > rows.length);
  for (const [, file, name] of named) assert.ok(names(path.join(root, file)).includes(name), `${file} has no test "${name}"`);
});

test('every code has an entry in docs/errors.md, where messages lead', () => {
  const codes = [...read('src/api/error.rs').matchAll(/^ +\w+ = "(\w+)", (?:true|false);/gm)].map((match) => match[1]);
  assert.ok(codes.length > 40);
  const page = read('docs/errors.md');
  for (const code of codes) assert.equal(page.split(`<a id="${code}"></a>`).length, 2, code);
  const [repository] = JSON.parse(read('pkg-template/package.json')).repository.url.match(/https:.*(?=\.git$)/);
  assert.ok(read('pkg-template/errors.ts').includes(`'${repository}/blob/main/docs/errors.md'`));
});
