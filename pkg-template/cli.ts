#!/usr/bin/env node
// The command line: `npx eliza-jobs ask <url> "question"`. docs/cli.md says what it takes and how
// it ends.
import { main } from './cli/main.js';

const code = await main(process.argv.slice(2));
// Nothing that a wallet's library has left open keeps the program from ending.
process.exit(code);
