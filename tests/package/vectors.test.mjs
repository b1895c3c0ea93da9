// The reference libraries' own payments, byte for byte: given the time and the random bytes that
// they had, the package sends the same header.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { mock, test } from 'node:test';
import { ACCOUNTS } from '../servers/chain.mjs';
import { installed, params } from './setting.mjs';

const { JobsClient } = await installed('vectors');
const fixtures = path.join(import.meta.dirname, '../fixtures');

for (const file of readdirSync(fixtures).filter((file) => file.startsWith('x402-'))) {
  test(`${file}: the same header`, async () => {
    const vector = JSON.parse(readFileSync(path.join(fixtures, file), 'utf8'));
    const sent = [];
    const fetch = async (url, { headers }) => {
      sent.push(headers);
      return sent.length === 1
        ? new Response(JSON.stringify(vector.body), { status: 402, headers: vector.headers })
        : new Response('{"jobId":"j","status":"pending"}', { status: 201 });
    };
    const random = Buffer.from(vector.nonce.slice(2), 'hex');
    mock.method(globalThis.crypto, 'getRandomValues', (bytes) => (bytes.set(random.subarray(0, bytes.length)), bytes));
    mock.method(Date, 'now', () => vector.time * 1000);
    try {
      const typed = [];
      const wallet = {
        address: vector.address,
        signTypedData: (typedData) => (typed.push(typedData), ACCOUNTS[0].signTypedData(typedData)),
      };
      const spend = { networks: ['base', 'polygon', 'base-sepolia'] };
      await new JobsClient({ baseUrl: 'https://api.example.com', fetch, wallet, spend }).createJob(params);
      assert.deepEqual(typed, [vector.typedData]);
      assert.equal(sent[1].get(vector.headerName), vector.headerValue);
    } finally {
      mock.restoreAll();
    }
  });
}
