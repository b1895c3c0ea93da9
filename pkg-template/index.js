import { defineClient } from './client.js';
import { compile } from './load.js';

export * from './exports.js';
export const JobsClient = defineClient(compile);
