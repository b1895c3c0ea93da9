'use client';
// A question in a React component. All that is not React's is in react/job-store.ts.
import { useState, useSyncExternalStore } from 'react';
import { JobStores, shared } from './react/job-store.js';
import type { AskingClient, JobView } from './react/types.js';

export type * from './react/types.js';

/** What `useJob` takes. */
export interface UseJobOptions {
  /**
   * A name for what is asked here. Components with the same client and key share one question, and
   * it survives a reload: the page comes back with the paid answer, and pays nothing again. The
   * same question under the same key is asked and paid for once, until `reset()`.
   * @default none: the question belongs to this component alone, and to this visit of the page
   */
  readonly key?: string;
}

/**
 * A question to an agent: asked, paid for and answered, with every step of it as state.
 *
 * @param client The same one in each render: make it outside of components, or with `useMemo`.
 *
 * @example
 * const { ask, answer, status, isBusy, error } = useJob(client, { key: 'weather' });
 * const words = answer ?? error?.message ?? status;
 * return <button onClick={() => ask('What is the weather?')} disabled={isBusy}>{words}</button>;
 */
export function useJob(client: AskingClient, { key }: UseJobOptions = {}): JobView {
  const [own] = useState(() => new JobStores());
  const store = (key === undefined ? own : shared).of(client, key);
  return useSyncExternalStore(store.subscribe, store.getSnapshot, store.getServerSnapshot);
}
