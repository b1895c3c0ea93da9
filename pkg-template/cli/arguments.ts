// Reads a command line by the descriptions of the commands. Whatever is wrong is said before
// anything is sent.
import { parseArgs } from 'node:util';
import { Given, type Command, type Option } from './command.js';
import { UsageError } from './exit.js';
import { PROGRAM } from './program.js';
import { meant } from './suggest.js';

/** What every command takes. */
export const COMMON: readonly Option[] = [
  { name: 'json', help: 'print one JSON document, for programs' },
  { name: 'help', short: 'h', help: 'print this help' },
];
const VERSION: Option = { name: 'version', short: 'v', help: 'print the version' };

/**
 * A private key has this form. It must not be shown again. The hash of a transaction has it too.
 */
const KEY = /^(0x)?[0-9a-f]{64}$/i;

export interface Parsed {
  /** Absent where none was named. */
  readonly command: Command | undefined;
  readonly given: Given;
}

/**
 * Reads a command line.
 *
 * @throws {UsageError} when it can never work.
 */
export function read(args: readonly string[], commands: readonly Command[]): Parsed {
  if (args.some((arg, at) => isKey(arg) && !(args[0] === 'resume' && isHash(arg, args[at - 1])))) {
    throw new UsageError(
      'a private key was given as an argument, where the shell keeps it and other programs can read it',
      'Nothing was done with it. Move what it holds to another account, and set ELIZA_JOBS_PRIVATE_KEY instead.',
    );
  }
  // Some programs take the one letter, some the other.
  const words = args[0] === '-V' ? ['-v', ...args.slice(1)] : args;
  const [first = '', ...others] = words;
  if (!first || first.startsWith('-')) return { command: undefined, given: parse(words, [...COMMON, VERSION], 'eliza-jobs') };
  const isHelp = first === 'help';
  const name = isHelp ? others[0] : first;
  const command = commands.find((command) => command.name === name);
  if (isHelp && name === undefined) return { command: undefined, given: new Given([], new Map([['help', ['']]])) };
  if (!command) throw unknownCommand(String(name), commands);
  if (isHelp) return { command, given: new Given([], new Map([['help', ['']]])) };
  const given = parse(others, [...command.options, ...COMMON], `eliza-jobs ${command.name}`);
  if (!given.has('help')) checkCount(given.positionals, command);
  return { command, given };
}

const isKey = (arg: string): boolean => KEY.test(arg.slice(arg.startsWith('--') ? arg.indexOf('=') + 1 : 0));

const isHash = (arg: string, before: string | undefined): boolean =>
  before === '--transaction' || arg.startsWith('--transaction=');

function unknownCommand(name: string, commands: readonly Command[]): UsageError {
  const names = commands.map((command) => command.name);
  if (/^https?:|^localhost\b/.test(name)) {
    return new UsageError('the command is missing before the address', `Try: ${PROGRAM} ask ${name} "question"`);
  }
  const other = meant(name, names);
  const hint = other ? `Did you mean "${other}"?` : `There are: ${names.join(', ')}.`;
  return new UsageError(`there is no command ${JSON.stringify(name)}`, hint);
}

function parse(args: readonly string[], options: readonly Option[], calledAs: string): Given {
  const known = Object.fromEntries(
    options.map(({ name, short, value }) => [
      name,
      { type: value ? ('string' as const) : ('boolean' as const), multiple: true, ...(short && { short }) },
    ]),
  );
  // Not strict: what is wrong is said here, in better words.
  const { tokens } = parseArgs({ args: [...args], options: known, strict: false, allowPositionals: true, tokens: true });
  const positionals: string[] = [];
  const values = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const option = options.find(({ name }) => name === token.name);
    if (!option) throw unknownOption(token.rawName, options, calledAs);
    const value = checked(option, token.value, options);
    const before = values.get(option.name) ?? [];
    if (before.length > 0 && option.value && !option.many) {
      throw new UsageError(`--${option.name} is given twice`, 'Which one is meant? Leave the other one out.');
    }
    values.set(option.name, [...before, value]);
  }
  return new Given(positionals, values);
}

function unknownOption(rawName: string, options: readonly Option[], calledAs: string): UsageError {
  const other = meant(
    rawName,
    options.map(({ name }) => `--${name}`),
  );
  const hint = other ? `Did you mean ${other}?` : `"${calledAs} --help" lists all options.`;
  return new UsageError(`there is no option ${rawName}`, hint);
}

/** The option's value; empty for an option without one. */
function checked(option: Option, value: string | undefined, options: readonly Option[]): string {
  const asWritten = `--${option.name}${option.value ? ` ${option.value}` : ''}`;
  if (!option.value) {
    if (value !== undefined) throw new UsageError(`--${option.name} takes no value`, `Write it as --${option.name}.`);
    return '';
  }
  const isOption = options.some(({ name }) => value === `--${name}` || value?.startsWith(`--${name}=`));
  if (value === undefined || value === '' || isOption) {
    throw new UsageError(`--${option.name} needs a value`, `Write it as ${asWritten}.`);
  }
  return value;
}

function checkCount(positionals: readonly string[], { name, takes }: Command) {
  const usage = `Usage: eliza-jobs ${[name, ...takes].join(' ')}`;
  const needed = takes.filter((take) => take.startsWith('<'));
  const missing = needed[positionals.length];
  if (missing) {
    const piped = missing === '<question>' ? ' (write - to read the question from standard input)' : '';
    throw new UsageError(`${missing} is missing`, usage + piped);
  }
  const isOpen = takes.at(-1)?.endsWith('…]');
  if (positionals.length > takes.length && !isOpen) {
    const isQuestion = takes.at(-1) === '<question>';
    throw new UsageError(
      isQuestion
        ? 'the question is more than one argument'
        : `${JSON.stringify(positionals[takes.length])} is one argument too many`,
      isQuestion ? 'Put it in quotation marks.' : usage,
    );
  }
}
