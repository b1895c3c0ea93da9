// Reads the command line, runs the command, and says how it went.
import { readFileSync } from 'node:fs';
import { read } from './arguments.js';
import { ask } from './ask.js';
import type { Command } from './command.js';
import { EXIT } from './exit.js';
import { health } from './health.js';
import { help, helpFor } from './help.js';
import { Output } from './output.js';
import { payments } from './payments.js';
import { pending } from './pending.js';
import { quote } from './quote.js';
import { report } from './report.js';
import { resume } from './resume.js';
import { sandbox } from './sandbox.js';

const COMMANDS: readonly Command[] = [ask, quote, payments, pending, resume, health, sandbox];

/** Runs the command line with these arguments, and returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  // Where the command line cannot be read, this is what can be known of it.
  const output = new Output(args.includes('--json'));
  const code = await run(args, output).catch((error: unknown) => report(error, output));
  // What was written to a pipe is read by then.
  const failed = await output.written();
  if (!failed || code !== EXIT.done) return code;
  output.error(`the result could not be written: ${failed.message}`);
  await output.written();
  return EXIT.nothingPaid;
}

async function run(args: readonly string[], output: Output): Promise<number> {
  const { command, given } = read(args, COMMANDS);
  if (given.has('version')) output.raw(`${version()}\n`);
  else if (given.has('help')) output.raw(command ? helpFor(command, output.columns) : help(COMMANDS, output.columns));
  else if (command) return await command.run(given, output);
  else {
    await new Promise((written) => process.stderr.write(help(COMMANDS, output.columns), written));
    return EXIT.wrongUse;
  }
  return EXIT.done;
}

/** The package's version: its package.json is beside the bundle. */
function version(): string {
  const { version } = JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8')) as { version: string };
  return version;
}
