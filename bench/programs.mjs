// What an application writes to create a job that may have to be paid: with this package, and with
// the others.
import path from 'node:path';
import { build } from 'esbuild';
import { installPackage } from '../scripts/install-package.mjs';

export const ours = installPackage('bench');
export const JOBS = '/api/messaging/jobs';
const here = import.meta.dirname;

const given = `
const baseUrl = 'https://agent.example';
const body = { userId: '22222222-2222-4222-8222-222222222222', content: 'hello' };
const signer = { address: '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266', signTypedData: () => new Promise(() => {}) };
const request = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
`;
const x402 = `
import { wrapFetchWithPayment, x402Client } from '@x402/fetch';
import { ExactEvmScheme } from '@x402/evm/exact/client';
${given}
const client = new x402Client().register('eip155:8453', new ExactEvmScheme(signer));
export const pending = wrapFetchWithPayment(fetch, client)(baseUrl + '${JOBS}', request);
`;
const eliza = `
import { ElizaClient } from '@elizaos/api-client';
export const eliza = new ElizaClient({ baseUrl: 'https://agent.example' });
`;

/** The package's name for each list of libraries. */
export const OURS = 'eliza-jobs';
/** The lightest that can pay. */
export const LIGHTEST = '@x402/fetch + @x402/evm';

/** Each sends its request when it is imported. */
export const PROGRAMS = {
  [OURS]: {
    folder: ours.folder,
    code: `
import { JobsClient } from 'eliza-jobs';
${given}
export const pending = new JobsClient({ baseUrl, wallet: signer }).createJob(body);
`,
  },
  [LIGHTEST]: { folder: here, code: x402 },
  [`${LIGHTEST} + @elizaos/api-client`]: { folder: here, code: eliza + x402 },
  'x402-fetch + viem': {
    folder: here,
    code: `
import { wrapFetchWithPayment } from 'x402-fetch';
import { createWalletClient, custom } from 'viem';
import { base } from 'viem/chains';
${given}
const wallet = createWalletClient({ account: signer.address, chain: base, transport: custom({ request: signer.signTypedData }) });
export const pending = wrapFetchWithPayment(fetch, wallet)(baseUrl + '${JOBS}', request);
`,
  },
};

/** The program as a page loads it. */
export async function bundle({ folder, code }) {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: folder },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    logLevel: 'error',
  });
  return outputFiles[0].contents;
}

/** Where results and bundles are written. */
export const RESULTS = path.resolve(here, '../target/bench');
