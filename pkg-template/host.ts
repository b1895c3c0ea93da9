// What Rust calls in JavaScript, beside what belongs to one instance (instance.ts).
import { abortError, listen } from './abort.js';
import { log, tell } from './callbacks.js';
import { csvLine, csvTitles } from './csv.js';
import { makeError } from './errors.js';
import { list, settled } from './foreign.js';
import { awaitable } from './iterator.js';
import { unknownMember } from './members.js';
import { plainJson } from './metadata.js';
import { nextPiece, reading, receive } from './response.js';
import { defaultStore, lock, shared } from './stores.js';
import { deleteMember, kindOf, member, memberNumber, memberText, setMember, shareTexts } from './values.js';
import { wake } from './wake.js';

/** A wallet that can do nothing, which Rust refuses. */
const NO_WALLET = {};

/**
 * The application's wallet in the client's own form. `eliza-jobs/wallets` makes that of a library's
 * wallet, once it is loaded. Before that, a signer of ethers is refused: its `signTypedData` has
 * the name of the client's own, and takes other arguments.
 */
function asWallet(given: Record<string, unknown>): object {
  if (shared.adapted) return shared.adapted(given);
  const isOfEthers = given['getAddress'] && given['sendTransaction'];
  return isOfEthers ? NO_WALLET : given;
}

export const host = {
  abortError,
  asWallet,
  awaitable,
  csvLine,
  csvTitles,
  defaultStore,
  deleteMember,
  kindOf,
  list,
  listen,
  lock,
  log,
  makeError,
  member,
  memberNumber,
  memberText,
  nextPiece,
  plainJson,
  reading,
  receive,
  setMember,
  settled,
  shareTexts,
  tell,
  unknownMember,
  wake,
};
