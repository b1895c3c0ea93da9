import path from 'node:path';

// The tools and the package are above this folder.
const root = path.resolve(import.meta.dirname, '../..');
export default { turbopack: { root }, outputFileTracingRoot: root, productionBrowserSourceMaps: false };
