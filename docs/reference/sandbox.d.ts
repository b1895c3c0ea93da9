/**
 * An elizaOS server with a paywall inside the process, for tests and demonstrations.
 *
 * @module eliza-jobs/sandbox
 */
export * from '../../pkg/sandbox-node.js';
