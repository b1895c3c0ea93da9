// The demo page: puts its parts together, and asks.
import { createCode } from './code.js';
import { beginTurn, dropAgain, setState, state } from './conversation.js';
import { byId, element, short } from './dom.js';
import { createFaults } from './faults.js';
import { clearServer, downloadCsv, drawLedger, drawOpen, drawServer } from './ledger.js';
import { createSequence } from './sequence.js';
import { SAMPLES, connect, diagnose, isSandboxAddress, load, makeSandbox, proofRefused } from './server.js';
import { amountTrouble, keep, keepDraft, keepSettings, kept, keptDraft, readSettings, storageTrouble } from './settings.js';
import { chosenWallet, drawAccount, drawBudget, drawWallets, findWallets, realWallet, waitingForWallet } from './wallets.js';
import { fundsMoved, isOverBudget, plain, walletTrouble } from './words.js';

/** The server's own limit, in UTF-16 code units. */
const LONGEST = 50_000;
const UNREACHED = ['connection_failed', 'connection_reset'];
const settings = readSettings();
const named = new URLSearchParams(location.search).get('server');
// A link may name the server; it may not make anybody pay there without being asked.
if (named) Object.assign(settings, { server: 'own', address: named, wallet: 'test', askFirst: true });
const sequence = createSequence();
/** What is drawn of the page's own server now. While a switch plays, nothing is. */
let drawing = sequence.begin();
const drawCode = createCode();
const question = byId('question');
const options = byId('options');
let sandbox;
let sandboxPaywall;
/**
 * The connection to the server of the settings: a promise, which says what is wrong with them when
 * it rejects.
 */
let connection;
/** The wallet of the browser that it pays with, and the server that the page shows. */
let connectedWallet;
let shownServer;
/** The latest price: `client.quote()`. */
let price;
let busy = false;
/** Whether a switch plays. One thing at a time has the drawing. */
let playing = false;
/** The question that is under way, and the state in which the connection went away. */
let current;
let awayIn;

// --- The look ---

function applyLook() {
  const root = document.documentElement;
  root.dataset.theme = settings.theme;
  root.dataset.calm = String(settings.calm);
  byId('theme').textContent = `Theme: ${settings.theme}`;
  byId('motion').setAttribute('aria-pressed', String(settings.calm));
}
byId('theme').addEventListener('click', () => {
  const all = ['system', 'light', 'dark'];
  settings.theme = all[(all.indexOf(settings.theme) + 1) % all.length];
  keepSettings(settings);
  applyLook();
});
byId('motion').addEventListener('click', () => {
  settings.calm = !settings.calm;
  keepSettings(settings);
  applyLook();
});

/** A line above everything; it stays until it is not true any more. */
function notice(id, text) {
  document.getElementById(`notice-${id}`)?.remove();
  if (text) byId('notices').prepend(element('div', { className: 'notice', id: `notice-${id}` }, element('p', {}, text)));
}

// --- The question ---

function drawCount() {
  const { length } = question.value;
  const isOver = length > LONGEST;
  byId('count').textContent = `${length.toLocaleString('en')} of ${LONGEST.toLocaleString('en')}`;
  byId('count').classList.toggle('over', isOver);
  question.toggleAttribute('aria-invalid', isOver);
  byId('question-note').textContent = isOver
    ? `The question is ${(length - LONGEST).toLocaleString('en')} characters too long.`
    : '';
}
question.addEventListener('input', () => {
  question.dataset.changed = 'true';
  keepDraft(question.value);
  drawCount();
  drawCode({ settings, question: question.value });
});
question.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) byId('form').requestSubmit();
});
byId('samples').append(
  ...SAMPLES.map((sample) => element('button', { type: 'button', className: 'chip', click: () => write(sample) }, sample)),
);
/** Writes as the user does, so that what was typed comes back with Ctrl+Z. */
function write(text) {
  question.focus();
  question.select();
  if (document.execCommand('insertText', false, text)) return;
  question.setRangeText(text);
  question.dispatchEvent(new Event('input'));
}

// --- The server and its price ---

