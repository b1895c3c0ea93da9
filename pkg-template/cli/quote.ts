// `quote`: the price, with nothing paid.
import type { PriceQuote, QuotedOffer } from '../wasm.js';
import type { Command } from './command.js';
import { connect, PAY_OPTIONS } from './connect.js';
import { EXIT } from './exit.js';
import { interruptible } from './interrupt.js';
import { paint, type Output } from './output.js';
import { asOptions, priceOf, report } from './report.js';

export const quote: Command = {
  name: 'quote',
  summary: 'print what an answer costs, and pay nothing',
  takes: ['<url>'],
  about: `Asks the server for its price. Nothing is paid, no job is made, and no key is needed. On a terminal all offers are listed, with the
one that would be paid by the limits given; a pipe gets that price alone, or "free".`,
  options: PAY_OPTIONS.filter(({ name }) => name !== 'rpc'),
  examples: ['eliza-jobs quote https://agents.example', 'eliza-jobs quote https://agents.example --max 0.05 --network polygon'],
  async run(given, output) {
    const connection = await connect(given, output, given.positionals[0] ?? '', { wallet: 'price' });
    try {
      const price = await interruptible(connection.client.quote());
      if (output.json) output.document(price);
      else write(price, output);
      return price.free === undefined || (!price.free && !price.chosen) ? EXIT.nothingPaid : EXIT.done;
    } catch (error) {
      return report(error, output, connection);
    }
  },
};

function write({ free, offers, chosen, why }: PriceQuote, output: Output) {
  if (free) output.line('free');
  else if (output.isTerminal) for (const offer of offers) writeOffer(offer, chosen, output);
  else if (chosen) output.line(`${chosen.amount} ${chosen.currency}`);
  if (!free && !chosen)
    output.error(why ? asOptions(why) : 'the server asks for nothing that could be paid', 'Nothing was paid.');
}

function writeOffer(offer: QuotedOffer, chosen: QuotedOffer | undefined, output: Output) {
  const isChosen = chosen !== undefined && same(offer, chosen);
  const mark = isChosen ? paint('green', '✓') : offer.allowed ? ' ' : paint('red', '✗');
  output.line(mark, ` ${priceOf(offer)} `, paint('dim', offer.dialect));
  if (offer.why) output.line(paint('dim', `  ${asOptions(offer.why)}`));
}

const same = (one: QuotedOffer, two: QuotedOffer): boolean =>
  one.network === two.network &&
  one.asset === two.asset &&
  one.amountAtomic === two.amountAtomic &&
  one.recipient === two.recipient;
