// The help, made of the descriptions of the commands.
import { COMMON } from './arguments.js';
import type { Command, Option } from './command.js';

const EXIT_CODES =
  'Exit codes: 0 done, 1 failed and nothing was paid, 2 wrong use, 3 money has moved or may have, and what is printed says how to go on, 130 interrupted before anything was paid';

const VARIABLES = [
  ['ELIZA_JOBS_PRIVATE_KEY', 'the key that pays; viem or ethers signs with it (npm install viem)'],
  ['ELIZA_JOBS_API_KEY', "the server's API key, where it wants one"],
  ['ELIZA_JOBS_STORE', 'where payments are recorded'],
  ['NO_COLOR', 'no colours'],
] as const;

/** The least room beside a first column. With less, the second one stands below it. */
const LEAST_ROOM = 24;
/** How far it is set in there. */
const BELOW = 6;

/** @param columns How many characters a line may have. */
export function help(commands: readonly Command[], columns: number): string {
  const list = table(
    commands.map(({ name, takes, summary }) => [[name, ...takes].join(' '), summary]),
    columns,
  );
  return `${wrapped('Asks elizaOS agents questions, and pays for the answers with x402.', columns)}

Usage: eliza-jobs <command> [options]

${list}

${wrapped('"eliza-jobs <command> --help" says more. --version prints the version.', columns)}

${table(VARIABLES, columns)}

${wrapped(EXIT_CODES, columns)}
`;
}

/** @param columns How many characters a line may have. */
export function helpFor({ name, takes, about, options, examples }: Command, columns: number): string {
  return `Usage: eliza-jobs ${[name, ...takes].join(' ')} [options]

${wrapped(about, columns)}

${table(
  [...options, ...COMMON].map((option) => [written(option), option.help]),
  columns,
)}

${indented(examples.join('\n'))}

${wrapped(EXIT_CODES, columns)}
`;
}

const written = ({ name, short, value }: Option): string => `${short ? `-${short}, ` : ''}--${name}${value ? ` ${value}` : ''}`;

const indented = (text: string): string => text.replaceAll(/^/gm, '  ');

function table(rows: readonly (readonly [string, string])[], columns: number): string {
  const width = Math.max(...rows.map(([first]) => first.length)) + 4;
  const isNarrow = columns - width < LEAST_ROOM;
  return rows
    .map(([first, second]) =>
      isNarrow
        ? `  ${first}\n${' '.repeat(BELOW)}${wrapped(second, columns, BELOW)}`
        : `  ${first}`.padEnd(width) + wrapped(second, columns, width),
    )
    .join('\n');
}

/**
 * The text in lines that are not longer, the second and later ones set in. A word that is longer
 * stands alone.
 */
function wrapped(text: string, columns: number, indent = 0): string {
  const lines = [''];
  for (const word of text.split(/\s+/)) {
    const line = lines.at(-1) ?? '';
    if (line && indent + line.length + 1 + word.length > columns) lines.push(word);
    else lines[lines.length - 1] = line ? `${line} ${word}` : word;
  }
  return lines.join(`\n${' '.repeat(indent)}`);
}
