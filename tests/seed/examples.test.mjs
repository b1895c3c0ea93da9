// The programs of examples/seed/ as a user runs them, on the real elizaOS server.
import assert from 'node:assert/strict';
import { copyFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { installPackage } from '../../scripts/install-package.mjs';
import { AGENT, startEliza } from '../servers/elizaos.mjs';
import { check, run } from './programs.mjs';

const USER = '22222222-2222-4222-8222-222222222222';
const ID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const answer = (question) => `You asked: "${question}". I am a test agent without a model, so this is all I can say.`;
const transfer = (amount) => `pay ${amount} on base to 0x209693Bc6afc0C5328bA36FaF03C514EF312287C`;

/** What each prints, line by line. */
const printed = {
  'create-and-wait': [answer('Which tea goes well with lemon cake?')],
  'custom-agent': [
    RegExp(`^${ID} is processing$`),
    'the server waits 120 s for the agent',
    `asked: ${AGENT}`,
    'metadata: {"page":"poems","draft":3}',
  ],
  poll: [
    answer('How many legs have three spiders?'),
    /^took the agent \d+ ms$/,
    'no answer to "ignore the doorbell": job_timeout, the job is timeout',
  ],
  'check-status': ['the agent is at it', `answered: ${answer('Name a river')}`],
  list: ['2 shown, more than two there: true', RegExp(`^${ID} completed Name a tree$`), RegExp(`^${ID} completed Name a fish$`)],
  filter: ['JobError', 'answered: true', 'the other among them: false', 'timed out: true'],
  health: ['healthy: true; room for 10000 jobs', 'jobs: 1 more', 'completed: 1 more', 'together: true'],
  errors: [
    `answered: ${answer('Is anybody there?')}`,
    'the server says 404: Agent 99999999-9999-4999-8999-999999999999 not found',
    'my mistake: userId',
    'not reached: connection_failed',
  ],
  'custom-polling': ['more than one look: true', answer('Count to ten'), 'the job ended as timeout'],
  sessions: [
    answer('What day is it in Auckland?'),
    answer('My roses have black spots'),
    answer('And the tulips are late'),
    'said: And the tulips are late, My roses have black spots',
  ],
  reference: ['the same job: true', 'another one: true', 'the newest: true', 'counted: true'],
  types: ['done: Name a planet, by us', 'numbers: true', 'metadata: {"nested":{"deep":[1,null]}}'],
  'payment-flow': ['402', transfer('0.020000'), '201 processing'],
  payment: [
    transfer('0.02'),
    answer('What moves the tides?'),
    'asked the wallet 1 time; spent 0.02',
    'payment_required, status 402',
  ],
};

const source = path.resolve(import.meta.dirname, '../../examples/seed');
const { folder } = installPackage('seed');
const [server, paid] = await Promise.all([startEliza(), startEliza({ paywall: { strict: true } })]);
after(() => Promise.all([server.stop(), paid.stop()]));
const env = { ELIZA_URL: server.url, ELIZA_PAID_URL: paid.url, ELIZA_USER: USER, ELIZA_AGENT: AGENT };

const names = readdirSync(source).map((file) => file.replace(/\.ts$/, ''));
const files = new Map(names.map((name) => [name, path.join(folder, `${name}.mts`)]));
for (const [name, file] of files) copyFileSync(path.join(source, `${name}.ts`), file);
const checked = check([...files.values()]);

test('it is known of every program what it prints', () => assert.deepEqual(names.toSorted(), Object.keys(printed).toSorted()));

for (const [name, file] of files) {
  test(`${name}.ts is strict TypeScript`, () => assert.deepEqual(checked.get(file), []));

  test(`${name}.ts prints what it says`, async () => {
    const { code, stdout, stderr } = await run(file, env);
    assert.equal(stderr, '');
    assert.equal(code, 0);
    const lines = stdout.trimEnd().split('\n');
    for (const [at, expected] of printed[name].entries()) {
      if (typeof expected === 'string') assert.equal(lines[at], expected);
      else assert.match(lines[at], expected);
    }
    assert.equal(lines.length, printed[name].length, stdout);
  });
}
