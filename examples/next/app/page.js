'use client';
import { useState } from 'react';

export default function Page() {
  const [words, setWords] = useState('');

  const submit = async (event) => {
    event.preventDefault();
    const question = new FormData(event.target).get('question');
    setWords('…');
    // The same key for a repeated request: the server pays once.
    const response = await fetch('/api/ask', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() },
      body: JSON.stringify({ question }),
    });
    const { answer, error } = await response.json();
    setWords(answer ?? error);
  };
  return (
    <form onSubmit={submit}>
      <input name="question" aria-label="Question" defaultValue="What is the weather in New York?" required />
      <button>Ask</button>
      <p role="status">{words}</p>
    </form>
  );
}
