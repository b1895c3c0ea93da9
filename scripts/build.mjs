// The package: cargo -> wasm-bindgen -> wasm-opt -> esbuild -> pkg/ and its tarball.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { sort } from './wasm-sort.mjs';
import { decoder } from './wasm-text.mjs';

const root = path.resolve(import.meta.dirname, '..');
process.chdir(root);
// `--trap`: not the package, but one whose module can be told to trap, for the test of that; into target/trap.
const trap = process.argv.includes('--trap');
const [target, pkg] = trap ? ['target/trap', 'target/trap/pkg'] : ['target/package', 'pkg'];
const glue = `${target}/glue`;
const began = Number(process.env.BEGAN ?? Date.now() / 1000);
const step = (what) => console.log(`== [${(Date.now() / 1000 - began).toFixed(0).padStart(4)}s] ${what}`);
const run = (command, args, options) => execFileSync(command, args, { stdio: 'inherit', ...options });

step('compiling the Rust crate');
// No path of the building machine gets into the package.
const cargoHome = process.env.CARGO_HOME ?? path.join(homedir(), '.cargo');
const sysroot = execFileSync('rustc', ['--print', 'sysroot'], { encoding: 'utf8' }).trim();
const named = { [cargoHome]: 'cargo', [sysroot]: 'rust', [root]: 'eliza-jobs' };
const renamed = Object.entries(named).map(([from, to]) => `--remap-path-prefix=${from}=${to}`);
// The standard library is compiled too, without the machinery that formats a panic's message: 3 KB of the package. The flags are not
// stable yet, and RUSTC_BOOTSTRAP lets the pinned stable compiler take them; tests and lints do without them.
const immediateAbort = ['-Zunstable-options', '-Cpanic=immediate-abort', '-Zlocation-detail=none'];
// Small functions are inlined already where the compiler still sees what is copied for nothing: 1.5 KB.
const inlineEarly = ['-Zinline-mir=yes'];
const std = ['-Zbuild-std=std,panic_abort', '-Zbuild-std-features='];
const out = 'target/package-build';
run(
  'cargo',
  [
    'build',
    '--quiet',
    '--release',
    '--locked',
    '--lib',
    '--target',
    'wasm32-unknown-unknown',
    '--target-dir',
    out,
    ...std,
    ...(trap ? ['--features', 'trap'] : []),
  ],
  {
    env: {
      ...process.env,
      RUSTC_BOOTSTRAP: '1',
      CARGO_ENCODED_RUSTFLAGS: [...renamed, ...immediateAbort, ...inlineEarly].join('\x1f'),
    },
  },
);
step('wasm-bindgen, wasm-opt');
rmSync(target, { recursive: true, force: true });
run('target/tools/debug/wasm-bindgen', [
  ...['--target', 'web', '--omit-default-module-path', '--remove-producers-section', '--out-dir', glue],
  `${out}/wasm32-unknown-unknown/release/eliza_jobs.wasm`,
]);
const wasmFile = `${glue}/eliza_jobs_bg.wasm`;
const glueFile = `${glue}/eliza_jobs.js`;
const wasmOpt = (...passes) =>
  execFileSync('node_modules/.bin/wasm-opt', [...passes, wasmFile, '-o', wasmFile], { encoding: 'utf8' });
// Inlining a large function into its only caller makes the file smaller, but what compression leaves of it larger: by 2 %.
// The lowest kilobyte is the end of a stack that never gets there, so that an offset can be added to any address: 250 bytes. Functions of
// the same module stand together and are alike: 250 bytes.
wasmOpt(
  '-Oz',
  '--one-caller-inline-max-function-size=30',
  '--low-memory-unused',
  '--converge',
  '--reorder-functions-by-name',
  '-g',
);
cpSync(wasmFile, `${target}/named.wasm`); // for `make size`
// wasm-bindgen's names for what passes between the glue and the wasm end in hashes, which do not compress: two kilobytes.
const names = JSON.parse(wasmOpt('--strip-target-features', '--minify-imports-and-exports-and-modules'));
writeFileSync(glueFile, withShortNames(readFileSync(glueFile, 'utf8'), names));
writeFileSync(glueFile, asFunction(readFileSync(glueFile, 'utf8')));
const wasm = readFileSync(wasmFile);
if (wasm.includes(root) || wasm.includes(homedir())) throw new Error('a path of this machine is in the wasm');

/** The glue with the names that wasm-opt has given. */
function withShortNames(js, { imports, exports }) {
  const rename = (from, to) => {
    if (js.split(from).length !== 2) throw new Error(`wasm-bindgen's glue has changed: ${from.trim()} is not there once`);
    js = js.replace(from, () => to);
  };
  for (const [, name, short] of imports) rename(`\n        ${name}: `, `\n${short}: `);
  rename('"./eliza_jobs_bg.js": ', 'a: ');
  const short = new Map(exports);
  return js.replace(/\bwasm\.(\w+)/g, (_, name) => {
    if (!short.has(name)) throw new Error(`wasm-bindgen's glue wants ${name}, which the wasm does not have`);
    return `wasm.${short.get(name)}`;
  });
}

