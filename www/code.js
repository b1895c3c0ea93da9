// The code of what the page does, by the settings: for a browser, for Node, and for React.
import { byId, copy, element } from './dom.js';

const TABS = ['Browser', 'Node', 'React'];
const text = (value) => `'${String(value).replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n')}'`;

function parts({ settings, question }) {
  const isSandbox = settings.server !== 'own';
  const isFree = isSandbox && settings.paywall === 'none';
  const sandbox = isSandbox
    ? `const sandbox = createSandbox({ paywall: ${text(settings.paywall)}${isFree ? '' : `, networks: [${text(settings.network)}]`} });\n`
    : '';
  const imports = isSandbox ? `import { createSandbox } from 'eliza-jobs/sandbox';\n` : '';
  const where = isSandbox
    ? 'baseUrl: sandbox.url,\n  fetch: sandbox.fetch,'
    : `baseUrl: ${text(settings.address || 'http://localhost:3000')},`;
  const key = !isSandbox && settings.apiKey ? '\n  apiKey: process.env.ELIZA_API_KEY,' : '';
  const spend = `spend: {
    maxPerPayment: ${text(settings.limit)},
    budget: { perDay: ${text(settings.perDay)} },
    networks: [${text(settings.network)}],
  },`;
  return {
    isSandbox,
    isFree,
    sandbox,
    imports,
    where,
    key,
    spend,
    question: text(question || 'What is the weather in New York?'),
  };
}

function browser(given) {
  const { isSandbox, isFree, sandbox, imports, where, spend, question } = parts(given);
  const wallet = isSandbox ? 'wallet: sandbox.wallet,' : 'wallet: fromEip1193(window.ethereum),';
  const confirm = given.settings.askFirst ? '\n  confirm: ({ amount }) => window.confirm(`Pay ${amount} USDC?`),' : '';
  const pays = isFree ? '' : `\n  ${wallet}\n  ${spend}${confirm}`;
  return `import { JobsClient } from 'eliza-jobs';
${imports}${isSandbox ? '' : "import { fromEip1193 } from 'eliza-jobs/wallets';\n"}
${sandbox}const client = new JobsClient({
  ${where}${pays}
});

const { chosen } = await client.quote(); // nothing is paid
const job = await client.createAndWaitForJob({
  userId: crypto.randomUUID(),
  content: ${question},
});
console.log(chosen?.amount, job.result.message.content);`;
}

function node(given) {
  const { isSandbox, isFree, sandbox, imports, where, key, spend, question } = parts(given);
  const own = "import { fromViem } from 'eliza-jobs/wallets';\nimport { privateKeyToAccount } from 'viem/accounts';\n";
  const wallet = isSandbox ? 'sandbox.wallet' : 'fromViem(privateKeyToAccount(process.env.PRIVATE_KEY))';
  const pays = isFree ? '' : `\n  wallet: ${wallet},\n  ${spend}\n  store: fileStore('./payments'), // a crash loses nothing`;
  return `import { JobsClient${isFree ? '' : ', fileStore'} } from 'eliza-jobs';
${imports}${isSandbox ? '' : own}
${sandbox}const client = new JobsClient({
  ${where}${key}${pays}
});

// What an earlier run has paid for and not seen.
for (const open of await client.pendingPayments()) await client.resume(open);

const job = await client.createAndWaitForJob({
  userId: crypto.randomUUID(),
  content: ${question},
});
console.log(job.result.message.content);`;
}

function react(given) {
  const { question } = parts(given);
  return `import { useEffect, useState } from 'react';
import { client } from './client.js'; // as in the tab “Browser”

export function Answer({ question = ${question}, orderId, userId }) {
  const [answer, setAnswer] = useState('…');
  useEffect(() => {
    const controller = new AbortController();
    client
      .createAndWaitForJob(
        { userId, content: question },
        // StrictMode runs this twice: the key makes it one job and one payment.
        { idempotencyKey: orderId, signal: controller.signal },
      )
      .then((job) => setAnswer(job.result.message.content))
      .catch((error) => controller.signal.aborted || setAnswer(error.message));
    return () => controller.abort();
  }, [question, orderId, userId]);
  return <p>{answer}</p>;
}`;
}

const WRITERS = { Browser: browser, Node: node, React: react };

/** The tabs. Returns a function that is called with `{ settings, question }` when something has changed. */
export function createCode() {
  let given;
  let open = TABS[0];
  const tabs = TABS.map((name) =>
    element(
      'button',
      { type: 'button', role: 'tab', id: `tab-${name}`, 'aria-controls': 'code-panel', click: () => select(name) },
      name,
    ),
  );
  byId('tabs').append(...tabs);
  byId('tabs').addEventListener('keydown', ({ key }) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (by) select(TABS[(TABS.indexOf(open) + by + TABS.length) % TABS.length], true);
  });
  byId('copy-code').addEventListener('click', ({ currentTarget }) => copy(byId('code-text').textContent, currentTarget));
  function select(name, focus) {
    open = name;
    for (const tab of tabs) {
      const isOpen = tab.textContent === name;
      tab.setAttribute('aria-selected', String(isOpen));
      tab.tabIndex = isOpen ? 0 : -1;
      if (isOpen && focus) tab.focus();
    }
    byId('code-panel').setAttribute('aria-labelledby', `tab-${name}`);
    if (given) byId('code-text').textContent = WRITERS[name](given);
  }
  select(open);
  return (now) => {
    given = now;
    select(open);
  };
}
