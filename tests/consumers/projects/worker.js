import { ask } from './ask.js';

onmessage = async ({ data: [server, question] }) =>
  postMessage(await ask(server, question).catch((error) => `failed: ${error.message}`));
