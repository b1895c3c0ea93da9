import { ask } from './ask.js';

const query = new URLSearchParams(location.search);
ask(query.get('server'), query.get('question')).then(
  (said) => (document.title = said),
  (error) => (document.title = `${error.name} ${error.code}: ${error.message}`),
);
