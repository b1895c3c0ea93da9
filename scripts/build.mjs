// The package: cargo -> wasm-bindgen -> wasm-opt -> esbuild and tsc -> pkg/ and its tarball.
// docs/building.md says what each flag is for.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { build, transform } from 'esbuild';
import { asModule } from '../tools/wasm-text/encode.mjs';
import { takingUndefined, withReleaseCommented, withTagsOnLines } from './declarations.mjs';
import { billOfMaterials, notices } from './notices.mjs';

const root = path.resolve(import.meta.dirname, '..');
process.chdir(root);
// `--trap`: not the package, but one whose module can be told to trap, for the test of that; into
// target/trap.
const trap = process.argv.includes('--trap');
const [target, pkg] = trap ? ['target/trap', 'target/trap/pkg'] : ['target/package', 'pkg'];
// Files of the package that others of its files import: each stands in the package once.
const PARTS = ['errors', 'error-classes', 'job-status', 'stores', 'eliza-client', 'index', 'sandbox'];
// A module's text is one long line: it stands in a file of its own, where nothing throws.
const TEXTS = { 'eliza-jobs:wasm': 'wasm-text', 'eliza-jobs:sandbox-wasm': 'sandbox-text' };
// `--sandbox`: only the sandbox's part of a package that was built before.
const onlySandbox = process.argv.includes('--sandbox');
/** What the command line imports from the package's other files. It is for Node alone. */
const OF_CLI = ['node', 'wallets', 'sandbox-node'];
const stable = Boolean(process.env.STABLE);
const began = Number(process.env.BEGAN ?? Date.now() / 1000);
const step = (what) => console.log(`== [${(Date.now() / 1000 - began).toFixed(0).padStart(4)}s] ${what}`);
const run = (command, args, options) => execFileSync(command, args, { stdio: 'inherit', ...options });

// `--cli`: only the command line and the hook for React of a package that was built before. Nothing
// of them is Rust.
if (process.argv.includes('--cli')) {
  await bundle('cli', 'esm', OF_CLI);
  await bundle('sandbox-node', 'esm', PARTS);
  for (const format of ['esm', 'cjs']) await bundle('react', format, PARTS);
  declare();
  pack();
  process.exit();
}
if (!onlySandbox) {
  step('compiling the Rust crate');
  rmSync(target, { recursive: true, force: true });
}
const { glue, wasm } = onlySandbox ? {} : await generate(compile(), target, trap ? undefined : 'wasm');
if (!trap) step("the sandbox's module");
const sandbox = trap ? undefined : await generate(compile('sandbox/Cargo.toml'), `${target}/sandbox`, 'sandbox-wasm');
step('bundling');
if (!onlySandbox) {
  rmSync(pkg, { recursive: true, force: true });
  mkdirSync(`${pkg}/cjs`, { recursive: true });
}
if (trap) await bundle('index', 'esm', [], {});
else await finish();

/**
 * Compiles a crate, and returns the name of the wasm file. Both crates have the same profile, so
 * that they share the standard library.
 */
function compile(manifest = 'Cargo.toml') {
  const flags = renamedPaths();
  const out = `target/package-${stable ? 'stable' : 'build'}`;
  const args = ['build', '--quiet', '--release', '--locked', '--lib', '--manifest-path', manifest];
  args.push('--target', 'wasm32-unknown-unknown', '--target-dir', out);
  if (trap) args.push('--features', 'trap');
  const env = { ...process.env };
  if (!stable) {
    args.push('-Zbuild-std=std,panic_abort', '-Zbuild-std-features=optimize_for_size');
    flags.push('-Zunstable-options', '-Cpanic=immediate-abort', '-Zlocation-detail=none', '-Zinline-mir=yes');
    env.RUSTC_BOOTSTRAP = '1';
  }
  env.CARGO_ENCODED_RUSTFLAGS = flags.join('\x1f');
  run('cargo', args, { env });
  const name = /^name = "(.*)"$/m.exec(readFileSync(manifest, 'utf8'))[1].replaceAll('-', '_');
  return `${out}/wasm32-unknown-unknown/release/${name}.wasm`;
}

/** Flags by which no path of the building machine gets into the package. */
function renamedPaths() {
  const cargoHome = process.env.CARGO_HOME ?? path.join(homedir(), '.cargo');
  const sysroot = execFileSync('rustc', ['--print', 'sysroot'], { encoding: 'utf8' }).trim();
  const renamed = { [cargoHome]: 'cargo', [sysroot]: 'rust', [root]: 'eliza-jobs' };
  return Object.entries(renamed).map(([from, to]) => `--remap-path-prefix=${from}=${to}`);
}

/**
 * A module: the glue, and the name of the wasm file that belongs to it.
 *
 * @param folder Where it is made.
 * @param declarations What its declarations are to be called; without it they are not made.
 */
