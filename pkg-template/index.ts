import { defineClients } from './client.js';
import { compile } from './load.js';

export * from './exports.js';
export const { ElizaClient, JobsClient, SessionsClient } = defineClients(compile);
