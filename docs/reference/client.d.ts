/**
 * The client, its sessions, stores and errors. In Node, Bun and Deno `eliza-jobs/node` has the
 * same, for bundlers that do not choose by runtime.
 *
 * @module eliza-jobs
 */
export * from '../../pkg/index.js';
