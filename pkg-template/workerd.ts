// The entry for Cloudflare Workers: scripts/build.mjs puts the compiled module into it.
export * from './index.js';
