// Payments as a table for spreadsheets.

/** The columns: a title, and the member of a payment that it shows. */
const COLUMNS = [
  ['date', 'createdAt'],
  ['amount', 'amount'],
  ['currency', 'currency'],
  ['network', 'network'],
  ['recipient', 'recipient'],
  ['transaction', 'transaction'],
  ['job', 'jobId'],
  ['server', 'server'],
  ['state', 'state'],
  ['payment', 'attemptId'],
  ['token', 'asset'],
  ['settled', 'receipt'],
] as const;
/**
 * What spreadsheets take for a formula: at the beginning of a cell, also after blanks and what is
 * not seen, and in full width. Where a semicolon or a tab separates cells, text after one begins a
 * cell.
 */
const FORMULA =
  /(^|[,;\t\r\n"])((?:(?![\t\r\n])[\s\p{C}])*[=+\-@|%\u2212\ufe62\ufe63\ufe66\ufe6b\uff05\uff0b\uff0d\uff1d\uff20\uff5c])/gu;
/**
 * A cell must not begin with these either: some programs leave them out, and look at what follows.
 */
const UNSEEN = /^[\t\r\n]/;

type Row = Partial<Record<(typeof COLUMNS)[number][1], unknown>>;

/**
 * A text that is no formula: an apostrophe stands before what could be one. A server may call its
 * jobs as it likes.
 */
const plain = (text: string): string => text.replace(FORMULA, "$1'$2").replace(UNSEEN, "'$&");

/** A line of RFC 4180. */
const line = (cells: string[]): string =>
  `${cells
    .map(plain)
    .map((cell) => (/[",;\t\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell))
    .join(',')}\r\n`;

export const csvTitles = (): string => line(COLUMNS.map(([title]) => title));

export const csvLine = (row: Row): string =>
  line(
    COLUMNS.map(([, member]) => {
      const value = row[member];
      if (member === 'createdAt') return Math.abs(value as number) <= 8.64e15 ? new Date(value as number).toISOString() : '';
      if (member === 'receipt') return String((value as { success?: boolean } | undefined)?.success ?? '');
      return typeof value === 'string' ? value : '';
    }),
  );
