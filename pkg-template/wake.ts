// Browsers slow the timers of hidden pages down to one a minute and stop those of a page that
// sleeps. A wait polls at once when its page is active again, and once, however many timers are
// due.
const waiting = new Set<() => void>();

const back = ({ type }: Event) => {
  if (type === 'visibilitychange' && globalThis.document.hidden) return;
  for (const end of [...waiting]) end();
};

/** Only a page, and a worker of one, has such events. */
const listen = (how: 'addEventListener' | 'removeEventListener') => {
  globalThis.document?.[how]?.('visibilitychange', back);
  for (const type of ['pageshow', 'online']) globalThis[how]?.(type, back as EventListener);
};

/**
 * Resolves when the page is visible again, online again, or back from the browser's cache.
 * `request.release()` ends it.
 */
export function wake(request: { release?: () => void }): Promise<void> {
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
