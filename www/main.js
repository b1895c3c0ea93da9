// The demo page: puts its parts together, and asks.
import { createCode } from './code.js';
import { beginTurn, setState, state } from './conversation.js';
import { byId, element, short } from './dom.js';
import { createFaults } from './faults.js';
import { downloadCsv, drawLedger, drawOpen, drawServer } from './ledger.js';
import { createSequence } from './sequence.js';
import { SAMPLES, connect, diagnose, load, makeSandbox } from './server.js';
import { keep, keepSettings, kept, readSettings, storageTrouble } from './settings.js';
import { chosenWallet, drawAccount, drawBudget, drawWallets, findWallets, waitingForWallet } from './wallets.js';
import { fundsMoved, plain, walletTrouble } from './words.js';

/** The server's own limit, in UTF-16 code units. */
const LONGEST = 50_000;
const UNREACHED = ['connection_failed', 'connection_reset'];
const settings = readSettings();
const named = new URLSearchParams(location.search).get('server');
// A link may name the server; it may not make anybody pay there without being asked.
if (named) Object.assign(settings, { server: 'own', address: named, wallet: 'test', askFirst: true });
const sequence = createSequence();
const drawCode = createCode();
const question = byId('question');
const options = byId('options');
let sandbox;
let sandboxPaywall;
/** The connection to the server of the settings: a promise, which says what is wrong with them when it rejects. */
let connection;
/** The latest price: `client.quote()`. */
let price;
let busy = false;
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
  keep('draft', question.value);
  drawCount();
  drawCode({ settings, question: question.value });
});
question.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) byId('form').requestSubmit();
});
byId('samples').append(
  ...SAMPLES.map((sample) => element('button', { type: 'button', className: 'chip', click: () => write(sample) }, sample)),
);
function write(text) {
  question.value = text;
  question.dispatchEvent(new Event('input'));
  question.focus();
}

// --- The server and its price ---

function drawSettings() {
  for (const name of ['server', 'paywall', 'address', 'apiKey', 'limit', 'perDay', 'network'])
    options.elements[name].value = settings[name];
  options.elements.askFirst.checked = settings.askFirst;
  const isOwn = settings.server === 'own';
  for (const fields of options.querySelectorAll('[data-for]')) fields.hidden = fields.dataset.for !== settings.server;
  drawWallets(settings, choose);
  byId('badge').classList.toggle('real', isOwn);
  byId('badge-text').textContent = isOwn
    ? settings.wallet === 'test'
      ? 'Your server, test wallet'
      : 'Your server, real money'
    : 'Simulated: no money moves';
  drawCode({ settings, question: question.value });
}
function choose(wallet) {
  settings.wallet = wallet;
  changed();
}
/** Something was chosen or typed: the client is made anew, and the price is asked for. */
function changed() {
  keepSettings(settings);
  drawSettings();
  reconnect();
  return learn();
}
options.addEventListener('submit', (event) => event.preventDefault());
options.addEventListener('change', ({ target }) => {
  if (target.name === 'wallet') return;
  settings[target.name] = target.type === 'checkbox' ? target.checked : target.value;
  changed();
});

