'use client';
import { useEffect } from 'react';
import { ask } from '../../../ask.js';

export default function Page() {
  useEffect(() => {
    const query = new URLSearchParams(location.search);
    ask(query.get('server'), query.get('question')).then(
      (said) => (document.title = said),
      (error) => (document.title = `failed: ${error.message}`),
    );
  }, []);
  return <p>asks in the page</p>;
}
