// React Native has no WebAssembly: the package must be bundled all the same, and say what is
// missing.
const { JobsClient } = require('eliza-jobs');

try {
  new JobsClient({ baseUrl: 'https://h' });
} catch (error) {
  globalThis.print(`${error.code}: ${error.message}`);
}
