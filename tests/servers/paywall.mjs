// The paywall of the elizaOS fork whose Jobs API asks for payment: a middleware in front of the whole server, so it looks at a
// request before the server's own validation does. As deployed ("lax") it looks only at the shape of the transaction hash and takes
// the same one again and again; "strict" takes each once.
const chainIds = { base: 8453, polygon: 137 };

/** `price` is a decimal number of USDC. */
export function paywall({
  strict = false,
  price = '0.02',
  networks = ['base', 'polygon'],
  recipient = '0x209693Bc6afc0C5328bA36FaF03C514EF312287C',
} = {}) {
  const amount = Number(price).toFixed(6);
  const used = new Set();
  const body = JSON.stringify({
    error: 'Payment Required',
    message: 'This endpoint requires payment via x402 protocol',
    payment: networks.map((network) => ({ network, recipient, amount, currency: 'USDC', chainId: chainIds[network] })),
    facilitator: { name: 'Coinbase', description: 'Using Coinbase Facilitator for payment verification', networks },
  });
  return (req, res, next) => {
    // The server's own CORS knows nothing of payment headers, and would not let a page of another origin read a 402.
    res.setHeader('Access-Control-Allow-Origin', '*');
    if (req.method === 'OPTIONS' && req.headers.origin) {
      res.writeHead(204, {
        'Access-Control-Allow-Methods': 'GET, POST',
        'Access-Control-Allow-Headers': 'Content-Type, X-API-KEY, X-PAYMENT, X-PAYMENT-NETWORK',
      });
      return res.end();
    }
    if (req.method !== 'POST' || req.path !== '/api/messaging/jobs') return next();
    const proof = req.headers['x-payment'] ?? '';
    const network = req.headers['x-payment-network'] ?? networks[0];
    const known = networks.includes(network) && proof.startsWith('0x') && proof.length === 66;
    if (known && !(strict && used.has(proof))) {
      used.add(proof);
      return next();
    }
    res.writeHead(402, {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': Buffer.byteLength(body),
      'X-Payment-Required': 'true',
      'X-Payment-Amount': amount,
      'X-Payment-Currency': 'USDC',
      'X-Payment-Networks': networks.join(','),
    });
    // The whole body first: answering in the middle of it breaks a client that is still sending.
    req.on('end', () => res.end(body)).resume();
  };
}

/** Remembers what every request looked like, before anything else sees it. */
export function recorder(seen) {
  return (req, res, next) => {
    const record = { method: req.method, url: req.url, headers: req.headers, body: '', status: undefined };
    seen.push(record);
    const parts = [];
    req.on('data', (part) => parts.push(part));
    req.on('end', () => (record.body = Buffer.concat(parts).toString()));
    const writeHead = res.writeHead;
    res.writeHead = (status, ...rest) => {
      record.status = status;
      return writeHead.call(res, status, ...rest);
    };
    next();
  };
}
