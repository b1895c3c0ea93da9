// What was paid, as a table and as CSV; what is open; and what the server says of its jobs.
import { byId, copyButton, cut, element, short } from './dom.js';
import { chargeOf } from './words.js';

const STATES = {
  accepted: 'paid',
  unknown: 'not certain',
  sent: 'sent, no reply yet',
  proven: 'signed, not sent',
  intended: 'the wallet was asked',
  refused: 'the server refused it',
};
const stateOf = (row) => {
  const doubt = row.state === 'accepted' && chargeOf(row);
  const [state, said] = doubt ? ['uncharged', `signed; charged: ${doubt}`] : [row.state, STATES[row.state] ?? row.state];
  return element('span', { className: `state ${state}` }, said);
};
const cell = (...children) => element('td', {}, ...children);
const time = (ms) => element('time', { dateTime: new Date(ms).toISOString() }, new Date(ms).toLocaleString());

/**
 * The table of all payments of the store, the newest first.
 *
 * @param isOther Whether the server at an address is a sandbox, and not the one of the settings.
 */
export async function drawLedger(client, isOther) {
  const rows = (await client.payments()).reverse();
  byId('csv').hidden = rows.length === 0;
  byId('ledger-note').hidden = !rows.some(({ server }) => isOther(server));
  byId('payments').replaceChildren(
    ...(rows.length === 0 ? [element('tr', {}, element('td', { colSpan: 7, className: 'soft' }, 'Nothing was paid yet.'))] : []),
    ...rows
      .slice(0, 50)
      .map((row) =>
        element(
          'tr',
          {},
          cell(time(row.createdAt)),
          cell(element('b', {}, row.amount), ` ${row.currency}`),
          cell(row.network),
          cell(element('code', { title: row.recipient }, short(row.recipient))),
          cell(
            ...(row.transaction
              ? [
                  element('code', { title: row.transaction }, short(row.transaction)),
                  ' ',
                  copyButton(row.transaction, 'the transaction'),
                ]
              : ['–']),
          ),
          cell(isOther(row.server) ? 'another sandbox' : row.server ? new URL(row.server).host : '–'),
          cell(stateOf(row)),
        ),
      ),
  );
}

/** Hands the payments over as a file. */
export async function downloadCsv(client) {
  const url = URL.createObjectURL(new Blob([await client.paymentsCsv()], { type: 'text/csv' }));
  element('a', { href: url, download: 'payments.csv' }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** How long ago, in words. */
export function ago(ms) {
  const minutes = Math.round((Date.now() - ms) / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} ${minutes === 1 ? 'minute' : 'minutes'} ago`;
  const hours = Math.round(minutes / 60);
  if (hours < 48) return `${hours} ${hours === 1 ? 'hour' : 'hours'} ago`;
  return `${Math.round(hours / 24)} days ago`;
}

/** The sentence for an open payment. */
function describe(open) {
  const what = open.content ? ` for “${cut(open.content, 60)}”` : '';
  const when = open.createdAt ? `, ${ago(open.createdAt)}` : '';
  const price = open.amount ? `${open.amount} ${open.currency}` : 'An answer';
  const said =
    {
      accepted: 'One answer that you have paid for is waiting',
      sent: 'One payment was sent, and the server has not said what became of it',
      unknown: 'One payment was sent, and the server has not said what became of it',
      proven: 'One payment was signed and not sent',
      intended: 'A wallet was asked to pay when this page was closed',
      refused: 'The server has refused a payment',
    }[open.state] ?? 'One payment is open';
  return `${said}: ${price}${what}${when}.`;
}

/**
 * What is open: a line for each, with what can be done about it.
 *
 * @param get Called with the open payment to continue.
 * @param forget Called with the one to forget.
 */
export function drawOpen(payments, { get, forget }) {
  const lines = payments.map((open) => {
    if (open.state === 'unreadable') {
      return element('div', { className: 'notice' }, element('p', {}, 'A record of a payment cannot be read. It is kept.'));
    }
    const getting = element('button', { type: 'button', className: 'primary', click: () => get(open) }, 'Get it');
    const forgetting = element('button', { type: 'button', className: 'quiet', click: () => forget(open) }, 'Forget it');
    return element(
      'div',
      { className: 'notice open' },
      element('p', {}, describe(open)),
      element('div', { className: 'buttons' }, getting, forgetting),
    );
  });
  const place = document.getElementById('open') ?? element('div', { id: 'open' });
  place.replaceChildren(...lines);
  byId('notices').append(place);
}

const COLOURS = ['completed', 'processing', 'pending', 'timeout', 'failed'];

/** Nothing is known of a server: what was shown is not its own. */
export function clearServer(said) {
  byId('health').textContent = said;
  byId('chart').replaceChildren();
  byId('chart').setAttribute('aria-label', 'Jobs by status: none');
  byId('jobs').replaceChildren(element('tr', {}, element('td', { colSpan: 3, className: 'soft' }, 'No jobs.')));
}

/** The server's health and its latest jobs, unless another server was chosen before they came. */
export async function drawServer(client, isCurrent) {
  const [health, { jobs }] = await Promise.all([client.getJobsHealth(), client.listJobs({ limit: 6 })]);
  if (!isCurrent()) return;
  const { statusCounts, totalJobs, maxJobs, metrics } = health;
  const mean = metrics?.averageProcessingTimeMs;
  byId('health').textContent =
    `${health.healthy ? 'Healthy' : 'Not healthy'}: ${totalJobs} of at most ${maxJobs} jobs${mean ? `, ${(mean / 1000).toFixed(1)} s for an answer` : ''}.`;
  const counted = COLOURS.map((status) => [status, statusCounts[status] ?? 0]).filter(([, count]) => count > 0);
  const chart = byId('chart');
  chart.setAttribute(
    'aria-label',
    `Jobs by status: ${counted.map(([status, count]) => `${count} ${status}`).join(', ') || 'none'}`,
  );
  chart.replaceChildren(
    ...counted.map(([status, count]) => {
      const bar = element('span', { className: status }, `${count} ${status}`);
      bar.style.flexGrow = count;
      return bar;
    }),
  );
  byId('jobs').replaceChildren(
    ...(jobs.length === 0 ? [element('tr', {}, element('td', { colSpan: 3, className: 'soft' }, 'No jobs.'))] : []),
    ...jobs.map((job) =>
      element(
        'tr',
        {},
        cell(element('code', { title: job.jobId }, short(job.jobId))),
        cell(job.rawStatus ?? job.status),
        cell(cut(job.prompt, 80)),
      ),
    ),
  );
}
