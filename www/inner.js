// The page in the frame of "Reload in the middle". It knows nothing of being reloaded: it does on
// load what every page should.
const { url, recipient, question, fetch, wallet, ended, failed } = parent.forInnerPage;
const byId = (id) => document.getElementById(id);
const say = (text) => (byId('say').textContent = text);
document.documentElement.dataset.theme = parent.document.documentElement.dataset.theme ?? 'system';

try {
  const { JobsClient, localStorageStore } = await import('./eliza-jobs/index.js');
  // A storage that survives this page's reload, apart from the outer page's own payments.
  const client = new JobsClient({
    baseUrl: url,
    fetch,
    wallet,
    spend: { recipients: [recipient] },
    store: localStorageStore(sessionStorage),
  });
  const [open] = await client.pendingPayments();
  byId('loads').textContent = open ? 'Second load: a payment is open.' : 'First load: nothing is open.';
  say(open ? 'Going on with it, without paying again …' : 'Asking and paying …');
  const job = await (open ? client.resume(open) : client.createAndWaitForJob({ userId: crypto.randomUUID(), content: question }));
  say(job.result.message.content);
  ended(job.result.message.content);
} catch (error) {
  say(error.message);
  failed(error);
}
