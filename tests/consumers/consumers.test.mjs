// The packed package in runtimes, bundlers and test runners: each does one paid job.
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { consumer, inPage, pageOf, refusal, run, said, serve, server, workshop } from './harness.mjs';

const { folder, installed, out, project, tool, versionOf } = workshop('.');
const bin = (name) => path.join(folder, 'node_modules', name);
const program = async (command, ...args) => (await run(command, args, { cwd: out })).stdout;

const nodes = [
  [process.execPath, process.versions.node.split('.')[0]],
  ...['22', '24', '26'].map((version) => [bin(`node-${version}/bin/node`), version]),
];
for (const [node, version] of nodes) {
  consumer(`Node ${version}`, 'import', (question) => program(node, project('program.js'), server.url, question));
  consumer(`Node ${version}`, 'require, with `fileStore`', (question) =>
    program(node, project('program.cjs'), server.url, question, path.join(out, `payments-${version}`)),
  );
  consumer(`Node ${version}`, 'names of the CommonJS files in an import', (question) =>
    program(node, project('names-from-esm.js'), server.url, question),
  );
}
for (const [node, version] of nodes) {
  test(`a client without a store makes Node ${version} say nothing`, async () => {
    const code = `import { JobsClient } from 'eliza-jobs';
import { createSandbox } from 'eliza-jobs/sandbox';
const { url, fetch } = createSandbox();
console.log(await new JobsClient({ baseUrl: url, fetch }).ask('hi'));`;
    const { stdout, stderr } = await run(node, ['--input-type=module', '-e', code], { cwd: path.dirname(project('program.js')) });
    assert.match(stdout, /^You asked: "hi"/);
    assert.equal(stderr, '');
  });
}
consumer(`Bun ${versionOf('@oven/bun-linux-x64')}`, 'import', (question) =>
  program(bin('@oven/bun-linux-x64/bin/bun'), project('program.js'), server.url, question),
);
consumer(`Deno ${versionOf('deno')}`, 'import', (question) =>
  program(
    bin('@deno/linux-x64-glibc/deno'),
    'run',
    '--allow-net',
    '--allow-env',
    '--allow-read',
    project('program.js'),
    server.url,
    question,
  ),
);

const { build } = await tool('esbuild');
const bundle = (entry, outfile, options) =>
  build({ entryPoints: [project(entry)], outfile, bundle: true, logLevel: 'error', ...options });

consumer(`Vercel's edge runtime ${versionOf('edge-runtime')}`, 'a handler of requests', async (question) => {
  const outfile = path.join(out, 'edge.js');
  await bundle('edge.js', outfile, { format: 'iife', conditions: ['edge-light', 'worker', 'browser'] });
  const { EdgeRuntime } = await tool('edge-runtime');
  const runtime = new EdgeRuntime({ initialCode: readFileSync(outfile, 'utf8') });
  const url = `http://h/?server=${encodeURIComponent(server.url)}&question=${encodeURIComponent(question)}`;
  const response = await runtime.dispatchFetch(url);
  return response.text();
});

