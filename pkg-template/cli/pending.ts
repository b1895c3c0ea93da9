// `pending`: what is open, without going on with it.
import type { Command } from './command.js';
import { EXIT } from './exit.js';
import { STORE_OPTION } from './folders.js';
import { findOpen, lineOf, SANDBOX_OPTION } from './open.js';
import { paymentOf, report } from './report.js';

export const pending: Command = {
  name: 'pending',
  summary: 'list payments and paid answers that are open',
  takes: ['[url]'],
  about:
    'Lists payments whose outcome is not known, and paid answers that were not seen: at this server, or at all. Nothing is sent.',
  options: [SANDBOX_OPTION, STORE_OPTION],
  examples: ['eliza-jobs pending', 'eliza-jobs pending https://agents.example'],
  async run(given, output) {
    try {
      const found = await findOpen(given, output, 'none');
      if (output.json)
        output.document(found.map(({ connection, payment }) => ({ ...paymentOf(payment), server: connection.url })));
      else if (found.length === 0) output.remark('Nothing is open.');
      else for (const open of found) output.line(lineOf(open));
      if (found.length > 0) output.remark('"eliza-jobs resume" goes on with them. Nothing is paid again.');
      return EXIT.done;
    } catch (error) {
      return report(error, output);
    }
  },
};
