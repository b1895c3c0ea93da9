// Node's own modules, for code that also runs where there are none.
import type * as Crypto from 'node:crypto';
import type * as Fs from 'node:fs';
import type * as Path from 'node:path';

/** The modules that `fileStore` needs. */
export interface Builtins {
  crypto: Pick<typeof Crypto, 'createHash' | 'randomUUID'>;
  fs: typeof Fs;
  path: Pick<typeof Path, 'dirname' | 'join' | 'resolve'>;
}

interface Program {
  cwd?(): string;
  getBuiltinModule?(name: string): unknown;
}

/**
 * The modules of a program that did not import them. An `import()` here would make bundlers for
 * pages look for them, and fail or warn.
 *
 * @throws {TypeError} where there are none.
 */
export function builtins(): Builtins {
  const { process } = globalThis as { process?: Program };
  const load = <Name extends keyof Builtins>(name: Name) =>
    process?.getBuiltinModule?.(`node:${name}`) as Builtins[Name] | undefined;
  const [crypto, fs, path] = [load('crypto'), load('fs'), load('path')];
  if (crypto && fs && path) return { crypto, fs, path };
  throw new TypeError(
    process?.cwd
      ? "fileStore cannot reach the file system of this program; import it from 'eliza-jobs/node'"
      : 'fileStore needs the file system of Node, Bun or Deno, which this runtime does not have; use localStorageStore or memoryStore',
  );
}