async function generate(compiled, folder, declarations) {
  step('wasm-bindgen, wasm-opt');
  const name = path.basename(compiled, '.wasm');
  const bindgen = (kind, to, ...more) =>
    run('target/tools/debug/wasm-bindgen', ['--target', kind, '--out-dir', `${folder}/${to}`, ...more, compiled]);
  bindgen('no-modules', 'glue', '--omit-default-module-path', '--remove-producers-section', '--no-typescript');
  // This target's declarations are those of the crate alone, without functions that load it.
  if (declarations) {
    bindgen('bundler', 'declarations');
    mkdirSync('target/declarations/wasm', { recursive: true });
    cpSync(`${folder}/declarations/${name}.d.ts`, `target/declarations/wasm/${declarations}.d.ts`);
  }
  const [from, named, wasm] = [`glue/${name}_bg.wasm`, 'named.wasm', `${name}_bg.wasm`].map((file) => `${folder}/${file}`);
  const wasmOpt = (...args) => execFileSync('node_modules/.bin/wasm-opt', args, { encoding: 'utf8' });
  const smaller = [
    '--flatten',
    '--rereloop',
    '-Oz',
    '-Oz',
    '--one-caller-inline-max-function-size=40',
    // These two make the module smaller, and larger once it is compressed.
    '--skip-pass=local-cse',
    '--skip-pass=simplify-locals',
    '--low-memory-unused',
  ];
  wasmOpt(...smaller, '--reorder-functions-by-name', '-g', from, '-o', named); // named: for `make size`
  const short = ['--strip-debug', '--strip-target-features', '--minify-imports-and-exports-and-modules'];
  const names = JSON.parse(wasmOpt(...short, named, '-o', wasm));
  const bytes = readFileSync(wasm);
  if (bytes.includes(root) || bytes.includes(homedir())) throw new Error('a path of this machine is in the wasm');
  const glue = readFileSync(`${folder}/glue/${name}.js`, 'utf8');
  return { glue: await withShortNames(glue, `./${name}_bg.js`, names), wasm };
}

/**
 * The glue with wasm-opt's names for what passes between it and the wasm: esbuild renames
 * properties by such a list.
 */
async function withShortNames(glue, module, { imports, exports }) {
  const renamed = {
    [module]: 'a',
    ...Object.fromEntries([...imports.map(([, from, to]) => [from, to]), ...exports]),
  };
  const mangleProps = new RegExp(`^(${Object.keys(renamed).join('|').replaceAll('.', '\\.')})$`);
  const { code } = await transform(glue, { mangleProps, mangleQuoted: true, mangleCache: renamed });
  return code;
}

/**
 * wasm-bindgen's glue is a script that holds one instance for ever; in a function it can run again
 * after a trap. The parameters hide globals from it: `document` has the script's own address, which
 * the glue would fetch the wasm from.
 */
function glueModule(glue) {
  return `export function makeGlue(WebAssembly, setTimeout, clearTimeout, host, document) {
${glue}
return wasm_bindgen;
}`;
}

/**
 * Bundles a file of pkg-template, but for the `parts` and `texts`, which it imports. The code stays
 * readable: what signs people's money can be read, and where it throws, Node prints a line of it.
 * Pages get it minified by their own bundler.
 */
async function bundle(entry, format, parts, texts = TEXTS) {
  const templates = path.resolve('pkg-template');
  // Cloudflare Workers compile nothing at run time: there a .wasm import is a compiled module.
  const wasmModule = (wasm) =>
    entry.endsWith('workerd')
      ? { contents: `import module from './${path.basename(wasm)}'; export const wasm = () => module;`, resolveDir: root }
      : { contents: asModule(readFileSync(wasm)), resolveDir: path.resolve('tools/wasm-text') };
  const modules = {
    'eliza-jobs:glue': () => ({ contents: glueModule(glue) }),
    'eliza-jobs:wasm': () => wasmModule(wasm),
    'eliza-jobs:sandbox-glue': () => ({ contents: glueModule(sandbox.glue) }),
    'eliza-jobs:sandbox-wasm': () => wasmModule(sandbox.wasm),
  };
  const generated = {
    name: 'generated modules',
    setup(build) {
      build.onResolve({ filter: /^\.\.?\/[a-z-]+\.js$/ }, ({ path: name, kind, resolveDir }) => {
        const part = path.relative(templates, path.resolve(resolveDir, name)).slice(0, -'.js'.length);
        return kind !== 'entry-point' && parts.includes(part) ? { path: `./${part}.js`, external: true } : undefined;
      });
      build.onResolve({ filter: /^eliza-jobs:/ }, ({ path, kind }) =>
        path in texts && kind !== 'entry-point'
          ? { path: `./${texts[path]}.js`, external: true }
          : { path, namespace: 'generated' },
      );
      build.onLoad({ filter: /.*/, namespace: 'generated' }, ({ path }) => modules[path]());
    },
  };
  const text = Object.keys(TEXTS).find((module) => TEXTS[module] === entry);
  await build({
    entryPoints: [text ?? `./pkg-template/${entry}`],
    outfile: `${pkg}/${format === 'cjs' ? 'cjs/' : ''}${entry}.js`,
    bundle: true,
    format,
    // Only for Node does esbuild say in CommonJS what a file exports, which imports of Node's need.
    platform: format === 'cjs' ? 'node' : 'neutral',
    target: 'es2022',
    // Metro's preset for React Native does not know them.
    supported: { 'class-static-blocks': false },
    external: ['*.wasm', 'node:*', 'react'],
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [generated],
  });
}

