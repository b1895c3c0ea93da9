import { expect, test } from 'vitest';
import { ask } from './ask.js';

test('a paid job', async () => {
  expect(typeof document).toBe('object');
  expect(await ask(process.env.SERVER, process.env.QUESTION)).toBe(process.env.WANTED);
});
