#!/usr/bin/env node
// The command line: `npx eliza-jobs ask <url> "question"`. docs/cli.md says what it takes and how it ends.
import { main } from './cli/main.js';

const code = await main(process.argv.slice(2));
// What was written to a pipe is read by then. Nothing that a wallet's library has left open keeps the program from ending.
for (const stream of [process.stdout, process.stderr]) await new Promise((written) => stream.write('', written));
process.exit(code);
