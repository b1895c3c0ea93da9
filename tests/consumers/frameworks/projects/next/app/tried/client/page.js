'use client';
import { useEffect } from 'react';
import { JobsClient } from 'eliza-jobs';
import { useJob } from 'eliza-jobs/react';

// On the server, where the page is rendered too, there is no address, and nothing is asked.
const query = new URLSearchParams(globalThis.location?.search);
const client = new JobsClient({ baseUrl: query.get('server') ?? 'http://localhost', wallet: () => `0x${'ab'.repeat(32)}` });

export default function Page() {
  const { ask, answer, error } = useJob(client, { key: 'page' });
  // In development React calls this twice: it is one job, which is paid for once.
  useEffect(() => {
    ask(query.get('question'));
  }, [ask]);
  useEffect(() => {
    if (answer) document.title = `right: ${answer} for ${client.spent()}`;
    if (error) document.title = `failed: ${error.message}`;
  }, [answer, error]);
  return <p>asks in the page</p>;
}
