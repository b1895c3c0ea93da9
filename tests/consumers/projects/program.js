import { ask } from './ask.js';

const [baseUrl, question] = globalThis.process.argv.slice(2);
console.log(await ask(baseUrl, question));
