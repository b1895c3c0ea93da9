// Cloudflare Workers compile nothing at run time: there a .wasm import is a compiled module.
import module from './eliza_jobs_bg.wasm';
import { defineClients } from './client.js';

export * from './exports.js';
export const { ElizaClient, JobsClient, SessionsClient } = defineClients(() => module);
