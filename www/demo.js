import { JobsClient } from './eliza-jobs/index.js';

const PAYMENTS = { proven: 'the test wallet has paid', accepted: 'the server has taken it' };

const element = (id) => document.getElementById(id);
const [form, steps, answer, send, stop] = ['ask', 'steps', 'answer', 'send', 'stop'].map(element);

/** A hash that no chain knows: the demo's paywall looks only at its shape. */
const testWallet = async () => {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return `0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
};

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const began = performance.now();
  const say = (what, text, kind = '') => {
    const [item, time, label] = ['li', 'time', 'b'].map((tag) => document.createElement(tag));
    time.textContent = `${((performance.now() - began) / 1000).toFixed(2)} s`;
    label.textContent = what;
    item.className = kind;
    item.append(time, label, text);
    steps.append(item);
  };
  steps.replaceChildren();
  answer.hidden = true;
  send.disabled = true;
  stop.disabled = false;
  const controller = new AbortController();
  stop.onclick = () => controller.abort(new Error('Stopped. The job goes on at the server.'));
  try {
    const client = new JobsClient({
      baseUrl: new URL('.', location.href).origin,
      wallet: testWallet,
      spend: { maxPerPayment: element('limit').value, networks: [new FormData(form).get('network')] },
    });
    const job = await client.createAndWaitForJob(
      { userId: crypto.randomUUID(), content: element('question').value },
      {
        signal: controller.signal,
        onUpdate(update) {
          if (update.type === 'quote') say('quote', `${update.quote.amount} USDC on ${update.quote.network}`);
          if (update.type === 'payment') say('payment', PAYMENTS[update.payment.state]);
          if (update.type === 'created') say('job', update.job.jobId);
          if (update.type === 'status') say('status', update.job.status);
        },
      },
    );
    answer.textContent = job.result.message.content;
    answer.hidden = false;
    say('done', `the agent took ${job.result.processingTimeMs} ms`);
  } catch (error) {
    say('error', `${error.code ? `${error.code}: ` : ''}${error.message}`, 'error');
  } finally {
    send.disabled = false;
    stop.disabled = true;
  }
});
