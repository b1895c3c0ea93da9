// npm run dev: with a sandbox, which is served beside the page.
// ELIZA_URL=https://agents.example npm run dev (or build): with a real server, paid with the
// browser's wallet.
import react from '@vitejs/plugin-react';
import { createSandbox, serveSandbox } from 'eliza-jobs/sandbox';

export default async ({ command }) => {
  const { ELIZA_URL } = process.env;
  if (!ELIZA_URL && command === 'build') throw new Error('ELIZA_URL is missing: the address of the server to ask');
  const url = ELIZA_URL ?? (await serveSandbox(createSandbox({ paywall: 'x402-v2', answerMs: 1_500 }))).url;
  return {
    plugins: [react()],
    define: { 'import.meta.env.ELIZA_URL': JSON.stringify(url), 'import.meta.env.SANDBOX': JSON.stringify(!ELIZA_URL) },
  };
};
