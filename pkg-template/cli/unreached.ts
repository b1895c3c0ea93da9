// A server that cannot be reached: what to do, by what the system said.
import { PROGRAM } from './program.js';
import { isLoopback } from './values.js';

/** How many errors within an error are read. */
const MOST_CAUSES = 5;
/** Below it only an administrator may listen. */
const LEAST_PORT = 1024;

/** The system's own word: the first code in an error and its causes, else the innermost message. */
function wordOf(error: unknown): string {
  let word = '';
  let at = error;
  for (let depth = 0; depth < MOST_CAUSES && at instanceof Error; depth += 1) {
    const { code } = at as NodeJS.ErrnoException;
    if (typeof code === 'string') return code;
    word = at.message;
    at = at.cause;
  }
  return word;
}

/** What to do where the system said one of these words. */
const WAYS: readonly (readonly [RegExp, (at: URL) => string])[] = [
  [/^ERR_SSL_(WRONG_VERSION|PACKET_LENGTH|HTTP)|wrong version number/i, ({ href }) => `It speaks http; write ${plain(href)}`],
  [
    /^bad port$/,
    ({ port }) =>
      `HTTP is never sent to port ${port}, which belongs to another protocol: give the server another one, such as 3000.`,
  ],
  [
    /^(ENOTFOUND|EAI_AGAIN)$/,
    ({ hostname }) => `No machine is known as ${hostname}: is the name right, and is this machine online?`,
  ],
  [/CERT|UNABLE_TO_VERIFY/, () => 'Its certificate is not trusted. One of your own is, with NODE_EXTRA_CA_CERTS=<file>.'],
  [
    /^ECONNREFUSED$/,
    ({ host }) => `The machine is there, and nothing listens at ${host}: does the server run, and is the port right?`,
  ],
  [
    /TIMEDOUT|TIMEOUT|UNREACH/,
    () => 'The machine does not answer: is the address right, and does a firewall or a VPN stand in between?',
  ],
];

const plain = (href: string): string => href.replace('https:', 'http:').replace(/\/$/, '');

/** What to do about a server that could not be reached. @param cause What fetch threw. */
export function wayTo(url: string, cause: unknown): string[] {
  const word = wordOf(cause);
  const [, way] = WAYS.find(([pattern]) => pattern.test(word)) ?? [];
  if (isLoopback(url) && (!way || word === 'ECONNREFUSED')) return [noServerHere(url)];
  return way ? [way(new URL(url))] : [];
}

/** What to do where no server answers on this machine. */
export function noServerHere(url: string): string {
  const { port, protocol } = new URL(url);
  const canListen = protocol === 'http:' && Number(port) >= LEAST_PORT;
  const command = canListen ? `${PROGRAM} sandbox --port ${port}` : `${PROGRAM} sandbox`;
  return `Does the server run? "${command}" starts one for trying out.`;
}
