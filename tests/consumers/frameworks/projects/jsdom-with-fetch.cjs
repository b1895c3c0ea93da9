// jsdom has no fetch, no streams and no encoders: an environment of the project's own passes Node's on.
const { default: JsdomEnvironment } = require('jest-environment-jsdom');

const NAMES = [
  'AbortController',
  'AbortSignal',
  'Headers',
  'Request',
  'Response',
  'TextDecoder',
  'TextEncoder',
  'Uint8Array',
  'fetch',
];
module.exports = class extends JsdomEnvironment {
  async setup() {
    await super.setup();
    for (const name of NAMES) this.global[name] = globalThis[name];
    // jsdom's own has no randomUUID.
    Object.defineProperty(this.global, 'crypto', { value: globalThis.crypto });
  }
};
