// The document that the package was made for, against the package: each of its TypeScript blocks is
// type-checked in strict mode and run on the real elizaOS server. Only the package's name, the ids
// and the addresses are changed in a block; what it takes from the blocks before it stands around
// it. Its types and the signatures in its headings are compared with ours.
//
//   make test-seed DOC=path
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import ts from 'typescript';
import { AGENT, startEliza } from '../tests/servers/elizaos.mjs';
import { check, run } from '../tests/seed/programs.mjs';
import { installPackage } from './install-package.mjs';

if (!process.env.DOC) throw new Error('Which document? Say: make test-seed DOC=path');
const document = readFileSync(process.env.DOC, 'utf8').replaceAll('\r\n', '\n');
const blocks = [];
const signatures = [];
let heading = 'the beginning';
// A fenced block, or a heading outside of one.
for (const [, language, code, title] of document.matchAll(/^```(\w*)[^\n]*\n(.*?)^```|^#+ ([^\n]*)/gms)) {
  if (title) heading = title.replaceAll('`', '');
  const signature = /^(\w+)(\(.*\)): (.+)$/.exec(title ? heading : '');
  if (signature) signatures.push({ heading, name: signature[1], type: `${signature[2]} => ${signature[3]}` });
  if (['typescript', 'ts'].includes(language)) blocks.push({ heading, code });
}
if (blocks.length === 0) throw new Error(`${process.env.DOC} has no TypeScript block`);

const { folder, entry } = installPackage('document');
const { ElizaClient } = await import(entry);
const [open, paid] = await Promise.all([startEliza(), startEliza({ paywall: { strict: true } })]);
after(() => Promise.all([open.stop(), paid.stop()]));
const USER = '22222222-2222-4222-8222-222222222222';
const { messaging } = new ElizaClient({ baseUrl: open.url });
const { jobId } = await messaging.createAndWaitForJob({ userId: USER, content: 'Is it done?', timeoutMs: 300_000 });

/** All that is changed inside of a block. */
const CHANGES = [
  [/(from ['"])@elizaos\/api-client(['"])/g, '$1eliza-jobs$2'],
  ['user-uuid', USER],
  ['specific-agent-uuid', AGENT],
  ['agent-uuid', AGENT],
  ['job-uuid', jobId],
  ['http://localhost:3000', open.url],
  ['https://api.example.com', paid.url],
];
/**
 * What blocks use that other blocks, or the reader, have made. Everything else comes from the
 * package.
 */
const SURROUNDINGS = {
  client: `const client = new ElizaClient({ baseUrl: '${open.url}' });`,
  makePayment: `async function makePayment(offer: { network: string; recipient: string; amount: string }): Promise<string> {
  if (!offer.recipient || !(Number(offer.amount) > 0)) throw new Error('nothing to pay');
  return process.env['HASH']!;
}`,
};

/** A program for each block; what is not declared in a block is what the compiler cannot find. */
function programs() {
  const bodies = blocks.map(({ code }, at) => {
    const body = CHANGES.reduce((text, [from, to]) => text.replaceAll(from, to), code);
    const source = ts.createSourceFile('block.ts', body, ts.ScriptTarget.Latest, true);
    const file = path.join(folder, `block-${at + 1}.mts`);
    writeFileSync(file, `${body}\nexport {};\n`);
    return { ...blocks[at], body, file, source };
  });
  const found = check(bodies.map(({ file }) => file));
  for (const { file, body, source } of bodies) {
    const missing = new Set(found.get(file).flatMap((line) => /TS(?:2304|2552): Cannot find name '(\w+)'/.exec(line)?.[1] ?? []));
    const made = Object.keys(SURROUNDINGS).filter((name) => missing.delete(name));
    if (made.includes('client') && !/\bimport\b[^;]*\bElizaClient\b/.test(body)) missing.add('ElizaClient');
    const before = [
      ...(missing.size > 0 ? [`import { ${[...missing].join(', ')} } from 'eliza-jobs';`] : []),
      ...made.map((name) => SURROUNDINGS[name]),
    ];
    const exported = declared(source).map(({ name }) => name.text);
    const behind = [`export { ${exported.join(', ')} };`, ...functions(source).map(call)];
    writeFileSync(file, [...before, body, ...behind].join('\n'));
  }
  return bodies;
}
const declared = ({ statements }) => statements.filter((it) => ts.isEnumDeclaration(it) || ts.isInterfaceDeclaration(it));
/** A block may declare a function and leave it to the reader to call it. */
const functions = ({ statements }) => statements.filter(ts.isFunctionDeclaration);
function call({ name, parameters }) {
  const known = { jobId: `process.env['JOB']!` };
  const values = parameters.map(({ name }) => known[name.text] ?? assert.fail(`what is ${name.text}?`));
  return `console.log('returned', (await ${name.text}(${values.join(', ')})).status);`;
}

/**
 * What the block's own console.log calls print when all goes well, as patterns; those in branches
 * and callbacks are left out.
 */
function prints(statements) {
  return statements.flatMap((statement) => {
    if (ts.isTryStatement(statement)) return prints(statement.tryBlock.statements);
    const expression = ts.isExpressionStatement(statement) && statement.expression;
    if (!expression || !ts.isCallExpression(expression) || expression.expression.getText() !== 'console.log') return [];
    return [expression.arguments.map(pattern).join(' ')];
  });
}
const literal = (text) => text.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&');
function pattern(argument) {
  if (ts.isStringLiteralLike(argument)) return literal(argument.text);
  if (!ts.isTemplateExpression(argument)) return '.+';
  return literal(argument.head.text) + argument.templateSpans.map((span) => `.+${literal(span.literal.text)}`).join('');
}

/**
 * Both ways, each of the document's types against ours of the same name. Its enum is nominal: its
 * members count by their values.
 */
function comparisons(file, names) {
  const same = (name) => `
export const from${name} = (theirs: Plain<Theirs.${name}>): Ours.${name} => theirs;
export const to${name} = (ours: Known<Ours.${name}>): Plain<Theirs.${name}> => ours;`;
  return `
import * as Ours from 'eliza-jobs';
import * as Theirs from './${path.basename(file, '.mts')}.mjs';
type Plain<T> = T extends string ? \`\${T}\` : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
/** Ours, without the word for what the server may yet invent. */
type Known<T> = T extends string ? Exclude<T, 'unknown'> : T extends object ? { [K in keyof T]: Known<T[K]> } : T;
${names.map(same).join('\n')}`;
}

const all = programs();
const typed = all.filter(({ source }) => declared(source).length > 0);
const checks = [];
for (const { heading, file, source } of typed) {
  for (const { name } of declared(source)) {
    const comparison = file.replace('.mts', `-${name.text}.mts`);
    writeFileSync(comparison, comparisons(file, [name.text]));
    checks.push({ title: `${heading}: ${name.text} is the same type as ours`, file: comparison });
  }
}
for (const { heading, name, type } of signatures) {
  const file = path.join(folder, `signature-${name}.mts`);
  // The types of the heading come from the package.
  const names = [...new Set(type.match(/\b[A-Z]\w+\b/g))].filter((name) => name !== 'Promise');
  writeFileSync(
    file,
    `import { type ElizaClient, ${names.map((name) => `type ${name}`).join(', ')} } from 'eliza-jobs';
declare const messaging: ElizaClient['messaging'];
export const ${name}: ${type} = messaging.${name};\n`,
  );
  checks.push({ title: `the signature ${heading}`, file });
}
const checked = check([...all, ...checks].map(({ file }) => file));

for (const { title, file } of checks) test(title, () => assert.deepEqual(checked.get(file), []));

for (const [at, { heading, body, file, source }] of all.entries()) {
  const title = `block ${at + 1}, ${heading}`;
  test(`${title}: is strict TypeScript`, () => assert.deepEqual(checked.get(file), []));

  test(`${title}: runs`, async () => {
    const HASH = `0x${randomBytes(32).toString('hex')}`;
    const [{ jobId: JOB }, earlier] = await Promise.all([
      messaging.createJob({ userId: USER, content: 'wait:600 And this one?' }),
      paid.seen(),
    ]);
    const { code, stdout, stderr } = await run(file, { HASH, JOB });
    assert.equal(stderr, '');
    assert.equal(code, 0);
    const expected = prints(source.statements);
    if (functions(source).length > 0) expected.push('returned completed');
    assert.match(stdout, RegExp(`^${expected.join('\\n(?:.*\\n)*?')}`, 'm'));
    assert.equal(stdout !== '', /console\.log/.test(body) || functions(source).length > 0, 'it prints when it says so');
    assert.doesNotMatch(stdout, /undefined|NaN|Invalid Date|\[object/);
    const question = /\bcontent: '([^']*)'/.exec(body)?.[1];
    if (question && /message\.content/.test(body)) assert.match(stdout, RegExp(`You asked: "${literal(question)}"`));
    if (body.includes(paid.url)) await paidFor((await paid.seen()).slice(earlier.length), HASH);
  });
}

/** Two requests: one without money, and the same one with the proof; and a job. */
async function paidFor(requests, hash) {
  const proofs = requests.map(({ headers }) => [headers['x-payment'], headers['x-payment-network']]);
  assert.deepEqual(proofs, [
    [undefined, undefined],
    [hash, 'base'],
  ]);
  assert.equal(requests[0].body, requests[1].body);
  const { jobs } = await new ElizaClient({ baseUrl: paid.url }).messaging.listJobs();
  assert.equal(jobs[0].prompt, JSON.parse(requests[1].body).content);
}