function drawSettings() {
  for (const name of ['server', 'paywall', 'address', 'apiKey', 'limit', 'perDay', 'network']) {
    const field = options.elements[name];
    // A field that is being typed in is not written to.
    if (field.value !== settings[name]) field.value = settings[name];
  }
  drawLimits();
  options.elements.askFirst.checked = settings.askFirst;
  const isOwn = settings.server === 'own';
  for (const fields of options.querySelectorAll('[data-for]')) fields.hidden = fields.dataset.for !== settings.server;
  drawWallets(settings, choose);
  byId('badge').classList.toggle('real', isOwn);
  byId('badge-text').textContent = isOwn
    ? realWallet(settings)
      ? 'Your server, real money'
      : 'Your server, test wallet'
    : 'Simulated: no money moves';
  drawCode({ settings, question: question.value });
}
/** Says beside each limit what is wrong with it. */
function drawLimits() {
  for (const name of ['limit', 'perDay']) {
    const trouble = amountTrouble(settings[name]);
    byId(`${name}-note`).textContent = trouble;
    if (trouble) options.elements[name].setAttribute('aria-invalid', 'true');
    else options.elements[name].removeAttribute('aria-invalid');
  }
}
function choose(wallet) {
  settings.wallet = wallet;
  changed();
}
/** Something was chosen or typed: the client is made anew, and the price is asked for. */
async function changed() {
  keepSettings(settings);
  drawSettings();
  reconnect();
  await learn();
  await drawWaiting();
}
options.addEventListener('submit', (event) => event.preventDefault());
// What is typed is kept at once, and counts when the field is left.
options.addEventListener('input', ({ target }) => {
  if (target.matches('select, [type=radio], [type=checkbox]')) return;
  settings[target.name] = target.value;
  keepSettings(settings);
  if (target.hasAttribute('aria-invalid')) drawLimits();
});
options.addEventListener('change', ({ target }) => {
  if (target.name === 'wallet') return;
  settings[target.name] = target.type === 'checkbox' ? target.checked : target.value;
  changed();
});

function reconnect() {
  const server = settings.server === 'own' ? `own ${settings.address.trim()}` : `sandbox ${settings.paywall}`;
  if (server !== shownServer) {
    // What is shown is another server's.
    shownServer = server;
    clearServer('Not asked yet.');
    notice('server', '');
    drawOpen([], {});
  }
  notice('csv', '');
  const real = realWallet(settings);
  connectedWallet = real;
  connection = (async () => {
    const wanted = settings.paywall;
    const client = load('index');
    // Both are asked for at the same time. A server elsewhere needs no sandbox.
    if (settings.server !== 'own') load('sandbox').catch(() => undefined);
    // The client first: it knows what is open.
    await client;
    if (settings.server !== 'own' && (!sandbox || sandboxPaywall !== wanted)) {
      sandboxPaywall = wanted;
      sandbox = await makeSandbox({ paywall: wanted });
    }
    const wallet = await chosenWallet(real, settings, sandbox);
    const made = await connect(settings, { drawing: () => drawing, sandbox, wallet, confirm: (quote) => confirm(quote, real) });
    return { ...made, real };
  })();
  // Whoever needs it says what is wrong.
  connection.catch(() => undefined);
}

function drawPrice(text, note = '') {
  byId('send-text').textContent = text;
  byId('price-note').textContent = note;
}

/** Learns what an answer costs. Nothing is paid. */
async function learn() {
  const mine = connection;
  if (!busy) setState('quoting');
  drawPrice('Asking for the price …');
  byId('options-error').textContent = '';
  price = undefined;
  try {
    const known = await mine;
    const isDrawn = !busy && !playing;
    if (isDrawn) drawing = sequence.begin('What does it cost?');
    const own = drawing;
    void drawAccount(settings, settings.server === 'own' ? undefined : sandbox);
    const found = await (isDrawn ? known.client : known.quiet).quote();
    if (mine !== connection) return;
    price = found;
    const offer = offerOf(found);
    if (offer && isDrawn) own.amend('price', `payment required: ${offer.amount} ${offer.currency}`);
    showPrice();
    notice('server', '');
    void look();
    void warn(known, found);
  } catch (error) {
    if (mine !== connection) return;
    drawPrice('Ask');
    clearServer('Nothing is known of this server.');
    await explain(error, mine);
  } finally {
    if (mine === connection && !busy) setState(offline() ? 'offline' : 'idle');
    await drawMoney();
  }
}

const offerOf = (found) => found?.chosen ?? found?.offers[0];

/**
 * The button says what an answer costs, and when a limit does not allow that. @param left What is
 * left of the day's, when it is too little.
 */
