// The server that is asked: the sandbox in this page, or one whose address was typed in. The
// package and the sandbox are loaded when they are needed, so that the page is there before them.
import { recordedFetch, recordedWallet } from './recorder.js';
import { amountTrouble, storageTrouble } from './settings.js';

/** What the sandbox's agent knows, beside repeating the question. */
const ANSWERS = {
  'What is the weather in New York?':
    'Clear, 21 °C, a light wind from the south-west. (This agent lives in your page and cannot look out of the window, so do not dress by it.)',
  'Write a haiku about money that moves once.': 'One coin leaves my hand.\nThe reply is lost at sea.\nNo second coin goes.',
  'What does x402 do?':
    'A server answers “402 Payment Required” with a price. Your wallet signs for exactly that price, the same request is sent again with the signature, and the server takes the money and does the work. No account, no card, no invoice.',
};
/** The questions to begin with. */
export const SAMPLES = Object.keys(ANSWERS);
/** Slow enough to be watched. */
const PACE = { answerMs: 1800, latencyMs: 140 };
const NETWORKS = ['base', 'polygon', 'base-sepolia', 'polygon-amoy'];

/** The modules of the package, each loaded when it is first needed. */
const MODULES = {
  index: () => import('./eliza-jobs/index.js'),
  sandbox: () => import('./eliza-jobs/sandbox.js'),
  wallets: () => import('./eliza-jobs/wallets.js'),
};
const loaded = {};
/** A module of the package. One that could not be loaded is tried again the next time. */
export function load(name) {
  loaded[name] ??= MODULES[name]().catch((cause) => {
    delete loaded[name];
    const message = 'A part of this page could not be loaded. Are you online? Ask again, or load the page anew.';
    throw Object.assign(new Error(message, { cause }), { code: 'init_failed', fundsMoved: false });
  });
  return loaded[name];
}

/**
 * The address of a sandbox, which it shares with none before it: what was paid there is not looked
 * for elsewhere.
 */
const ownAddress = () => `https://sandbox-${crypto.randomUUID().slice(0, 8)}.test`;
/** Whether this is the address of a sandbox of this page, or of an earlier one. */
export const isSandboxAddress = (url) => /^https:\/\/sandbox(?:-\w+)?\.test\/?$/.test(url ?? '');

/** A server in this page. @param faults What goes wrong. */
export async function makeSandbox({ paywall, faults = [], ...more }) {
  const { createSandbox } = await load('sandbox');
  const answer = async (question) =>
    ANSWERS[question.trim()] ?? `You asked: “${question}” This agent has no model behind it: it repeats what it hears.`;
  const paid = paywall === 'none' ? {} : { price: '0.02', networks: NETWORKS };
  try {
    return createSandbox({ paywall, ...paid, answer, faults, url: ownAddress(), ...PACE, ...more });
  } catch (cause) {
    if (!(cause instanceof WebAssembly.CompileError)) throw cause;
    const message = "This page's Content-Security-Policy allows no WebAssembly: add 'wasm-unsafe-eval' to its script-src.";
    throw Object.assign(new Error(message, { cause }), { code: 'init_failed' });
  }
}

/** An address as people type it, with its scheme. @throws {Error} when it is none. */
export function address(typed) {
  const text = typed.trim().replace(/^\/+/, '');
  if (!text) throw new Error('Type the address of your server, such as localhost:3000.');
  const isLocal = /^(localhost|127\.|0\.0\.0\.0|\[::1\]|10\.|192\.168\.|[^/:]+\.local(?=[:/]|$))/i.test(text);
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `${isLocal ? 'http' : 'https'}://${text}`;
  const port = /^:?(\d{1,5})$/.exec(text)?.[1];
  if (port || /\s/.test(text) || !URL.canParse(whole)) {
    const hint = port ? `Did you mean localhost:${port}?` : 'An address looks like localhost:3000 or https://agents.example.';
    throw new Error(`“${text}” is no address. ${hint}`);
  }
  if (!/^https?:/i.test(whole)) throw new Error(`“${text}” is no web address: it must begin with http:// or https://.`);
  return whole.replace(/\/+$/, '');
}

/**
 * A client for the server of the settings.
 *
 * @param drawing Returns the drawing for what begins now.
 * @param wallet What pays: of `wallets.js`.
 * @returns `client` draws what it does, `quiet` does not.
 * @throws what is wrong with the settings.
 */
