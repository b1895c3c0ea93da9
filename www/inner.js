// The page in the frame of "Reload in the middle". It knows nothing of being reloaded: it does on
// load what every page should.
const { url, recipient, question, fetch, wallet, began, ended, failed, unplayed } = parent.forInnerPage;
const byId = (id) => document.getElementById(id);
const say = (text) => (byId('say').textContent = text);
document.documentElement.dataset.theme = parent.document.documentElement.dataset.theme ?? 'system';
began();

/** The storage that outlives a reload; `undefined` where the browser has none for this page. */
function storage() {
  try {
    sessionStorage.setItem('probe', '');
    return sessionStorage;
  } catch {
    return undefined;
  }
}

async function play(storage) {
  const { JobsClient, localStorageStore } = await import('./eliza-jobs/index.js');
  const client = new JobsClient({
    baseUrl: url,
    fetch,
    wallet,
    spend: { recipients: [recipient] },
    // Apart from the outer page's own payments.
    store: localStorageStore(storage),
  });
  const [open] = await client.pendingPayments();
  byId('loads').textContent = open ? 'Second load: a payment is open.' : 'First load: nothing is open.';
  say(open ? 'Going on with it, without paying again …' : 'Asking and paying …');
  const job = await (open ? client.resume(open) : client.createAndWaitForJob({ userId: crypto.randomUUID(), content: question }));
  say(job.result.message.content);
  ended(job.result.message.content);
}

const kept = storage();
if (kept) {
  await play(kept).catch((error) => {
    say(error.message);
    // What is not the client's says that it could not begin.
    if (typeof error.code === 'string') failed(error);
    else unplayed(error.message);
  });
} else unplayed('this browser keeps nothing for a page that is reloaded');
