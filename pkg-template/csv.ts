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
/** What spreadsheets take for a formula, also after blanks and in full width. */
const FORMULA = /^[\s\p{Cc}]*[=+\-@|%\uff0b\uff0d\uff1d\uff20]/u;

type Row = Partial<Record<(typeof COLUMNS)[number][1], unknown>>;

/** A line of RFC 4180. What could be a formula begins with an apostrophe: a server may call its jobs as it likes. */
const line = (cells: string[]): string =>
  `${cells
    .map((cell) => (FORMULA.test(cell) ? `'${cell}` : cell))
    .map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell))
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
