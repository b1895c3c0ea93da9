// The process in which the real server runs. `eliza.mjs` starts it, tells it what to be like, and asks it what it has seen.
// It ends when the process that started it ends.
import { rmSync } from 'node:fs';
import { paywall, recorder } from './paywall.mjs';

const folder = process.cwd(); // made for this process; the server puts its files here
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
process.on('disconnect', () => process.exit(0));

const { port, wantAgent, wall } = JSON.parse(process.argv[2]);
const seen = [];
let guard = wall && paywall(wall);

process.on('message', ({ id, ask, wall }) => {
  if (ask === 'setPaywall') guard = wall && paywall(wall);
  process.send({ id, answer: ask === 'requests' ? seen : null });
});

const { AgentServer } = await import('@elizaos/server');
const { agent } = await import('./agent.mjs');
const server = new AgentServer();
const toll = (req, res, next) => (guard ? guard(req, res, next) : next());
await server.start({ port, dataDir: 'memory://', middlewares: [recorder(seen), toll] });
// The agent calls back here. The port is known only now: the server takes the next one when somebody was quicker.
const url = `http://127.0.0.1:${server.server.address().port}`;
process.env.CENTRAL_MESSAGE_SERVER_URL = url;
if (wantAgent) await server.startAgents([agent]);
process.send({ ready: url });
