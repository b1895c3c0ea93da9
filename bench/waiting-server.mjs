// A server of jobs that are answered after as long as their content says, until its parent ends it
// or is gone.
//
// Its parent may have it make jobs beforehand (`{ make: [[createdAt, doneAt], …], limit }`), with
// elizaOS's rate limiter or without, and asks what it has counted (`'counts'`).
import http from 'node:http';

const WORDS = 'A cold front moves in from the west and brings rain by the evening; take a coat with you. '.repeat(20);
const IDS = { agentId: '11111111-1111-4111-8111-111111111111', userId: '22222222-2222-4222-8222-222222222222' };
const LIFETIME = 300_000;

let jobs = [];
let limiter = { requests: Infinity, until: 0 };
const counts = { requests: 0, lists: 0, refused: 0, bytes: 0, bySecond: {} };

/** A job as elizaOS shows it: half a kilobyte, and two more with its answer. */
function shown({ id, createdAt, doneAt }, now) {
  const job = { jobId: id, ...IDS, prompt: WORDS.slice(0, 250), createdAt, expiresAt: createdAt + LIFETIME, metadata: {} };
  if (now < doneAt) return JSON.stringify({ ...job, status: 'processing' });
  const message = { id: 'm', content: WORDS.slice(0, 1_900), authorId: IDS.agentId, createdAt: doneAt, metadata: {} };
  return JSON.stringify({ ...job, status: 'completed', result: { message, processingTimeMs: doneAt - createdAt } });
}

function list(query, now) {
  const isWanted = query.get('status') === 'processing' ? ({ doneAt }) => now < doneAt : () => true;
  const found = [];
  for (let at = jobs.length - 1; at >= 0 && found.length < Number(query.get('limit') ?? 50); at -= 1) {
    if (jobs[at].createdAt <= now && isWanted(jobs[at])) found.push(shown(jobs[at], now));
  }
  return `{"jobs":[${found.join()}],"total":${jobs.length},"filtered":${found.length}}`;
}

function answer({ method, url }, body) {
  const now = Date.now();
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  if (method === 'POST') {
    const takes = Number(/\d+/.exec(JSON.parse(body).content));
    const job = { id: String(jobs.length), createdAt: now, doneAt: now + takes };
    jobs.push(job);
    return [201, shown(job, now)];
  }
  if (limiter.requests <= 0) return [429, '{}'];
  limiter.requests -= 1;
  if (pathname === '/api/messaging/jobs') {
    counts.lists += 1;
    return [200, list(searchParams, now)];
  }
  return [200, shown(jobs[Number(pathname.slice(pathname.lastIndexOf('/') + 1))], now)];
}

const server = http.createServer(async (request, response) => {
  let body = '';
  for await (const piece of request) body += piece;
  const [status, text] = answer(request, body);
  const second = Math.floor(Date.now() / 1_000);
  counts.requests += request.method === 'GET' ? 1 : 0;
  counts.bySecond[second] = (counts.bySecond[second] ?? 0) + 1;
  counts.refused += status === 429 ? 1 : 0;
  counts.bytes += text.length;
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  if (limiter.requests < Infinity) {
    headers['ratelimit-limit'] = 1_000;
    headers['ratelimit-remaining'] = limiter.requests;
    headers['ratelimit-reset'] = Math.ceil((limiter.until - Date.now()) / 1_000);
  }
  response.writeHead(status, headers).end(text);
});
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
process.on('disconnect', () => process.exit());
process.on('message', (message) => {
  if (message === 'counts') return process.send(counts);
  jobs = message.make.map(([createdAt, doneAt], id) => ({ id: String(id), createdAt, doneAt }));
  limiter = { requests: 1_000, until: Date.now() + 900_000 };
  process.send('made');
});
