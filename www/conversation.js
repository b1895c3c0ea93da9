// The conversation: questions, what the server is doing about them, and the answers with their
// receipts.
import { bringIntoView, byId, copyButton, cut, duration, element, short } from './dom.js';
import { chargeOf, fundsMoved, sentence } from './words.js';

/** A longer question is in its field; its answer is not to be looked for below all of it. */
const LONGEST = 1000;
/** A longer answer is scrolled in a place of its own. */
const LONG = 1200;
const SAID = {
  idle: 'Ready.',
  quoting: 'Asking for the price.',
  confirm: 'The server asks for a payment. Pay or cancel.',
  paying: 'Paying.',
  thinking: 'The agent is thinking.',
  answered: 'Answered.',
  failed: 'It did not work.',
  stopped: 'Stopped. The answer can still be had.',
  offline: 'You are offline. The wait goes on when you are back.',
};
const DOING = {
  quoting: 'asking for the price',
  confirm: 'waiting for you',
  paying: 'paying',
  thinking: 'thinking',
  offline: 'offline',
};

/** The state of the whole left side: one of those in `SAID`. It is announced. */
export function setState(state) {
  const area = byId('ask');
  if (area.dataset.state === state) return;
  area.dataset.state = state;
  byId('status').textContent = SAID[state];
}

/** The state now. */
export const state = () => byId('ask').dataset.state;

/**
 * A question in the conversation, the newest one first.
 *
 * @param stop Called when the user does not want to wait any longer.
 */
export function beginTurn(question, stop) {
  const clock = element('time', {}, '0.0 s');
  const doing = element('span', {}, DOING.quoting);
  const dots = element('span', { className: 'dots', 'aria-hidden': 'true' }, element('i'), element('i'), element('i'));
  const button = element('button', { type: 'button', className: 'quiet small stop', click: stop }, 'Stop waiting');
  const busy = element('div', { className: 'busy' }, dots, doing, clock, button);
  const turn = element(
    'article',
    { className: 'turn', 'aria-label': 'Question and answer' },
    element('p', { className: 'said' }, cut(question, LONGEST)),
    busy,
  );
  byId('thread').prepend(turn);
  const began = performance.now();
  const timer = setInterval(() => (clock.textContent = `${((performance.now() - began) / 1000).toFixed(1)} s`), 100);
  const finish = (className, ...children) => {
    clearInterval(timer);
    turn.classList.add(className);
    // Whoever was on the button that goes is taken to what comes in its place.
    const hadFocus = busy.contains(document.activeElement);
    busy.replaceWith(...children.filter(Boolean));
    if (hadFocus) (turn.querySelector('.again') ?? turn.querySelector('.outcome'))?.focus();
  };
  return {
    /** The focus goes to what ends the wait. */
    focus: () => button.focus(),
    became(now, said = DOING[now]) {
      setState(now);
      turn.dataset.state = now;
      if (said) doing.textContent = said;
    },
    answered(job, receipt) {
      const { content } = job.result.message;
      const isLong = content.length > LONG;
      // What scrolls is reached with Tab, so that the keyboard scrolls it too.
      const text = element(
        'div',
        { className: isLong ? 'answer long' : 'answer', tabIndex: isLong ? 0 : -1, role: 'group', 'aria-label': 'Answer' },
        content,
      );
      finish('answered', text, stub(job, receipt, performance.now() - began));
      setState('answered');
      present(text);
    },
    failed(error, again, advice) {
      finish('failed', ...outcome(sentence(error), { error, again, advice, moved: fundsMoved(error) }));
      setState('failed');
    },
    stopped(moved, again) {
      const said = {
        true: 'You have paid, and have stopped waiting. The answer is kept for you.',
        unknown: 'You have stopped waiting. It is not certain yet whether the money has moved; it will not be paid twice.',
        false: 'Stopped. Nothing was paid.',
      }[moved];
      finish('stopped', ...outcome(said, { again, moved }));
      setState('stopped');
    },
  };
}

/**
 * The answer gets the focus, unless the user is typing the next question. On a phone it is scrolled
 * into view.
 */
function present(answer) {
  const active = document.activeElement;
  const isTyping =
    active?.matches('input, select, textarea:not(#question)') || (active?.id === 'question' && active.dataset.changed === 'true');
  if (!isTyping) answer.focus({ preventScroll: true });
  bringIntoView(answer);
}

/**
 * Takes away the buttons that would get an answer again that is being got.
 *
 * @param ids Those of its payment and its job.
 * @returns Whether one of them had the focus.
 */
export function dropAgain(ids) {
  const buttons = [...document.querySelectorAll('.again')].filter(({ ids: own }) => own.some((id) => ids.includes(id)));
  const hadFocus = buttons.includes(document.activeElement);
  for (const button of buttons) button.remove();
  return hadFocus;
}

/** @param again `{ ids, get }`: what gets the answer. */
function outcome(text, { error, again, advice, moved }) {
  return [
    element('p', { className: `outcome ${moved === false ? 'free' : 'moved'}`, role: 'alert', tabIndex: -1 }, text),
    advice && element('p', { className: 'advice' }, advice),
    error &&
      element(
        'details',
        { className: 'code' },
        element('summary', {}, element('code', {}, error.code ?? error.name ?? 'error')),
        element('p', {}, error.message),
      ),
    again &&
      element('button', { type: 'button', className: 'primary again', click: again.get, ids: again.ids }, 'Get the answer'),
  ];
}

/** The receipt under an answer. */
function stub(job, { payment, asked }, ms) {
  const fact = (name, ...value) => element('div', {}, element('dt', {}, name), element('dd', {}, ...value));
  const time = fact('Answered in', duration(ms));
  if (!payment) {
    return element('dl', { className: 'receipt' }, fact('Cost', asked ? 'paid before' : 'nothing: this server is free'), time);
  }
  const { amount, currency, network, recipient, transaction } = payment;
  const doubt = chargeOf(payment);
  return element(
    'dl',
    { className: 'receipt' },
    fact(doubt ? 'Signed' : 'Paid', element('b', {}, `${amount} ${currency}`), ' once'),
    doubt && fact('Charged', doubt),
    fact('Network', network),
    fact('To', element('code', { title: recipient }, short(recipient))),
    transaction &&
      fact(
        'Transaction',
        element('code', { title: transaction }, short(transaction)),
        copyButton(transaction, 'the transaction'),
      ),
    time,
  );
}
