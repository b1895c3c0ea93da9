/**
 * A question in a React component.
 *
 * @module eliza-jobs/react
 */
export * from '../../pkg/react.js';
