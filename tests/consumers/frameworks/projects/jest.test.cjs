const { ask } = require('./ask.cjs');

test('a paid job', async () => {
  expect(await ask(process.env.SERVER, process.env.QUESTION)).toBe(process.env.WANTED);
});
