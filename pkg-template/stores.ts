// Where payments are recorded, so that none is lost when a page is closed or a program ends.
export { defaultStore } from './stores/default.js';
export { fileStore } from './stores/file.js';
export { localStorageStore, type KeyValueStorage } from './stores/local-storage.js';
export { lock, releaseAllLocks, type LockCall } from './stores/lock.js';
export { memoryStore } from './stores/memory.js';
export type { LockRequest, ReleaseLock, Store } from './stores/store.js';
export { shared } from './stores/shared.js';
