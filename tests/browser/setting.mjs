// What tests and screenshots of the demo page share: a browser, the page, a sandbox behind a real
// address, wallets of a browser.
import path from 'node:path';
import { chromium } from 'playwright-core';
import { serveDemo } from '../../scripts/demo-server.mjs';
import { installPackage } from '../../scripts/install-package.mjs';

// The tests and the screenshots may run at the same time.
export const { installed } = installPackage(path.basename(process.argv[1], '.mjs'));
const { createSandbox, serveSandbox } = await import(path.join(installed, 'sandbox-node.js'));

const running = new Set();
/** Ends what a test that failed has left. */
export const closeAll = () => Promise.all([...running].map((close) => close()));
/** Something that can be closed, once. */
function closing(close) {
  const once = async () => {
    if (running.delete(once)) await close();
  };
  running.add(once);
  return once;
}

/** Chromium without what it does for itself. */
export function launch() {
  const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];
  const quiet = ['--disable-component-update', '--disable-sync'];
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: [...args, ...quiet] });
}

/**
 * A sandbox at an address on loopback. Questions that begin with "wait" are answered when
 * `release()` is called.
 */
export async function startSandbox(options = {}) {
  let release;
  const released = new Promise((resolve) => (release = resolve));
  const answer = async (question) => {
    if (question.startsWith('wait')) await released;
    return `You asked: ${question}`;
  };
  const sandbox = createSandbox({ paywall: 'x402-v2', price: '0.02', answer, rateLimit: 0, ...options });
  const { url, close } = await serveSandbox(sandbox, { port: 0 });
  return { sandbox, url, close: closing(close), release };
}

/**
 * The demo page, opened.
 *
 * @param more `settings` as if they were kept; `policy` in place of the page's own header; `api`: a
 * server behind it; `context`: options of the browser's context; `prepare(page)` before it is
 * opened; `query` of its address.
 * @returns `errors`: what the page's console and its scripts complain of.
 */
export async function openPage(browser, { settings, policy, api, context: options, prepare, query = '' } = {}) {
  const demo = await serveDemo({ installed, api, ...(policy && { policy }) });
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  // Machines that test are busy.
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  if (settings) {
    await page.addInitScript((json) => {
      if (localStorage.getItem('eliza-jobs-demo/settings') === null) localStorage.setItem('eliza-jobs-demo/settings', json);
    }, JSON.stringify(settings));
  }
  await prepare?.(page);
  // What the page loads after that, it loads by itself: each state is waited for.
  await page.goto(demo.url + query, { waitUntil: 'domcontentloaded' });
  return { page, context, errors, url: demo.url, close: closing(() => Promise.all([context.close(), demo.close()])) };
}

/** The page has said what an answer costs. */
export const priced = (page, text = /· (0\.02 USDC|free)/) => page.locator('#send-text', { hasText: text }).waitFor();

/** Asks, and pays when it is asked to. */
export async function ask(page, question, { pay = true } = {}) {
  if (question !== undefined) await page.fill('#question', question);
  await page.click('#send');
  if (pay) await page.click('#pay');
}

/** The latest question's part of the conversation, in one of its ends. */
export const turn = (page, state) => page.locator(`.turn.${state}`).first();

/**
 * Announces a wallet in every page of the context, as EIP-6963 says it. `how`: what it does when it
 * is to pay; a page that is open says it anew with `walletDoes()`. `given`: what it says of itself.
 * `localStorage` has how often one was asked to sign, and which one last.
 */
export function announceWallet(page, how, given = {}) {
  return page.addInitScript(
    ({ how, given }) => {
      globalThis.walletDoes = how;
      const account = '0x1111111111111111111111111111111111111111';
      const no = (code, message) => {
        throw Object.assign(new Error(message), { code });
      };
      const does = (...hows) => hows.includes(globalThis.walletDoes);
      let chainId = '0x2105';
      const answers = {
        eth_requestAccounts: () =>
          does('is busy')
            ? no(-32002, 'Request of type wallet_requestPermissions already pending.')
            : does('is locked')
              ? []
              : [account],
        // Who is asked for the chain the second time is asked to sign next: the first time was for
        // the page's strip.
        eth_accounts: () =>
          does('is locked', 'is busy')
            ? []
            : does('changes its account') && looks > 1
              ? [account.replaceAll('1', '2')]
              : [account],
        eth_chainId: () => {
          looks += 1;
          return does('knows no Base', 'stays', 'does not switch') ? '0x1' : chainId;
        },
        wallet_switchEthereumChain: ([{ chainId: wanted }]) => {
          if (does('knows no Base')) no(4902, 'Unrecognized chain ID.');
          if (does('does not switch')) no(4001, 'User rejected the request.');
          chainId = wanted;
          return null;
        },
        wallet_addEthereumChain: () => no(-32601, 'not here'),
        eth_signTypedData_v4: () => {
          localStorage.asked = Number(localStorage.asked ?? 0) + 1;
          localStorage.askedLast = info.uuid;
          if (does('rejects')) no(4001, 'User rejected the request.');
          if (does('is not connected')) no(4100, 'The requested account has not been authorized by the user.');
          if (does('has a request open')) no(-32002, 'Request already pending.');
          if (does('waits')) return new Promise(() => {});
          return `0x${'12'.repeat(64)}1b`;
        },
      };
      let looks = 0;
      const listeners = [];
      const provider = {
        on: (event, listener) => event === 'accountsChanged' && listeners.push(listener),
        async request({ method, params }) {
          return method in answers ? answers[method](params) : no(-32601, `${method} is not known`);
        },
      };
      globalThis.walletChanged = () => {
        looks = 0;
        listeners.forEach((listener) => listener());
      };
      const icon = `data:image/svg+xml,${encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><rect width="8" height="8" rx="2" fill="#0a7"/></svg>')}`;
      const info = { uuid: '6f2b1a1e-0000-4000-8000-000000000001', name: 'Fern Wallet', icon, rdns: 'test.fern', ...given };
      const announce = () =>
        dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail: Object.freeze({ info, provider }) }));
      addEventListener('eip6963:requestProvider', announce);
      announce();
    },
    { how, given },
  );
}

/**
 * What the wallet of an open page does from now on. Like a real one it tells the page that
 * something has changed.
 */
export const walletDoes = (page, how) =>
  page.evaluate((how) => {
    globalThis.walletDoes = how;
    globalThis.walletChanged();
  }, how);

/**
 * Holds the requests that carry a proof, at the page's border. `arrived`: when the first one is
 * there; `go()`: lets them pass.
 */
export async function holdPaid(page) {
  let go;
  const gate = new Promise((resolve) => (go = resolve));
  let came;
  const arrived = new Promise((resolve) => (came = resolve));
  await page.route('**/api/messaging/jobs', async (route) => {
    if (!('payment-signature' in route.request().headers())) return route.continue();
    came();
    await gate;
    return route.continue().catch(() => {});
  });
  return { arrived, go };
}
