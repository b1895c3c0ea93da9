// A finished job as the real server writes it, with its headers.
import { readFileSync } from 'node:fs';
import path from 'node:path';

const recorded = readFileSync(path.join(import.meta.dirname, '../tests/fixtures/eliza-1.7.0.json'), 'utf8');
const { completed } = JSON.parse(recorded);
export const JOB = JSON.stringify(completed);
export const JOB_ID = completed.jobId;
export const HEADERS = {
  'content-type': 'application/json; charset=utf-8',
  'content-length': String(Buffer.byteLength(JOB)),
};
