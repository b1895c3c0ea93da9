// When the page is back. Browsers slow the timers of hidden pages down to one a minute and stop those of a page that sleeps, so whoever
// waits looks at once when there is somebody to look for; each once, however many timers are due.
const waiting = new Set();

const back = ({ type }) => {
  if (type === 'visibilitychange' && globalThis.document.hidden) return;
  for (const end of [...waiting]) end();
};
/** Only a page, and a worker for one of them, has such events. */
const listen = (how) => {
  globalThis.document?.[how]?.('visibilitychange', back);
  for (const type of ['pageshow', 'online']) globalThis[how]?.(type, back);
};

/** Waits until the page is shown again, on the network again, or taken out of the browser's cache. `request.release()` ends it. */
export function wake(request) {
  return new Promise((resolve) => {
    const end = () => {
      if (waiting.delete(end) && !waiting.size) listen('removeEventListener');
      resolve();
    };
    if (!waiting.size) listen('addEventListener');
    waiting.add(end);
    request.release = end;
  });
}