function reconnect() {
  connection = (async () => {
    const wanted = settings.paywall;
    // The client first: it knows what is open. A server elsewhere needs no sandbox.
    await load('index');
    if (settings.server !== 'own' && (!sandbox || sandboxPaywall !== wanted)) {
      sandboxPaywall = wanted;
      sandbox = await makeSandbox({ paywall: wanted });
    }
    const wallet = await chosenWallet(settings, sandbox);
    return connect(settings, { sequence, sandbox, wallet, confirm });
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
    const { client, baseUrl } = await mine;
    if (!busy) sequence.begin('What does it cost?');
    void drawAccount(settings, settings.server === 'own' ? undefined : sandbox);
    const found = await client.quote();
    if (mine !== connection) return;
    price = found;
    const offer = found.chosen ?? found.offers[0];
    if (offer && !busy) sequence.amend('price', `payment required: ${offer.amount} ${offer.currency}`);
    if (found.free) drawPrice('Ask · free');
    else if (!offer) drawPrice('Ask', found.why ?? '');
    else
      drawPrice(
        `Ask · ${offer.amount} ${offer.currency}`,
        found.chosen ? `On ${offer.network}, to ${short(offer.recipient)}.` : (offer.why ?? found.why ?? ''),
      );
    notice('server', '');
    void look(baseUrl);
  } catch (error) {
    if (mine !== connection) return;
    drawPrice('Ask');
    await explain(error);
  } finally {
    if (mine === connection && !busy) setState(offline() ? 'offline' : 'idle');
    await drawMoney();
  }
}

/** Says what is wrong with the settings or the server. */
async function explain(error) {
  if (UNREACHED.includes(error.code) && settings.server === 'own') {
    const { baseUrl } = await connection;
    const why = await diagnose(baseUrl);
    notice('server', why);
    return why;
  }
  if (error.code === 'init_failed') notice('server', error.message);
  else byId('options-error').textContent = plain(error.message);
  byId('settings').open = error.code !== 'init_failed' || byId('settings').open;
  return undefined;
}

const offline = () => settings.server === 'own' && !navigator.onLine;

// --- The money ---

async function drawMoney() {
  const { client, quiet } = await connection.catch(() => ({}));
  if (!client) return;
  try {
    const { perDay } = await client.spending();
    drawBudget(perDay, settings.perDay, price?.free ? undefined : (price?.chosen ?? price?.offers[0])?.amount);
    await drawLedger(quiet);
  } catch (error) {
    notice('store', error.message);
  }
}

/** The server's jobs and its health, and what is open there. */
async function look() {
  const { quiet } = await connection;
  try {
    await drawServer(quiet);
  } catch (error) {
    byId('health').textContent = `The server does not say: ${plain(error.message)}`;
  }
}
async function drawWaiting() {
  const { quiet } = await connection.catch(() => ({}));
  if (!quiet || busy) return;
  const open = await quiet.pendingPayments().catch(() => []);
  drawOpen(open, { get: (payment) => resume(payment, payment.content || 'An earlier question'), forget });
}
async function forget(payment) {
  const { quiet } = await connection;
  await quiet.forgetPayment(payment).catch((error) => notice('store', error.message));
  await drawWaiting();
}
byId('refresh').addEventListener('click', () => look());
byId('csv').addEventListener('click', async () => downloadCsv((await connection).quiet));

/** Pay or cancel. The wallet is called after Pay alone. */
function confirm({ amount, currency, network, recipient }) {
  const dialog = byId('confirm');
  const back = document.activeElement;
  byId('confirm-amount').textContent = `${amount} ${currency}`;
  byId('confirm-facts').replaceChildren(
    ...Object.entries({ Network: network, To: recipient, Wallet: byId('wallet-name').textContent }).map(([name, value]) =>
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
        resolve(dialog.returnValue === 'pay');
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
  if (busy) {
    byId('question-note').textContent = 'One question at a time: this one is sent when the other is answered, if you ask again.';
    return;
  }
  question.dataset.changed = 'false';
  drawCode({ settings, question: content });
  void run(content, (client, calls) => client.createAndWaitForJob({ userId: userId(), content }, calls));
});

/** The same user for this browser. */
function userId() {
  const known = kept('user') ?? crypto.randomUUID();
  keep('user', known);
  return known;
}

const resume = (handle, content) => run(content, (client, calls) => client.resume(handle, calls), handle);

/** One question, from the price to the answer: `work` makes the call. */
async function run(content, work, handle) {
  if (busy) return;
  busy = true;
  byId('send').setAttribute('aria-disabled', 'true');
  drawOpen([], {});
  const controller = new AbortController();
  const seen = { payment: handle?.amount ? handle : undefined, jobId: handle?.jobId };
  const turn = beginTurn(content, () => controller.abort(new Error('stopped')));
  [current, awayIn] = [turn, undefined];
  sequence.begin('What happens');
  turn.became(handle ? 'thinking' : 'quoting');
  const calls = { signal: controller.signal, onUpdate: (update) => follow(update, turn, seen) };
  let known;
  try {
    known = await connection;
    if (offline()) turn.became('offline');
    const job = await work(known.client, calls);
    turn.answered(job, { payment: job.payment ?? seen.payment });
  } catch (error) {
    await wentWrong(error, { turn, seen, controller, content, known });
  } finally {
    busy = false;
    byId('send').removeAttribute('aria-disabled');
    await drawMoney();
    await drawWaiting();
    if (known) void look();
  }
}

function follow(update, turn, seen) {
  if (update.type === 'quote') {
    const { amount, currency } = update.quote;
    sequence.amend('price', `payment required: ${amount} ${currency}`);
    turn.became(settings.askFirst ? 'confirm' : 'paying');
  }
  if (update.type === 'payment') {
    seen.payment = update.payment;
    const { state } = update.payment;
    turn.became(state === 'accepted' ? 'thinking' : 'paying', state === 'intended' ? waitingForWallet(settings) : undefined);
  }
  if (update.type === 'created') {
    seen.jobId = update.job.jobId;
    turn.became(offline() ? 'offline' : 'thinking');
  }
}

async function wentWrong(thrown, { turn, seen, controller, content, known }) {
  const { name, code, message } = thrown ?? {};
  // Without a client nothing was sent.
  const error = known ? thrown : { name, code, message, fundsMoved: false };
  const handle = error?.payment ?? (seen.jobId || (await openPayment(known, seen)));
  const again = handle ? () => resume(handle, content) : undefined;
  if (controller.signal.aborted) {
    const moved = seen.payment?.state === 'accepted' ? true : handle && seen.payment ? 'unknown' : false;
    return turn.stopped(moved, again);
  }
  const advice = known ? await adviceFor(error, known) : undefined;
  const isOpen = fundsMoved(error) !== false || (seen.jobId && error?.retryable);
  turn.failed(error, isOpen ? again : undefined, advice);
  if (!known) byId('options-error').textContent = error.message;
}

/** The open payment of this call, where the store has one. */
async function openPayment(known, { payment }) {
  if (!payment || !known) return undefined;
  const open = await known.quiet.pendingPayments().catch(() => []);
  return open.find(({ attemptId }) => attemptId === payment.attemptId);
}

async function adviceFor(error, { isOwn, baseUrl }) {
  if (isOwn && UNREACHED.includes(error.code)) return diagnose(baseUrl);
  const { advice } = walletTrouble(error) ?? {};
  if (advice) return advice;
  if (!isOwn && error.code === 'job_gone')
    return 'The sandbox lives in this page and began anew when the page was loaded. A server that is still there has the answer.';
  return undefined;
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
question.value = kept('draft') ?? SAMPLES[0];
drawCount();
drawSettings();
findWallets(() => {
  drawSettings();
  if (found(settings)) changed();
});
/** Whether the chosen wallet has just announced itself. */
function found({ wallet, server }) {
  return connection && server === 'own' && wallet !== 'test' && byId('wallet-name').textContent !== 'Test wallet';
}
const TROUBLE = {
  forbidden: 'This browser keeps no data for this page: payments are remembered only until it is closed.',
  full: 'This browser has no room left for this page: a payment cannot be written down, so none will be made. Free some storage.',
};
notice('storage', TROUBLE[storageTrouble()]);
createFaults(sequence, ({ fault, question, limit }) => {
  const played = { ...settings, server: 'sandbox', paywall: 'x402-v2', network: 'base', limit, askFirst: false };
  drawCode({ settings: played, question, fault });
});
// After the first paint: the package is larger than the page.
requestAnimationFrame(() =>
  setTimeout(async () => {
    reconnect();
    await learn();
    await drawWaiting();
  }),
);
