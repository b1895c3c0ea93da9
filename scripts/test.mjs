// Runs the suites one after the other and adds up what they counted. `node scripts/test.mjs host` runs one of them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import path from 'node:path';

process.chdir(path.resolve(import.meta.dirname, '..'));
const wasm = ['test', '--mode', 'no-install'];
/** The files of a folder by name: Node 20 knows no patterns. */
const nodeTests = (folder) => {
  const files = readdirSync(`tests/${folder}`).filter((file) => file.endsWith('.test.mjs'));
  return ['node', ['--test', '--test-reporter=spec', '--test-concurrency=1', ...files.map((file) => `tests/${folder}/${file}`)]];
};
const suites = {
  host: ['cargo', ['test', '--locked', '--lib', '--test', 'scenarios']],
  'boundary in Node': ['wasm-pack', [...wasm, '--node', '--', '--locked', '--test', 'node']],
  'boundary in Chromium': ['wasm-pack', [...wasm, '--headless', '--chrome', '--', '--locked', '--test', 'browser']],
  'boundary in Firefox': ['wasm-pack', [...wasm, '--headless', '--firefox', '--', '--locked', '--test', 'browser']],
  types: nodeTests('types'),
  package: nodeTests('package'),
  page: nodeTests('browser'),
};
/** Every runner's way to say how it went. */
const COUNTS = [
  /^test result: \w+\. (?<passed>\d+) passed; (?<failed>\d+) failed/gm,
  /^ℹ pass (?<passed>\d+)\n(?:.*\n)*?ℹ fail (?<failed>\d+)/gm,
];

const wanted = process.argv[2];
const results = [];
for (const [name, [command, args]] of Object.entries(suites)) {
  if (wanted && !name.includes(wanted)) continue;
  const began = performance.now();
  console.log(`\n== ${name}: ${command} ${args.join(' ')}`);
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    // wasm-pack lets cargo find this; the drivers start slowly on a busy machine.
    env: { ...process.env, WASM_BINDGEN_TEST_DRIVER_TIMEOUT: '60', WASM_BINDGEN_TEST_TIMEOUT: '180', FORCE_COLOR: '0' },
  });
  let output = '';
  child.stdout.on('data', (text) => {
    output += text;
    process.stdout.write(text);
  });
  const [code] = await once(child, 'close');
  const counts = COUNTS.flatMap((pattern) => [...output.matchAll(pattern)]).map(({ groups }) => groups);
  const sum = (key) => counts.reduce((total, count) => total + Number(count[key]), 0);
  const passed = sum('passed');
  // A suite that ended badly without saying so, or that ran nothing, has failed.
  const failed = Math.max(sum('failed'), code === 0 && passed > 0 ? 0 : 1);
  results.push({ name, passed, failed, seconds: (performance.now() - began) / 1000 });
}
if (results.length === 0) throw new Error(`no suite is called ${wanted}: ${Object.keys(suites).join(', ')}`);
console.log('');
for (const { name, passed, failed, seconds } of results) {
  console.log(
    `${name.padEnd(22)} ${String(passed).padStart(5)} passed ${String(failed).padStart(4)} failed ${seconds.toFixed(0).padStart(5)} s`,
  );
}
const total = (key) => results.reduce((sum, result) => sum + result[key], 0);
console.log(`${total('passed')} passed, ${total('failed')} failed`);
process.exit(total('failed') > 0 ? 1 : 0);
