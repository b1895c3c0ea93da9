// Cloudflare Workers compile nothing at run time: there a .wasm import is a compiled module.
import { initSync } from 'eliza-jobs:glue';
import module from './eliza_jobs_bg.wasm';

initSync({ module });
export { JobsClient } from 'eliza-jobs:glue';
export * from './exports.js';
