// The package in Node, Bun and Deno. All is as in the main entry, but `fileStore` imports the
// modules that it needs, because Node before 20.16 has no other way, and the wallets are loaded.
import * as crypto from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { storeIn } from './stores/store-in-folder.js';
import type { Store } from './stores/store.js';
import './wallets.js';

export * from './index.js';

/** As in the main entry. */
export const fileStore = (folder: string): Store => storeIn(folder, () => ({ crypto, fs, path }));
