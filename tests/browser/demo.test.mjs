// The demo page in a real browser: against the sandbox in it, a sandbox at an address, and the real
// elizaOS server.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { startChain } from '../servers/chain.mjs';
import { startEliza } from '../servers/elizaos.mjs';
import {
  announceWallet,
  ask,
  closeAll,
  installed,
  launch,
  openPage,
  priced,
  startSandbox,
  turn,
  walletDoes,
} from './setting.mjs';
import { STATES } from './states.mjs';

let browser;
before(async () => (browser = await launch()));
after(async () => {
  await closeAll();
  await browser?.close();
});

/**
 * Chromium itself reports each 402 and each refused connection; what the page and its scripts
 * complain of is the rest.
 */
const own = (errors) => errors.filter((text) => !text.startsWith('Failed to load resource'));
const labels = (page) => page.locator('#steps .arrow').allTextContents();
const atServer = (address, more) => ({ server: 'own', address, askFirst: false, ...more });
const text = (page, selector) => page.locator(selector).innerText();
const outcome = (page, state = 'failed') => turn(page, state).locator('.outcome').innerText();

/** The page with a sandbox behind an address. */
async function served(settings, { options, ...more } = {}) {
  const server = await startSandbox(options);
  const opened = await openPage(browser, { settings: atServer(server.url, settings), ...more });
  return { ...server, ...opened, close: () => Promise.all([opened.close(), server.close()]) };
}

test('a question is priced, paid once and answered in the page, with a receipt, a drawing and a row in the ledger', async () => {
  const { page, errors, close } = await openPage(browser);
  await priced(page);
  assert.equal(await text(page, '#send'), 'Ask · 0.02 USDC');
  assert.match(await text(page, '#badge'), /Simulated/);
  const nasty = '<img src=x onerror="document.title=1"> & is this a browser?';
  await ask(page, nasty, { pay: false });
  await page.locator('#confirm[open]').waitFor();
  assert.equal(await text(page, '#confirm-amount'), '0.02 USDC');
  await page.click('#pay');
  await turn(page, 'answered').waitFor();
  const answer = turn(page, 'answered').locator('.answer');
  assert.ok((await answer.innerText()).includes(nasty), 'it is text');
  assert.equal(await page.locator('#thread img').count(), 0, 'and not HTML');
  assert.ok(await answer.evaluate((element) => element === document.activeElement), 'the focus is on the answer');
  assert.match(await text(page, '.receipt'), /0\.02 USDC\s+once[^]*base[^]*0x7e57…0002[^]*0x[0-9a-f]{4}…[^]*Answered in/i);
  const said = await labels(page);
  const order = [
    /You to Server: the question, \d/,
    /Server to You: 402 payment required: 0\.02 USDC/,
    /You: your wallet signs/,
    /You to Server: the question, with the proof/,
    /Server to Chain: 0\.02 USDC move/,
    /Server to You: 201 the job is created/,
    /You to Server: is it done\?/,
    /Server to You: 200 the answer/,
  ];
  let at = -1;
  for (const step of order) {
    const found = said.findIndex((label, index) => index > at && step.test(label));
    assert.ok(found > at, `${step} in ${said.join(' | ')}`);
    at = found;
  }
  assert.match(await text(page, '#payments'), /0\.02 USDC\s+base\s+0x7e57…0002/i);
  await page.locator('#health', { hasText: '1 of at most' }).waitFor();
  assert.deepEqual(errors, []);
  await close();
});

test('an arrow opens what was sent, with the proof masked', async () => {
  const { page, close } = await STATES.detail(browser);
  const shown = await text(page, '.step.proof .detail');
  assert.match(shown, /payment-signature\s+\S{6}… \(\d+ characters, masked\)/i);
  assert.doesNotMatch(shown, /0x[0-9a-f]{130}/);
  await close();
});

test('of the key of a server nothing is seen: not in the drawing, in the code, or in what is kept', async () => {
  const apiKey = 'hunter';
  const { page, url, close } = await served({}, { options: { apiKey } });
  await priced(page);
  await page.click('#settings > summary');
  await page.fill('[name=apiKey]', apiKey);
  await page.locator('[name=apiKey]').blur();
  await priced(page);
  await page.locator('#health', { hasText: '0 of at most' }).waitFor();
  await page.click('.step.price.right .arrow');
  assert.match(await text(page, '.step .detail'), /x-api-key\s+masked/i);
  for (const tab of ['Browser', 'Node', 'React']) {
    await page.getByRole('tab', { name: tab }).click();
    assert.ok(!(await page.locator('body').innerText()).includes(apiKey), tab);
  }
  assert.ok(!(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }))).includes(apiKey), url);
  await close();
});

test('cancelling pays nothing, and says so', async () => {
  const { page, close } = await openPage(browser);
  await priced(page);
  await ask(page, 'Never mind?', { pay: false });
  await page.click('#cancel');
  await turn(page, 'failed').waitFor();
  assert.equal(await outcome(page), 'Nothing was paid: you cancelled.');
  assert.equal(await page.inputValue('#question'), 'Never mind?', 'what was typed is there');
  await close();
});

test('a wallet that the browser announces pays, and one that refuses pays nothing', async () => {
  for (const [how, state, paid] of [
    ['signs', 'answered', 1],
    ['rejects', 'failed', 0],
  ]) {
    const { page, sandbox, errors, close } = await served(undefined, { prepare: (page) => announceWallet(page, how) });
    await priced(page);
    await page.click('#settings > summary');
    await page.getByLabel('Fern Wallet').check();
    await page.locator('#wallet-name', { hasText: 'Fern Wallet' }).waitFor();
    await priced(page);
    await ask(page, 'Whose money?', { pay: false });
    await turn(page, state).waitFor();
    if (how === 'rejects') assert.equal(await outcome(page), 'Nothing was paid: you said no in the wallet.');
    assert.deepEqual([sandbox.payments.length, await page.evaluate(() => localStorage.asked)], [paid, '1']);
    assert.deepEqual(own(errors), []);
    await close();
  }
});

