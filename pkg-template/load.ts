// Compiles the module on first use. Importing the package compiles nothing, so that it is safe
// where nothing will ever be called (server-side rendering).
import { wasm } from 'eliza-jobs:wasm';
import { compiled } from './loading.js';

let module: WebAssembly.Module | undefined;

export const compile = (): WebAssembly.Module => (module ??= compiled(wasm));
