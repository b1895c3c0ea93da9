// x402 version 2 as the reference libraries have it: @x402/express in front of jobs, and the
// facilitator of @x402/core beside it.
import { x402Facilitator } from '@x402/core/facilitator';
import { HTTPFacilitatorClient } from '@x402/core/server';
import { toFacilitatorEvmSigner } from '@x402/evm';
import { registerExactEvmScheme } from '@x402/evm/exact/facilitator';
import { ExactEvmScheme } from '@x402/evm/exact/server';
import { paymentMiddleware, x402ResourceServer } from '@x402/express';
import express from 'express';
import { ACCOUNTS } from './chain.mjs';
import { listen, startJobs } from './jobs-endpoint.mjs';

export async function startV2(chain, { price = '$0.02', accepts, extensions, ...options } = {}) {
  const facilitator = await startFacilitator(chain);
  const network = `eip155:${chain.chainId}`;
  const resources = new x402ResourceServer(new HTTPFacilitatorClient({ url: facilitator.url }));
  resources.register(network, new ExactEvmScheme());
  const exact = { scheme: 'exact', price, network, payTo: ACCOUNTS[2].address, maxTimeoutSeconds: 60 };
  const route = {
    accepts: accepts ?? exact,
    description: 'Créer un job',
    mimeType: 'application/json',
    ...(extensions && { extensions }),
  };
  const jobs = await startJobs({
    ...options,
    paywall: (app) => app.use(paymentMiddleware({ 'POST /api/messaging/jobs': route }, resources)),
  });
  return {
    ...jobs,
    log: facilitator.log,
    settled: facilitator.settled,
    stop: () => Promise.all([jobs.stop(), facilitator.stop()]),
  };
}

async function startFacilitator(chain) {
  const wallet = chain.walletClient(1);
  const signer = toFacilitatorEvmSigner({
    address: wallet.account.address,
    readContract: (call) => wallet.readContract({ ...call, args: call.args ?? [] }),
    verifyTypedData: (data) => wallet.verifyTypedData(data),
    writeContract: (call) => wallet.writeContract({ ...call, args: call.args ?? [] }),
    sendTransaction: (transaction) => wallet.sendTransaction(transaction),
    waitForTransactionReceipt: (wanted) => wallet.waitForTransactionReceipt(wanted),
    getCode: (wanted) => wallet.getCode(wanted),
  });
  const facilitator = new x402Facilitator();
  registerExactEvmScheme(facilitator, { signer, networks: `eip155:${chain.chainId}` });
  const app = express();
  const log = [];
  const settled = [];
  app.use(express.json({ limit: '1mb' }));
  app.get('/supported', (_request, response) => response.json(facilitator.getSupported()));
  app.post('/verify', async ({ body }, response) => {
    const result = await facilitator.verify(body.paymentPayload, body.paymentRequirements);
    log.push(['verify', result]);
    response.json(result);
  });
  app.post('/settle', async ({ body }, response) => {
    settled.push(await facilitator.settle(body.paymentPayload, body.paymentRequirements));
    log.push(['settle', settled.at(-1)]);
    response.json(settled.at(-1));
  });
  return { ...(await listen(app)), log, settled };
}
