// The modules that scripts/build.mjs makes of the compiled crate.

/** wasm-bindgen's glue, unedited, in a function: each call makes a glue of its own. */
declare module 'eliza-jobs:glue' {
  export interface Engine {
    spent(currency: unknown): string;
    call(method: string, given: readonly unknown[]): Promise<unknown>;
    feed(method: string, given: readonly unknown[]): Feed;
    free(): void;
  }
  export interface Feed {
    next(): Promise<IteratorResult<unknown>>;
    stop(): void;
  }
  export interface Glue {
    Engine: new (given: unknown[], spent: Record<string, unknown>) => Engine;
    initSync(options: { module: WebAssembly.Module }): void;
  }
  export interface WebAssemblyLike {
    Module: typeof WebAssembly.Module;
    Instance: new (module: WebAssembly.Module, imports: WebAssembly.Imports) => { exports: WebAssembly.Exports };
  }
  /** The parameters hide the globals of the same names from the glue. */
  export function makeGlue(
    WebAssembly: WebAssemblyLike,
    setTimeout: (work: () => void, ms: number) => unknown,
    clearTimeout: (timer: unknown) => void,
    host: object,
  ): Glue;
}

/** The wasm file, inside JavaScript. */
declare module 'eliza-jobs:wasm' {
  export function wasm(): Uint8Array<ArrayBuffer>;
}

/** The wasm file, compiled: in Cloudflare Workers alone. */
declare module '*.wasm' {
  const module: WebAssembly.Module;
  export default module;
}