test('a wallet that cannot pay: what happened to the money, why, and what to do', async () => {
  const { page, sandbox, errors, close } = await served(
    { wallet: 'test.fern' },
    { prepare: (page) => announceWallet(page, 'signs') },
  );
  await priced(page);
  await page.locator('#wallet-account', { hasText: '0x1111…1111' }).waitFor();
  const cases = [
    ['is locked', 'locked, or not connected', 'the wallet is locked, or not connected to this page', /Unlock the wallet/],
    ['is not connected', '0x1111…1111', 'the wallet is locked, or not connected to this page', /Unlock the wallet/],
    ['is busy', 'locked, or not connected', 'a request is open in the wallet already', /answer the request there/],
    ['has a request open', '0x1111…1111', 'a request is open in the wallet already', /answer the request there/],
    ['knows no Base', 'not on base', 'the wallet does not know the network', /Add the network to the wallet/],
    ['stays', 'not on base', 'the wallet is on another network', /Switch the wallet/],
    ['changes its account', '0x1111…1111', 'the wallet has changed its account in between', /Ask again/],
    ['does not switch', 'not on base', 'the wallet is on another network', /Switch the wallet/],
    ['rejects', '0x1111…1111', 'you said no in the wallet', undefined],
  ];
  for (const [does, strip, happened, advice] of cases) {
    await walletDoes(page, does);
    await page.locator('#wallet-account', { hasText: strip }).waitFor();
    const before = await page.locator('.turn').count();
    await ask(page, `What if it ${does}?`, { pay: false });
    await page.locator(`.turn:nth-last-child(${before + 1}).failed`).waitFor();
    assert.equal(await outcome(page), `Nothing was paid: ${happened}.`, does);
    if (advice) assert.match(await turn(page, 'failed').locator('.advice').innerText(), advice, does);
    assert.match((await labels(page)).join('\n'), /your wallet (does not sign|shows no account)/, does);
    assert.equal(await page.inputValue('#question'), `What if it ${does}?`);
  }
  // Once the user has done what the page says, the same question is paid once.
  await walletDoes(page, 'signs');
  await ask(page, undefined, { pay: false });
  await turn(page, 'answered').waitFor();
  assert.equal(sandbox.payments.length, 1);
  assert.deepEqual(own(errors), []);
  await close();
});

/** What the choice of wallets offers. */
const offered = (page) => page.locator('#wallets label').allInnerTexts();

test('a wallet that calls itself the test wallet is not taken for it, and is not asked', async () => {
  const given = { uuid: 'test', name: 'Test wallet', rdns: 'test' };
  const { page, sandbox, close } = await served({ askFirst: true }, { prepare: (page) => announceWallet(page, 'signs', given) });
  await priced(page);
  assert.equal(await text(page, '#badge-text'), 'Your server, test wallet');
  await ask(page, 'Who pays?');
  await turn(page, 'answered').waitFor();
  assert.deepEqual([sandbox.payments.length, await page.evaluate(() => localStorage.asked)], [1, undefined]);
  await page.click('#settings > summary');
  assert.deepEqual(await offered(page), ['Test wallet (not real)', 'test']);
  // Who chooses it is told whose money it is.
  await page.locator('[name=wallet]').last().check();
  await page.locator('#badge-text', { hasText: 'real money' }).waitFor();
  await priced(page);
  await ask(page, 'And now?', { pay: false });
  await page.locator('#confirm[open]').waitFor();
  assert.match(await text(page, '#confirm-facts'), /Wallet\s+test$/);
  await page.click('#pay');
  await page.locator('.turn:first-child.answered').waitFor();
  assert.equal(await page.evaluate(() => localStorage.asked), '1');
  await close();
});

test('two wallets of one domain are both offered, and the one that was chosen is the one that is asked, whoever announces what later', async () => {
  const hidden = { uuid: 'c', name: `\u202Egro.live\u202C\n${'a long name '.repeat(9)}`, rdns: 'test.long' };
  const { page, close } = await served(undefined, {
    prepare: async (page) => {
      await announceWallet(page, 'signs', { uuid: 'a' });
      await announceWallet(page, 'signs', { uuid: 'b' });
      await announceWallet(page, 'signs', hidden);
      await announceWallet(page, 'signs', { uuid: 'd', name: '\u200B\n', rdns: 'test.unnamed' });
    },
  });
  await priced(page);
  await page.click('#settings > summary');
  assert.deepEqual(
    await offered(page),
    ['Test wallet (not real)', 'Fern Wallet', 'Fern Wallet (2)', 'gro.live a long name a long name a long ', 'test.unnamed'].map(
      (name) => name.trim(),
    ),
  );
  await page.getByLabel('Fern Wallet (2)').check();
  await page.locator('#wallet-name', { hasText: 'Fern Wallet (2)' }).waitFor();
  await page.evaluate(() => {
    const provider = { request: () => (localStorage.askedLast = 'a stranger') };
    for (const [uuid, rdns] of [
      ['b', 'test.fern'],
      ['e', 'test.fern'],
    ])
      dispatchEvent(
        new CustomEvent('eip6963:announceProvider', { detail: { info: { uuid, rdns, name: 'Stranger' }, provider } }),
      );
  });
  assert.deepEqual((await offered(page)).slice(1, 3).concat((await offered(page)).slice(5)), [
    'Fern Wallet',
    'Fern Wallet (2)',
    'Stranger',
  ]);
  await priced(page);
  assert.equal(await text(page, '#badge-text'), 'Your server, real money');
  await ask(page, 'Which one?', { pay: false });
  await turn(page, 'answered').waitFor();
  assert.equal(await page.evaluate(() => localStorage.askedLast), 'b');
  // What is remembered over a reload is the domain.
  await page.reload();
  await page.locator('#wallet-name', { hasText: 'Fern Wallet' }).waitFor();
  assert.equal(await text(page, '#badge-text'), 'Your server, real money');
  await close();
});

test('while the wallet has a window open, the page says to look there', async () => {
  const { page, close } = await served(
    { wallet: 'test.fern', askFirst: true },
    { prepare: (page) => announceWallet(page, 'waits') },
  );
  await priced(page);
  await page.locator('#wallet-name', { hasText: 'Fern Wallet' }).waitFor();
  await ask(page, 'Will it sign?');
  await page.locator('#ask[data-state=paying]').waitFor();
  await page.locator('.turn .busy', { hasText: 'look at Fern Wallet: it asks you to sign' }).waitFor();
  // The bar shows what may still be taken; so do its words.
  await page.reload();
  await page.locator('#budget-text', { hasText: '0 of 0.20 USDC today, and 0.02 set aside' }).waitFor();
  await close();
});

test('a wallet with real money is not offered to the sandbox', async () => {
  const { page, close } = await openPage(browser, { prepare: (page) => announceWallet(page, 'signs') });
  await priced(page);
  await page.click('#settings > summary');
  assert.ok(await page.getByLabel('Fern Wallet').isDisabled());
  await close();
});

test('the reply to a payment is lost, the page is reloaded: the answer is one click away, and was paid once', async () => {
  const { page, sandbox, close } = await served();
  await priced(page);
  let taken;
  const paid = new Promise((resolve) => (taken = resolve));
  await page.route('**/api/messaging/jobs', async (route) => {
    if (!('payment-signature' in route.request().headers())) return route.continue();
    // The server has it; the page never hears of it.
    await route.fetch();
    return taken();
  });
  await ask(page, 'Paid and lost?', { pay: false });
  await paid;
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  await page.reload();
  const open = page.locator('.notice.open');
  await open.waitFor();
  assert.match(await open.innerText(), /0\.02 USDC for “Paid and lost\?”, just now/);
  await priced(page);
  await open.getByRole('button', { name: 'Get it', exact: true }).click();
  await turn(page, 'answered').waitFor();
  assert.match(await text(page, '.turn .answer'), /Paid and lost\?/);
  assert.equal(sandbox.payments.length, 1);
  assert.equal(await open.count(), 0);
  await close();
});

