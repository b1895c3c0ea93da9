// A finished job as the real server writes it, with its headers.
import { readFileSync } from 'node:fs';
import path from 'node:path';

const recorded = readFileSync(path.join(import.meta.dirname, '../tests/fixtures/eliza-1.7.0.json'), 'utf8');
export const JOB = JSON.stringify(JSON.parse(recorded).completed);
export const HEADERS = {
  'content-type': 'application/json; charset=utf-8',
  'content-length': String(Buffer.byteLength(JOB)),
};