function showPrice(left) {
  const offer = offerOf(price);
  if (price?.free) return drawPrice('Ask · free');
  if (!offer) return drawPrice('Ask', price?.why ?? '');
  const cost = `${offer.amount} ${offer.currency}`;
  const why = offer.why ?? price.why ?? '';
  const raise = 'Raise it under “Server, wallet and limits”.';
  if (!price.chosen && /maxPerPayment/.test(why)) {
    const limit = `${settings.limit.trim()} ${offer.currency}`;
    return drawPrice(`Over your limit · ${cost}`, `An answer costs ${cost}, and your limit for one answer is ${limit}. ${raise}`);
  }
  if (left !== undefined || (!price.chosen && isOverBudget(why))) {
    const budget = `${settings.perDay.trim()} ${offer.currency}`;
    const rest = left === undefined ? '' : `, of which ${left} ${offer.currency} are left until midnight UTC`;
    return drawPrice(
      `Over today’s budget · ${cost}`,
      `An answer costs ${cost}, and your budget for a day is ${budget}${rest}. ${raise}`,
    );
  }
  drawPrice(`Ask · ${cost}`, price.chosen ? `On ${offer.network}, to ${short(offer.recipient)}.` : why);
}

/** Says before anybody signs that a payment could not be sent to this server. */
async function warn({ isOwn, baseUrl }, found) {
  if (!isOwn || !offerOf(found)) return;
  const why = await proofRefused(baseUrl, offerOf(found).dialect);
  if (why && found === price) notice('server', why);
}

/** Why an answer of a server elsewhere could not be paid for from this page. */
async function barred({ isOwn, baseUrl, quiet }, signal) {
  if (!isOwn) return undefined;
  const offer = offerOf(price ?? (await quiet.quote({ signal }).catch(() => undefined)));
  return offer && proofRefused(baseUrl, offer.dialect, signal);
}

const whyUnreached = async (baseUrl) => (await diagnose(baseUrl)) ?? `${new URL(baseUrl).host} answers now. Ask again.`;

/** Says what is wrong with the settings or the server, unless they were changed in the meantime. */
async function explain(error, mine) {
  if (UNREACHED.includes(error.code) && settings.server === 'own') {
    const { baseUrl } = await mine;
    const why = await whyUnreached(baseUrl);
    if (mine === connection) notice('server', why);
    return;
  }
  if (error.code === 'init_failed') notice('server', error.message);
  else if (!error.isLimit) byId('options-error').textContent = plain(error.message);
  byId('settings').open = error.code !== 'init_failed' || byId('settings').open;
}

const offline = () => settings.server === 'own' && !navigator.onLine;

// --- The money ---

/** Whether payments were made to a sandbox of an earlier page, of another tab or paywall. */
const isOther = (server) => isSandboxAddress(server) && new URL(server).origin !== sandbox?.url;

async function drawMoney() {
  const mine = connection;
  const { client, quiet } = await mine.catch(() => ({}));
  if (!client) return;
  try {
    const { perDay } = await client.spending();
    if (mine !== connection) return;
    const isOver = drawBudget(perDay, settings.perDay, price?.free ? undefined : offerOf(price)?.amount);
    if (offerOf(price) && !price.free) showPrice(isOver ? perDay.remaining : undefined);
    await drawLedger(quiet, isOther);
    notice('store', '');
  } catch (error) {
    // Where there is no storage at all, that is said already.
    if (!storageTrouble()) notice('store', plain(error.message));
  }
}

/** The server's jobs and its health, and what is open there. */
async function look() {
  const mine = connection;
  const isCurrent = () => mine === connection;
  try {
    const { quiet } = await mine;
    await drawServer(quiet, isCurrent);
  } catch (error) {
    if (isCurrent()) clearServer(`${error.isLimit ? 'Not asked' : 'The server does not say'}: ${plain(error.message)}`);
  }
}
async function drawWaiting() {
  const mine = connection;
  const { quiet } = await mine.catch(() => ({}));
  if (!quiet || busy) return;
  const open = await quiet.pendingPayments().catch(() => []);
  if (busy || mine !== connection) return;
  drawOpen(open, {
    get: (payment) => resume(payment, payment.content || 'An earlier question', payment.amount && payment),
    forget,
  });
}
async function forget(payment) {
  const { quiet } = await connection;
  await quiet.forgetPayment(payment).catch((error) => notice('store', plain(error.message)));
  await drawWaiting();
  if (document.activeElement === document.body) question.focus();
}
byId('refresh').addEventListener('click', () => look());
byId('csv').addEventListener('click', async () => {
  try {
    await downloadCsv((await connection).quiet);
    notice('csv', '');
  } catch (error) {
    notice('csv', `The payments could not be handed over: ${plain(error.message)}`);
  }
});

