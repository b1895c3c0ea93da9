// The declarations as users' compilers and package checkers see them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { installPackage } from '../../scripts/install-package.mjs';

const { folder, installed, tarball } = installPackage('types');
const root = path.resolve(import.meta.dirname, '../..');
cpSync(path.join(import.meta.dirname, 'consumer.ts'), path.join(folder, 'consumer.mts'));
cpSync(path.join(import.meta.dirname, 'consumer.cts'), path.join(folder, 'consumer.cts'));
const tsc = path.join(root, 'node_modules/typescript/bin/tsc');

for (const [module, moduleResolution, file] of [
  ['nodenext', 'nodenext', 'consumer.mts'],
  ['nodenext', 'nodenext', 'consumer.cts'],
  ['esnext', 'bundler', 'consumer.mts'],
  ['commonjs', 'node10', 'consumer.cts'],
]) {
  test(`${file} compiles strictly with module ${module}, resolution ${moduleResolution}`, () => {
    const compilerOptions = {
      ...{ strict: true, noEmit: true, target: 'es2022', module, moduleResolution, types: [] },
      // As little as a project for browsers may have.
      ...{ lib: ['es2022', 'dom'], skipLibCheck: false },
    };
    writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }));
    execFileSync(process.execPath, [tsc, '-p', folder], { stdio: 'inherit' });
  });
}

/**
 * Compiles one of the consumers as a project with these options; the package's declarations are
 * checked too.
 */
function compiles(file, compilerOptions, compiler = tsc) {
  const name = `${path.basename(file, '.ts')}.mts`;
  cpSync(path.join(import.meta.dirname, file), path.join(folder, name));
  const common = { strict: true, noEmit: true, skipLibCheck: false, target: 'es2022', module: 'nodenext' };
  const options = { ...common, moduleResolution: 'nodenext', lib: ['es2022'], types: [], ...compilerOptions };
  writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: [name] }));
  execFileSync(process.execPath, [compiler, '-p', folder], { stdio: 'inherit' });
}
const modules = [path.join(root, 'node_modules/@types'), path.join(import.meta.dirname, 'node_modules')];
const types = (name) => ({ types: [name], typeRoots: modules });
const old = (version) => path.join(import.meta.dirname, `node_modules/typescript-${version}/bin/tsc`);

for (const [version, compiler] of [['today', tsc], ...['7', '5.1', '5.0'].map((version) => [version, old(version)])]) {
  test(`a project without lib dom compiles (TypeScript ${version})`, () => {
    compiles('without-dom.ts', {}, compiler);
  });
  test(`a project for browsers compiles (TypeScript ${version})`, () => {
    compiles('without-dom.ts', { lib: ['es2022', 'dom'] }, compiler);
    compiles('with-fetch.ts', { lib: ['es2022', 'dom'] }, compiler);
  });
}

const STRICTEST = {
  ...{ exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, noPropertyAccessFromIndexSignature: true },
  ...{ noImplicitOverride: true, noImplicitReturns: true, noFallthroughCasesInSwitch: true, noUnusedLocals: true },
  ...{ noUnusedParameters: true, isolatedModules: true, verbatimModuleSyntax: true, forceConsistentCasingInFileNames: true },
};
for (const [version, compiler] of [['today', tsc], ...['7', '5.1', '5.0'].map((version) => [version, old(version)])]) {
  for (const [how, options] of [
    ['nodenext', {}],
    ['bundler', { module: 'esnext', moduleResolution: 'bundler' }],
  ]) {
    test(`with every strict switch on a project compiles that uses all public types (TypeScript ${version}, ${how})`, () => {
      compiles('strict.ts', { ...STRICTEST, ...options, lib: ['es2022', 'dom'] }, compiler);
    });
  }
}

test('a project for Node alone compiles', () => {
  compiles('without-dom.ts', types('node'));
  compiles('with-fetch.ts', types('node'));
});

