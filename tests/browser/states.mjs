// Brings the demo page into each of its states, for the tests of accessibility and for the
// screenshots. Each function returns what to call when the state is not needed any more.
import { announceWallet, ask, openPage, priced, startSandbox, turn } from './setting.mjs';

const own = (url, more) => ({ server: 'own', address: url, askFirst: false, ...more });
const reached = (page, state) => page.locator(`#ask[data-state=${state}]`).waitFor();

async function inSandbox(browser, context, settings) {
  const opened = await openPage(browser, { context, settings });
  await priced(opened.page);
  return opened;
}

async function withServer(browser, context, settings, options, wallet) {
  const server = await startSandbox(options);
  const opened = await openPage(browser, {
    context,
    settings: own(server.url, settings),
    prepare: wallet && ((page) => announceWallet(page, wallet)),
  });
  const close = () => Promise.all([opened.close(), server.close()]);
  await priced(opened.page);
  return { ...opened, server, close };
}

/** Plays a switch to its end. */
async function played(opened, fault) {
  await opened.page.click(`[data-fault="${fault}"]`);
  await opened.page.locator(`li:has([data-fault="${fault}"]) .result:is(.good, .bad)`).waitFor();
  return opened;
}

/** `(browser, context)`: the page in that state, as `openPage` returns it. */
export const STATES = {
  idle: (browser, context) => inSandbox(browser, context),
  async quoting(browser, context) {
    let go;
    const gate = new Promise((resolve) => (go = resolve));
    const prepare = (page) => page.route('**/chunks/sandbox-*.js', (route) => gate.then(() => route.abort().catch(() => {})));
    const opened = await openPage(browser, { context, prepare });
    await reached(opened.page, 'quoting');
    return { ...opened, close: () => (go(), opened.close()) };
  },
  async confirm(browser, context) {
    const opened = await inSandbox(browser, context);
    await ask(opened.page, undefined, { pay: false });
    await opened.page.locator('#confirm[open]').waitFor();
    return opened;
  },
  async paying(browser, context) {
    const opened = await withServer(browser, context, { wallet: 'test.fern' }, {}, 'waits');
    await ask(opened.page, 'Will the wallet answer?', { pay: false });
    await reached(opened.page, 'paying');
    return opened;
  },
  async locked(browser, context) {
    const opened = await withServer(browser, context, { wallet: 'test.fern' }, {}, 'is locked');
    await ask(opened.page, 'Is the wallet locked?', { pay: false });
    await turn(opened.page, 'failed').waitFor();
    return opened;
  },
  async thinking(browser, context) {
    const opened = await withServer(browser, context);
    await ask(opened.page, 'wait: what takes a long time?', { pay: false });
    await reached(opened.page, 'thinking');
    return opened;
  },
  async answered(browser, context) {
    const opened = await inSandbox(browser, context);
    await ask(opened.page);
    await turn(opened.page, 'answered').waitFor();
    return opened;
  },
  async failed(browser, context) {
    const opened = await inSandbox(browser, context, { limit: '0.01' });
    await ask(opened.page, undefined, { pay: false });
    await turn(opened.page, 'failed').waitFor();
    return opened;
  },
  async stopped(browser, context) {
    const opened = await STATES.thinking(browser, context);
    await opened.page.click('.stop');
    await turn(opened.page, 'stopped').waitFor();
    return opened;
  },
  async offline(browser, context) {
    const opened = await STATES.thinking(browser, context);
    await opened.context.setOffline(true);
    await reached(opened.page, 'offline');
    return opened;
  },
  async open(browser, context) {
    const opened = await STATES.thinking(browser, context);
    await opened.page.reload();
    await opened.page.locator('.notice.open').waitFor();
    await priced(opened.page);
    return opened;
  },
  async settings(browser, context) {
    const opened = await withServer(browser, context, { wallet: 'test.fern' }, {}, 'signs');
    await opened.page.click('#settings > summary');
    return opened;
  },
  async detail(browser, context) {
    const opened = await STATES.answered(browser, context);
    await opened.page.click('.step.proof .arrow');
    return opened;
  },
  async unreachable(browser, context) {
    const opened = await openPage(browser, { context, settings: own('localhost:1') });
    await opened.page.locator('#notice-server').waitFor();
    return opened;
  },
  overBudget: (browser, context) => inSandbox(browser, context, { perDay: '0.01' }),
  fault: async (browser, context) => played(await inSandbox(browser, context), 'lose-reply'),
  reloaded: async (browser, context) => played(await inSandbox(browser, context), 'reload'),
};