/**
 * Pay or cancel. The wallet is called after Pay alone. @param real The browser's wallet that pays;
 * absent for the test wallet.
 */
function confirm({ amount, currency, network, recipient }, real) {
  const dialog = byId('confirm');
  const back = document.activeElement;
  byId('confirm-amount').textContent = `${amount} ${currency}`;
  byId('confirm-facts').replaceChildren(
    ...Object.entries({ Network: network, To: recipient, Wallet: real?.name ?? 'Test wallet' }).map(([name, value]) =>
      element('div', {}, element('dt', {}, name), element('dd', {}, value)),
    ),
  );
  dialog.returnValue = '';
  dialog.showModal();
  byId('pay').focus();
  return new Promise((resolve) => {
    dialog.addEventListener(
      'close',
      () => {
        back?.focus?.();
        const isPaid = dialog.returnValue === 'pay';
        if (isPaid) current?.became('paying', waitingForWallet(real));
        resolve(isPaid);
      },
      { once: true },
    );
  });
}

// --- Asking ---

byId('form').addEventListener('submit', (event) => {
  event.preventDefault();
  const content = question.value;
  if (!content.trim()) {
    byId('question-note').textContent = 'Type a question first, or take one of these.';
    question.focus();
    return;
  }
  if (content.length > LONGEST) return question.focus();
  byId('question-note').textContent = '';
  if (isTaken()) return;
  question.dataset.changed = 'false';
  drawCode({ settings, question: content });
  void run(content, (client, calls) => client.createAndWaitForJob({ userId: userId(), content }, calls));
});

/** Whether something else is under way, which is said. */
function isTaken() {
  if (busy)
    byId('question-note').textContent = 'One question at a time: this one is sent when the other is answered, if you ask again.';
  if (playing) byId('question-note').textContent = 'A misfortune is played below: ask again when it has ended.';
  return busy || playing;
}

/** Only one thing is asked or played at a time. */
function occupied(isOccupied) {
  if (isOccupied) byId('send').setAttribute('aria-disabled', 'true');
  else byId('send').removeAttribute('aria-disabled');
  // What was said of it is not true any more.
  if (!isOccupied) drawCount();
}

/** The same user for this browser. */
function userId() {
  const known = kept('user') ?? crypto.randomUUID();
  keep('user', known);
  return known;
}

/**
 * Gets an answer.
 *
 * @param payment What was paid for it, where that is known.
 * @param at The connection to the server that has it, where that is not the one of the settings.
 */
function resume(handle, content, payment, at) {
  if (!isTaken()) void run(content, (client, calls) => client.resume(handle, calls), { handle, payment, at });
}
/** The names of what is got: its payment's, and its job's. */
const idsOf = (handle) => (typeof handle === 'string' ? [handle] : [handle?.attemptId, handle?.jobId].filter(Boolean));

/** One question, from the price to the answer: `work` makes the call. */
async function run(content, work, { handle, payment, at } = {}) {
  busy = true;
  occupied(true);
  faults.allow(false);
  // Whoever was on a button that goes is taken to what comes in its place.
  const hadFocus = dropAgain(idsOf(handle)) || document.activeElement.closest('#open');
  drawOpen([], {});
  const controller = new AbortController();
  const seen = { payment, jobId: handle?.jobId };
  const turn = beginTurn(content, () => controller.abort(new Error('stopped')));
  if (hadFocus) turn.focus();
  [current, awayIn] = [turn, undefined];
  drawing = sequence.begin('What happens');
  turn.became(handle ? 'thinking' : 'quoting');
  const calls = { signal: controller.signal, onUpdate: (update) => follow(update, turn, seen) };
  let known;
  try {
    known = at ?? (await connection);
    if (offline()) turn.became('offline');
    seen.real = known.real;
    const why = handle ? undefined : await barred(known, controller.signal);
    if (why) throw Object.assign(new Error(why), { code: 'header_refused', fundsMoved: false });
    const job = await work(known.client, calls);
    turn.answered(job, { payment: job.payment ?? seen.payment });
  } catch (error) {
    await wentWrong(error, { turn, seen, controller, content, known });
  } finally {
    busy = false;
    occupied(false);
    faults.allow(true);
    await drawMoney();
    await drawWaiting();
    if (known) void look();
  }
}

