import js from '@eslint/js';
import globals from 'globals';
import typescript from 'typescript-eslint';

export default typescript.config(
  { ignores: ['target/', 'pkg/', '**/node_modules/', '**/.next/', 'tests/consumers/frameworks/projects/example/'] },
  js.configs.recommended,
  { languageOptions: { globals: globals.nodeBuiltin }, rules: { 'no-var': 'error', 'prefer-const': 'error', eqeqeq: 'error' } },
  {
    files: ['tests/consumers/**/projects/**'],
    languageOptions: {
      globals: { ...globals.browser, ...globals.node, ...globals.jest, ...globals.serviceworker, onconnect: 'writable' },
      parserOptions: { ecmaFeatures: { jsx: true } },
    },
  },
  {
    files: ['examples/**'],
    languageOptions: { globals: { ...globals.browser, ...globals.node }, parserOptions: { ecmaFeatures: { jsx: true } } },
  },
  { files: ['pkg-template/**/*.js', 'www/*.js'], languageOptions: { globals: globals['shared-node-browser'] } },
  { files: ['www/*.js', 'tests/browser/*.mjs', 'scripts/demo-shots.mjs'], languageOptions: { globals: globals.browser } },
  {
    files: ['pkg-template/**/*.ts', 'tools/**/*.ts'],
    extends: [typescript.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { project: 'pkg-template/tsconfig.json' } },
  },
);
