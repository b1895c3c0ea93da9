// The package in Node, Bun and Deno. All is as in the main entry, but `fileStore` imports what it needs:
// Node before 20.16 has no other way.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { storeIn } from './stores/file.js';
import type { Store } from './stores/store.js';

// @ts-ignore -- the build makes it
export * from 'eliza-jobs:main';

/** As in the main entry. */
export const fileStore = (folder: string): Store => storeIn(folder, () => ({ fs, path }));
