// Imports a program in this process, and prints the milliseconds until it sends its first request.
import { pathToFileURL } from 'node:url';

// Node loads these when they are first used, for whichever program.
new Request('http://localhost', { headers: new Headers(), signal: new AbortController().signal });

const program = pathToFileURL(process.argv[2]).href;
const began = performance.now();
globalThis.fetch = () => {
  process.stdout.write(String(performance.now() - began));
  process.exit();
};
await import(program);
