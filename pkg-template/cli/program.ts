// What the user types to run this program: commands that go on are printed so, to be pasted.

/**
 * What starts programs of packages without a name in the shell: its name in
 * `npm_config_user_agent`, and the folders that it makes for them.
 */
const STARTERS: readonly (readonly [agent: string, folder: RegExp, command: string])[] = [
  ['npm', /[\\/]_npx[\\/]/, 'npx'],
  ['pnpm', /[\\/]dlx(-|[\\/])/, 'pnpm dlx'],
  ['yarn', /[\\/]dlx-/, 'yarn dlx'],
  ['bun', /[\\/]bunx-/, 'bunx'],
];

/** How this program was started, as far as that is certain. */
function programOf(env: NodeJS.ProcessEnv, file = ''): string {
  const agent = env['npm_config_user_agent'] ?? '';
  const found = STARTERS.find(([name, folder]) => agent.startsWith(`${name}/`) && folder.test(file));
  // npx runs what a project has installed, too.
  const isNpx = env['npm_command'] === 'exec' && agent.startsWith('npm/');
  const command = found?.[2] ?? (isNpx ? 'npx' : undefined);
  return command === undefined ? 'eliza-jobs' : `${command} eliza-jobs`;
}

export const PROGRAM = programOf(process.env, process.argv[1]);
