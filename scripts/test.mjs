// Runs the suites one after the other and adds up what they counted: all of them, or those that are
// named.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { freePort } from './free-port.mjs';

process.chdir(path.resolve(import.meta.dirname, '..'));
const inWasm = (runtime, test) => ['wasm-pack', 'test', '--mode', 'no-install', ...runtime, '--', '--locked', '--test', test];
/** The files of a folder by name: Node 20 knows no patterns. */
const inNode = (folder, atOnce = 1) => {
  const files = readdirSync(`tests/${folder}`).filter((file) => file.endsWith('.test.mjs'));
  return [
    'node',
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${atOnce}`,
    ...files.map((file) => `tests/${folder}/${file}`),
  ];
};
const suites = {
  host: ['cargo', 'test', '--locked', '--lib', '--test', 'scenarios'],
  sandbox: ['cargo', 'test', '--locked', '--manifest-path', 'sandbox/Cargo.toml', '--target-dir', 'target/sandbox'],
  node: inWasm(['--node'], 'node'),
  chromium: inWasm(['--headless', '--chrome'], 'browser'),
  firefox: inWasm(['--headless', '--firefox'], 'browser'),
  build: inNode('build'),
  types: inNode('types'),
  package: inNode('package', 2),
  seed: inNode('seed'),
  document: ['node', '--test', '--test-reporter=spec', 'scripts/seed-doc.mjs'],
  consumers: inNode('consumers'),
  frameworks: inNode('consumers/frameworks'),
  examples: inNode('examples'),
  page: inNode('browser', 2),
};
/** Longer than any suite takes on a slow machine, compiling included. */
const LIMIT = 20 * 60_000;
/** Where the runners begin to sum up what has failed, and why. */
const FAILURES = /^(?:✖ failing tests:|failures:\n\n----)/m;
/** How many lines of a suite's output are repeated at the end. */
const SHOWN = 24;
/** The beginning of a runner's summary of what has failed; without one, the end of its output. */
function failuresIn(output) {
  const at = output.search(FAILURES);
  const ofNode = /^ +at .*node:internal/;
  const lines = output
    .slice(Math.max(at, 0))
    .trimEnd()
    .split('\n')
    .filter((line) => !ofNode.test(line));
  return (at < 0 ? lines.slice(-SHOWN) : lines.slice(0, SHOWN)).join('\n');
}
/** How the runners say how it went. What was left out has not passed. */
const COUNTS = [
  /^test result: \w+\. (?<passed>\d+) passed; (?<failed>\d+) failed; (?<skipped>\d+) ignored/gm,
  /^ℹ pass (?<passed>\d+)\nℹ fail (?<failed>\d+)\nℹ cancelled (?<cancelled>\d+)\nℹ skipped (?<skipped>\d+)\nℹ todo (?<todo>\d+)/gm,
];

const always = Object.keys(suites).filter((name) => name !== 'document' || process.env.DOC);
const wanted = process.argv.length > 2 ? process.argv.slice(2) : always;
for (const name of wanted) {
  if (!Object.hasOwn(suites, name)) throw new Error(`no suite is called ${name}; there are ${Object.keys(suites).join(', ')}`);
}
// The drivers start slowly on a busy machine.
const env = { ...process.env, WASM_BINDGEN_TEST_DRIVER_TIMEOUT: '60', WASM_BINDGEN_TEST_TIMEOUT: '180', FORCE_COLOR: '0' };

/**
 * The server of wasm-bindgen's test runner forgets one of several connections that come at once,
 * until another one comes (its pool of threads counts a thread as free that has work already). A
 * browser waits minutes for that one. So another one comes, again and again.
 */
async function prodded() {
  const port = await freePort();
  const timer = setInterval(() => {
    const socket = net.connect(port, '127.0.0.1', () => socket.end());
    // The server is not there before its browser is, and not after it.
    socket.on('error', () => undefined);
  }, 200);
  return { env: { ...env, WASM_BINDGEN_TEST_ADDRESS: `127.0.0.1:${port}` }, stop: () => clearInterval(timer) };
}

const results = [];
for (const name of wanted) {
  const [command, ...args] = suites[name];
  console.log(`\n== ${name}: ${suites[name].join(' ')}`);
  const began = performance.now();
  const runner = args.includes('--headless') ? await prodded() : { env, stop: () => undefined };
  // A group of its own, so that a suite that hangs can be ended with everything that it has
  // started.
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], env: runner.env, detached: true });
  const end = () => process.kill(-child.pid, 'SIGKILL');
  const interrupted = () => (end(), process.exit(130));
  process.on('SIGINT', interrupted).on('SIGTERM', interrupted);
  const timer = setTimeout(() => (console.error(`\n${name} takes too long and is ended`), end()), LIMIT);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
    process.stdout.write(text);
  });
  const [code] = await once(child, 'close');
  clearTimeout(timer);
  runner.stop();
  process.off('SIGINT', interrupted).off('SIGTERM', interrupted);

  let passed = 0;
  let failed = 0;
  for (const { groups } of COUNTS.flatMap((pattern) => [...output.matchAll(pattern)])) {
    for (const [how, count] of Object.entries(groups)) {
      if (how === 'passed') passed += Number(count);
      else failed += Number(count);
    }
  }
  // A suite that ended badly without saying so, or that ran nothing, has failed.
  if (failed === 0 && (code !== 0 || passed === 0)) failed = 1;
  const failures = failed > 0 ? failuresIn(output) : '';
  results.push({ name, passed, failed, failures, seconds: (performance.now() - began) / 1000 });
}

console.log('');
const column = (value, width) => String(value).padStart(width);
for (const { name, passed, failed, seconds } of results) {
  console.log(`${name.padEnd(10)}${column(passed, 5)} passed${column(failed, 5)} failed${column(seconds.toFixed(0), 6)} s`);
}
for (const { name, failures } of results) if (failures) console.log(`\n== ${name}\n${failures}\n`);
const total = (key) => results.reduce((sum, result) => sum + result[key], 0);
console.log(`${total('passed')} passed, ${total('failed')} failed`);
process.exit(total('failed') > 0 ? 1 : 0);
