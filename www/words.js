// What an error means for the money, in one sentence.

const ALREADY = {
  true: 'You have paid, and you will not be asked again',
  unknown: 'It is not certain whether the money has moved, and you will not be asked again',
  false: 'Nothing was paid',
};

/** What happened, by the error's code. Others speak for themselves. */
const HAPPENED = {
  wallet_rejected: 'you said no in the wallet',
  payment_declined: 'you cancelled',
  header_refused: 'this server lets no page send it the header that a payment goes in',
  payment_network_not_allowed: 'the server takes no money on the network that you have chosen',
  payment_recipient_not_allowed: 'the server named somebody who is not to be paid',
  payment_refused: 'the server has refused the payment',
  payment_required: 'the server wants a payment, and no wallet can make it',
  payment_not_supported_here: 'the wallet cannot make this payment',
  payment_outcome_unknown: 'the server’s reply was lost',
  wallet_cannot_pay: 'the wallet cannot make this payment',
  wallet_failed: 'the wallet failed',
  wallet_timeout: 'the wallet did not answer',
  connection_failed: 'the server cannot be reached',
  connection_reset: 'the connection broke',
  request_timeout: 'the server took too long',
  unexpected_html: 'this address answers with a web page and is no elizaOS server, or a proxy stands before it',
  invalid_response: 'the server’s answer makes no sense',
  rate_limited: 'the server has had too many requests: wait a little',
  unauthorized: 'the server wants another API key',
  store_failed: 'this browser could not write the payment down (its storage is full or forbidden): free some, or allow it',
  job_failed: 'the agent failed',
  job_timeout: 'the agent took longer than it may',
  job_gone: 'the server has forgotten the job',
  wait_timeout: 'the answer takes longer than this page waits',
  init_failed: 'the package could not be loaded',
};

/**
 * What is known of the charge for a payment that the server has taken; `undefined` where money has
 * moved: a transfer is made before, and a signature is charged by the server, whose receipt says
 * so.
 */
export function chargeOf({ dialect, receipt, onChain }) {
  if (dialect === 'elizaos' || onChain || receipt?.success) return undefined;
  return receipt ? 'not so far, says the server' : 'not known: there is no receipt';
}

/** How many errors within an error are read. */
const MOST_CAUSES = 8;
/**
 * What stops a wallet: how it is known, what happened, and what to do. The codes are those of
 * EIP-1193, EIP-3326 and MetaMask.
 */
const WALLET_TROUBLES = [
  {
    codes: [-32002],
    happened: 'a request is open in the wallet already',
    advice: 'Open the wallet and answer the request there. Then ask again.',
  },
  {
    codes: [4902],
    happened: 'the wallet does not know the network',
    advice: 'Add the network to the wallet, or choose another one under “Server, wallet and limits”. Then ask again.',
  },
  {
    codes: [4100],
    words: /offers no account/,
    happened: 'the wallet is locked, or not connected to this page',
    advice: 'Unlock the wallet and connect it to this page. Then ask again.',
  },
  {
    words: /has changed its account/,
    happened: 'the wallet has changed its account in between',
    advice: 'Ask again: the account that is chosen then pays.',
  },
  {
    words: /wallet is on chain \d+/,
    happened: 'the wallet is on another network',
    advice:
      'Switch the wallet to the network of the payment, or choose the wallet’s own under “Server, wallet and limits”. Then ask again.',
  },
];

/** The error and what is wrapped in it. */
function causes(error) {
  const found = [];
  for (let each = error; each && found.length < MOST_CAUSES; each = each.cause) found.push(each);
  return found;
}

/** What stopped the wallet; `undefined` when that is not known, or when it was something else. */
export function walletTrouble(error) {
  if (!/^wallet_/.test(error?.code)) return undefined;
  const chain = causes(error);
  return WALLET_TROUBLES.find(
    ({ codes = [], words }) =>
      chain.some(({ code }) => codes.includes(Number(code))) || (words && chain.some(({ message }) => words.test(message))),
  );
}

/** Whether money moved: `true`, `false` or `'unknown'`. */
export const fundsMoved = (error) => (error?.fundsMoved === undefined ? 'unknown' : error.fundsMoved);

/** Which of the two limits a price does not fit: the library's message names it. */
export const isOverBudget = (words = '') => /spend\.budget/.test(words);

/** What a price is above. */
function overLimit({ message }) {
  return isOverBudget(message) ? 'your budget for today does not hold the price' : 'the price is above your limit for one answer';
}

/** One sentence: the money first, then what happened. */
export function sentence(error) {
  const money = ALREADY[fundsMoved(error)] ?? ALREADY.unknown;
  const happened =
    error?.code === 'payment_over_limit' ? overLimit(error) : (walletTrouble(error)?.happened ?? HAPPENED[error?.code]);
  return `${money}: ${happened ?? lower(error?.message ?? String(error))}.`.replace(/\.\.$/, '.');
}

/**
 * A message of the library's without the address of its documentation, which stands below it with
 * the code, and with what the page calls the option.
 */
export const plain = (message) =>
  message
    .replace(/\s*\(see https?:[^)]*\)/g, '')
    .replace('use apiKey or headers', 'the key has its own field')
    .replace('is baseUrl the address', 'is this the address')
    .replaceAll('baseUrl', 'the address');

/** The first letter small, unless it begins a name. */
function lower(text) {
  const [first] = plain(text).split('. ');
  return /^[A-Z][a-z]*(?=[\s,:])/.test(first) ? first[0].toLowerCase() + first.slice(1) : first;
}