/** The whole package. */
async function finish() {
  const ofSandbox = (entry) => entry.startsWith('sandbox');
  for (const format of ['esm', 'cjs']) {
    for (const entry of [...PARTS, ...Object.values(TEXTS), 'node', 'wallets', 'react', 'sandbox-node']) {
      // The wallets stand in the package once, too.
      if (!onlySandbox || ofSandbox(entry)) await bundle(entry, format, entry === 'node' ? [...PARTS, 'wallets'] : PARTS);
    }
  }
  await bundle('cli', 'esm', OF_CLI);
  // Workers are uploaded as single modules: these are whole.
  for (const entry of ['workerd', 'sandbox-workerd']) {
    if (!onlySandbox || ofSandbox(entry)) await bundle(entry, 'esm', [], {});
  }
  for (const file of onlySandbox ? [sandbox.wasm] : [wasm, sandbox.wasm]) cpSync(file, `pkg/${path.basename(file)}`);
  declare();
  writeFileSync('pkg/THIRD_PARTY_NOTICES', notices());
  pack();
}

/** The declarations. */
function declare() {
  step('types');
  const declarations = 'target/declarations/typescript';
  rmSync(declarations, { recursive: true, force: true });
  run('node_modules/.bin/tsc', ['--project', 'pkg-template/tsconfig.declarations.json']);
  for (const entry of ['index', 'node']) cpSync('pkg-template/public.d.ts', `${declarations}/${entry}.d.ts`);
  for (const file of ['wasm', 'sandbox-wasm']) cpSync(`target/declarations/wasm/${file}.d.ts`, `${declarations}/${file}.d.ts`);
  const entries = ['index', 'node', 'wallets', 'react', 'error-classes', 'sandbox'];
  // The folder's own package.json makes CommonJS of the same files.
  for (const file of reachable(
    declarations,
    entries.map((entry) => `${entry}.d.ts`),
  )) {
    const text = withReleaseCommented(withTagsOnLines(takingUndefined(readFileSync(`${declarations}/${file}`, 'utf8'))));
    for (const folder of ['pkg', 'pkg/cjs']) {
      mkdirSync(path.dirname(`${folder}/${file}`), { recursive: true });
      writeFileSync(`${folder}/${file}`, text);
    }
  }
}

/** What stands beside the code, and the tarball. */
function pack() {
  for (const file of ['LICENSE', 'CHANGELOG.md']) cpSync(file, `pkg/${file}`);
  const manifest = JSON.parse(readFileSync('pkg-template/package.json', 'utf8'));
  const version = /^version = "(.*)"$/m.exec(readFileSync('Cargo.toml', 'utf8'))[1];
  if (manifest.version !== version) throw new Error(`pkg-template/package.json says ${manifest.version}, Cargo.toml ${version}`);
  const write = (file, value) => writeFileSync(`pkg/${file}`, `${JSON.stringify(value, null, 2)}\n`);
  write('package.json', manifest);
  write('sbom.cdx.json', billOfMaterials(manifest));
  // On the registry's page a relative link leads nowhere.
  const repository = manifest.repository.url.replace(/^git\+|\.git$/g, '');
  const readme = readFileSync('README.md', 'utf8')
    // A picture is shown from where its bytes are, not from the page about it.
    .replace(/!\[([^\]]*)\]\((?!https?:)([^)]+)\)/g, `![$1](${repository}/raw/main/$2)`)
    .replace(/\]\((?!https?:|#)([^)]+)\)/g, `](${repository}/blob/main/$1)`);
  writeFileSync('pkg/README.md', readme);
  write('cjs/package.json', { type: 'commonjs' });
  step('packing');
  const tarball = `eliza-jobs-${version}.tgz`;
  run('npm', ['pack', '--silent', './pkg'], { stdio: ['ignore', 'ignore', 'inherit'] });
  step(`pkg/ and ${tarball} are ready`);
}

/** These declaration files, and those that they import from. */
function reachable(folder, files) {
  const found = new Set(files);
  for (const file of found) {
    const imports = readFileSync(`${folder}/${file}`, 'utf8').matchAll(/(?:from|import\() ?'(\.[^']*)\.js'/g);
    for (const [, imported] of imports) found.add(path.posix.join(path.posix.dirname(file), `${imported}.d.ts`));
  }
  return found;
}
