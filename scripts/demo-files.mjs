// The demo page's files as a careful host serves them: bundled, minified, and each part of the
// package a file of its own, which the page loads when it needs it. `www/` works as it is too; this
// is what it weighs less by.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

const www = path.resolve(import.meta.dirname, '../www');
/** What pages begin with. The rest is what these import. */
const ENTRIES = ['main.js', 'inner.js', 'style.css'];
/** The folder of the files whose names change with what is in them. */
export const CHUNKS = '/chunks/';

const built = new Map();

/**
 * The files by their paths, such as `/main.js`. They are built once for each version of `www/`.
 *
 * @param installed The folder of the package.
 */
export async function demoFiles(installed) {
  const version = `${installed}:${readdirSync(www).map((name) => statSync(path.join(www, name)).mtimeMs)}`;
  if (!built.has(version)) built.set(version, bundled(installed));
  return built.get(version);
}

async function bundled(installed) {
  const files = new Map([...pages()]);
  const { outputFiles } = await build({
    entryPoints: ENTRIES,
    absWorkingDir: www,
    outdir: www,
    write: false,
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'warning',
    chunkNames: `${CHUNKS.slice(1)}[name]-[hash]`,
    plugins: [packageIn(installed)],
  });
  for (const { path: file, contents } of outputFiles) {
    files.set(`/${path.relative(www, file).split(path.sep).join('/')}`, Buffer.from(contents));
  }
  return files;
}

/** The HTML, without its indentation. */
function* pages() {
  for (const name of readdirSync(www)) {
    if (!name.endsWith('.html')) continue;
    const text = readFileSync(path.join(www, name), 'utf8');
    yield [`/${name}`, Buffer.from(text.replace(/\n\s+/g, '\n'))];
  }
}

/** The page imports the package from the folder beside it. */
function packageIn(installed) {
  return {
    name: 'the package',
    setup({ onResolve }) {
      onResolve({ filter: /^\.\/eliza-jobs\// }, ({ path: name }) => ({
        path: path.join(installed, name.slice('./eliza-jobs/'.length)),
      }));
    },
  };
}
