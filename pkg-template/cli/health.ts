// `health`: how a server's jobs are.
import type { JobsHealthResponse } from '../wasm.js';
import type { Command } from './command.js';
import { connect } from './connect.js';
import { EXIT } from './exit.js';
import { interruptible } from './interrupt.js';
import { paint, type Output } from './output.js';
import { report } from './report.js';

export const health: Command = {
  name: 'health',
  summary: "print how a server's jobs are",
  takes: ['<url>'],
  about: 'Asks the server how it is. The exit code is 0 when it says that it is healthy, else 1.',
  options: [],
  examples: ['eliza-jobs health localhost:3000'],
  async run(given, output) {
    const connection = await connect(given, output, given.positionals[0] ?? '', { wallet: 'none' });
    try {
      const state = await interruptible(connection.client.getJobsHealth());
      if (output.json) output.document(state);
      else write(state, output);
      return state.healthy ? EXIT.done : EXIT.nothingPaid;
    } catch (error) {
      return report(error, output, { ...connection, pays: false });
    }
  },
};

function write({ healthy, totalJobs, maxJobs, statusCounts, metrics }: JobsHealthResponse, output: Output) {
  output.line(healthy ? paint('green', 'healthy') : paint('red', 'not healthy'));
  const counts = Object.entries(statusCounts).map(([status, count]) => `${count} ${status}`);
  output.line(`jobs     ${totalJobs} of at most ${maxJobs}: ${counts.join(', ')}`);
  if (!metrics) return;
  const percent = (share: number) => `${Math.round(share * 100)} %`;
  output.line(`answers  ${percent(metrics.successRate)}, after ${Math.round(metrics.averageProcessingTimeMs)} ms on average`);
}