/**
 * The glue as a function that makes an instance: `instantiate(module, guard, clock)` gives the class; `guard` gets the module's exports and gives
 * those that the glue shall call, and `clock` has the timers that it shall use. wasm-bindgen's own glue has one instance for ever, which a trap would end for ever.
 */
function asFunction(js) {
  const [start, ...others] = [...js.matchAll(/^ {4}wasm\.(\S+)\(\);$/gm)];
  const own = js.indexOf('let wasmModule, wasmInstance, wasm;');
  const imports = js.match(/^import .*$/gm);
  if (own < 0 || !start || others.length || !imports)
    throw new Error("wasm-bindgen's glue has changed: its beginning is not there");
  const body = js
    .slice(0, own)
    .replace(/^import .*$/gm, '')
    .replace(/^export class /gm, 'class ');
  return `${imports.join('\n')}
export function instantiate(module, guard, { setTimeout, clearTimeout }) {
${body}
  const wasm = guard(new WebAssembly.Instance(module, __wbg_get_imports()).exports);
  wasm.${start[1]}();
  return Engine;
}
`;
}

step('bundling');
rmSync(pkg, { recursive: true, force: true });
mkdirSync(pkg);
/** What the sources import by a name of their own; and one copy of the snippets that wasm-bindgen copies beside its glue. */
const parts = {
  name: 'eliza-jobs',
  setup(build) {
    build.onResolve({ filter: /^eliza-jobs:glue$/ }, () => ({ path: path.resolve(glueFile) }));
    build.onResolve({ filter: /^eliza-jobs:wasm$/ }, () => ({ path: 'wasm', namespace: 'wasm' }));
    build.onLoad({ filter: /.*/, namespace: 'wasm' }, () => ({ contents: decoder(sort(wasm)) }));
    build.onResolve({ filter: /\/pkg-template\/\w+\.[jt]s$/ }, ({ path: file }) => ({
      path: path.resolve('pkg-template', path.basename(file)),
    }));
  },
};
const bundle = (entry, file, format, more) =>
  build({
    entryPoints: [`pkg-template/${entry}`],
    outfile: `${pkg}/${file}`,
    bundle: true,
    minify: true,
    format,
    platform: 'neutral',
    target: 'es2022',
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [parts],
    ...more,
  });
await bundle('index.js', 'index.js', 'esm');
if (trap) process.exit();
await bundle('index.js', 'index.cjs', 'cjs');
await bundle('wallets.ts', 'wallets.js', 'esm');
await bundle('wallets.ts', 'wallets.cjs', 'cjs');
await bundle('workerd.js', 'workerd.js', 'esm', { external: ['*.wasm'] });
cpSync(wasmFile, 'pkg/eliza_jobs_bg.wasm');
for (const file of ['index.js', 'index.cjs']) {
  const brands = readFileSync(`pkg/${file}`, 'utf8').split('eliza-jobs.${').length - 1;
  if (brands !== 1) throw new Error(`${file} holds the error classes ${brands} times`);
}

step('types');
let types = readFileSync(`${glue}/eliza_jobs.d.ts`, 'utf8');
const end = types.indexOf('export type InitInput');
if (end < 0) throw new Error("wasm-bindgen's declarations have changed: no InitInput");
types = `${types.slice(0, end).trimEnd()}\n`.replace(/^\/\* (ts|es)lint[^\n]*\n/gm, '');
// The classes have [Symbol.dispose], which not every project's `lib` knows.
types = `/// <reference lib="esnext.disposable" />\n\n${types.trimStart()}`;
for (const name of ['index.d.ts', 'index.d.cts']) writeFileSync(`pkg/${name}`, types);
for (const file of ['LICENSE', 'CHANGELOG.md', 'README.md']) cpSync(file, `pkg/${file}`);
const manifest = JSON.parse(readFileSync('pkg-template/package.json', 'utf8'));
const version = /^version = "(.*)"$/m.exec(readFileSync('Cargo.toml', 'utf8'))[1];
if (manifest.version !== version) throw new Error(`pkg-template/package.json says ${manifest.version}, Cargo.toml ${version}`);
writeFileSync('pkg/package.json', `${JSON.stringify(manifest, null, 2)}\n`);
step('packing');
run('npm', ['pack', '--silent', './pkg'], { stdio: ['ignore', 'ignore', 'inherit'] });
step(`pkg/ and eliza-jobs-${version}.tgz are ready`);