export async function connect(settings, { drawing, sandbox, wallet, confirm }) {
  if (amountTrouble(settings.limit) || amountTrouble(settings.perDay)) {
    throw Object.assign(new Error('one of your limits is no amount: see “Limits” under “Server, wallet and limits”'), {
      isLimit: true,
    });
  }
  const isOwn = settings.server === 'own';
  const baseUrl = isOwn ? address(settings.address) : sandbox.url;
  const { JobsClient, localStorageStore, memoryStore } = await load('index');
  const send = isOwn ? (input, init) => fetch(input, init) : sandbox.fetch;
  const options = {
    baseUrl,
    ...(isOwn && settings.apiKey && { apiKey: settings.apiKey }),
    spend: {
      maxPerPayment: settings.limit.trim(),
      // Play money and money do not share a budget, and that of a sandbox ends with it.
      budget: { perDay: settings.perDay.trim(), scope: isOwn ? 'demo' : new URL(baseUrl).host },
      networks: [settings.network],
    },
    store: storageTrouble() === 'forbidden' ? memoryStore() : localStorageStore(),
  };
  const client = new JobsClient({
    ...options,
    fetch: recordedFetch(send, drawing, isOwn ? undefined : sandbox),
    wallet: recordedWallet(wallet, drawing),
    ...(settings.askFirst && { confirm }),
  });
  const quiet = new JobsClient({ ...options, fetch: send, wallet });
  return { client, quiet, baseUrl, isOwn };
}

const healthOf = (baseUrl) => `${baseUrl}/api/messaging/jobs/health`;

/**
 * Why a server cannot be reached, found out by asking it in simpler ways. One sentence or two;
 * `undefined` when nothing is wrong with it now.
 */
export async function diagnose(baseUrl) {
  const { host, protocol } = new URL(baseUrl);
  const url = healthOf(baseUrl);
  const isLoopback = /^(localhost|127\.|\[::1\])/.test(host);
  if (!navigator.onLine) return 'You are offline. Nothing is lost: ask again when you are back.';
  if (location.protocol === 'https:' && protocol === 'http:' && !isLoopback) {
    return 'This page came over https, and browsers let it reach https addresses only. Give your server a certificate, or open this page over http.';
  }
  if (!(await reaches(url, { mode: 'no-cors' })))
    return `Nothing answers at ${host}. Is the server running, and is the port right?`;
  if (!(await reaches(url))) {
    return `${host} answers, but lets no page of ${location.origin} read it: its replies lack the header Access-Control-Allow-Origin.`;
  }
  const names = ['content-type', 'payment-signature', 'x-payment', 'x-api-key'];
  const refused = await refusedOf(url, names);
  // That none passes may have another reason than their names.
  if (refused.length === names.length && !(await passesPreflight(url))) {
    return `${host} answers, but refuses the OPTIONS request that browsers send first: with an error such as 404, 405 or 500, with a redirect, or without Access-Control-Allow-Origin. It must be answered with 204.`;
  }
  return refused.length > 0 ? refusal(host, refused) : undefined;
}

const refusal = (host, names) => `${host} answers, but its Access-Control-Allow-Headers refuses ${names.join(' and ')}.`;

/** Whether a page may send this request, and read the answer. */
const reaches = (url, init) =>
  fetch(url, { cache: 'no-store', ...init }).then(
    () => true,
    () => false,
  );

/** Which of these headers a page may not send. */
async function refusedOf(url, names, signal) {
  const refused = [];
  for (const name of names) {
    const value = name === 'content-type' ? 'application/json' : 'probe';
    if (!(await reaches(url, { headers: { [name]: value }, signal }))) refused.push(name);
  }
  return refused;
}

/**
 * Whether the browser's first request is answered as it must be, whatever headers it asks for: who
 * listens to an upload sends one.
 */
function passesPreflight(url) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open('POST', url);
    request.upload.addEventListener('progress', () => undefined);
    request.addEventListener('load', () => resolve(true));
    request.addEventListener('error', () => resolve(false));
    request.send('probe');
  });
}

/** The headers that carry a payment, by how the server asks for it. */
const CARRIERS = { 'x402-v2': ['payment-signature'], 'x402-v1': ['x-payment'], elizaos: ['x-payment', 'x-payment-network'] };

/**
 * Why a payment could not be sent to a server elsewhere, though it asks for one: it lets no page
 * send the headers that carry it. Found out before anybody signs. `undefined` when it could, or
 * when the server cannot be asked.
 */
export async function proofRefused(baseUrl, dialect, signal) {
  const url = healthOf(baseUrl);
  const refused = await refusedOf(url, CARRIERS[dialect] ?? [], signal);
  if (refused.length === 0 || !(await reaches(url, { signal }))) return undefined;
  return `${refusal(new URL(baseUrl).host, refused)} A payment goes in it: until the server allows that, nothing can be paid from a page.`;
}
