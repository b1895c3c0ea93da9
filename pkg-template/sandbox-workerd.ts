// The sandbox for Cloudflare Workers: scripts/build.mjs puts the compiled module into it.
export * from './sandbox.js';
