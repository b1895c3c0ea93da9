// An application in a runtime with `fetch`: its own types are those of the package.
import { JobsClient } from 'eliza-jobs';

const controller = new AbortController();
const client = new JobsClient({
  baseUrl: 'http://h',
  headers: new Headers({ 'x-mine': 'yes' }),
  fetch: (url, init) => fetch(url, init),
});
new JobsClient({ baseUrl: 'http://h', fetch });
new JobsClient({ baseUrl: 'http://h', fetch: async () => new Response('{}') });
void client.getJob('id', { signal: controller.signal, headers: new Headers() });
