// The help, made of the descriptions of the commands.
import { COMMON } from './arguments.js';
import type { Command, Option } from './command.js';

const EXIT_CODES = `Exit codes: 0 done, 1 failed and nothing was paid, 2 wrong use, 3 money has moved or may have, and what is
printed says how to go on, 130 interrupted before anything was paid`;

const VARIABLES = `ELIZA_JOBS_PRIVATE_KEY  the key that pays; viem or ethers signs with it (npm install viem)
ELIZA_JOBS_API_KEY      the server's API key, where it wants one
ELIZA_JOBS_STORE        where payments are recorded
NO_COLOR                no colours`;

export function help(commands: readonly Command[]): string {
  const list = table(commands.map(({ name, takes, summary }) => [[name, ...takes].join(' '), summary]));
  return `Asks elizaOS agents questions, and pays for the answers with x402.

Usage: eliza-jobs <command> [options]

${list}

"eliza-jobs <command> --help" says more. --version prints the version.

${indented(VARIABLES)}

${EXIT_CODES}
`;
}

export function helpFor({ name, takes, about, options, examples }: Command): string {
  return `Usage: eliza-jobs ${[name, ...takes].join(' ')} [options]

${about}

${table([...options, ...COMMON].map((option) => [written(option), option.help]))}

${indented(examples.join('\n'))}

${EXIT_CODES}
`;
}

const written = ({ name, short, value }: Option): string => `${short ? `-${short}, ` : ''}--${name}${value ? ` ${value}` : ''}`;

const indented = (text: string): string => text.replaceAll(/^/gm, '  ');

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([first]) => first.length));
  return rows.map(([first, second]) => `  ${first.padEnd(width)}  ${second}`).join('\n');
}
