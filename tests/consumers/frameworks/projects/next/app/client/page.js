'use client';
import { useEffect } from 'react';
import { JobsClient } from 'eliza-jobs';

let client;

export default function Page() {
  // In development React calls this twice: the key makes it one job, which is paid for once.
  useEffect(() => {
    const query = new URLSearchParams(location.search);
    const content = query.get('question');
    client ??= new JobsClient({ baseUrl: query.get('server'), wallet: () => `0x${'ab'.repeat(32)}` });
    const params = { userId: '22222222-2222-4222-8222-222222222222', content };
    client.createAndWaitForJob(params, { idempotencyKey: content }).then(
      (job) => (document.title = `right: ${job.result.message.content} for ${client.spent()}`),
      (error) => (document.title = `failed: ${error.message}`),
    );
  }, []);
  return <p>asks in the page</p>;
}
