// Answers every request with one finished job, until its parent ends it or is gone.
import http from 'node:http';
import { HEADERS, JOB } from './job.mjs';

const server = http.createServer((_request, response) => response.writeHead(200, HEADERS).end(JOB));
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
process.on('disconnect', () => process.exit());
