// `pending`: what is open, without going on with it.
import type { Command, Given } from './command.js';
import { EXIT } from './exit.js';
import { STORE_OPTION } from './folders.js';
import { findOpen, lineOf, SANDBOX_OPTION, tellOfSandboxes, type Open } from './open.js';
import type { Output } from './output.js';
import { PROGRAM } from './program.js';
import { lacksHash, paymentCommand, paymentOf, report, resumeCommand } from './report.js';

export const pending: Command = {
  name: 'pending',
  summary: 'list payments and paid answers that are open',
  takes: ['[url]'],
  about:
    'Lists payments whose outcome is not known, and paid answers that were not seen: at this server, or at all. Nothing is sent.',
  options: [SANDBOX_OPTION, STORE_OPTION],
  examples: ['eliza-jobs pending', 'eliza-jobs pending https://agents.example'],
  async run(given, output) {
    const [url] = given.positionals;
    try {
      const found = await findOpen(given, output, 'none', { url });
      if (output.json)
        output.document(found.map(({ connection, payment }) => ({ ...paymentOf(payment), server: connection.url })));
      else if (found.length === 0) output.remark('Nothing is open.');
      else for (const open of found) output.line(`${open.payment.attemptId}  ${lineOf(open)}`);
      const [first] = found;
      if (first) tellHow(given, output, first);
      if (url === undefined) await tellOfSandboxes(given, output);
      return EXIT.done;
    } catch (error) {
      return report(error, output);
    }
  },
};

/** The commands that go on: with all that was listed, and with one of it. */
function tellHow(given: Given, output: Output, { connection, payment }: Open) {
  const all = [PROGRAM, 'resume', ...(given.has('sandbox') ? ['--sandbox'] : []), ...connection.options].join(' ');
  output.remark(`To go on with them without paying again: ${given.positionals.length > 0 ? resumeCommand(connection) : all}`);
  output.remark(
    `With one of them: ${paymentCommand(payment.attemptId, connection)}${lacksHash(payment) ? ' --transaction <hash>' : ''}`,
  );
}