function follow(update, turn, seen) {
  if (update.type === 'quote') {
    const { amount, currency } = update.quote;
    drawing.amend('price', `payment required: ${amount} ${currency}`);
    turn.became(settings.askFirst ? 'confirm' : 'paying');
  }
  if (update.type === 'payment') {
    seen.payment = update.payment;
    const { state } = update.payment;
    turn.became(state === 'accepted' ? 'thinking' : 'paying', state === 'intended' ? waitingForWallet(seen.real) : undefined);
  }
  if (update.type === 'created') {
    seen.jobId = update.job.jobId;
    turn.became(offline() ? 'offline' : 'thinking');
  }
}

async function wentWrong(thrown, { turn, seen, controller, content, known }) {
  const { name, code, message, isLimit } = thrown ?? {};
  // Without a client nothing was sent.
  const error = known ? thrown : { name, code, message, isLimit, fundsMoved: false };
  const handle = error?.payment ?? (seen.jobId || (await openPayment(known, seen)));
  const again = handle && {
    ids: [...idsOf(handle), ...idsOf(seen.payment), ...idsOf(seen.jobId)],
    // Another server may have been chosen by then.
    get: () => resume(handle, content, seen.payment, known),
  };
  if (controller.signal.aborted) {
    const moved = seen.payment?.state === 'accepted' ? true : handle && seen.payment ? 'unknown' : false;
    return turn.stopped(moved, again);
  }
  const advice = known ? await adviceFor(error, known) : undefined;
  const isOpen = error?.code !== 'job_gone' && (fundsMoved(error) !== false || (seen.jobId && error?.retryable));
  turn.failed(error, isOpen ? again : undefined, advice);
  if (!known && !error.isLimit) byId('options-error').textContent = error.message;
}

/** The open payment of this call, where the store has one. */
async function openPayment(known, { payment }) {
  if (!payment || !known) return undefined;
  const open = await known.quiet.pendingPayments().catch(() => []);
  return open.find(({ attemptId }) => attemptId === payment.attemptId);
}

async function adviceFor(error, { isOwn, baseUrl }) {
  if (error.code === 'header_refused') return error.message;
  if (isOwn && UNREACHED.includes(error.code)) return whyUnreached(baseUrl);
  if (isOwn && error.code === 'payment_outcome_unknown') return proofRefused(baseUrl, error.payment?.dialect);
  const { advice } = walletTrouble(error) ?? {};
  return advice;
}

// --- The life of the page ---

for (const event of ['online', 'offline']) {
  addEventListener(event, () => {
    const isAway = !navigator.onLine;
    notice(
      'offline',
      !isAway
        ? ''
        : settings.server === 'own'
          ? 'You are offline. Nothing is lost; it goes on when you are back.'
          : 'You are offline. The sandbox works all the same.',
    );
    if (settings.server !== 'own') return;
    const isShown = state() === 'offline';
    if (isAway === isShown) return;
    if (!busy) return isAway ? setState('offline') : void learn();
    if (isAway) awayIn = state();
    current.became(isAway ? 'offline' : (awayIn ?? 'thinking'));
  });
}
// Another tab has paid, or has got an answer.
addEventListener('storage', ({ key }) => {
  if (!key?.startsWith('eliza-jobs/')) return;
  void drawMoney();
  void drawWaiting();
});

applyLook();
question.value = keptDraft() ?? SAMPLES[0];
drawCount();
drawSettings();
findWallets(() => {
  drawSettings();
  // The remembered one has announced itself.
  if (connection && realWallet(settings) !== connectedWallet) void changed();
});
const TROUBLE = {
  forbidden: 'This browser keeps no data for this page: payments are remembered only until it is closed.',
  full: 'This browser has no room left for this page: a payment cannot be written down, so none will be made. Free some storage.',
};
notice('storage', TROUBLE[storageTrouble()]);
const faults = createFaults(sequence, {
  isFree: () => !busy && !playing,
  began({ fault, question, limit }) {
    playing = true;
    occupied(true);
    const played = { ...settings, server: 'sandbox', paywall: 'x402-v2', network: 'base', limit, askFirst: false };
    drawCode({ settings: played, question, fault });
  },
  ended() {
    playing = false;
    occupied(false);
  },
});
// After the first paint: the package is larger than the page.
requestAnimationFrame(() =>
  setTimeout(async () => {
    reconnect();
    await learn();
    await drawWaiting();
  }),
);
