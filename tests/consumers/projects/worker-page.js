// The job is done in a worker, whose file the bundler makes.
const query = new URLSearchParams(location.search);
const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
worker.onmessage = ({ data }) => (document.title = data);
worker.onerror = ({ message }) => (document.title = `failed: ${message}`);
worker.postMessage([query.get('server'), query.get('question')]);
