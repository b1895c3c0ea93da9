import { ElizaClient } from '@elizaos/api-client'; globalThis.client = ElizaClient;
import { wrapFetchWithPayment, x402Client } from '@x402/fetch'; import { ExactEvmScheme } from '@x402/evm/exact/client';
globalThis.pay = [wrapFetchWithPayment, x402Client, ExactEvmScheme]