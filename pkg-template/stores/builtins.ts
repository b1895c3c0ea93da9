// Node's own modules, for code that also runs where there are none.
import type * as Fs from 'node:fs';
import type * as Path from 'node:path';

/** The modules that `fileStore` needs. */
export interface Builtins {
  fs: typeof Fs;
  path: Pick<typeof Path, 'dirname' | 'join' | 'resolve'>;
}

interface Program {
  cwd?(): string;
  getBuiltinModule?(name: string): unknown;
}

/**
 * The modules of a program that did not import them. An `import()` here would make bundlers for pages
 * look for them, and fail or warn.
 *
 * @throws {TypeError} where there are none.
 */
export function builtins(): Builtins {
  const { process } = globalThis as { process?: Program };
  const fs = process?.getBuiltinModule?.('node:fs') as Builtins['fs'] | undefined;
  const path = process?.getBuiltinModule?.('node:path') as Builtins['path'] | undefined;
  if (fs && path) return { fs, path };
  throw new TypeError(
    process?.cwd
      ? "fileStore cannot reach the file system of this program; import it from 'eliza-jobs/node'"
      : 'fileStore needs the file system of Node, Bun or Deno, which this runtime does not have; use localStorageStore or memoryStore',
  );
}
