import { JobsClient as Glue } from 'eliza-jobs:glue';
import { load } from './load.js';

export * from './exports.js';

/** The Rust class; all that is added is that the module loads itself. */
export class JobsClient extends Glue {
  constructor(options) {
    load();
    super(options);
  }
}