test('a question and a switch wait for each other: a verdict is that of what is drawn', async () => {
  const { page, sandbox, release, close } = await served();
  await priced(page);
  const result = page.locator('li:has([data-fault="lose-reply"]) .result');
  await page.click('[data-fault="lose-reply"]');
  await page.fill('#question', 'wait: at the same time?');
  await page.press('#question', 'Control+Enter');
  assert.match(await text(page, '#question-note'), /played below: ask again when it has ended/);
  assert.match(await text(page, '#faults-note'), /One at a time/);
  // A setting that is changed in between asks for the price, and draws nothing.
  await page.click('#settings > summary');
  await page.fill('[name=limit]', '0.05');
  await page.locator('[name=limit]').blur();
  await priced(page);
  await result.and(page.locator('.good')).waitFor();
  assert.deepEqual([await page.locator('.turn').count(), sandbox.payments.length], [0, 0]);
  assert.equal(await text(page, '#drawing-title'), 'Lose the reply');
  assert.equal(await text(page, '#steps > :last-child'), 'Paid once');
  assert.equal((await labels(page)).filter((label) => label.includes('what does it cost?')).length, 0);
  assert.equal(await text(page, '#question-note'), '', 'what was said is not true any more');
  // And the other way round.
  await ask(page, undefined, { pay: false });
  await page.locator('#ask[data-state=thinking]').waitFor();
  await page.click('[data-fault="lose-reply"]', { force: true });
  assert.match(await text(page, '#faults-note'), /Your question comes first/);
  assert.equal(await text(page, '#drawing-title'), 'What happens');
  await page.press('#question', 'Control+Enter');
  assert.match(await text(page, '#question-note'), /One question at a time/);
  release();
  await turn(page, 'answered').waitFor();
  await page.locator('#faults-note', { hasText: 'Each plays in the sandbox' }).waitFor();
  assert.deepEqual([await page.locator('.ending').count(), await text(page, '#question-note')], [0, '']);
  assert.equal(sandbox.payments.length, 1);
  await close();
});

test('an answer of a sandbox that has ended with its page is not offered; the ledger says what became of it', async () => {
  const { page, context, url, close } = await openPage(browser);
  await priced(page);
  await ask(page, 'Whose sandbox?');
  await page.locator('#ask[data-state=thinking]').waitFor();
  const other = await context.newPage();
  await other.goto(url);
  await priced(other);
  await page.reload();
  await priced(page);
  for (const each of [page, other]) {
    await each.locator('#payments', { hasText: 'another sandbox' }).waitFor();
    assert.match(
      await text(each, '#ledger-note'),
      /A sandbox ends with its page, and its answers with it. Rows marked “another sandbox”/,
    );
    assert.equal(await each.locator('.notice.open').count(), 0);
  }
  // What is asked now is not marked so.
  await ask(page, 'And this one?');
  await turn(page, 'answered').waitFor();
  await page.locator('#payments tr:first-child', { hasText: /sandbox-\w{8}\.test/ }).waitFor();
  await close();
});

test('play money of a sandbox that is gone counts for no budget; its row stays in the ledger', async () => {
  const { page, close } = await openPage(browser, { settings: { askFirst: false, perDay: '0.03' } });
  await priced(page);
  await ask(page, 'Who pays for this?', { pay: false });
  await turn(page, 'answered').waitFor();
  await page.locator('#budget-text', { hasText: '0.02 of 0.03 USDC today: the next answer does not fit' }).waitFor();
  await page.reload();
  await priced(page);
  await page.locator('#payments', { hasText: 'another sandbox' }).waitFor();
  assert.equal(await text(page, '#budget-text'), '0 of 0.03 USDC today');
  await close();
});

test('what no receipt calls charged is not called paid: in the receipt and in the ledger', async () => {
  for (const [paywall, said] of [
    ['x402-v2', 'not so far, says the server'],
    ['x402-v1', 'not known: there is no receipt'],
  ]) {
    const { page, sandbox, close } = await served(undefined, { options: { paywall, faults: ['settle-fails'] } });
    await priced(page);
    await ask(page, 'Answered and not charged?', { pay: false });
    await turn(page, 'answered').waitFor();
    const receipt = await turn(page, 'answered').locator('.receipt').innerText();
    assert.match(receipt, /^signed\s+0\.02 USDC\s+once/i);
    assert.ok(receipt.includes(said) && !/paid/i.test(receipt), receipt);
    const state = page.locator('#payments .state');
    assert.deepEqual([await state.textContent(), sandbox.payments], [`signed; charged: ${said}`, []]);
    await close();
  }
});

test('each switch ends as it must: paid once, or nothing was paid, and never twice', async () => {
  const { page, errors, close } = await openPage(browser);
  await priced(page);
  const paid = {
    'lose-reply': 1,
    'ask-more': 0,
    '402-again': 1,
    'wrong-recipient': 0,
    'click-twice': 1,
    reload: 1,
    'server-restarts': 1,
  };
  assert.deepEqual(
    await page.locator('[data-fault]').evaluateAll((all) => all.map((each) => each.dataset.fault)),
    Object.keys(paid),
  );
  for (const [fault, times] of Object.entries(paid)) {
    await page.click(`[data-fault="${fault}"]`);
    const result = page.locator(`li:has([data-fault="${fault}"]) .result`);
    await result.and(page.locator('.good, .bad')).waitFor();
    assert.match(await result.innerText(), times === 1 ? /^Paid once\./ : /^Nothing was paid\./, fault);
    assert.equal(await text(page, '#steps > :last-child'), times === 1 ? 'Paid once' : 'Nothing was paid', fault);
    const wrong = {
      'ask-more': /^above your limit of 0\.10 USDC$/,
      'wrong-recipient': /^to 0x\w{4}…\w{4}, not to 0x7e57…0002$/i,
    }[fault];
    if (wrong) assert.match(await text(page, '#steps .price .wrong'), wrong);
    else assert.equal(await page.locator('#steps .wrong').count(), 0, fault);
  }
  assert.match(await page.frameLocator('iframe').locator('#loads').innerText(), /Second load: a payment is open/);
  assert.equal(await text(page, '#doubled'), '0');
  assert.equal(await text(page, '#made'), String(Object.values(paid).reduce((sum, each) => sum + each)));
  assert.deepEqual(errors, []);
  await close();
});

/** Whether the element is in the window with all of its height. */
const isSeen = (locator) =>
  locator.evaluate((element) => {
    const { top, bottom } = element.getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
  });
