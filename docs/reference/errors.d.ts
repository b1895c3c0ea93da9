/**
 * The error classes alone: they load no WebAssembly. `eliza-jobs/job-status` has `JobStatus` in the
 * same way.
 *
 * @module eliza-jobs/errors
 */
export * from '../../pkg/error-classes.js';
