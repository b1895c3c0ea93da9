/// <reference lib="esnext.disposable" />
// The package's public types: pkg/index.d.ts. wasm.d.ts is what wasm-bindgen generates from Rust.
export * from './wasm.js';
export { fileStore } from './stores/file.js';
export { localStorageStore, type KeyValueStorage } from './stores/local-storage.js';
export { memoryStore } from './stores/memory.js';
export type { LockRequest, ReleaseLock, Store } from './stores/store.js';