for (const [width, height] of [
  [1280, 800],
  [360, 740],
]) {
  test(`a switch plays where it is seen, in a window of ${width} by ${height}, and the focus stays on it`, async () => {
    const { page, close } = await openPage(browser, { context: { viewport: { width, height }, reducedMotion: 'reduce' } });
    await priced(page);
    for (const fault of ['lose-reply', 'server-restarts']) {
      const button = page.locator(`[data-fault="${fault}"]`);
      await button.evaluate((element) => element.scrollIntoView({ block: 'center' }));
      await button.click();
      await page.locator(`li:has([data-fault="${fault}"]) .result:is(.good, .bad)`).waitFor();
      assert.ok(await isSeen(page.locator('#drawing-title')), `${fault}: what is played`);
      assert.ok(await isSeen(page.locator('#steps .ending')), `${fault}: how it has ended`);
      assert.equal(await page.evaluate(() => document.activeElement.dataset.fault), fault);
    }
    await close();
  });
}

test('a long answer has a place of its own, which the keyboard scrolls', async () => {
  const { page, close } = await openPage(browser, { settings: { askFirst: false } });
  await priced(page);
  await ask(page, 'A long one? '.repeat(1_700), { pay: false });
  await turn(page, 'answered').waitFor();
  const answer = page.locator('.turn > .answer');
  assert.ok((await answer.innerText()).length > 20_000);
  assert.ok((await answer.evaluate((element) => element.getBoundingClientRect().height)) < 700);
  await answer.press('End');
  await page.waitForFunction(() => document.querySelector('.turn > .answer').scrollTop > 1000);
  await page.locator('#send').focus();
  await page.keyboard.press('Tab');
  assert.ok(await answer.evaluate((element) => element === document.activeElement), 'it is reached with Tab');
  await close();
});

