// The code of docs/migration.md compiles and runs: its first block is the beginning of all others.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { installPackage } from '../../scripts/install-package.mjs';
import { USER } from '../package/setting.mjs';
import { AGENT, startEliza } from '../servers/elizaos.mjs';
import { check, run } from './programs.mjs';

const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/migration.md'), 'utf8');
const [beginning, ...blocks] = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code);
const server = await startEliza();
after(() => server.stop());
const file = path.join(installPackage('migration').folder, 'migration.mts');
const program = [beginning, ...blocks.map((code) => `{\n${code}}\n`)].join('\n');
writeFileSync(file, program.replace('http://localhost:3000', server.url).replace('user-uuid', USER).replace('agent-uuid', AGENT));

test('docs/migration.md is strict TypeScript', () => assert.deepEqual(check([file]).get(file), []));

test('docs/migration.md runs, and prints what its comments say', async () => {
  const { code, stdout, stderr } = await run(file);
  assert.equal(stderr, '');
  assert.equal(code, 0);
  for (const said of [
    /^completed\nYou asked: "What is the tallest tree\?"/m,
    /^job_timeout\ntimeout Job timed out/m,
    /^404 job_not_found Job not found\nuserId$/m,
    /^You asked: "My parcel is late"/m,
    /^You asked: "How late\?"/m,
    /^false My parcel is late$/m,
  ])
    assert.match(stdout, said);
});

test('the codes that docs/migration.md names are codes of the package', () => {
  const types = readFileSync(path.resolve(import.meta.dirname, '../types/golden.d.ts'), 'utf8');
  const codes = [...page.matchAll(/\b[a-z]+(?:_[a-z]+)+\b/g)].map(([code]) => code).filter((code) => code !== 'user_message');
  assert.ok(codes.length > 5);
  for (const code of codes) assert.ok(types.includes(JSON.stringify(code)), code);
});
