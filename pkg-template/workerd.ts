// The entry for Cloudflare Workers: scripts/build.mjs puts the compiled module into it, and the wallets are loaded.
import { shared } from './stores/shared.js';
import { adapted } from './wallets/library.js';

export * from './index.js';

shared.adapted = adapted;