test('in the colours of the reader the drawing has its lines, and the chosen tab is told from the others', async () => {
  const { page, close } = await openPage(browser, { context: { forcedColors: 'active' } });
  await priced(page);
  const style = (selector, name) =>
    page
      .locator(selector)
      .first()
      .evaluate((at, name) => getComputedStyle(at)[name], name);
  assert.match(await style('#steps', 'backgroundImage'), /^linear-gradient\(rgb\(0, 0, 0\)/, 'the lifelines');
  assert.equal(await style('#steps .arrow', 'backgroundColor'), 'rgba(0, 0, 0, 0)', 'nothing hides them');
  assert.notEqual(
    await style('[role=tab][aria-selected=true]', 'borderBottomColor'),
    await style('[role=tab][aria-selected=false]', 'borderBottomColor'),
  );
  await close();
});

test('a reload in the middle that cannot be played says why, and holds up nothing', async () => {
  const result = (page) => page.locator('li:has([data-fault="reload"]) .result.bad');
  const offline = await openPage(browser);
  await priced(offline.page);
  await offline.context.setOffline(true);
  await offline.page.click('[data-fault="reload"]');
  await result(offline.page).waitFor();
  assert.match(await result(offline.page).innerText(), /^It could not be played: the frame’s page cannot be loaded/);
  assert.match(await text(offline.page, '#faults-note'), /Each plays in the sandbox/);
  assert.equal(await offline.page.locator('#frame-place').isVisible(), false);
  // Back again, it is played; and a question can be asked.
  await offline.context.setOffline(false);
  await offline.page.click('[data-fault="reload"]');
  await offline.page.locator('li:has([data-fault="reload"]) .result.good').waitFor();
  await ask(offline.page);
  await turn(offline.page, 'answered').waitFor();
  await offline.close();
  const forbidden = await openPage(browser, {
    prepare: (page) =>
      page.addInitScript(() => {
        for (const name of ['localStorage', 'sessionStorage']) {
          Object.defineProperty(globalThis, name, {
            get() {
              throw new DOMException('no', 'SecurityError');
            },
          });
        }
      }),
  });
  await priced(forbidden.page);
  await forbidden.page.click('[data-fault="reload"]');
  await result(forbidden.page).waitFor();
  assert.match(await result(forbidden.page).innerText(), /^It could not be played: this browser keeps nothing/);
  assert.deepEqual([await text(forbidden.page, '#made'), await text(forbidden.page, '#steps')], ['0', '']);
  await forbidden.close();
});

test('the code keeps up with the controls and the switches, and that for Node runs as it is', async () => {
  const { page, close } = await openPage(browser);
  await priced(page);
  const code = (tab) => page.click(`#tab-${tab}`).then(() => text(page, '#code-text'));
  await page.click('#tab-Browser');
  await page.fill('#question', "Isn't it?");
  assert.match(await code('Browser'), /content: 'Isn\\'t it\?'[^]*createAndWaitForJob\(params\)/);
  await page.click('#settings > summary');
  await page.fill('[name=limit]', '0.05');
  await page.locator('[name=limit]').blur();
  for (const tab of ['Browser', 'Node', 'React']) assert.match(await code(tab), /maxPerPayment: '0\.05'/, tab);
  assert.match(await code('React'), /useJob\(client[^]*ask\('Isn\\'t it\?'\)/);
  assert.match((await printed(await code('Node'))).join(), /You asked: "Isn't it\?"/);
  for (const [fault, shown] of [
    ['lose-reply', /faults: \['lose-reply'\]/],
    ['click-twice', /idempotencyKey/],
  ]) {
    await page.click(`[data-fault="${fault}"]`);
    await page.locator(`li:has([data-fault="${fault}"]) .result:is(.good, .bad)`).waitFor();
    const played = await code('Node');
    assert.match(played, shown);
    // Each time that it is run.
    for (const output of await printed(played, 2)) assert.match(output, /What does x402 do\?/, fault);
  }
  await page.getByLabel('A server of yours').check();
  await page.fill('[name=address]', 'localhost:3000');
  await page.locator('[name=address]').blur();
  assert.match(await code('Browser'), /baseUrl: 'http:\/\/localhost:3000'/);
  await page.fill('[name=apiKey]', 'a secret');
  await page.locator('[name=apiKey]').blur();
  for (const tab of ['Browser', 'Node', 'React']) {
    assert.match(await code(tab), /^ {2}apiKey: /m, tab);
    assert.doesNotMatch(await code(tab), /a secret/, tab);
  }
  // Who copies twice copies twice; the button says Copy again.
  await page.evaluate(() => {
    globalThis.timers = [];
    globalThis.setTimeout = (call) => globalThis.timers.push(call);
    globalThis.clearTimeout = (id) => delete globalThis.timers[id - 1];
  });
  for (const timers of [1, 2]) {
    await page.click('#copy-code');
    await page.waitForFunction((count) => globalThis.timers.length === count, timers);
    assert.match(await text(page, '#copy-code'), /^(Copied|The browser refused)$/);
  }
  await page.evaluate(() => globalThis.timers.forEach((call) => call()));
  assert.equal(await text(page, '#copy-code'), 'Copy');
  await close();
});

/** What a program prints each time that it is run, in a folder where the package is installed. */
async function printed(program, times = 1) {
  const folder = mkdtempSync(path.join(installed, '../../program-'));
  const args = ['--input-type=module', '--eval', program];
  try {
    const outputs = [];
    while (outputs.length < times)
      outputs.push((await promisify(execFile)(process.execPath, args, { cwd: folder, encoding: 'utf8' })).stdout);
    return outputs;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('a price above the limit, a budget that is used up, and a limit that is no number are said before anything is paid', async () => {
  const { page, sandbox, errors, close } = await served({ limit: '0.01' });
  await priced(page);
  assert.equal(await text(page, '#send'), 'Over your limit · 0.02 USDC');
  assert.match(await text(page, '#price-note'), /your limit for one answer is 0\.01 USDC/);
  await ask(page, 'Too dear?', { pay: false });
  await turn(page, 'failed').waitFor();
  assert.equal(await outcome(page), 'Nothing was paid: the price is above your limit for one answer.');
  await page.click('.turn summary');
  assert.match(await text(page, '.turn .code'), /payment_over_limit[^]*0\.02 USDC[^]*0\.01 USDC/);
  await page.click('#settings > summary');
  await page.fill('[name=limit]', 'much');
  await page.locator('[name=limit]').blur();
  await page.locator('#limit-note', { hasText: '“much” is no amount: write a number such as 0.10.' }).waitFor();
  assert.equal(await page.getAttribute('[name=limit]', 'aria-invalid'), 'true');
  assert.equal(await text(page, '#options-error'), '', 'it is said once');
  await page.click('#refresh');
  await page.locator('#health', { hasText: 'Not asked: one of your limits is no amount' }).waitFor();
  await page.locator('#csv').evaluate((button) => button.click());
  await page.locator('#notice-csv').waitFor();
  await ask(page, 'With what limit?', { pay: false });
  await page.locator('.turn:first-child.failed').waitFor();
  assert.match(await outcome(page), /^Nothing was paid: one of your limits is no amount/);
  await page.fill('[name=limit]', '0,10');
  await page.locator('#limit-note', { hasText: 'Write 0.10, with a point.' }).waitFor();
  await page.fill('[name=limit]', '0.10');
  assert.equal(await text(page, '#limit-note'), '');
  await page.fill('[name=perDay]', '0.01');
  await page.locator('[name=perDay]').blur();
  await page.locator('#budget-text', { hasText: 'does not fit' }).waitFor();
  await page.locator('#send', { hasText: 'Over today’s budget · 0.02 USDC' }).waitFor();
  assert.match(await text(page, '#price-note'), /your budget for a day is 0\.01 USDC, of which 0\.01 USDC are left/);
  await ask(page, 'On what budget?', { pay: false });
  await page.locator('.turn:first-child.failed').waitFor();
  assert.equal(await outcome(page), 'Nothing was paid: your budget for today does not hold the price.');
  assert.deepEqual(own(errors), []);
  assert.equal(sandbox.payments.length, 0);
  await close();
});

test('stopping ends the wait at once; the answer is kept and can be had', async () => {
  const { page, sandbox, release, close } = await served();
  await priced(page);
  await ask(page, 'wait: slow', { pay: false });
  await page.locator('#ask[data-state=thinking]').waitFor();
  const focused = () => page.evaluate(() => document.activeElement.className);
  // With the keyboard: each time the focus is on what has come in the place of the button.
  for (const get of ['.again', '#open .primary']) {
    await page.focus('.stop');
    await page.keyboard.press('Enter');
    await page.locator('.turn:first-child.stopped').waitFor({ timeout: 2000 });
    assert.match(await outcome(page, 'stopped'), /^You have paid, and have stopped waiting/);
    assert.equal(await focused(), 'primary again');
    await page.focus(get);
    await page.keyboard.press('Enter');
    await page.locator('.stop').waitFor();
    assert.equal(await focused(), 'quiet small stop');
    assert.equal(await page.locator('.again').count(), 0, 'what is being got is not offered again');
  }
  release();
  await turn(page, 'answered').waitFor();
  assert.deepEqual([await focused(), await page.locator('.again').count()], ['answer', 0]);
  assert.match(await text(page, '.turn .answer'), /wait: slow/);
  assert.equal(sandbox.payments.length, 1);
  await close();
});

test('another server or another paywall is chosen before the answer is got: it comes from the one that was paid', async () => {
  // A server elsewhere, and then the page's own.
  const { page, sandbox, release, close } = await served();
  const elsewhere = await startSandbox();
  await priced(page);
  await ask(page, 'wait: who was paid?', { pay: false });
  await page.locator('#ask[data-state=thinking]').waitFor();
  await page.click('.stop');
  await turn(page, 'stopped').waitFor();
  release();
  await page.click('#settings > summary');
  await page.fill('[name=address]', elsewhere.url);
  await page.locator('[name=address]').blur();
  await page.locator('#health', { hasText: '0 of at most' }).waitFor();
  await priced(page);
  await page.click('.again');
  await turn(page, 'answered').waitFor();
  assert.match(await text(page, '.turn .answer'), /who was paid\?/);
  assert.deepEqual(
    [
      sandbox.payments.length,
      elsewhere.sandbox.requests.some(({ path }) => path.includes('/jobs/') && !path.endsWith('/health')),
    ],
    [1, false],
  );
  await elsewhere.close();
  await close();
  const own = await openPage(browser, { settings: { askFirst: false } });
  await priced(own.page);
  await ask(own.page, 'And in the page?', { pay: false });
  await own.page.locator('#ask[data-state=thinking]').waitFor();
  await own.page.click('.stop');
  await turn(own.page, 'stopped').waitFor();
  await own.page.click('#settings > summary');
  await own.page.selectOption('[name=paywall]', 'x402-v1');
  await own.page.locator('#payments', { hasText: 'another sandbox' }).waitFor();
  await priced(own.page);
  await own.page.click('.again');
  await turn(own.page, 'answered').waitFor();
  assert.match(await text(own.page, '.turn .answer'), /And in the page\?/);
  await own.close();
});

test('offline and online again: the wait goes on, and nothing is paid twice', async () => {
  const { page, context, sandbox, release, close } = await served();
  await priced(page);
  await ask(page, 'wait: for the network', { pay: false });
  await page.locator('#ask[data-state=thinking]').waitFor();
  await context.setOffline(true);
  await page.locator('#ask[data-state=offline]').waitFor();
  assert.match(await text(page, '#notices'), /offline/);
  assert.match(await text(page, '.turn .busy'), /^offline/);
  release();
  await context.setOffline(false);
  await turn(page, 'answered').waitFor();
  assert.equal(sandbox.payments.length, 1);
  assert.doesNotMatch(await text(page, '#notices'), /offline/);
  await close();
});

test('a question of any length and direction: the answer is near, and no letter is cut in half', async () => {
  const { page, errors, close } = await openPage(browser, { settings: { askFirst: false } });
  await priced(page);
  // One unit, and then letters of two each.
  await ask(page, `a${'🌍'.repeat(24_999)}`, { pay: false });
  await turn(page, 'answered').waitFor();
  const said = page.locator('.said').first();
  assert.ok((await said.evaluate((element) => element.getBoundingClientRect().height)) < 2000);
  await page.locator('#jobs', { hasText: '🌍' }).waitFor();
  assert.equal((await said.innerText()).length, 1000, 'with an ellipsis in place of half a letter');
  for (const place of [said, page.locator('#jobs')]) assert.ok((await place.innerText()).isWellFormed());
  // The end of a line of Arabic is on the left, also where a Latin word stands first in the page.
  for (const selector of ['#question', '.said', '.answer', '#jobs td']) {
    assert.equal(
      await page
        .locator(selector)
        .first()
        .evaluate((element) => getComputedStyle(element).unicodeBidi),
      'plaintext',
      selector,
    );
  }
  assert.deepEqual(errors, []);
  await close();
});

test('all of it with the keyboard', async () => {
  const { page, close } = await openPage(browser);
  await priced(page);
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'question');
  await page.keyboard.press('Control+A');
  await page.keyboard.type('Without a mouse?');
  await page.keyboard.press('Control+Enter');
  await page.locator('#confirm[open]').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'pay');
  await page.keyboard.press('Enter');
  await turn(page, 'answered').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.className), 'answer');
  const on = (selector) => page.evaluate((wanted) => document.activeElement.matches(wanted), selector);
  for (let presses = 0; !(await on('.arrow')); presses += 1) {
    assert.ok(presses < 10, 'the drawing is a few steps away');
    await page.keyboard.press('Tab');
  }
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  assert.match(await text(page, '.step:nth-child(2) .detail'), /payment-required/i);
  await page.keyboard.press('End');
  assert.match(await page.evaluate(() => document.activeElement.textContent), /200 the answer, \d/);
  await page.focus('[role=tab][aria-selected=true]');
  await page.keyboard.press('ArrowRight');
  assert.match(await text(page, '#code-text'), /fileStore/);
  await close();
});

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** What axe finds in the page as it is. */
const violations = (page) =>
  page.evaluate(async () => {
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    const found = await globalThis.axe.run(document, { runOnly: tags });
    return found.violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`),
    );
  });
for (const [name, reach] of Object.entries(STATES)) {
  test(`axe finds nothing in the state ${name}, light or dark, and nothing is wider than a page of 320 pixels`, async () => {
    const { page, close } = await reach(browser, { reducedMotion: 'reduce', bypassCSP: true });
    await page.evaluate(axe);
    const found = {};
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      found[colorScheme] = await violations(page);
    }
    await page.setViewportSize({ width: 320, height: 700 });
    const width = () => page.evaluate(() => document.documentElement.scrollWidth);
    found.width = await width();
    // Letters of twice the size, as some browsers have them by themselves.
    await page.addStyleTag({ content: ':root { font-size: 200% !important }' });
    found.enlarged = await width();
    assert.deepEqual(found, { light: [], dark: [], width: 320, enlarged: 320 });
    await close();
  });
}

/** What was transferred of each part of the page, in KB, with the headers. */
const transferred = (page) =>
  page.evaluate(() => {
    const loads = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
    const sum = (wanted) =>
      loads.filter(({ name }) => wanted(name)).reduce((bytes, { transferSize }) => bytes + transferSize, 0) / 1024;
    const isPackage = (name) => name.includes('/chunks/');
    const isSandbox = (name) => name.includes('/chunks/sandbox');
    return {
      page: sum((name) => !isPackage(name)),
      package: sum((name) => isPackage(name) && !isSandbox(name)),
      sandbox: sum(isSandbox),
      files: loads.filter(({ name }) => !name.startsWith('data:')).length,
    };
  });
const within = (size, [least, most]) => assert.ok(size >= least && size <= most, `${size} KB is not ${least} to ${most}`);

test('what is transferred, compressed: before anything can be read and typed, before the price, and with the sandbox', async () => {
  // Nothing of the package comes until the page is drawn and was typed in.
  let go;
  const gate = new Promise((resolve) => (go = resolve));
  const { page, close } = await openPage(browser, {
    prepare: (page) => page.route('**/chunks/**', (route) => gate.then(() => route.continue())),
  });
  await page.locator('#ask[data-state=quoting]').waitFor();
  await page.fill('#question', 'Typed before anything was loaded?');
  await page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint').length > 0);
  const first = await transferred(page);
  within(first.page, [5, 26]);
  assert.deepEqual([first.package, first.sandbox, first.files], [0, 0, 3], 'the page, its style and its program');
  const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime);
  go();
  await priced(page);
  const all = await transferred(page);
  console.log(`${JSON.stringify({ first, all })}, first contentful paint after ${paint.toFixed(0)} ms`);
  within(all.page, [5, 26]);
  within(all.package, [50, 185]);
  within(all.sandbox, [30, 64]);
  await close();
});

test('the sandbox is asked for while the client is still under way', async () => {
  let go;
  const gate = new Promise((resolve) => (go = resolve));
  let asked;
  const { page, close } = await openPage(browser, {
    async prepare(page) {
      asked = page.waitForRequest(/chunks\/sandbox/, { timeout: 20_000 }).finally(go);
      await page.route('**/chunks/eliza-jobs*', (route) => gate.then(() => route.continue()));
    },
  });
  await asked;
  await priced(page);
  await close();
});

test('a reload transfers nothing again', async () => {
  const { page, close } = await openPage(browser);
  await priced(page);
  await page.reload();
  await priced(page);
  const again = await transferred(page);
  // The page's own files are asked for, and have not changed; those of the package are not asked
  // for.
  assert.ok(again.page < 4, `${again.page} KB`);
  assert.deepEqual([again.package, again.sandbox], [0, 0]);
  await close();
});

test('the price at a server elsewhere is there without the sandbox, which the test wallet brings when it pays', async () => {
  const { page, sandbox, close } = await served();
  await priced(page);
  assert.equal((await transferred(page)).sandbox, 0);
  await ask(page, 'Who signs?', { pay: false });
  await turn(page, 'answered').waitFor();
  assert.deepEqual([(await transferred(page)).sandbox > 0, sandbox.payments.length], [true, 1]);
  await close();
});

test("without 'wasm-unsafe-eval' the page says what to add", async () => {
  const { page, close } = await openPage(browser, { policy: "default-src 'self'; img-src data:" });
  await page.locator('#notice-server, #options-error:not(:empty)').first().waitFor();
  await page.click('#send');
  await turn(page, 'failed').waitFor();
  assert.match(await text(page, 'body'), /wasm-unsafe-eval/);
  await close();
});

test('what is typed is never lost, and a question that cannot be sent says why', async () => {
  const { page, context, url, close } = await openPage(browser);
  await priced(page);
  await page.fill('#question', '   ');
  await page.click('#send');
  assert.match(await text(page, '#question-note'), /Type a question first/);
  const long = 'é'.repeat(50_001);
  await page.fill('#question', long);
  assert.match(await text(page, '#question-note'), /1 characters? too long/);
  assert.equal(await text(page, '#count'), '50,001 of 50,000');
  await page.reload();
  assert.equal(await page.inputValue('#question'), long);
  assert.equal(await page.locator('.turn').count(), 0);
  // A sample is written as the user writes.
  await page.fill('#question', '');
  await page.click('#question');
  await page.keyboard.type('Typed by hand?');
  await page.click('.chip >> nth=1');
  assert.match(await page.inputValue('#question'), /haiku/);
  await page.keyboard.press('Control+Z');
  assert.equal(await page.inputValue('#question'), 'Typed by hand?');
  // Each tab has its own; a new one begins with the latest.
  const other = await context.newPage();
  await other.goto(url);
  assert.equal(await other.inputValue('#question'), 'Typed by hand?');
  await other.fill('#question', 'Typed in the other tab?');
  // A limit is kept before its field is left.
  await page.click('#settings > summary');
  await page.fill('[name=limit]', '0.07');
  await page.reload();
  assert.equal(await page.inputValue('#question'), 'Typed by hand?');
  assert.equal(await page.inputValue('[name=limit]'), '0.07');
  await close();
});

/** A server on loopback that answers as `handle` does. */
async function listen(handle) {
  const server = http.createServer(handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `127.0.0.1:${server.address().port}`;
  return { address, close: () => (server.closeAllConnections(), server.close()) };
}

test('a server that cannot be reached, that allows no page, that refuses a header, or that is something else, is told apart', async () => {
  const cases = [
    [
      (_, response) => response.end('hello'),
      /answers, but lets no page of http:\/\/127\.0\.0\.1:\d+ read it: .*Access-Control-Allow-Origin/,
    ],
    [
      (request, response) => {
        response.setHeader('access-control-allow-origin', '*');
        response.setHeader('access-control-allow-headers', 'x-payment, payment-signature, x-api-key');
        response.writeHead(request.method === 'OPTIONS' ? 204 : 200).end();
      },
      /Access-Control-Allow-Headers refuses content-type\./,
    ],
    [
      (request, response) => {
        response.setHeader('access-control-allow-origin', '*');
        response.writeHead(request.method === 'OPTIONS' ? 405 : 200).end();
      },
      /refuses the OPTIONS request that browsers send first: [^]*405[^]*It must be answered with 204\.$/,
    ],
    [
      (request, response) => {
        response.setHeader('access-control-allow-origin', '*');
        response.writeHead(request.method === 'OPTIONS' ? 204 : 200).end();
      },
      /Access-Control-Allow-Headers refuses content-type and payment-signature/,
    ],
  ];
  for (const [handle, said] of cases) {
    const server = await listen(handle);
    const { page, close } = await openPage(browser, { settings: atServer(server.address) });
    await page.locator('#notice-server').waitFor();
    assert.match(await text(page, '#notice-server'), said);
    await close();
    server.close();
  }
  const html = await listen((_, response) =>
    response
      .writeHead(200, { 'access-control-allow-origin': '*', 'access-control-allow-headers': '*', 'content-type': 'text/html' })
      .end('<h1>Hi</h1>'),
  );
  for (const [address, said] of [
    [html.address, /got a web page; is this the address of the API/],
    ['', /Type the address/],
    ['ftp://example.org', /must begin with http/],
    ['http://user:secret@localhost', /must not hold credentials/],
  ]) {
    const { page, close } = await openPage(browser, { settings: atServer(address) });
    const line = page.locator('#options-error:not(:empty), #price-note:not(:empty)').first();
    await line.waitFor();
    assert.match(await line.innerText(), said);
    assert.doesNotMatch(await line.innerText(), /secret/);
    await close();
  }
  html.close();
  const { page, close } = await STATES.unreachable(browser);
  assert.match(await text(page, '#notice-server'), /Nothing answers at localhost:1\. Is the server running/);
  await close();
});

/** Asks for a payment, and lets no page send it. */
function withoutProofHeader(request, response) {
  const headers = 'content-type, authorization, x-api-key';
  response.setHeader('access-control-allow-origin', '*');
  response.setHeader('access-control-allow-headers', headers);
  response.setHeader('access-control-expose-headers', 'payment-required');
  if (request.method === 'OPTIONS') return response.writeHead(204).end();
  if (request.method === 'GET') {
    return response
      .writeHead(200, { 'content-type': 'application/json' })
      .end('{"healthy":true,"timestamp":1,"totalJobs":7,"statusCounts":{},"maxJobs":10000,"jobs":[],"total":0,"filtered":0}');
  }
  const required = {
    x402Version: 2,
    resource: { url: `http://${request.headers.host}${request.url}`, description: '', mimeType: 'application/json' },
    accepts: [
      {
        scheme: 'exact',
        network: 'eip155:8453',
        amount: '20000',
        asset: '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913',
        payTo: '0x7e57000000000000000000000000000000000002',
        maxTimeoutSeconds: 60,
        extra: { name: 'USD Coin', version: '2' },
      },
    ],
  };
  response
    .writeHead(402, {
      'content-type': 'application/json',
      'payment-required': Buffer.from(JSON.stringify(required)).toString('base64'),
    })
    .end('{}');
}

test('a server that lets no page send the proof is named before anybody signs, and what was said of it goes with it', async () => {
  const server = await listen(withoutProofHeader);
  const { page, close } = await openPage(browser, {
    settings: atServer(server.address, { wallet: 'test.fern' }),
    prepare: (page) => announceWallet(page, 'signs'),
  });
  await priced(page);
  const said = /Access-Control-Allow-Headers refuses payment-signature\. .*nothing can be paid/;
  await page.locator('#notice-server').waitFor();
  assert.match(await text(page, '#notice-server'), said);
  await ask(page, 'Signed for nothing?', { pay: false });
  await turn(page, 'failed').waitFor();
  assert.equal(await outcome(page), 'Nothing was paid: this server lets no page send it the header that a payment goes in.');
  assert.match(await text(page, '.turn .advice'), said);
  assert.equal(await page.evaluate(() => localStorage.asked), undefined);
  await page.locator('#health', { hasText: '7 of at most' }).waitFor();
  // Another server: what is shown is its own, or nothing.
  await page.click('#settings > summary');
  await page.fill('[name=address]', 'localhost:1');
  await page.locator('[name=address]').blur();
  await page.locator('#notice-server', { hasText: 'Nothing answers at localhost:1' }).waitFor();
  assert.equal(await text(page, '#health'), 'Nothing is known of this server.');
  for (const [typed, said] of [
    ['ftp://example.org', 'must begin with http'],
    ['3000', 'Did you mean localhost:3000?'],
    [':3000', 'Did you mean localhost:3000?'],
    ['my server', 'An address looks like'],
    ['http://me:secret@localhost:1', 'address must not hold credentials (the key has its own field)'],
    ['localhost:1/?page=2', 'address must not have a query'],
  ]) {
    await page.fill('[name=address]', typed);
    await page.locator('[name=address]').blur();
    await page.locator('#options-error', { hasText: said }).waitFor();
  }
  assert.doesNotMatch(await text(page, '#options-error'), /baseUrl/);
  assert.equal(await page.locator('#notice-server').count(), 0);
  await close();
  server.close();
});

test('a browser that keeps nothing, or has no room, is said to do so', async () => {
  for (const [name, said] of [
    ['SecurityError', /keeps no data/],
    ['QuotaExceededError', /no room left/],
  ]) {
    const prepare = (page) =>
      page.addInitScript((name) => {
        Storage.prototype.setItem = () => {
          throw new DOMException('no', name);
        };
      }, name);
    const { page, close } = await openPage(browser, { prepare });
    await page.locator('#notice-storage').waitFor();
    await page.locator('#ask[data-state=idle]').waitFor();
    assert.match(await text(page, '#notice-storage'), said);
    assert.equal(await page.locator('.notice').count(), 1, 'once');
    await close();
  }
});

test('two tabs: what one has paid for and not seen, the other offers', async () => {
  const { page, context, url, sandbox, release, close } = await served();
  await priced(page);
  const other = await context.newPage();
  await other.goto(url);
  await priced(other);
  await ask(page, 'wait: in the other tab', { pay: false });
  await page.locator('#ask[data-state=thinking]').waitFor();
  await other.locator('.notice.open').waitFor();
  await page.close();
  release();
  await other.getByRole('button', { name: 'Get it', exact: true }).click();
  await turn(other, 'answered').waitFor();
  assert.equal(sandbox.payments.length, 1);
  await close();
});

test('each way of asking for payment, and none, is answered in the page', async () => {
  const { page, errors, close } = await openPage(browser, { settings: { askFirst: false } });
  await page.click('#settings > summary');
  for (const [paywall, button, receipt] of [
    ['x402-v1', 'Ask · 0.02 USDC', /0\.02 USDC\s+once/],
    ['elizaos', 'Ask · 0.02 USDC', /0\.02 USDC\s+once/],
    ['none', 'Ask · free', /nothing: this server is free/],
  ]) {
    await page.selectOption('[name=paywall]', paywall);
    await page.locator('#ask[data-state=idle]').waitFor();
    await priced(page);
    assert.equal(await text(page, '#send'), button, paywall);
    await ask(page, `By ${paywall}?`, { pay: false });
    await page.locator('.turn:first-child.answered').waitFor();
    assert.match(await text(page, '.turn:first-child .answer'), new RegExp(`By ${paywall}`));
    assert.match(await text(page, '.turn:first-child .receipt'), receipt);
    assert.ok((await page.locator('#code-text').innerText()).includes(`'${paywall}'`), 'the code keeps up');
  }
  assert.deepEqual(errors, []);
  await close();
});

test('a link may name the server, and asks before it pays there', async () => {
  const server = await startSandbox();
  const { page, close } = await openPage(browser, {
    query: `?server=${encodeURIComponent(server.url)}`,
    settings: { askFirst: false },
  });
  await priced(page);
  assert.match(await text(page, '#badge'), /Your server, test wallet/);
  await ask(page, 'By a link?');
  await turn(page, 'answered').waitFor();
  assert.equal(server.sandbox.payments.length, 1);
  await close();
  await server.close();
});

test('the ledger survives a reload, and its table is the CSV', async () => {
  const { page, sandbox, close } = await served();
  await priced(page);
  await ask(page, 'For the books?', { pay: false });
  await turn(page, 'answered').waitFor();
  const [{ transaction }] = sandbox.payments;
  await page.reload();
  await page.locator('#payments code').first().waitFor();
  assert.match(await text(page, '#payments'), new RegExp(`0\\.02 USDC[^]*${transaction.slice(0, 6)}`));
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#csv')]);
  const csv = readFileSync(await download.path(), 'utf8');
  assert.match(csv, new RegExp(`,0\\.02,USDC,base,.*${transaction}`, 'i'));
  await page.locator('#budget-text', { hasText: '0.02 of 0.20 USDC' }).waitFor();
  await close();
});

test('the real elizaOS server, typed without a scheme, is paid on another network by the test wallet', async () => {
  const eliza = await startEliza({ paywall: { strict: true } });
  const { page, errors, close } = await openPage(browser, {
    settings: atServer(new URL(eliza.url).host, { network: 'polygon' }),
  });
  await priced(page);
  assert.match(await text(page, '#price-note'), /On polygon/);
  await ask(page, 'Is this a browser?', { pay: false });
  await turn(page, 'answered').waitFor();
  assert.match(await text(page, '.turn .answer'), /Is this a browser\?/);
  assert.match(await text(page, '.receipt'), /0\.02 USDC\s+once[^]*polygon/);
  assert.ok((await labels(page)).some((label) => /You to Chain: a transfer of 0\.02 USDC/.test(label)));
  assert.deepEqual(own(errors), []);
  await close();
  await eliza.stop();
});

test('a wallet of the browser on a local chain pays the real elizaOS server', async () => {
  const [eliza, chain] = await Promise.all([startEliza({ paywall: { strict: true } }), startChain('base')]);
  const { page, close } = await openPage(browser, {
    settings: atServer(eliza.url, { wallet: 'test.local' }),
    prepare: async (page) => {
      // An account of the development chain, which signs for it.
      await page.exposeFunction('rpc', ({ method, params = [] }) =>
        chain.publicClient.request({ method: method === 'eth_requestAccounts' ? 'eth_accounts' : method, params }),
      );
      await page.addInitScript(() => {
        const provider = { request: (args) => globalThis.rpc(args) };
        const info = {
          uuid: '6f2b1a1e-0000-4000-8000-000000000002',
          name: 'Local Chain',
          icon: 'data:image/png;base64,',
          rdns: 'test.local',
        };
        addEventListener('eip6963:requestProvider', () =>
          dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail: { info, provider } })),
        );
      });
    },
  });
  await priced(page);
  await ask(page, 'Who pays?', { pay: false });
  await turn(page, 'answered').waitFor();
  const hash = await page.locator('.receipt code[title^="0x"]').last().getAttribute('title');
  const receipt = await chain.publicClient.getTransactionReceipt({ hash });
  assert.equal(receipt.status, 'success');
  await close();
  await Promise.all([eliza.stop(), chain.stop()]);
});
