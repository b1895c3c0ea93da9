// x402 version 1 as the reference libraries have it: x402-express in front of jobs, and the
// facilitator code of x402 beside it.
import express from 'express';
import { paymentMiddleware } from 'x402-express';
import { settle, verify } from 'x402/facilitator';
import { PaymentPayloadSchema, PaymentRequirementsSchema } from 'x402/types';
import { ACCOUNTS } from './chain.mjs';
import { listen, startJobs } from './jobs-endpoint.mjs';

export async function startV1(chain, { price = '$0.02', inputSchema, ...options } = {}) {
  const facilitator = await startFacilitator(chain);
  const jobs = await startJobs({
    ...options,
    paywall: (app) =>
      app.use(
        paymentMiddleware(
          ACCOUNTS[2].address,
          {
            'POST /api/messaging/jobs': {
              price,
              network: chain.network,
              config: {
                description: 'Créer un job',
                mimeType: 'application/json',
                maxTimeoutSeconds: 60,
                ...(inputSchema && { inputSchema }),
              },
            },
          },
          { url: facilitator.url },
        ),
      ),
  });
  return {
    ...jobs,
    log: facilitator.log,
    settled: facilitator.settled,
    stop: () => Promise.all([jobs.stop(), facilitator.stop()]),
  };
}

async function startFacilitator(chain) {
  const app = express();
  const log = [];
  const settled = [];
  const signer = chain.walletClient(1);
  app.use(express.json());
  const route = (path, work) =>
    app.post(path, async ({ body }, response) => {
      let result;
      try {
        const payload = PaymentPayloadSchema.parse(body.paymentPayload);
        result = await work(payload, PaymentRequirementsSchema.parse(body.paymentRequirements));
      } catch (error) {
        // The library's own way to say that the chain refused a settlement.
        result = { error: error.shortMessage ?? error.message };
        response.status(400);
      }
      log.push([path.slice(1), result]);
      response.json(result);
    });
  route('/verify', (payload, requirements) => verify(chain.publicClient, payload, requirements));
  route('/settle', async (payload, requirements) => {
    settled.push(await settle(signer, payload, requirements));
    return settled.at(-1);
  });
  return { ...(await listen(app)), log, settled };
}
