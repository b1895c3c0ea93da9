// For a runtime that knows requests and answers, and nothing of Node.
import { ask } from './ask.js';

addEventListener('fetch', (event) => {
  const query = new URL(event.request.url).searchParams;
  event.respondWith(ask(query.get('server'), query.get('question')).then((said) => new Response(said)));
});
