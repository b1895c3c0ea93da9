// The drawing of what happens: three lifelines, and an arrow for each thing that is sent. It is a
// list at the same time, which a screen reader reads and the keyboard moves through.
import { byId, duration, element } from './dom.js';

const LANES = ['You', 'Server', 'Chain'];
const ENDINGS = { lost: ', lost' };
const unseen = () => element('span', { className: 'unseen' });
/** More than anybody reads, and less than slows a page down. */
const MOST = 200;

/** The drawing in the page. */
export function createSequence() {
  const list = byId('steps');
  list.addEventListener('keydown', (event) => move(list, event));
  let latest;
  return {
    /**
     * Begins anew: what was drawn is gone, and what comes late for it is drawn no more. @returns
     * The drawing.
     */
    begin(title = 'What happens') {
      list.replaceChildren();
      byId('drawing-title').textContent = title;
      const drawing = drawingIn(list, () => latest === drawing);
      latest = drawing;
      return drawing;
    },
  };
}

/** One scenario. @param isLatest Whether it is the one in the page. */
function drawingIn(list, isLatest) {
  const began = performance.now();
  /** The rows that count what repeats, as polls do: there may be hundreds of them. */
  let counted = {};
  const add = ({ group, ...given }) => {
    if (!isLatest()) return { update() {} };
    const at = performance.now() - began;
    const earlier = group && counted[group];
    if (earlier) {
      earlier.update({ ...given, count: earlier.count + 1, last: at });
      return earlier;
    }
    const row = drawn(list, { at, count: 1, ...given });
    if (group) counted[group] = row;
    else counted = {};
    return row;
  };
  return {
    add,
    /** A line across all lifelines: how it ended. */
    end(text, isGood) {
      if (!isLatest()) return;
      list.append(element('li', { className: `ending ${isGood ? 'good' : 'bad'}` }, text));
      showEnd(list);
    },
    /** Puts more words on the latest arrow of a kind. */
    amend(kind, label) {
      if (!isLatest()) return;
      const rows = [...list.children].filter((row) => row.dataset.kind === kind && row.dataset.to === 'You');
      rows.at(-1)?.step?.update({ label });
    },
  };
}

function drawn(list, step) {
  const text = element('span', { className: 'label' });
  const [way, ending, time] = [unseen(), unseen(), element('time')];
  const button = element('button', { type: 'button', className: 'arrow', 'aria-expanded': 'false' }, way, text, ending, time);
  const item = element('li', {}, button);
  const row = {
    count: 1,
    update(change) {
      Object.assign(step, change);
      row.count = step.count;
      write(item, { way, text, ending, time }, step);
      if (button.getAttribute('aria-expanded') === 'true') open(item, button, step);
    },
  };
  item.step = row;
  button.addEventListener('click', () =>
    button.getAttribute('aria-expanded') === 'true' ? close(item, button) : open(item, button, step),
  );
  row.update({});
  // One of them is reached with Tab, the others with the arrow keys.
  button.tabIndex = list.querySelector('button.arrow') ? -1 : 0;
  // What comes late is not after the end.
  list.insertBefore(item, list.querySelector('.ending'));
  if (list.children.length > MOST) {
    list.firstElementChild.remove();
    list.querySelector('button.arrow').tabIndex = 0;
  }
  showEnd(list);
  return row;
}

/** The latest is seen, where not all is. */
function showEnd(list) {
  if (list.scrollHeight > list.clientHeight) list.scrollTop = list.scrollHeight;
}

function write(item, { way, text, ending, time }, step) {
  const [from, to] = [LANES.indexOf(step.from), LANES.indexOf(step.to)];
  item.className = `step ${step.kind ?? 'plain'} ${from === to ? 'self' : from < to ? 'right' : 'left'}`;
  item.dataset.kind = step.kind ?? 'plain';
  item.dataset.to = step.to;
  item.style.setProperty('--from', Math.min(from, to));
  item.style.setProperty('--to', Math.max(from, to));
  const times = step.count > 1 ? ` ×${step.count}` : '';
  const code = step.status ? `${step.status} ` : '';
  text.replaceChildren(
    ...(code && !step.label.includes(String(step.status)) ? [element('b', {}, code)] : []),
    step.label + times,
    ...(step.fault ? [element('em', {}, step.fault)] : []),
    ...(step.wrong ? [element('em', { className: 'wrong' }, step.wrong)] : []),
  );
  // Of what repeats, the first: the times go down the drawing in order.
  time.textContent = duration(step.at);
  // What the arrow shows, for those who do not see it.
  way.textContent = from === to ? `${step.from}: ` : `${step.from} to ${step.to}: `;
  ending.textContent = `${step.fault ? ' (a fault that was asked for)' : ''}${ENDINGS[step.kind] ?? ''}, `;
}

function close(item, button) {
  button.setAttribute('aria-expanded', 'false');
  item.querySelector('.detail')?.remove();
}

function open(item, button, { detail = {}, last }) {
  close(item, button);
  button.setAttribute('aria-expanded', 'true');
  const { title, headers = [], facts = [], body, decoded } = detail;
  const latest = last === undefined ? [] : [['the latest one', duration(last)]];
  const rows = [...latest, ...headers, ...facts].map(([name, value]) =>
    element('div', {}, element('dt', {}, name), element('dd', {}, String(value))),
  );
  const block = (name, text) => text && element('div', {}, element('h3', {}, name), element('pre', { tabIndex: 0 }, text));
  item.append(
    element(
      'div',
      { className: 'detail' },
      title && element('p', { className: 'title' }, title),
      rows.length > 0 && element('dl', { className: 'facts' }, ...rows),
      block('What it asks for', decoded),
      block('Body', body),
    ),
  );
}

function move(list, event) {
  const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
  if (step === undefined || !event.target.matches('button.arrow')) return;
  event.preventDefault();
  const buttons = [...list.querySelectorAll('button.arrow')];
  const at = buttons.indexOf(event.target);
  const next = buttons[Math.max(0, Math.min(buttons.length - 1, at + step))];
  event.target.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}