const esbuild = `esbuild ${versionOf('esbuild')}`;
consumer(esbuild, 'a page', async (question) => {
  const folder = pageOf(path.join(out, 'esbuild'));
  await bundle('page.js', path.join(folder, 'page.js'), { format: 'esm', minify: true });
  return inPage(folder, question);
});
for (const format of ['esm', 'cjs']) {
  consumer(esbuild, `a program for Node (${format})`, async (question) => {
    const outfile = path.join(out, `program.${format === 'esm' ? 'mjs' : 'cjs'}`);
    await bundle(format === 'esm' ? 'program.js' : 'program.cjs', outfile, { format, platform: 'node', minify: true });
    return program(process.execPath, outfile, server.url, question, path.join(out, 'payments-esbuild'));
  });
}
consumer(`Rollup ${versionOf('rollup')}`, 'a page', async (question) => {
  const [{ rollup }, { default: nodeResolve }] = [await tool('rollup'), await tool('@rollup/plugin-node-resolve')];
  const folder = pageOf(path.join(out, 'rollup'));
  const warnings = [];
  const bundle = await rollup({
    input: project('page.js'),
    plugins: [nodeResolve({ browser: true })],
    onwarn: ({ message }) => warnings.push(message),
  });
  await bundle.write({ file: path.join(folder, 'page.js'), format: 'es' });
  assert.deepEqual(warnings, []);
  return inPage(folder, question);
});
for (const [target, how] of [
  ['web', 'a page'],
  ['node', 'a program for Node'],
]) {
  consumer(`webpack ${versionOf('webpack')}`, how, async (question) => {
    const { default: webpack } = await tool('webpack');
    const folder = pageOf(path.join(out, `webpack-${target}`));
    const entry = project(target === 'web' ? 'page.js' : 'program.js');
    const output = { path: folder, filename: target === 'web' ? 'page.js' : 'program.cjs' };
    const options = { mode: 'production', context: path.dirname(entry), entry, target, output, performance: false };
    const stats = await new Promise((done, failed) =>
      webpack(options, (error, stats) =>
        error ? failed(error) : done(stats.toJson({ all: false, errors: true, warnings: true })),
      ),
    );
    assert.deepEqual([stats.errors, stats.warnings], [[], []]);
    if (target === 'web') return inPage(folder, question);
    return program(process.execPath, path.join(folder, 'program.cjs'), server.url, question);
  });
}

const vite = `Vite ${versionOf('vite')}`;
const viteRoot = () => {
  for (const file of ['page.js', 'ask.js', 'worker-page.js', 'worker.js'])
    copyFileSync(project(file), path.join(out, 'vite', file));
  return path.join(out, 'vite');
};
const viteOptions = (name) => ({
  ...{ root: viteRoot(), logLevel: 'error', configFile: false, cacheDir: path.join(out, `.vite-${name}`) },
  resolve: { alias: [{ find: /^eliza-jobs(\/wallets)?$/, replacement: path.join(folder, 'node_modules', 'eliza-jobs$1') }] },
});
pageOf(path.join(out, 'vite'));
consumer(vite, 'build', async (question) => {
  const { build } = await tool('vite');
  const outDir = path.join(out, 'vite-build');
  await build({ ...viteOptions('build'), build: { outDir } });
  return inPage(outDir, question);
});
consumer(vite, 'dev', async (question) => {
  const { createServer } = await tool('vite');
  const dev = await createServer({ ...viteOptions('dev'), server: { host: '127.0.0.1', port: 0, hmr: false } });
  await dev.listen();
  try {
    return await said(`http://127.0.0.1:${dev.httpServer.address().port}/`, question);
  } finally {
    await dev.close();
  }
});
consumer(vite, 'server-side rendering', async (question) => {
  const { createServer } = await tool('vite');
  const dev = await createServer({
    ...viteOptions('ssr'),
    server: { middlewareMode: true, hmr: false, ws: false },
    appType: 'custom',
  });
  try {
    const { ask } = await dev.ssrLoadModule('/ask.js');
    return await ask(server.url, question);
  } finally {
    await dev.close();
  }
});
consumer(vite, 'a worker', async (question) => {
  const { build } = await tool('vite');
  const options = viteOptions('worker');
  pageOf(options.root, '<script type="module" src="/worker-page.js"></script>');
  const outDir = path.join(out, 'vite-worker');
  await build({ ...options, worker: { format: 'es' }, build: { outDir } });
  pageOf(options.root);
  return inPage(outDir, question);
});

consumer(`Vitest ${versionOf('vitest')}`, 'with jsdom', async (question, wanted) => {
  const environment = { ...process.env, SERVER: server.url, QUESTION: question, WANTED: wanted, CI: 'true' };
  const args = [bin('vitest/vitest.mjs'), 'run', '--environment=jsdom', '--root', path.join(folder, 'projects')];
  // The newest Node: there the signals of jsdom are refused by fetch.
  await run(bin('node-24/bin/node'), args, { cwd: folder, env: environment });
  return wanted;
});

