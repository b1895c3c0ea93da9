// "Make it go wrong": each switch plays one misfortune in a sandbox of its own, with the real
// client, in the page's drawing.
import { bringIntoView, byId, element } from './dom.js';
import { recordedFetch, recordedWallet } from './recorder.js';
import { load, makeSandbox } from './server.js';
import { sentence } from './words.js';

const QUESTION = 'What does x402 do?';
const LIMIT = '0.10';
const SWITCHES = [
  {
    id: 'lose-reply',
    title: 'Lose the reply',
    text: 'The server takes the money. Its reply never arrives.',
    faults: ['lose-reply'],
  },
  { id: 'ask-more', title: 'Ask for 5 USDC', text: 'The server wants far more than your limit.', faults: ['ask-more'] },
  { id: '402-again', title: 'Ask twice for money', text: 'Paid, and the server asks again.', faults: ['402-again'] },
  {
    id: 'wrong-recipient',
    title: 'Wrong recipient',
    text: 'The price is right. Whom it goes to is not.',
    faults: ['wrong-recipient'],
  },
  { id: 'click-twice', title: 'Click twice', text: 'Two calls for one order, at the same time.', faults: [], play: clickTwice },
  {
    id: 'reload',
    title: 'Reload in the middle',
    text: 'The page is gone while the money is on its way.',
    faults: [],
    play: reloadInTheMiddle,
  },
  {
    id: 'server-restarts',
    title: 'Server restarts',
    text: 'It goes down, and comes back without its jobs.',
    faults: ['server-restarts'],
  },
];

/**
 * The switches in the page.
 *
 * @param sequence Where they are drawn.
 * @param isFree Whether one may be played now: nothing else is drawn.
 * @param began Called with `{ fault, question, limit }` when one is played.
 * @param ended Called when it has ended.
 * @returns `allow(isAllowed)`: shows whether one may be played.
 */
export function createFaults(sequence, { isFree, began, ended }) {
  const totals = { asked: 0, made: 0, doubled: 0 };
  const buttons = [];
  const note = byId('faults-note');
  const about = note.textContent;
  const allow = (isAllowed, why) => {
    note.textContent = isAllowed ? about : why;
    for (const each of buttons) {
      if (isAllowed) each.removeAttribute('aria-disabled');
      else each.setAttribute('aria-disabled', 'true');
    }
  };
  byId('switches').append(
    ...SWITCHES.map((entry) => {
      const result = element('p', { className: 'result', role: 'status' });
      const button = element(
        'button',
        { type: 'button', 'data-fault': entry.id, 'aria-describedby': `about-${entry.id}` },
        entry.title,
      );
      button.addEventListener('click', async () => {
        if (!isFree()) return;
        began({ fault: entry.id, question: QUESTION, limit: LIMIT });
        showDrawing();
        allow(false, 'One at a time: this one is played to its end.');
        result.className = 'result';
        result.textContent = 'playing …';
        try {
          show(result, await run(entry, sequence, totals));
        } catch (error) {
          show(result, { text: `It could not be played: ${error.message}`, isGood: false });
        }
        allow(true);
        ended();
      });
      buttons.push(button);
      return element(
        'li',
        { className: 'card' },
        button,
        element('p', { id: `about-${entry.id}`, className: 'soft' }, entry.text),
        result,
      );
    }),
  );
  return { allow: (isAllowed) => allow(isAllowed, 'Your question comes first: these can be played when it has ended.') };
}

/** In one column the drawing is above the switches, and may be out of sight. */
function showDrawing() {
  const drawing = byId('drawing');
  const { top, bottom } = drawing.getBoundingClientRect();
  if (top < 0 || bottom > innerHeight) bringIntoView(drawing, 'start');
}

function show(result, { text, isGood }) {
  result.classList.add(isGood ? 'good' : 'bad');
  result.textContent = text;
}

