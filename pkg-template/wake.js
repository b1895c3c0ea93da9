// Pauses that end when the page is back. Browsers slow the timers of hidden pages down to one a minute and stop those of a page
// that sleeps, so whoever waits looks at once when there is somebody to look for; each once, however many timers are due.
const naps = new Set();

const back = ({ type }) => {
  if (type === 'visibilitychange' && globalThis.document.hidden) return;
  for (const end of [...naps]) end();
};
/** Only a page, and a worker for one of them, has such events. */
const listen = (how) => {
  globalThis.document?.[how]?.('visibilitychange', back);
  for (const type of ['pageshow', 'online']) globalThis[how]?.(type, back);
};

/**
 * Waits so many milliseconds; when it `wakes`, no longer than until the page is shown again, on the network again, or taken out of the
 * browser's cache. `request.letGo()` ends it.
 */
export function rest(ms, wakes, request) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      if (naps.delete(end) && !naps.size) listen('removeEventListener');
      resolve();
    };
    const timer = setTimeout(end, ms);
    request.letGo = end;
    if (!wakes) return;
    if (!naps.size) listen('addEventListener');
    naps.add(end);
  });
}