// Pages without a bundler.
const IMPORTS =
  '<script type="importmap">{"imports":{"eliza-jobs":"/eliza-jobs/index.js","eliza-jobs/wallets":"/eliza-jobs/wallets.js"}}</script>';
async function plain(question, { script, headers, prepare, files = ['page.js', 'ask.js'] } = {}) {
  const folder = pageOf(path.join(out, 'plain'), `${IMPORTS}${script ?? '<script type="module" src="/page.js"></script>'}`);
  for (const file of files) copyFileSync(project(file), path.join(folder, file));
  const site = await serve(folder, { headers, also: { '/eliza-jobs/': installed } });
  try {
    return await said(site.url, question, prepare);
  } finally {
    site.close();
  }
}
const policy = (more) => ({
  'content-security-policy': `default-src 'self'; script-src 'self' 'unsafe-inline'${more}; connect-src *; img-src data:`,
});
consumer('A page without a bundler', 'an import map', (question) => plain(question));
consumer('A page without a bundler', "a Content-Security-Policy with 'wasm-unsafe-eval'", (question) =>
  plain(question, { headers: policy(" 'wasm-unsafe-eval'") }),
);
refusal(
  'A page without a bundler',
  "a Content-Security-Policy without 'wasm-unsafe-eval'",
  /init_failed: .*add 'wasm-unsafe-eval' to script-src/,
  () => plain('', { headers: policy('') }),
);
refusal('A page without a bundler', 'no WebAssembly', /init_failed: eliza-jobs needs WebAssembly/, () =>
  plain('', { prepare: (page) => page.addInitScript(() => delete globalThis.WebAssembly) }),
);
consumer('A page without a bundler', 'storage forbidden', (question) =>
  plain(question, {
    prepare: (page) =>
      page.addInitScript(() =>
        Object.defineProperty(globalThis, 'localStorage', {
          get() {
            throw new DOMException('denied', 'SecurityError');
          },
        }),
      ),
  }),
);
consumer('A page without a bundler', 'a sandboxed iframe', async (question) => {
  // Its origin is none, so that its scripts come with CORS; it tells the page around it.
  const inner = `<iframe sandbox="allow-scripts" srcdoc='${IMPORTS}<script type="module">
    import { ask } from "/ask.js";
    const query = new URLSearchParams(location.hash || parent.name);
    addEventListener("message", ({ data: [server, question] }) =>
      ask(server, question).then((said) => parent.postMessage(said, "*"), (error) => parent.postMessage("failed: " + error.message, "*")));
    parent.postMessage("ready", "*");
  </script>'></iframe><script>
    const query = new URLSearchParams(location.search);
    addEventListener('message', ({ data, source }) =>
      data === 'ready' ? source.postMessage([query.get('server'), query.get('question')], '*') : (document.title = data));
  </script>`.replace('    const query = new URLSearchParams(location.hash || parent.name);\n', '');
  return plain(question, { script: inner, headers: { 'access-control-allow-origin': '*' } });
});
const bundledWorker = async (entry) => {
  await bundle(entry, path.join(out, 'plain', entry), { format: 'esm' });
  return [];
};
const fromPage = (script) => `<script type="module">
  const query = new URLSearchParams(location.search);
  const given = [query.get('server'), query.get('question')];
  const said = ({ data }) => (document.title = data);
  ${script}
</script>`;
consumer('A page without a bundler', 'a shared worker', async (question) =>
  plain(question, {
    files: await bundledWorker('shared-worker.js'),
    script: fromPage(`const { port } = new SharedWorker('/shared-worker.js', { type: 'module' });
      port.onmessage = said;
      port.postMessage(given);`),
  }),
);
consumer('A page without a bundler', 'a service worker', async (question) =>
  plain(question, {
    files: await bundledWorker('service-worker.js'),
    script: fromPage(`await navigator.serviceWorker.register('/service-worker.js', { type: 'module' });
      const { active } = await navigator.serviceWorker.ready;
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = said;
      active.postMessage(given, [port2]);`),
  }),
);