async function run(entry, sequence, totals) {
  const drawing = sequence.begin(entry.title);
  const sandbox = await makeSandbox({ paywall: 'x402-v2', faults: entry.faults, slowMs: 1200, answerMs: 900 });
  const { JobsClient, memoryStore } = await load('index');
  const client = new JobsClient({
    baseUrl: sandbox.url,
    fetch: recordedFetch(sandbox.fetch, () => drawing, sandbox, { recipient: sandbox.recipient, limit: LIMIT }),
    wallet: recordedWallet(sandbox.wallet, () => drawing),
    spend: { maxPerPayment: LIMIT, recipients: [sandbox.recipient] },
    store: memoryStore(),
    // That a reply was lost is what this is about.
    logger: { warn: () => undefined },
  });
  let error;
  let answer;
  try {
    answer = await (entry.play ?? play)(client, sandbox, drawing);
  } catch (thrown) {
    if (thrown instanceof Unplayed) throw thrown;
    error = thrown;
  }
  return count(sandbox, totals, drawing, { error, answer });
}

/** Nothing can be said of a misfortune that did not happen. */
class Unplayed extends Error {}

/** Counts what the sandbox's chain says, which is what happened, whatever the client believes. */
function count(sandbox, totals, drawing, { error, answer }) {
  const made = sandbox.payments.length;
  totals.asked += sandbox.requests.filter(({ status }) => status === 402).length;
  totals.made += made;
  totals.doubled += Math.max(0, made - 1);
  for (const name of ['asked', 'made', 'doubled']) byId(name).textContent = String(totals[name]);
  const money = ['Nothing was paid', 'Paid once'][made] ?? `PAID ${made} TIMES`;
  const isGood = made <= 1;
  drawing.end(money, isGood);
  const rest = error
    ? ` ${
        made === 0
          ? sentence(error)
              .replace(/^[^:]*: /, '')
              .replace(/^./, (letter) => letter.toUpperCase())
          : sentence(error)
      }`
    : answer
      ? ' The answer is here.'
      : '';
  return { text: `${money}.${rest}`, isGood };
}

const params = () => ({ userId: crypto.randomUUID(), content: QUESTION });

async function play(client) {
  const job = await client.createAndWaitForJob(params());
  return job.result.message.content;
}

async function clickTwice(client) {
  const once = params();
  const options = { idempotencyKey: crypto.randomUUID() };
  const [first, second] = await Promise.all([
    client.createAndWaitForJob(once, options),
    client.createAndWaitForJob(once, options),
  ]);
  if (first.jobId !== second.jobId) throw new Error('two jobs for one order');
  return first.result.message.content;
}

/**
 * A page in a frame asks and pays; when its paid request is under way, it is reloaded. What is left
 * of it is in its storage; the sandbox, in this page, goes on.
 */
function reloadInTheMiddle(_client, sandbox, drawing) {
  const frame = element('iframe', { src: 'inner.html', title: 'A page that is reloaded while it pays' });
  let isReloaded = false;
  const drawn = recordedFetch(sandbox.fetch, () => drawing, sandbox);
  const send = (input, init = {}) => {
    if (isReloaded || !new Headers(init.headers).has('payment-signature')) return drawn(input, init);
    isReloaded = true;
    const reply = drawn(input, init, true);
    // The server has the request when this runs; the page that waits for the reply is gone before
    // it comes.
    reply.catch(() => undefined);
    queueMicrotask(() => {
      drawing.add({ from: 'You', to: 'You', kind: 'lost', label: 'the page is reloaded' });
      frame.contentWindow.location.reload();
    });
    return new Promise(() => undefined);
  };
  const place = byId('frame-place');
  return new Promise((ended, failed) => {
    const unplayed = (why) => {
      place.hidden = true;
      failed(new Unplayed(why));
    };
    // A browser's own page about an error has loaded too.
    let began = 0;
    frame.addEventListener('load', () => {
      began -= 1;
      if (began < 0) unplayed('the frame’s page cannot be loaded: are you online?');
    });
    globalThis.forInnerPage = {
      url: sandbox.url,
      recipient: sandbox.recipient,
      question: QUESTION,
      fetch: send,
      wallet: recordedWallet(sandbox.wallet, () => drawing),
      began: () => (began += 1),
      ended,
      failed,
      unplayed,
    };
    place.querySelector('iframe')?.remove();
    place.append(frame);
    place.hidden = false;
  });
}
