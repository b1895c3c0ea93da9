// What Rust calls in JavaScript: the `js_namespace = host` externs of src/js.
import { listen } from './abort.js';
import { log, tell } from './callbacks.js';
import { makeError } from './errors.js';
import { list } from './list.js';
import { plainJson } from './metadata.js';
import { defaultStore, lock } from './stores.js';
import { wake } from './wake.js';

export const host = { defaultStore, list, listen, lock, log, makeError, plainJson, tell, wake };
