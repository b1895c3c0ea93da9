import { ask } from './ask.js';

onconnect = ({ ports: [port] }) => {
  port.onmessage = async ({ data: [server, question] }) =>
    port.postMessage(await ask(server, question).catch((error) => `failed: ${error.message}`));
};
