// The modules that scripts/build.mjs makes of the compiled crate.

/** wasm-bindgen's glue, unedited, in a function: each call makes a glue of its own. */
declare module 'eliza-jobs:glue' {
  /**
   * A class of Rust's, as the wrapper uses it: its methods are called by the names that the
   * prototype has.
   */
  export interface RustClient {
    readonly [method: string]: (...given: unknown[]) => unknown;
    __close(): void;
  }
  type RustClass = new (kept: object) => RustClient;
  export interface Feed {
    next(): Promise<IteratorResult<unknown>>;
    stop(): void;
  }
  export interface Pages {
    from(first: unknown): AsyncIterableIterator<unknown>;
  }
  export interface Glue {
    JobsClient: RustClass;
    SessionsClient: RustClass;
    initSync(options: { module: WebAssembly.Module }): void;
  }
  export interface WebAssemblyLike {
    Module: typeof WebAssembly.Module;
    Instance: new (module: WebAssembly.Module, imports: WebAssembly.Imports) => { exports: WebAssembly.Exports };
  }
  /** The parameters hide the globals of the same names from the glue. */
  export function makeGlue(
    WebAssembly: WebAssemblyLike | undefined,
    setTimeout: (work: () => void, ms: number) => unknown,
    clearTimeout: (timer: never) => void,
    host: object,
  ): Glue;
}

/** The wasm file inside JavaScript; in the entry for Cloudflare Workers, compiled. */
declare module 'eliza-jobs:wasm' {
  export function wasm(): Uint8Array<ArrayBuffer> | WebAssembly.Module;
}

/** The glue of the sandbox's module, in a function as the package's own. */
declare module 'eliza-jobs:sandbox-glue' {
  /** What is to be done: `sandbox/src/message.rs`. */
  export type Effect =
    | { type: 'respond'; id: number; status: number; headers: [string, string][]; body: string; ends: boolean }
    | { type: 'piece'; id: number; text: string }
    | { type: 'end'; id: number }
    | { type: 'break'; id: number; code: string }
    | { type: 'ask'; id: number; content: string; context: Record<string, unknown> }
    | { type: 'settle'; id: number; value: string | null; error: string | null };
  /** What the agent says. */
  export interface Said {
    text?: string;
    pieces?: readonly string[];
    error?: string;
  }
  type Rust = typeof import('./sandbox-wasm.js');
  export interface Machine extends InstanceType<Rust['Machine']> {
    effects(now: number): Effect[];
    payments(now: number): import('./sandbox-wasm.js').SandboxPayment[];
    jobs(): import('./sandbox-wasm.js').SandboxJob[];
    requests(): import('./sandbox-wasm.js').SandboxRequest[];
  }
  export interface Glue {
    Machine: new (options: object, seed: number, now: number) => Machine;
    initSync(options: { module: WebAssembly.Module }): void;
  }
  export function makeGlue(WebAssembly: unknown, setTimeout: undefined, clearTimeout: undefined, host: object): Glue;
}

/** The sandbox's wasm file inside JavaScript; in the entry for Cloudflare Workers, compiled. */
declare module 'eliza-jobs:sandbox-wasm' {
  export function wasm(): Uint8Array<ArrayBuffer> | WebAssembly.Module;
}
