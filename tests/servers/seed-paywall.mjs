// elizaOS's own paywall (the dialect "seed"), as a middleware in front of the real server. As
// deployed it looks only at the shape of the transaction hash; strict, each hash pays once.
const CHAINS = { base: 8453, polygon: 137 };
const MAX_BODY = 3_000_000;

export function createPaywall({
  strict = false,
  price = '0.020000',
  networks = ['base', 'polygon'],
  recipient = '0x209693Bc6afc0C5328bA36FaF03C514EF312287C',
} = {}) {
  const used = new Set();
  const seen = [];
  const refuse = (response) => {
    response.writeHead(402, {
      'content-type': 'application/json; charset=utf-8',
      'access-control-allow-origin': '*',
      'x-payment-required': 'true',
      'x-payment-amount': price,
      'x-payment-currency': 'USDC',
      'x-payment-networks': networks.join(','),
    });
    response.end(
      JSON.stringify({
        error: 'Payment Required',
        message: 'This endpoint requires payment via x402 protocol',
        payment: networks.map((network) => ({ network, recipient, amount: price, currency: 'USDC', chainId: CHAINS[network] })),
        facilitator: { name: 'Coinbase', networks },
      }),
    );
  };
  const middleware = (request, response, next) => {
    if (request.method === 'OPTIONS' && request.headers.origin) {
      response.writeHead(204, {
        'access-control-allow-origin': '*',
        'access-control-allow-headers': 'content-type, x-api-key, x-payment, x-payment-network',
        'access-control-allow-methods': 'GET, POST',
      });
      return response.end();
    }
    if (request.method !== 'POST' || request.path !== '/api/messaging/jobs') return next();
    // The body is watched on its way to the server's own parser.
    const entry = { headers: { ...request.headers }, body: '' };
    seen.push(entry);
    const push = request.push;
    request.push = function (chunk, ...rest) {
      if (chunk && entry.body.length < MAX_BODY) entry.body += chunk;
      return push.call(this, chunk, ...rest);
    };
    const hash = request.headers['x-payment'];
    const network = request.headers['x-payment-network'] ?? networks[0];
    const wellFormed = networks.includes(network) && /^0x[0-9a-f]{64}$/i.test(hash ?? '');
    if (!wellFormed || (strict && used.has(hash))) {
      // Answer when the whole body is there: a client that is still sending would see a reset.
      request.resume().on('end', () => refuse(response));
      return;
    }
    used.add(hash);
    next();
  };
  return { middleware, seen };
}
