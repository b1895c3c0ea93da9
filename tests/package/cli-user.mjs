// The command line as users have it: the installed package's program, in processes of their own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { installPackage } from '../../scripts/install-package.mjs';

/** Where viem and ethers are installed. */
export const WITH_LIBRARIES = path.resolve(import.meta.dirname, '../servers');
/** Longer than any command takes on a slow machine. */
const LIMIT = 60_000;
export const QUESTION = 'What is the weather in New York?';
export const answerTo = (question) => `You asked: "${question}".`;

/** Has the users' folders; it goes with the test file's process. */
const scratch = mkdtempSync(path.join(tmpdir(), 'eliza-jobs-cli-'));
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));

export const emptyFolder = () => mkdtempSync(path.join(scratch, 'user-'));

/** A folder in which only this library is installed. */
export function withLibrary(name) {
  const cwd = emptyFolder();
  mkdirSync(path.join(cwd, 'node_modules'));
  symlinkSync(path.join(WITH_LIBRARIES, 'node_modules', name), path.join(cwd, 'node_modules', name));
  return cwd;
}

/** A promise, and what settles it. */
export function signal() {
  let come;
  const promise = new Promise((resolve) => (come = resolve));
  return { promise, come };
}

/** Whether a request has a proof of payment. */
export const hasProof = ({ headers }) => [...headers].some(([name]) => name.toLowerCase() === 'payment-signature');

/** A server that answers every proof with its price again, for as long as it is said to. */
export function refused(refusing) {
  let price;
  return async (pass, init) => {
    if (refusing.proofs && hasProof(init)) return price.clone();
    const response = await pass();
    if (response.status === 402) price = response.clone();
    return response;
  };
}

/** Installs the package into a folder of this name. */
export async function commandLine(name) {
  const { folder, installed, entry } = installPackage(name);
  const { createSandbox, serveSandbox } = await import(new URL('./sandbox-node.js', entry));
  const program = path.join(folder, 'node_modules/.bin/eliza-jobs');

  /**
   * A user of the command line: an own data folder, and nothing of what the tests' own user has
   * set.
   */
  function user({ cwd = folder, data = emptyFolder(), ...more } = {}) {
    const { PATH, HOME } = process.env;
    const env = { PATH, HOME, XDG_DATA_HOME: data, TERM: 'xterm-256color', ...more };
    const started = (command, args) => {
      const child = spawn(command, args, { cwd, env, timeout: LIMIT });
      const running = { child, stdout: '', stderr: '' };
      for (const name of ['stdout', 'stderr']) child[name].setEncoding('utf8').on('data', (text) => (running[name] += text));
      running.end = once(child, 'close').then(([code, signal]) => ({
        code,
        signal,
        stdout: running.stdout,
        stderr: running.stderr,
      }));
      return running;
    };
    /** Starts the program. */
    const start = (...args) => started(program, args);
    /** Runs a line of a shell to its end, in which the program has its name. */
    const inShell = (line) => started('sh', ['-c', line.replaceAll('eliza-jobs', program)]).end;
    /** Runs it to its end. */
    const run = (...args) => {
      const { child, end } = start(...args);
      child.stdin.end();
      return end;
    };
    /** Runs it on a terminal, and returns what stands there. */
    const onTerminal = async (...args) => {
      const line = [program, ...args].map((part) => `'${part}'`).join(' ');
      const child = spawn('script', ['-qec', line, '/dev/null'], {
        cwd,
        env,
        timeout: LIMIT,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let text = '';
      child.stdout.setEncoding('utf8').on('data', (piece) => (text += piece));
      const [code] = await once(child, 'close');
      return { code, text };
    };
    return { data, start, run, inShell, onTerminal };
  }

  /** A sandbox in this process, served; `around` sees each request on its way. */
  async function sandboxed(t, options, around = (pass) => pass()) {
    const sandbox = createSandbox({ paywall: 'x402-v2', price: '0.02', ...options });
    const served = await serveSandbox({ fetch: (input, init) => around(() => sandbox.fetch(input, init), init, new URL(input)) });
    t.after(() => served.close());
    return { sandbox, url: served.url };
  }

  return { installed, user, sandboxed, createSandbox, serveSandbox };
}
