// TypeScript programs as a user has them: beside the installed package, type-checked in strict
// mode, run with their types stripped.
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { transformSync } from 'esbuild';
import ts from 'typescript';

const root = path.resolve(import.meta.dirname, '../..');
/** Longer than any program takes; the slowest waits for a job's own expiry. */
const LIMIT = 60_000;

/** What the strict compiler has against these files: a list for each, empty when it has nothing. */
export function check(files) {
  const program = ts.createProgram(files, {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    types: ['node'],
    typeRoots: [path.join(root, 'node_modules/@types')],
  });
  const global = [...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics()];
  if (global.length > 0) throw new Error(global.map(text).join('\n'));
  return new Map(
    files.map((file) => {
      const source = program.getSourceFile(file);
      return [file, [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(text)];
    }),
  );
}

function text({ file, start, code, messageText }) {
  const at = file ? `line ${file.getLineAndCharacterOfPosition(start).line + 1}: ` : '';
  return `${at}TS${code}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
}

/** Runs a file and gives what it printed and how it ended. */
export function run(file, env = {}) {
  const { code } = transformSync(readFileSync(file, 'utf8'), { loader: 'ts', target: 'es2022' });
  const stripped = file.replace(/\.mts$/, '.mjs');
  writeFileSync(stripped, code);
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env }, timeout: LIMIT };
    execFile(process.execPath, [stripped], options, (error, stdout, stderr) => {
      resolve({ code: error ? (error.code ?? error.signal) : 0, stdout, stderr });
    });
  });
}
