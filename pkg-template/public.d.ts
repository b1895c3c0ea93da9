// The package's public types: pkg/index.d.ts. wasm.d.ts is what wasm-bindgen generates from Rust.
export * from './wasm.js';
export type { Logger } from './callbacks.js';
export { ElizaClient } from './eliza-client.js';
export { ApiError, ArgumentError, ConnectionError, ElizaJobsError, JobError, PaymentError, SessionError } from './errors.js';
export type {
  FetchFunction,
  FetchInit,
  FetchResponse,
  HeadersInput,
  LibraryWallet,
  SendTransfer,
  TransferOptions,
  Wallet,
} from './injected.js';
export { JobStatus } from './job-status.js';
export { fileStore } from './stores/file.js';
export { localStorageStore, type KeyValueStorage } from './stores/local-storage.js';
export { memoryStore } from './stores/memory.js';
export type { LockRequest, ReleaseLock, Store } from './stores/store.js';
