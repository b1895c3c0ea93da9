// How the command line ends. docs/cli.md has the same table.

/** Exit codes. Programs depend on them. */
export const EXIT = {
  /** It has done what was asked for. */
  done: 0,
  /** It failed, and nothing was paid for what it was asked for. */
  nothingPaid: 1,
  /** It was called wrongly, and has sent nothing. */
  wrongUse: 2,
  /** It failed, and money has moved or may have. What it printed says how to go on. */
  mayHavePaid: 3,
  /** It was interrupted (Ctrl-C) before anything was paid. */
  interrupted: 130,
} as const;

/** It was interrupted (Ctrl-C) before anything was under way that costs something. */
export class Interrupted extends Error {}

/** What was asked for cannot be had, as was found out before anything was paid. */
export class Refusal extends Error {
  readonly code: string;
  /** What there is to know or to do, line by line. */
  readonly next: readonly string[];

  constructor(code: string, message: string, next: readonly string[]) {
    super(message);
    this.code = code;
    this.next = next;
  }
}

/** The command line is wrong. The message says what is, and `hint` what would be right. */
export class UsageError extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}
