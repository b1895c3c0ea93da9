// The functions that Rust calls in JavaScript, for the boundary tests: there they are a global.
import { host } from '../../pkg-template/host.js';

export function installHost() {
  Object.assign(globalThis, { host });
}