test('a project for Cloudflare Workers compiles', () => {
  compiles('without-dom.ts', types('@cloudflare/workers-types'));
  compiles('with-fetch.ts', types('@cloudflare/workers-types'));
});

/** Compiles a program that uses the libraries of wallets by their own types. */
function compilesWith(paths, program) {
  writeFileSync(path.join(folder, 'wallets.mts'), program);
  const compilerOptions = {
    ...{ strict: true, exactOptionalPropertyTypes: true, noEmit: true, skipLibCheck: true, target: 'es2022', module: 'esnext' },
    ...{ moduleResolution: 'bundler', lib: ['es2022', 'dom'], types: [], paths },
  };
  writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['wallets.mts'] }));
  execFileSync(process.execPath, [tsc, '-p', folder], { stdio: 'inherit' });
}
const here = (name) => path.join(import.meta.dirname, 'node_modules', name);
const viemIn = (place) => Object.fromEntries(['', '/accounts', '/chains'].map((entry) => [`viem${entry}`, [`${place}${entry}`]]));

for (const version of ['viem-1', 'viem-2.9', 'viem']) {
  test(`accounts and wallet clients of viem go in as they are (${version})`, () => {
    compilesWith(
      viemIn(here(version)),
      `import { createWalletClient, custom, http, type EIP1193Provider, type LocalAccount, type WalletClient } from 'viem';
      import { mnemonicToAccount, privateKeyToAccount } from 'viem/accounts';
      import { base } from 'viem/chains';
      import { JobsClient } from 'eliza-jobs';
      import { fromEip1193, fromViem } from 'eliza-jobs/wallets';
      declare const provider: EIP1193Provider;
      declare const local: LocalAccount;
      declare const client: WalletClient;
      const account = privateKeyToAccount('0x1');
      for (const wallet of [
        account,
        local,
        mnemonicToAccount('test'),
        client,
        createWalletClient({ chain: base, transport: http(), account }),
        createWalletClient({ transport: custom(provider) }),
        provider,
        fromViem(account),
        fromViem(local),
        fromViem(client),
        fromViem(createWalletClient({ chain: base, transport: http(), account })),
        fromViem(createWalletClient({ transport: custom(provider) })),
        fromEip1193(provider),
      ])
        new JobsClient({ baseUrl: 'http://h', wallet });`,
    );
  });
}

test('the client that wagmi gives goes in as it is', () => {
  compilesWith(
    { ...viemIn(here('viem')), '@wagmi/core': [here('@wagmi/core')] },
    `import type { Config, GetWalletClientReturnType } from '@wagmi/core';
    import { JobsClient } from 'eliza-jobs';
    import { fromViem } from 'eliza-jobs/wallets';
    declare const client: GetWalletClientReturnType;
    declare const configured: GetWalletClientReturnType<Config, 8453>;
    for (const wallet of [client, configured, fromViem(client), fromViem(configured)]) new JobsClient({ baseUrl: 'http://h', wallet });`,
  );
});

test('signers of ethers 6 go in as they are', () => {
  compilesWith(
    { ethers: [path.join(root, 'tests/servers/node_modules/ethers')] },
    `import { ethers, type Eip1193Provider } from 'ethers';
    import { JobsClient } from 'eliza-jobs';
    import { fromEip1193, fromEthers } from 'eliza-jobs/wallets';
    declare const provider: Eip1193Provider;
    declare const signer: ethers.Signer;
    const wallets = [
      signer,
      new ethers.Wallet('0x1'),
      new ethers.NonceManager(signer),
      await new ethers.BrowserProvider(provider).getSigner(),
      provider,
      fromEthers(signer),
      fromEthers(new ethers.Wallet('0x1')),
      fromEthers(new ethers.NonceManager(signer)),
      fromEthers(await new ethers.BrowserProvider(provider).getSigner()),
      fromEip1193(provider),
    ];
    for (const wallet of wallets) new JobsClient({ baseUrl: 'http://h', wallet });`,
  );
});

