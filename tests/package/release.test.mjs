// What a release has to bring along: whence it comes, what is in it, and links that lead somewhere
// from everywhere.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { crates } from '../../scripts/notices.mjs';
import { installed } from './setting.mjs';

const { folder } = await installed('release');
const root = path.resolve(import.meta.dirname, '../..');
const read = (file) => readFileSync(path.join(folder, 'node_modules/eliza-jobs', file), 'utf8');
const manifest = JSON.parse(read('package.json'));

test('the package says whence it comes and how it is published', () => {
  for (const field of ['description', 'license', 'author', 'homepage', 'bugs', 'repository', 'keywords', 'engines']) {
    assert.ok(manifest[field], field);
  }
  assert.deepEqual(manifest.publishConfig, { access: 'public', provenance: true });
  const workflow = readFileSync(path.join(root, '.github/workflows/release.yml'), 'utf8');
  for (const words of ['id-token: write', 'npm publish --provenance', 'make test']) assert.ok(workflow.includes(words), words);
});

test('nothing of a release needs another package, or runs at its installation', () => {
  assert.deepEqual(
    ['dependencies', 'optionalDependencies', 'scripts', 'bundleDependencies'].filter((field) => field in manifest),
    [],
  );
});

test('the notices and the bill of materials name every crate of the module, with a licence', () => {
  const all = crates();
  assert.ok(all.length > 15 && all.some(({ name }) => name === 'wasm-bindgen'));
  assert.ok(
    !all.some(({ name }) => ['proptest', 'k256', 'wasm-bindgen-macro'].includes(name)),
    'a crate that is not in the module',
  );
  const notices = read('THIRD_PARTY_NOTICES');
  const bill = JSON.parse(read('sbom.cdx.json'));
  assert.deepEqual([bill.bomFormat, bill.specVersion, bill.metadata.component.version], ['CycloneDX', '1.6', manifest.version]);
  assert.match(bill.serialNumber, /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
  const purls = bill.components.map(({ purl, licenses }) => (assert.ok(licenses[0].expression, purl), purl));
  for (const { name, version } of all) {
    assert.ok(notices.includes(`\n${name} ${version} (`), name);
    assert.ok(purls.includes(`pkg:cargo/${name}@${version}`), name);
  }
  for (const words of ['Permission is hereby granted', 'CC0', "Rust's standard library"])
    assert.ok(notices.includes(words), words);
  assert.doesNotMatch(notices + read('sbom.cdx.json'), /\/(root|home|work)\//);
});

test('links of the page on the registry are absolute, and what they lead to is in the repository', () => {
  const links = [...read('README.md').matchAll(/\]\(([^)]+)\)/g)].map((match) => match[1]);
  assert.ok(links.length > 10);
  const repository = manifest.repository.url.replace(/^git\+|\.git$/g, '');
  for (const link of links) {
    assert.match(link, /^(https:|#)/);
    const [, kind, file] = link.startsWith(repository) ? /\/(blob|raw)\/main\/([^#]+)/.exec(link.slice(repository.length)) : [];
    if (!file) continue;
    assert.ok(existsSync(path.join(root, file)), link);
    // The page about a picture is not the picture.
    assert.equal(kind, /\.(webp|svg|png)$/.test(file) ? 'raw' : 'blob', link);
  }
});
