/// <reference lib="esnext.disposable" />
// The package's public types: pkg/index.d.ts. wasm.d.ts is what wasm-bindgen generates from Rust.
export * from './wasm.js';