test('signers of ethers 5 go in as they are', () => {
  compilesWith(
    { ethers: [here('ethers-5')] },
    `import { ethers } from 'ethers';
    import { JobsClient } from 'eliza-jobs';
    import { fromEthers } from 'eliza-jobs/wallets';
    declare const provider: ethers.providers.Web3Provider;
    const wallet = new ethers.Wallet('0x1');
    const wallets = [wallet, provider.getSigner(), fromEthers(wallet), fromEthers(provider.getSigner())];
    for (const wallet of wallets) new JobsClient({ baseUrl: 'http://h', wallet });`,
  );
});

for (const [version, compiler] of [
  ['18', old('5.0')],
  ['19', tsc],
]) {
  test(`the hook's state narrows by its status, in JSX with the types of React ${version}`, () => {
    const react = here(`@types/react-${version}`);
    const file = path.join(folder, 'component.tsx');
    cpSync(path.join(import.meta.dirname, 'component.tsx'), file);
    const compilerOptions = {
      ...{ strict: true, exactOptionalPropertyTypes: true, noEmit: true, skipLibCheck: false, target: 'es2022' },
      ...{ module: 'esnext', moduleResolution: 'bundler', jsx: 'react-jsx', lib: ['es2022', 'dom'], types: [] },
      paths: { react: [react], 'react/jsx-runtime': [`${react}/jsx-runtime`] },
    };
    writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['component.tsx'] }));
    execFileSync(process.execPath, [compiler, '-p', folder], { stdio: 'inherit' });
  });
}

test('hovers have an example for each way in, and the defaults', () => {
  const text = readFileSync(path.join(installed, 'wasm.d.ts'), 'utf8');
  const commentOf = (pattern) =>
    text.slice(0, text.search(pattern)).slice(text.slice(0, text.search(pattern)).lastIndexOf('/**'));
  for (const method of [
    'class JobsClient',
    'createAndWaitForJob\\(params: CreateJobRequest, options',
    'createJob\\(',
    'getJob\\(',
    'pollJob\\(jobId: string, options',
    'resume\\(handle',
    'watchJob\\(',
    'ask\\(question',
    'quote\\(options',
    'payments\\(options',
  ]) {
    assert.match(commentOf(new RegExp(method)), /@example/, method);
  }
  for (const option of ['timeoutMs', 'retries', 'maxPerPayment', 'networks', 'store']) {
    assert.match(commentOf(new RegExp(` ${option}\\?: [^;]*undefined;`)), /@default|longest time|In milliseconds/i, option);
  }
  assert.doesNotMatch(text, /\* \S.* @default/, 'on a line of its own');
});

test('publint finds nothing', async () => {
  const { messages, pkg } = await publint({ pkgDir: installed, strict: true });
  assert.deepEqual(
    messages.map((message) => formatMessage(message, pkg)),
    [],
  );
});

test('“are the types wrong?” finds nothing, whichever way a project resolves modules', async () => {
  const analysis = await checkPackage(createPackageFromTarballData(new Uint8Array(readFileSync(tarball))));
  assert.deepEqual(analysis.problems, []);
});

test('the types are those of the golden file', () => {
  execFileSync(process.execPath, ['scripts/golden.mjs'], { cwd: root, stdio: 'inherit' });
});

test('the declared classes and constants are there at run time, and nothing else', async () => {
  const there = Object.keys(await import(path.join(installed, 'index.js'))).sort();
  const expected = [
    'ApiError',
    'ArgumentError',
    'ConnectionError',
    'ElizaClient',
    'ElizaJobsError',
    'JobError',
    'JobStatus',
    'JobsClient',
    'PaymentError',
    'SessionError',
    'SessionsClient',
    'fileStore',
    'localStorageStore',
    'memoryStore',
  ];
  assert.deepEqual(there, expected);
});
