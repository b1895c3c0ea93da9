// Sessions on the real elizaOS server in three versions. 1.6.5 only takes messages; from 1.7.0 on
// the server waits for the agent when it is asked to, and streams; 1.7.2 spells a message's members
// otherwise.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { AGENT, startEliza } from '../servers/elizaos.mjs';
import { installed, rejection, rejects, USER } from './setting.mjs';

const { ElizaClient, ElizaJobsError, SessionError } = await installed('sessions');
const answer = (question) => `You asked: "${question}". I am a test agent without a model, so this is all I can say.`;
const begin = { agentId: AGENT, userId: USER };
const all = async (iterable) => {
  const values = [];
  for await (const value of iterable) values.push(value);
  return values;
};

for (const version of ['1.6.5', '1.7.0', '1.7.2']) {
  const waits = version !== '1.6.5';
  const server = await startEliza({ version });
  after(() => server.stop());
  const sent = [];
  const client = new ElizaClient({
    baseUrl: server.url,
    fetch(url, init) {
      sent.push(`${init.method} ${new URL(url).pathname.replace('/api/messaging/sessions', '')}`);
      return fetch(url, init);
    },
  });
  const { sessions } = client;
  const begun = async () => (await sessions.createSession(begin)).sessionId;
  // Begun now and looked at last, so that nothing waits for it.
  const long = { content: 'wait:31000 How long?' };
  const slow = [
    sessions.sendMessageAndWait(await begun(), long, { timeoutMs: version === '1.7.2' ? 33_000 : 50_000 }),
    sessions.sendMessageAndWait(await begun(), { ...long, transport: 'websocket' }, { timeoutMs: 50_000 }),
  ].map((promise) => promise.catch((error) => error));

  test(`${version}: a session from its beginning to its end`, async () => {
    const before = Date.now();
    const timeoutConfig = { timeoutMinutes: 10, autoRenew: false, maxDurationMinutes: 60, warningThresholdMinutes: 2 };
    const session = await sessions.createSession({ ...begin, metadata: { type: 'support', vip: true }, timeoutConfig });
    assert.deepEqual([session.agentId, session.userId], [AGENT, USER]);
    assert.deepEqual(session.metadata, { type: 'support', vip: true });
    assert.deepEqual(session.timeoutConfig, timeoutConfig);
    assert.ok(session.createdAt >= before - 1 && session.createdAt <= Date.now() + 1, 'milliseconds of the same machine');
    assert.equal(session.expiresAt - session.createdAt, 10 * 60_000);
    const { sessionId } = session;

    const seen = await sessions.getSession(sessionId);
    assert.deepEqual(
      [seen.sessionId, seen.channelId, seen.renewalCount, seen.isNearExpiration],
      [sessionId, session.channelId, 0, false],
    );
    assert.ok(seen.timeRemaining > 9 * 60_000 && seen.timeRemaining <= 10 * 60_000);
    assert.equal(typeof seen.lastActivity, 'number');

    const list = await sessions.listSessions();
    assert.ok(list.sessions.some((other) => other.sessionId === sessionId && other.createdAt === session.createdAt));
    const health = await sessions.getSessionsHealth();
    assert.equal(health.status, 'healthy');
    assert.equal(health.activeSessions, list.total);
    assert.equal(typeof health.timestamp, 'number');

    assert.equal((await sessions.heartbeat(sessionId)).renewalCount, 0, 'it does not renew itself');
    const renewable = await sessions.createSession(begin);
    assert.equal((await sessions.heartbeat(renewable.sessionId)).renewalCount, 1);
    const renewed = await sessions.renewSession(renewable.sessionId);
    assert.equal(renewed.renewalCount, 2);
    assert.ok(renewed.expiresAt >= renewable.expiresAt);

    assert.equal((await sessions.deleteSession(sessionId)).success, true);
    for (const call of [
      () => sessions.getSession(sessionId),
      () => sessions.renewSession(sessionId),
      () => sessions.heartbeat(sessionId),
      () => sessions.deleteSession(sessionId),
      () => sessions.getMessages(sessionId),
      () => sessions.sendMessage(sessionId, { content: 'still there?' }),
      () => sessions.sendMessageAndWait(sessionId, { content: 'still there?' }),
      () => all(sessions.getMessages(sessionId)),
      () => all(sessions.streamMessage(sessionId, { content: 'still there?' })),
    ]) {
      const error = await rejection(call());
      assert.equal(`${error.code} ${error.status}`, 'session_not_found 404', call);
      assert.equal(error.sessionId, sessionId, call);
      // Whoever prints the error does not print the key to the session.
      assert.ok(!Object.keys(error).includes('sessionId'), call);
      assert.ok(error instanceof ElizaJobsError, call);
      assert.match(error.message, /not found/i);
    }
  });

  test(`${version}: sendMessage gives the message, and the answer comes to be among the session's messages`, async () => {
    const sessionId = await begun();
    const response = await sessions.sendMessage(sessionId, { content: 'hello', metadata: { mood: 'good', tags: ['a', 'b'] } });
    assert.equal(response.success, true);
    const { userMessage, sessionStatus } = response;
    assert.deepEqual([userMessage.content, userMessage.authorId], ['hello', USER]);
    assert.equal(typeof userMessage.createdAt, 'number');
    assert.equal(userMessage.metadata.mood, 'good');
    assert.deepEqual(userMessage.metadata.tags, ['a', 'b']);
    assert.equal(typeof sessionStatus.expiresAt, 'number');
    assert.deepEqual([sessionStatus.renewalCount, sessionStatus.wasRenewed, sessionStatus.isNearExpiration], [1, true, false]);
    let page;
    do page = await sessions.getMessages(sessionId);
    while (page.messages.length < 2);
    const [theirs, ours] = page.messages;
    assert.deepEqual([theirs.content, theirs.isAgent, theirs.authorId], [answer('hello'), true, AGENT]);
    assert.deepEqual(
      [ours.id, ours.content, ours.isAgent, ours.createdAt],
      [userMessage.id, 'hello', false, userMessage.createdAt],
    );
    assert.equal(page.hasMore, false);
  });

  test(`${version}: sendMessageAndWait gives the answer, message after message`, async () => {
    const sessionId = await begun();
    for (const content of ['What is a fjord?', '  <b>"quoted" & 😀</b>\n', 'x'.repeat(4000), 'wait:700 And a bay?']) {
      const { success, userMessage, agentResponse } = await sessions.sendMessageAndWait(sessionId, { content });
      assert.equal(success, true);
      assert.equal(userMessage.content, content);
      assert.equal(agentResponse.text, answer(content.replace('wait:700 ', '')));
      assert.equal(agentResponse.thought, 'by rule');
      assert.deepEqual(agentResponse.actions, ['REPLY']);
    }
    const own = (await all(sessions.getMessages(sessionId))).filter(({ isAgent }) => !isAgent);
    assert.equal(own.length, 4, 'each was sent once');
    for (const { metadata } of own) assert.ok(!('elizaJobsRef' in metadata), 'what the client wrote for itself is not shown');
  });

  /**
   * On a server of its own: the limiter counts what the agent asks for too, and other tests have
   * long waits.
   */
  const apart = async (work) => {
    const busy = await startEliza({ version });
    try {
      const { sessions: own } = new ElizaClient({ baseUrl: busy.url });
      await work(own, async () => (await own.createSession(begin)).sessionId);
    } finally {
      await busy.stop();
    }
  };

  test(`${version}: 20 sessions at once, each with its own answer`, () =>
    apart(async (sessions, begun) => {
      await Promise.all(
        Array.from({ length: 20 }, async (_, i) => {
          const content = `number ${i}`;
          // Long enough for a server that shares a busy machine with others.
          const { agentResponse } = await sessions.sendMessageAndWait(await begun(), { content }, { timeoutMs: 240_000 });
          assert.equal(agentResponse.text, answer(content));
        }),
      );
    }));

  test(`${version}: no message gets the answer to another one`, () =>
    apart(async (sessions, begun) => {
      const limit = { timeoutMs: 6000 };
      const asked = async (sessionId, content, transport) => {
        const outcome = await sessions.sendMessageAndWait(sessionId, { content, transport }, limit).catch((error) => error);
        return [sessionId, content.replace('wait:500 ', ''), outcome];
      };
      const afterAnother = async (content, transport) => {
        const sessionId = await begun();
        await sessions.sendMessage(sessionId, { content: 'early' });
        return asked(sessionId, content, transport);
      };
      const shared = await begun();
      const outcomes = await Promise.all([
        afterAnother('late'),
        afterAnother('late', 'websocket'),
        afterAnother('wait:500 late'),
        afterAnother('wait:500 late', 'websocket'),
        ...['alpha', 'beta', 'gamma'].map((content) => asked(shared, content)),
      ]);
      for (const [sessionId, question, outcome] of outcomes) {
        if (outcome.agentResponse) {
          assert.equal(outcome.agentResponse.text, answer(question));
        } else {
          // The agent may drop what it was about to say when the next message comes in: then there
          // is nothing to find.
          assert.equal(outcome.code, 'answer_timeout', outcome.stack);
          const found = (await all(sessions.getMessages(sessionId))).find(({ content }) => content === answer(question));
          assert.ok(!found || found.createdAt > outcome.userMessage.createdAt + 3000, `${question}: it was there in time`);
        }
      }
      assert.ok(outcomes.filter(([, , { agentResponse }]) => agentResponse).length >= 2, 'most are answered');
    }));

  test(`${version}: an agent that fails is an error with the message`, async () => {
    const sessionId = await begun();
    // 1.6.5 tells nobody that the agent has failed.
    const limit = waits ? {} : { timeoutMs: 2500 };
    const code = waits ? 'agent_failed' : 'answer_timeout';
    const error = await rejects(
      sessions.sendMessageAndWait(sessionId, { content: 'fail now' }, limit),
      'SessionError',
      code,
      waits ? /agent/ : /an answer that comes later/,
    );
    assert.ok(error instanceof SessionError);
    assert.deepEqual([error.sessionId, error.userMessage.content, error.retryable], [sessionId, 'fail now', false]);
    const messages = await all(sessions.getMessages(sessionId));
    assert.deepEqual(
      messages.map(({ id }) => id),
      [error.userMessage.id],
    );
    const streamed = await rejects(
      all(sessions.streamMessage(sessionId, { content: 'fail again' }, limit)),
      'SessionError',
      code,
    );
    assert.deepEqual([streamed.sessionId, streamed.userMessage.content], [sessionId, 'fail again']);
    if (waits) assert.match(streamed.serverMessage, /the model fails because the message says so/);
  });

  test(`${version}: an agent that takes too long: the error has what is known`, async () => {
    const sessionId = await begun();
    const content = 'wait:2500 Is it late?';
    for (const call of [
      () => sessions.sendMessageAndWait(sessionId, { content }, { timeoutMs: 1500 }),
      () => all(sessions.streamMessage(sessionId, { content }, { timeoutMs: 1500 })),
    ]) {
      const began = performance.now();
      const error = await rejects(call(), 'SessionError', 'answer_timeout', /an answer that comes later/);
      assert.ok(performance.now() - began >= 1400, 'not before its time');
      assert.deepEqual([error.sessionId, error.userMessage.content], [sessionId, content]);
      assert.ok((await all(sessions.getMessages(sessionId))).some(({ id }) => id === error.userMessage.id));
    }
    // Where the server was asked to wait, 1.7.2 throws away the answer that nobody waits for any
    // more.
    if (version === '1.7.2') return;
    while (!(await all(sessions.getMessages(sessionId))).some((message) => message.content === answer('Is it late?')));
  });

  test(`${version}: what the server would refuse is refused here, and nothing is sent`, async () => {
    const sessionId = await begun();
    sent.length = 0;
    const tooLong = 'x'.repeat(4001);
    for (const [field, call] of [
      ...['', tooLong, 5, null, undefined, {}].flatMap((content) => [
        ['content', () => sessions.sendMessage(sessionId, { content })],
        ['content', () => sessions.sendMessageAndWait(sessionId, { content })],
        ['content', () => all(sessions.streamMessage(sessionId, { content }))],
      ]),
      ['metadata', () => sessions.sendMessage(sessionId, { content: 'x', metadata: [] })],
      ['metadata', () => sessions.sendMessage(sessionId, { content: 'x', metadata: { k: 'x'.repeat(10_240) } })],
      ['sessionId', () => sessions.sendMessage('', { content: 'x' })],
      ['sessionId', () => sessions.getSession(5)],
      // They would lead out of the sessions, to another route.
      ['sessionId', () => sessions.deleteSession('.')],
      ['sessionId', () => sessions.sendMessage('..', { content: 'x' })],
      ['agentId', () => sessions.createSession({ userId: USER })],
      ['agentId', () => sessions.createSession({ agentId: 'an agent', userId: USER })],
      ['userId', () => sessions.createSession({ agentId: AGENT, userId: '' })],
      ['metadata', () => sessions.createSession({ ...begin, metadata: 'x' })],
      ['limit', () => sessions.getMessages(sessionId, { limit: 0 })],
      ['limit', () => sessions.getMessages(sessionId, { limit: 101 })],
      ['limit', () => all(sessions.getMessages(sessionId, { limit: 1.5 }))],
      ['before', () => sessions.getMessages(sessionId, { before: 'yesterday' })],
    ]) {
      const error = await rejects(call(), 'ArgumentError', 'invalid_argument');
      assert.equal(error.field, field, `${call}: ${error.message}`);
      assert.ok(!error.message.includes(tooLong), 'what is long is not repeated');
    }
    assert.deepEqual(sent, []);
  });

  test(`${version}: the server's own words come with an agent that is not there`, async () => {
    const missing = { ...begin, agentId: '99999999-9999-4999-8999-999999999999' };
    const error = await rejects(sessions.createSession(missing), 'ApiError', 'not_found', /99999999-9999/);
    assert.equal(error.status, 404);
    assert.match(error.serverMessage, /not found/);
  });

  test(`${version}: an abort ends a call at once, with the signal's own reason`, async () => {
    const sessionId = await begun();
    const calls = [
      (options) => sessions.sendMessageAndWait(sessionId, { content: 'wait:20000 x' }, options),
      (options) => all(sessions.streamMessage(sessionId, { content: 'wait:20000 x' }, options)),
      (options) => sessions.sendMessage(sessionId, { content: 'x' }, options),
      (options) => sessions.getMessages(sessionId, {}, options),
      (options) => all(sessions.getMessages(sessionId, {}, options)),
      (options) => sessions.getSession(sessionId, options),
    ];
    for (const call of calls) {
      const early = AbortSignal.abort('not at all');
      assert.equal(await rejection(call({ signal: early })), 'not at all', call);
    }
    for (const call of calls.slice(0, 2)) {
      const reason = new Error('enough');
      const controller = new AbortController();
      sent.length = 0;
      const promise = rejection(call({ signal: controller.signal }));
      while (sent.length === 0) await new Promise(setImmediate);
      controller.abort(reason);
      assert.equal(await promise, reason, call);
    }
  });

  test(`${version}: streamMessage tells of the message, the pieces and the whole`, async () => {
    const sessionId = await begun();
    const content = 'stream:5 Tell me of the sea and of everything that lives in it';
    const told = await all(sessions.streamMessage(sessionId, { content }));
    const types = told.map(({ type }) => type);
    assert.deepEqual([types[0], types.at(-1)], ['user_message', 'done']);
    assert.deepEqual([told[0].message.content, told[0].message.authorId], [content, USER]);
    assert.equal(typeof told[0].message.createdAt, 'number');
    const { response } = told.at(-1);
    assert.equal(response.text, answer(content.replace('stream:5 ', '')));
    const chunks = told.slice(1, -1);
    assert.ok(chunks.every(({ type }) => type === 'chunk'));
    if (!waits) return assert.equal(chunks.length, 0, 'a server without streams');
    assert.ok(chunks.length > 1);
    assert.deepEqual(
      chunks.map(({ index }) => index),
      chunks.map((_, at) => at),
    );
    assert.equal(chunks.map(({ chunk }) => chunk).join(''), response.text);
  });

  test(`${version}: whoever leaves the loop of a stream ends it`, async () => {
    const sessionId = await begun();
    for await (const update of sessions.streamMessage(sessionId, { content: 'wait:20000 too long' })) {
      assert.equal(update.type, 'user_message');
      break;
    }
    const iterator = sessions.streamMessage(sessionId, { content: 'never asked for' });
    assert.deepEqual(await iterator.return(), { done: true, value: undefined });
    assert.deepEqual(await iterator.next(), { done: true, value: undefined });
  });

  test(`${version}: free() leaves calls under way alone; a later call is an error`, async () => {
    const own = new ElizaClient({ baseUrl: server.url });
    const { sessionId } = await own.sessions.createSession(begin);
    const promise = own.sessions.sendMessageAndWait(sessionId, { content: 'wait:300 goodbye' });
    own.free();
    assert.equal((await promise).agentResponse.text, answer('goodbye'));
    await rejects(own.sessions.getSession(sessionId), 'ArgumentError', 'client_disposed');
    await rejects(own.messaging.getJobsHealth(), 'ArgumentError', 'client_disposed');
  });

  test(`${version}: pages of messages, and all of 120 in for await`, async () => {
    // A server of its own: the limiter counts what the agent asks for too.
    const busy = await startEliza({ version, agent: true });
    try {
      const { sessions } = new ElizaClient({ baseUrl: busy.url });
      const { sessionId } = await sessions.createSession(begin);
      const ids = [];
      for (let i = 0; i < 120; i += 1) {
        const { userMessage } = await sessions.sendMessage(sessionId, { content: `ignore ${i}` });
        ids.push(userMessage.id);
      }
      const newest = ids.toReversed();
      const contents = (messages) => messages.map(({ content }) => Number(content.slice(7)));
      const first = await sessions.getMessages(sessionId, { limit: 50 });
      assert.deepEqual([first.messages.length, first.hasMore], [50, true]);
      assert.deepEqual(
        contents(first.messages),
        Array.from({ length: 50 }, (_, i) => 119 - i),
      );
      const second = await sessions.getMessages(sessionId, { limit: 50, before: first.cursors.before });
      assert.deepEqual(
        contents(second.messages),
        Array.from({ length: 50 }, (_, i) => 69 - i),
      );

      for (const params of [undefined, { limit: 7 }, { limit: 40 }, { limit: 100 }]) {
        const messages = await all(sessions.getMessages(sessionId, params));
        assert.deepEqual(
          messages.map(({ id }) => id),
          newest,
          JSON.stringify(params),
        );
      }
      const middle = second.messages[0].createdAt;
      const later = await all(sessions.getMessages(sessionId, { limit: 30, after: middle }));
      assert.deepEqual(
        contents(later),
        Array.from({ length: 50 }, (_, i) => 70 + i),
        'the oldest first',
      );
      const earlier = await all(sessions.getMessages(sessionId, { limit: 30, before: new Date(middle) }));
      assert.deepEqual(
        contents(earlier),
        Array.from({ length: 69 }, (_, i) => 68 - i),
      );

      const some = [];
      for await (const { content } of sessions.getMessages(sessionId, { limit: 10 })) {
        if (some.push(content) === 15) break;
      }
      assert.equal(some.length, 15);
    } finally {
      await busy.stop();
    }
  });

  test(`${version}: the server waits 30 seconds for the agent, the client longer`, { timeout: 60_000 }, async () => {
    const [asked, left] = await Promise.all(slow);
    assert.equal(left.agentResponse?.text, answer('How long?'), left.stack);
    if (version !== '1.7.2') return assert.equal(asked.agentResponse?.text, answer('How long?'), asked.stack);
    // An answer for which the server was asked to wait is in no message.
    assert.equal(`${asked.name} ${asked.code} ${asked.userMessage.content}`, `SessionError answer_timeout ${long.content}`);
  });
}
