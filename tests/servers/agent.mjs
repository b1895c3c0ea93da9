// The agent of the test server: a script, not a language model, and it says so. The same message always gets the same answer.
//
//   "wait:2000 …"   answers after 2000 ms
//   "ignore …"      decides not to answer, so the job times out
//   "fail …"        its model fails, so the job times out too: servers say nothing of such failures
//   anything else   answers at once, with what a script can say of it; small sums are worked out
import { ModelType } from '@elizaos/core';
import { AGENT } from './eliza.mjs';

const SIGN = { '+': (a, b) => a + b, '-': (a, b) => a - b, '*': (a, b) => a * b, '/': (a, b) => a / b };

function answerTo(question) {
  const [, left, sign, right] =
    /(?<![\d./-])(\d{1,9}(?:\.\d{1,6})?)\s*([-+*/])\s*(\d{1,9}(?:\.\d{1,6})?)(?![\d/-])/.exec(question) ?? [];
  const result = sign && Number(SIGN[sign](Number(left), Number(right)).toFixed(6));
  const said = sign ? ` ${left} ${sign} ${right} is ${result}; beyond sums,` : '';
  return `You asked: "${question}".${said || ' That is a good question, and'} I am a test agent without a model, so this is all I can say.`;
}

const escapeXml = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** What the server starts. The templates are cut down to the message itself, so the "models" below get nothing else to read. */
export const agent = {
  character: {
    id: AGENT,
    name: 'Test agent',
    bio: ['answers by rule'],
    system: 'test',
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
          `<response><action>${decodeURIComponent(prompt).startsWith('ignore') ? 'IGNORE' : 'RESPOND'}</action></response>`,
        [ModelType.TEXT_LARGE]: async (_runtime, { prompt }) => {
          const message = decodeURIComponent(prompt);
          if (message.startsWith('fail')) throw new Error('the model fails because the message says so');
          const [wait, ms] = /^wait:(\d+)\s*/.exec(message) ?? ['', 0];
          await new Promise((resolve) => setTimeout(resolve, Number(ms)));
          const text = escapeXml(answerTo(message.slice(wait.length)));
          return `<response><thought>by rule</thought><actions>REPLY</actions><text>${text}</text></response>`;
        },
        [ModelType.TEXT_EMBEDDING]: async () => [1, ...Array(383).fill(0)],
      },
    },
  ],
};
