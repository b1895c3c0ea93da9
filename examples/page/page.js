import { JobsClient } from 'eliza-jobs';

const server = new URLSearchParams(location.search).get('server');

async function connection() {
  if (server) {
    const { fromEip1193 } = await import('eliza-jobs/wallets');
    return { baseUrl: server, wallet: fromEip1193(window.ethereum) };
  }
  const { createSandbox } = await import('eliza-jobs/sandbox');
  const { url, fetch, wallet } = createSandbox({ paywall: 'x402-v2', price: '0.02' });
  return { baseUrl: url, fetch, wallet };
}

const output = document.querySelector('output');
const show = (words) => (output.textContent = words);

const client = new JobsClient({
  ...(await connection()),
  spend: { maxPerPayment: '0.05', budget: '1.00' },
  confirm: ({ amount, currency, network }) => window.confirm(`Pay ${amount} ${currency} on ${network}?`),
});

document.querySelector('form').onsubmit = async (event) => {
  event.preventDefault();
  const question = new FormData(event.target).get('question');
  try {
    show(await client.ask(question, { onUpdate: ({ type }) => show(`${type} …`) }));
  } catch (error) {
    // error.fundsMoved says whether anything was paid; if so, the page goes on with it when it is
    // loaded again.
    show(error.message);
  }
};

// What was paid when the page was closed or loaded again. Nothing is paid twice.
for (const payment of await client.pendingPayments()) {
  show('going on with what was paid …');
  const job = await client.resume(payment).catch((error) => error);
  show(job.result?.message.content ?? job.message);
}
