// What is in the wasm beside our own code: the licences of its crates, and a bill of materials
// (CycloneDX).
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const TARGET = 'wasm32-unknown-unknown';
const run = (command, ...args) => execFileSync(command, args, { encoding: 'utf8', maxBuffer: 1e9 });

/** The package's module, and the sandbox's. */
const MANIFESTS = ['Cargo.toml', 'sandbox/Cargo.toml'];

/**
 * The crates that are compiled into the modules; what only runs in the build (macros) is not in
 * them.
 */
export function crates() {
  const all = new Map(MANIFESTS.flatMap(cratesOf).map((crate) => [`${crate.name} ${crate.version}`, crate]));
  return [...all.values()].sort((one, other) => (`${one.name} ${one.version}` < `${other.name} ${other.version}` ? -1 : 1));
}

function cratesOf(manifest) {
  const tree = ['tree', '--locked', '-e', 'normal,no-proc-macro', '--target', TARGET, '--prefix', 'none', '--format', '{p}'];
  tree.push('--manifest-path', manifest);
  const there = new Set(
    run('cargo', ...tree)
      .split('\n')
      .map((line) => line.split(' ').slice(0, 2).join(' ')),
  );
  const asked = ['metadata', '--locked', '--format-version', '1', '--filter-platform', TARGET, '--manifest-path', manifest];
  const { packages } = JSON.parse(run('cargo', ...asked));
  return packages
    .filter(({ name, version, source }) => source && there.has(`${name} v${version}`))
    .map(({ name, version, license, authors, repository, manifest_path }) => ({
      ...{ name, version, license: license.replace('/', ' OR '), authors, repository },
      texts: texts(path.dirname(manifest_path)),
    }));
}

/** The texts of a crate's licences; of several to choose from, the MIT licence. */
function texts(folder) {
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file));
  const wanted = files.filter((file) => !/apache/i.test(file) || files.length === 1);
  return wanted.sort().map((file) => readFileSync(path.join(folder, file), 'utf8').trim());
}

/** The standard library's own version. */
const rust = () => /^rustc (\S+)/.exec(run('rustc', '--version'))[1];

/** The text of THIRD_PARTY_NOTICES. */
export function notices() {
  const mit = readFileSync('LICENSE', 'utf8')
    .replace(/^[\s\S]*?(?=Permission)/, '')
    .trim();
  const library = {
    name: "Rust's standard library",
    version: rust(),
    license: 'MIT OR Apache-2.0',
    authors: ['The Rust Project Contributors'],
  };
  const byText = new Map();
  for (const { authors, texts = [], ...crate } of [...crates(), library]) {
    // A crate without the text of its licence: it is the MIT licence, with its authors as the
    // holders.
    const own = texts.length > 0 ? texts : [`Copyright (c) ${authors.join(', ') || `the authors of ${crate.name}`}\n\n${mit}`];
    const text = own.join('\n\n');
    byText.set(text, [...(byText.get(text) ?? []), crate]);
  }
  const parts = [...byText].map(([text, of]) => {
    const names = of.map(
      ({ name, version, license, repository }) => `${name} ${version} (${license})${repository ? ` ${repository}` : ''}`,
    );
    return `${names.join('\n')}\n\n${text}`;
  });
  const line = '-'.repeat(80);
  const head =
    'The WebAssembly modules of eliza-jobs contain the following software. Where there is a choice, it is used under the MIT licence.';
  return `${[head, ...parts].join(`\n\n${line}\n\n`)}\n`;
}

/**
 * The bill of materials. The same for the same sources: it has no time, and its serial number comes
 * from its content.
 */
export function billOfMaterials({ name, version, license }) {
  const component = (type, purl, { name, version, license }) => ({
    ...{ type, 'bom-ref': purl, name, version, purl },
    licenses: [{ expression: license }],
  });
  const parts = crates().map((crate) => component('library', `pkg:cargo/${crate.name}@${crate.version}`, crate));
  const std = { name: 'rust-std', version: rust(), license: 'MIT OR Apache-2.0' };
  parts.push(component('library', `pkg:generic/rust-std@${std.version}`, std));
  const own = `pkg:npm/${name}@${version}`;
  const body = {
    metadata: { component: component('library', own, { name, version, license }) },
    components: parts,
    dependencies: [{ ref: own, dependsOn: parts.map((part) => part.purl) }],
  };
  const hash = createHash('sha256').update(JSON.stringify(body)).digest('hex');
  const serial = /^(.{8})(.{4}).(.{3}).(.{3})(.{12})/.exec(hash).slice(1);
  const uuid = `${serial[0]}-${serial[1]}-5${serial[2]}-8${serial[3]}-${serial[4]}`;
  return { bomFormat: 'CycloneDX', specVersion: '1.6', serialNumber: `urn:uuid:${uuid}`, version: 1, ...body };
}
