// The entry for Cloudflare Workers: scripts/build.mjs puts the compiled module into it, and the
// wallets are loaded.
import { takeLibraryWallets } from './wallets/library.js';

export * from './index.js';

// Not `import './wallets.js'`: the bundler leaves that out, for the package.json names only built
// files as having effects.
takeLibraryWallets();
