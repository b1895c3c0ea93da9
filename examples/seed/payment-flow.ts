// What goes over the wire when a server wants money, by hand: ask, be told the price, pay, ask
// again with the proof.
const url = `${process.env.ELIZA_PAID_URL ?? 'http://localhost:3000'}/api/messaging/jobs`;
const body = JSON.stringify({ userId: process.env.ELIZA_USER ?? crypto.randomUUID(), content: 'What moves the tides?' });
const json = { 'Content-Type': 'application/json' };

interface Offer {
  network: string;
  recipient: string;
  amount: string;
}

/**
 * Stands where your wallet stands: it gives the hash of a transfer that never happened, and moves
 * no money.
 */
async function makePayment({ network, recipient, amount }: Offer): Promise<string> {
  console.log(`pay ${amount} on ${network} to ${recipient}`);
  return `0x${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex')}`;
}

const first = await fetch(url, { method: 'POST', headers: json, body });
console.log(first.status);

const { payment } = (await first.json()) as { payment: Offer[] };
const offer = payment.find(({ network }) => network === 'base');
if (!offer) throw new Error('base is not offered');
const proof = { 'x-payment': await makePayment(offer), 'x-payment-network': offer.network };

const second = await fetch(url, { method: 'POST', headers: { ...json, ...proof }, body });
console.log(second.status, ((await second.json()) as { status: string }).status);
