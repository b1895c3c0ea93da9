const { JobsClient } = require('eliza-jobs');

test('what is missing', () => {
  expect(() => new JobsClient({ baseUrl: 'https://h' })).toThrow('nothing is missing');
});
