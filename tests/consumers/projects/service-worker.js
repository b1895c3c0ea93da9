import { ask } from './ask.js';

onactivate = (event) => event.waitUntil(clients.claim());
onmessage = ({ data: [server, question], ports: [port] }) =>
  ask(server, question).then(
    (said) => port.postMessage(said),
    (error) => port.postMessage(`failed: ${error.message}`),
  );
