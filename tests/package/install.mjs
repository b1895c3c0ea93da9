// Installs the packed tarball into an empty folder, as a user does, and imports it from there by its name. Once for each build:
// the folder is named after the tarball's hash.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const root = path.resolve(import.meta.dirname, '../..');

async function tarball() {
  const { version } = JSON.parse(await readFile(path.join(root, 'pkg-template/package.json'), 'utf8'));
  const file = path.join(root, `eliza-jobs-${version}.tgz`);
  if (!existsSync(file)) throw new Error(`eliza-jobs-${version}.tgz is not there: run \`make pkg\` first`);
  return file;
}

/** The folder of an application that has nothing but this package installed. */
export async function install() {
  const file = await tarball();
  const hash = createHash('sha256')
    .update(await readFile(file))
    .digest('hex')
    .slice(0, 16);
  const folder = path.join(root, 'target/installed', hash);
  if (existsSync(folder)) return folder;
  await mkdir(path.dirname(folder), { recursive: true });
  const fresh = await mkdtemp(`${folder}-`);
  await writeFile(path.join(fresh, 'package.json'), '{"name":"application","private":true}');
  await writeFile(path.join(fresh, 'entry.mjs'), "export * from 'eliza-jobs';\n");
  const npm = ['install', '--offline', '--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts', file];
  await promisify(execFile)('npm', npm, { cwd: fresh });
  // A rename, so that nobody sees half of it; another process may have been quicker.
  await rename(fresh, folder).catch(async (error) => {
    if (!existsSync(folder)) throw error;
    await rm(fresh, { recursive: true });
  });
  return folder;
}

/** The package, imported in such a folder. */
export const importPackage = async () => import(pathToFileURL(path.join(await install(), 'entry.mjs')));
