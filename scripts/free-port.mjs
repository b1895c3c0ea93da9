// A port for a program that is started later and is told its port.
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * The system gives a port from 32768 (Linux) or 49152 (macOS, Windows) on to each connection and to
 * each server that names none. One of those may be another's before the program has started.
 */
const FIRST = 20_000;
const PAST = 32_768;

/** A port of 127.0.0.1 that nothing has, and that the system gives to nobody. */
export async function freePort() {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (PAST - FIRST));
    const probe = createServer().listen(port, '127.0.0.1');
    const isFree = await once(probe, 'listening').then(
      () => true,
      ({ code }) => {
        if (code !== 'EADDRINUSE' && code !== 'EACCES') throw new Error(`no port: ${code}`);
        return false;
      },
    );
    if (!isFree) continue;
    probe.close();
    await once(probe, 'close');
    return port;
  }
}
