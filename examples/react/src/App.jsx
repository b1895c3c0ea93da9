import { useJob } from 'eliza-jobs/react';
import { client } from './client.js';

const WORDS = {
  asking: 'Asking …',
  confirming: 'Waiting for the wallet …',
  paying: 'Paying …',
  waiting: 'The agent is thinking …',
  stopped: 'Stopped.',
};

export function App() {
  // The key lets it survive a reload: the page comes back with the paid answer.
  const { ask, resume, cancel, reset, status, isBusy, question, answer, quote, payment, error } = useJob(client, { key: 'main' });

  const submit = (event) => {
    event.preventDefault();
    ask(new FormData(event.target).get('question'));
  };
  return (
    <main>
      <form onSubmit={submit}>
        <input name="question" aria-label="Question" defaultValue={question ?? 'What is the weather in New York?'} required />
        <button disabled={isBusy}>Ask</button>
      </form>
      {isBusy && <button onClick={cancel}>Stop</button>}
      {(status === 'stopped' || status === 'failed') && <button onClick={() => resume()}>Go on</button>}
      {status === 'answered' && <button onClick={reset}>Forget</button>}
      <p role="status">{answer ?? error?.message ?? WORDS[status]}</p>
      {status === 'confirming' && <p>{`${quote.amount} ${quote.currency} on ${quote.network}`}</p>}
      {status === 'answered' && payment && <p>{`Paid ${payment.amount} ${payment.currency}.`}</p>}
      {status === 'failed' && <p>{error.fundsMoved === false ? 'Nothing was paid.' : 'What was paid is recorded.'}</p>}
    </main>
  );
}
