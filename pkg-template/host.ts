// What Rust calls in JavaScript, beside what belongs to one instance (instance.ts).
import { abortError, listen } from './abort.js';
import { log, tell } from './callbacks.js';
import { csvLine, csvTitles } from './csv.js';
import { makeError } from './errors.js';
import { list, settled } from './foreign.js';
import { awaitable } from './iterator.js';
import { misfit } from './members.js';
import { plainJson } from './metadata.js';
import { nextPiece, reading, receive } from './response.js';
import { defaultStore, lock, shared } from './stores.js';
import { deleteMember, kindOf, member, memberNumber, memberText, setMember } from './values.js';
import { wake } from './wake.js';

/**
 * The application's wallet in the client's own form. `eliza-jobs/wallets` knows those of the usual libraries, once it is loaded; before that
 * an ethers signer is none, for all that it looks like one.
 */
const asWallet = (given: Record<string, unknown>): object =>
  shared.adapted?.(given) ?? (given['getAddress'] && given['sendTransaction'] ? {} : given);

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
  misfit,
  nextPiece,
  plainJson,
  reading,
  receive,
  setMember,
  settled,
  tell,
  wake,
};
