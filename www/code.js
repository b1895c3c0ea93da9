// The code of what the page does, by the settings and by the switch that was played: for a browser,
// for Node, and for React.
import { byId, copy, element } from './dom.js';
import { address } from './server.js';

const TABS = ['Browser', 'Node', 'React'];
const text = (value) => `'${String(value).replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n')}'`;

/** How the question is asked, where a switch of "Make it go wrong" is about that. */
const CALLS = {
  'click-twice': `// Two clicks: one order, one job, one payment. A retry of the order takes the same id and params.
const orderId = crypto.randomUUID();
const click = () => client.createAndWaitForJob(params, { idempotencyKey: orderId });
const [job] = await Promise.all([click(), click()]);`,
  reload: `// What was paid for before the page was reloaded; else the question.
const [open] = await client.pendingPayments();
const job = await (open ? client.resume(open) : client.createAndWaitForJob(params));`,
};
const ASKED = 'const job = await client.createAndWaitForJob(params);';

/** The address as the client takes it; what is none, as it was typed. */
function addressOf(typed) {
  try {
    return address(typed);
  } catch {
    return typed || 'http://localhost:3000';
  }
}

function parts({ settings, question, fault }) {
  const isSandbox = settings.server !== 'own';
  const isFree = isSandbox && settings.paywall === 'none';
  const faults = fault && !CALLS[fault] ? `, faults: [${text(fault)}]` : '';
  const sandbox = isSandbox
    ? `const sandbox = createSandbox({ paywall: ${text(settings.paywall)}${isFree ? '' : `, networks: [${text(settings.network)}]`}${faults} });\n`
    : '';
  const imports = isSandbox ? `import { createSandbox } from 'eliza-jobs/sandbox';\n` : '';
  const where = isSandbox ? 'baseUrl: sandbox.url,\n  fetch: sandbox.fetch,' : `baseUrl: ${text(addressOf(settings.address))},`;
  const key = !isSandbox && settings.apiKey ? '\n  apiKey: process.env.ELIZA_API_KEY,' : '';
  const known = fault ? '\n    recipients: [sandbox.recipient],' : '';
  const spend = `spend: {
    maxPerPayment: ${text(settings.limit)},
    budget: { perDay: ${text(settings.perDay)} },
    networks: [${text(settings.network)}],${known}
  },`;
  const asked = text(question || 'What is the weather in New York?');
  const params = `const params = { userId: crypto.randomUUID(), content: ${asked} };`;
  return {
    isSandbox,
    isFree,
    sandbox,
    imports,
    where,
    key,
    spend,
    question: asked,
    call: `${params}
${CALLS[fault] ?? ASKED}`,
  };
}

/** The client of a page. */
function clientOfPage(given) {
  const { isSandbox, isFree, sandbox, where, spend, key } = parts(given);
  const wallet = isSandbox ? 'wallet: sandbox.wallet,' : 'wallet: fromEip1193(window.ethereum),';
  const confirm = given.settings.askFirst ? '\n  confirm: ({ amount }) => window.confirm(`Pay ${amount} USDC?`),' : '';
  const own = key && '\n  apiKey: sessionStorage.apiKey, // typed in by its owner: not in the code, which everybody can read';
  const pays = isFree ? '' : `\n  ${wallet}\n  ${spend}${confirm}`;
  return `${sandbox}const client = new JobsClient({
  ${where}${own}${pays}
});`;
}

/** What a page imports, beside the client. */
function importsOfPage(given) {
  const { isSandbox, imports } = parts(given);
  return imports + (isSandbox ? '' : "import { fromEip1193 } from 'eliza-jobs/wallets';\n");
}

function browser(given) {
  // A switch plays without it: the first 402 is the one that goes wrong.
  const price = given.fault
    ? ''
    : 'const { chosen } = await client.quote(); // nothing is paid\nconsole.log(chosen?.amount);\n\n';
  return `import { JobsClient } from 'eliza-jobs';
${importsOfPage(given)}
${clientOfPage(given)}

${price}${parts(given).call}
console.log(job.result.message.content);`;
}

function node(given) {
  const { isSandbox, isFree, sandbox, imports, where, key, spend, call } = parts(given);
  // The sandbox ends with the program: an earlier run's answers are gone with its sandbox.
  const earlier =
    given.fault === 'reload' || isSandbox
      ? ''
      : '// What an earlier run has paid for and not seen.\nfor (const open of await client.pendingPayments()) await client.resume(open);\n\n';
  const own = "import { fromViem } from 'eliza-jobs/wallets';\nimport { privateKeyToAccount } from 'viem/accounts';\n";
  const wallet = isSandbox ? 'sandbox.wallet' : 'fromViem(privateKeyToAccount(process.env.PRIVATE_KEY))';
  const pays = isFree ? '' : `\n  wallet: ${wallet},\n  ${spend}\n  store: fileStore('./payments'), // a crash loses nothing`;
  return `import { JobsClient${isFree ? '' : ', fileStore'} } from 'eliza-jobs';
${imports}${isSandbox ? '' : own}
${sandbox}const client = new JobsClient({
  ${where}${key}${pays}
});

${earlier}${call}
console.log(job.result.message.content);`;
}

function react(given) {
  const { question } = parts(given);
  return `import { JobsClient } from 'eliza-jobs';
import { useJob } from 'eliza-jobs/react';
${importsOfPage(given)}
${clientOfPage(given)}

export function Answer() {
  // With a key, a double click and a reload are one job and one payment.
  const { ask, answer, status, isBusy, error } = useJob(client, { key: 'answer' });
  return (
    <button onClick={() => ask(${question})} disabled={isBusy}>
      {answer ?? error?.message ?? status}
    </button>
  );
}`;
}

const WRITERS = { Browser: browser, Node: node, React: react };

/**
 * The tabs. Returns a function that is called with `{ settings, question, fault }` when something
 * has changed or was played.
 */
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
