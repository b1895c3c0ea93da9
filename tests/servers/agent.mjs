// The agent of the test server: a script, not a language model, and it says so. The same message always gets the same answer.
//
//   /echo TEXT      answers TEXT
//   /wait MS TEXT   answers TEXT after so many milliseconds
//   /silence        decides not to answer, so the job times out
//   /crash          its model fails, so the job times out too: servers say nothing of such failures
//   anything else   answers with what a script can say of it; small sums are worked out
import { ModelType } from '@elizaos/core';

export const agentId = 'e11a0000-0000-4000-8000-000000000001';

export function answerTo(message) {
  const [, command, rest = ''] = /^\/(echo|wait)\s+([^]*)$/.exec(message) ?? [];
  if (command === 'echo') return rest;
  if (command === 'wait') return rest.replace(/^\d+\s*/, '');
  const sum = /(-?\d{1,9}(?:\.\d{1,6})?)\s*([-+*/×÷])\s*(-?\d{1,9}(?:\.\d{1,6})?)/.exec(message);
  if (sum) {
    const [, left, sign, right] = sum;
    const [a, b] = [Number(left), Number(right)];
    const result = { '+': a + b, '-': a - b, '*': a * b, '×': a * b, '/': a / b, '÷': a / b }[sign];
    return `${left} ${sign} ${right} = ${Number(result.toFixed(6))}. (Worked out by a scripted test agent; there is no language model here.)`;
  }
  const words = message.trim().split(/\s+/);
  const longest = words.map((word) => word.replace(/^\P{L}+|\P{L}+$/gu, '')).reduce((a, b) => (b.length > a.length ? b : a), '');
  const shown = message.length > 200 ? `${message.slice(0, 200)}…` : message;
  const opinion = longest ? ` Of its ${words.length} word${words.length === 1 ? '' : 's'} I like “${longest}” best.` : '';
  return `You asked: “${shown}”${opinion} More than that I cannot say: I am a scripted test agent, not a language model, and this server runs on your own machine.`;
}

/** How long the agent thinks about a message, in milliseconds. */
const delayOf = (message) => Number(/^\/wait\s+(\d+)/.exec(message)?.[1] ?? 0);
const escapeXml = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** What the server starts. The templates are cut down to the message itself, so the "models" below get nothing else to read. */
export const agent = {
  character: {
    id: agentId,
    name: 'Rote',
    bio: ['A scripted agent for tests: no language model, the same answer every time.'],
    system: 'scripted',
    plugins: [],
    settings: {},
    templates: { shouldRespondTemplate: '{{message}}', messageHandlerTemplate: '{{message}}' },
  },
  plugins: [
    {
      name: 'scripted',
      description: 'Answers by rule.',
      priority: 100,
      // RECENT_MESSAGES is the provider that the server asks in every step. Encoded, because the server writes into prompts:
      // `{{name1}}` becomes somebody's name.
      providers: [
        {
          name: 'RECENT_MESSAGES',
          get: async (_runtime, { content }) => ({ values: { message: encodeURIComponent(content.text) } }),
        },
      ],
      models: {
        [ModelType.TEXT_SMALL]: async (_runtime, { prompt }) =>
          `<response><action>${decodeURIComponent(prompt).startsWith('/silence') ? 'IGNORE' : 'RESPOND'}</action></response>`,
        [ModelType.TEXT_LARGE]: async (_runtime, { prompt }) => {
          const message = decodeURIComponent(prompt);
          if (message.startsWith('/crash')) throw new Error('the model fails, as it was told to');
          await new Promise((resolve) => setTimeout(resolve, delayOf(message)));
          const text = escapeXml(answerTo(message));
          return `<response><thought>by rule</thought><actions>REPLY</actions><text>${text}</text></response>`;
        },
        [ModelType.TEXT_EMBEDDING]: async () => [1, ...Array(383).fill(0)],
      },
    },
  ],
};
