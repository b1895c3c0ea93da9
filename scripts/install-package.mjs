// Installs the packed tarball into an empty folder, the way a user does.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const root = path.resolve(import.meta.dirname, '..');

/** Gives the folder, and the address of the package's entry in it. */
export function installPackage(name) {
  const folder = path.join(root, 'target/installed', name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n');
  const { version } = JSON.parse(readFileSync(path.join(root, 'pkg/package.json'), 'utf8'));
  const tarball = path.join(root, `eliza-jobs-${version}.tgz`);
  // No package but this one: nothing is fetched.
  execFileSync('npm', ['install', '--offline', '--no-audit', '--no-fund', '--silent', tarball], {
    cwd: folder,
    stdio: 'inherit',
  });
  const installed = path.join(folder, 'node_modules/eliza-jobs');
  return { folder, installed, tarball, entry: pathToFileURL(path.join(installed, 'index.js')).href };
}
