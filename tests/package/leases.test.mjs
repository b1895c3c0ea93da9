// Locks of fileStore: leases that their holder renews. Real programs, killed and stopped by
// signals.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { faultServer, reply } from './fault-server.mjs';
import { HASH, installed, params, rejects } from './setting.mjs';

const { folder, fileStore, JobsClient, memoryStore } = await installed('leases');
const scratch = fs.mkdtempSync(path.join(tmpdir(), 'eliza-jobs-'));
const children = new Set();
after(() => {
  for (const child of children) child.kill('SIGKILL');
  fs.rmSync(scratch, { recursive: true });
});

/**
 * A dead holder loses its lock within so many milliseconds; a busy machine may need a little
 * longer.
 */
const SOON_MS = 8_000;
/** For how long a lock is watched that must not be lost: longer than a lease. */
const LONG_MS = 6_000;

const pause = (ms) => new Promise((next) => setTimeout(next, ms));
const until = async (is) => {
  while (!is()) await pause(5);
};
const hidden = (place) => fs.readdirSync(place).filter((name) => name.startsWith('.'));
const lockOf = (place) =>
  path.join(
    place,
    hidden(place).find((name) => /^\.lease-[0-9a-f]{64}$/.test(name)),
  );
const place = (name) => path.join(scratch, name);

/** Another program, which has the package and a store in `where`; `said` is what it has printed. */
function program(where, code, { shell } = {}) {
  const text = `import fs from 'node:fs';
    import { fileStore } from 'eliza-jobs';
    const store = fileStore(${JSON.stringify(where)});
    const pause = (ms) => new Promise((next) => setTimeout(next, ms));
    const forever = () => setInterval(() => {}, 1_000);
    ${code}`;
  const file = path.join(folder, `program-${randomBytes(8).toString('hex')}.mjs`);
  fs.writeFileSync(file, text);
  const command = shell ? ['sh', ['-c', `${shell}; exec "$0" "$1"`, process.execPath, file]] : [process.execPath, [file]];
  const child = spawn(...command, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  const running = { child, said: '', over: once(child, 'close') };
  child.stdout.setEncoding('utf8').on('data', (text) => (running.said += text));
  void running.over.then(() => (children.delete(child), fs.rmSync(file)));
  return running;
}

/** How long it takes until the lock is there, in milliseconds. */
async function timeToLock(store, name) {
  const began = performance.now();
  const release = await store.lock(name);
  assert.ok(release.valid());
  release();
  return performance.now() - began;
}

// Most of these wait for leases to end: they wait together.
describe('leases', { concurrency: true }, () => {
  test(
    'the lock of a program that was killed is free within seconds, and one of a living program never',
    { timeout: 60_000 },
    async () => {
      const where = place('killed');
      const store = fileStore(where);
      const holder = program(where, `await store.lock('a'); console.log('held'); forever();`);
      await until(() => holder.said);
      const request = { gone: false };
      let release;
      const waiting = store.lock('a', request).then((given) => (release = given));
      await pause(LONG_MS);
      assert.equal(release, undefined, 'its program runs');
      holder.child.kill('SIGKILL');
      const killed = performance.now();
      await waiting;
      assert.ok(performance.now() - killed < SOON_MS, `${performance.now() - killed} ms`);
      release();
    },
  );

  test('no clock is compared: clocks that are set, and dates that lie, change nothing', { timeout: 60_000 }, async () => {
    const where = place('clocks');
    const store = fileStore(where);
    const release = await store.lock('a');
    const day = 24 * 60 * 60;
    // A waiting program whose clock is a day ahead, one whose clock is a day behind, and one whose
    // machine has just been started.
    const waiting = [day, -day, 0].map((shift) =>
      program(
        where,
        `const now = Date.now;
       Date.now = () => now() + ${shift * 1_000};
       process.uptime = () => 0.1;
       await store.lock('a');
       console.log('held');`,
      ),
    );
    // A date far ahead says no more than any other.
    const [holder] = fs.readdirSync(lockOf(where));
    fs.utimesSync(path.join(lockOf(where), holder), Date.now() / 1_000 + day, Date.now() / 1_000 + day);
    await pause(LONG_MS);
    assert.deepEqual(
      waiting.map(({ said }) => said),
      ['', '', ''],
    );
    assert.ok(release.valid());
    release();
    await Promise.all(waiting.map(({ over }) => over));
    // They have ended with the lock held, each after the other's lease.
    assert.deepEqual(
      waiting.map(({ said }) => said),
      ['held\n', 'held\n', 'held\n'],
    );
    // A lock of the future, of the past, of no time: they are free like any other.
    const places = [Date.now() / 1_000 + 365 * day, 1, 0].map((stamp, index) => {
      const one = place(`clocks-${index}`);
      fs.mkdirSync(one);
      return { one, stamp };
    });
    await Promise.all(
      places.map(async ({ one, stamp }) => {
        const there = fileStore(one);
        const first = await there.lock('a');
        const name = path.basename(lockOf(one));
        first();
        fs.mkdirSync(path.join(one, name, 'dead'), { recursive: true });
        fs.utimesSync(path.join(one, name, 'dead'), stamp, stamp);
        assert.ok((await timeToLock(there, 'a')) < SOON_MS);
        assert.deepEqual(hidden(one), []);
      }),
    );
  });

  test(
    'whatever is in the place of a lock, the lock is had within seconds, and nothing outside is touched',
    { timeout: 60_000 },
    async () => {
      const outside = place('outside');
      fs.mkdirSync(outside);
      fs.writeFileSync(path.join(outside, 'precious'), 'mine');
      const put = {
        'NUL bytes': (lock) => fs.writeFileSync(lock, Buffer.alloc(300)),
        'a long text': (lock) => fs.writeFileSync(lock, '../'.repeat(100)),
        'an empty file': (lock) => fs.writeFileSync(lock, ''),
        'a path in a file': (lock) => fs.writeFileSync(lock, path.join(outside, 'precious')),
        'an empty folder': (lock) => fs.mkdirSync(lock),
        'a full folder': (lock) => fs.mkdirSync(path.join(lock, 'a/b/c'), { recursive: true }),
        'a folder of files': (lock) => {
          fs.mkdirSync(lock);
          for (const name of ['one', 'two', 'x'.repeat(255)]) fs.writeFileSync(path.join(lock, name), '\0');
        },
        'a link to a folder': (lock) => fs.symlinkSync(outside, lock),
        'a link to nothing': (lock) => fs.symlinkSync(path.join(scratch, 'nowhere'), lock),
      };
      await Promise.all(
        Object.entries(put).map(async ([what, make]) => {
          const where = place(what);
          const store = fileStore(where);
          const release = await store.lock('a');
          const lock = lockOf(where);
          release();
          make(lock);
          assert.ok((await timeToLock(store, 'a')) < SOON_MS, what);
          assert.deepEqual(hidden(where), [], what);
        }),
      );
      assert.deepEqual(fs.readdirSync(outside), ['precious']);
      assert.equal(fs.readFileSync(path.join(outside, 'precious'), 'utf8'), 'mine');
    },
  );

  test('a worker thread that is terminated loses its lock within seconds', { timeout: 30_000 }, async () => {
    const where = place('worker');
    const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    require('eliza-jobs').fileStore(workerData).lock('a').then(() => parentPort.postMessage('held'));
    setInterval(() => {}, 1_000);`;
    const file = path.join(folder, 'worker.cjs');
    fs.writeFileSync(file, code);
    const worker = new Worker(file, { workerData: where });
    await once(worker, 'message');
    await worker.terminate();
    assert.ok((await timeToLock(fileStore(where), 'a')) < SOON_MS);
  });

  test('without file descriptors a lock is released all the same, and waited for', { timeout: 30_000 }, async () => {
    const where = place('descriptors');
    const running = program(
      where,
      `const release = await store.lock('a');
     const other = await store.lock('b');
     const open = [];
     try {
       for (;;) open.push(fs.openSync('/dev/null'));
     } catch (error) {
       console.log(error.code);
     }
     release();
     console.log(release.valid());
     const again = store.lock('a');
     const later = store.lock('b');
     await pause(600);
     other();
     for (const fd of open) fs.closeSync(fd);
     (await again)();
     (await later)();
     console.log(fs.readdirSync(${JSON.stringify(where)}).length);`,
      { shell: 'ulimit -n 64' },
    );
    await running.over;
    assert.equal(running.said, 'EMFILE\nfalse\n0\n');
  });

  test(
    'a program that was stopped for longer than its lease notices that it has lost the lock',
    { timeout: 60_000 },
    async () => {
      const where = place('stopped');
      const store = fileStore(where);
      const code = `const release = await store.lock('a');
    console.log('held');
    // Stopped while it waits for this.
    for (const began = Date.now(); Date.now() - began < 2_000; ) await pause(10);
    console.log(release.valid() ? 'still held' : 'lost');
    release();
    console.log('released');`;
      const lost = program(where, code);
      await until(() => lost.said);
      lost.child.kill('SIGSTOP');
      const release = await store.lock('a');
      lost.child.kill('SIGCONT');
      await lost.over;
      assert.equal(lost.said, 'held\nlost\nreleased\n');
      assert.ok(release.valid(), 'what it released is not the lock of the new holder');
      release();
      // Nobody wanted it meanwhile.
      const kept = program(where, code);
      await until(() => kept.said);
      kept.child.kill('SIGSTOP');
      await pause(LONG_MS);
      kept.child.kill('SIGCONT');
      await kept.over;
      assert.equal(kept.said, 'held\nstill held\nreleased\n');
      assert.deepEqual(hidden(where), []);
    },
  );

  test('a caller that was stopped itself has not waited meanwhile', { timeout: 60_000 }, async () => {
    const where = place('stopped-waiting');
    const holder = program(where, `const release = await store.lock('a'); console.log('held'); forever();`);
    await until(() => holder.said);
    const waiting = program(where, `console.log('waits'); await store.lock('a'); console.log('held');`);
    await until(() => waiting.said);
    // Both are stopped, as on a machine that sleeps; the one that waits wakes first.
    await pause(500);
    holder.child.kill('SIGSTOP');
    waiting.child.kill('SIGSTOP');
    await pause(LONG_MS);
    waiting.child.kill('SIGCONT');
    await pause(1_500);
    holder.child.kill('SIGCONT');
    await pause(LONG_MS);
    assert.equal(waiting.said, 'waits\n');
    holder.child.kill('SIGKILL');
    await waiting.over;
    assert.equal(waiting.said, 'waits\nheld\n');
  });

  test('a wait for a lock ends when it is not wanted any more, and has taken nothing', { timeout: 30_000 }, async () => {
    const where = place('gone');
    const store = fileStore(where);
    const release = await store.lock('a');
    const request = { gone: false };
    const waiting = store.lock('a', request);
    await pause(300);
    request.gone = true;
    // The lock is still held.
    const nothing = await waiting;
    assert.equal(nothing.valid(), false);
    nothing();
    assert.ok(release.valid());
    assert.equal(hidden(where).length, 1, 'nothing of it is left');
    release();
    release();
    assert.equal(release.valid(), false);
    assert.deepEqual(hidden(where), []);
  });

  test('a caller whose draft of a lock was removed waits on, and has the lock then', { timeout: 30_000 }, async () => {
    const where = place('draft');
    const store = fileStore(where);
    const release = await store.lock('a');
    const waiting = store.lock('a');
    const drafts = () => hidden(where).filter((name) => /^\.lease-[0-9a-f]{64}\./.test(name));
    for (let round = 0; round < 5; round += 1) {
      await until(() => drafts().length);
      fs.rmSync(path.join(where, drafts()[0]), { recursive: true, force: true });
    }
    release();
    const second = await waiting;
    assert.ok(second.valid());
    second();
  });

  test('a store whose lock never comes holds up nobody else', { timeout: 30_000 }, async () => {
    const job = reply(201, JSON.stringify({ jobId: 'job-1', status: 'pending', createdAt: 0, expiresAt: 30_000 }));
    const { url } = await faultServer((socket) => socket.end(job));
    const late = [];
    const lock = () => new Promise((resolve) => late.push(resolve));
    const options = { baseUrl: url, wallet: () => HASH };
    const stuck = new JobsClient({ ...options, store: { ...memoryStore(), lock } });
    const call = stuck.createJob(params, { idempotencyKey: 'a', timeoutMs: 200 });
    await rejects(call, 'ConnectionError', 'request_timeout');
    const client = new JobsClient({ ...options, store: memoryStore() });
    assert.equal((await client.createJob(params, { idempotencyKey: 'a', timeoutMs: 20_000 })).jobId, 'job-1');
    // A lock that comes after all is given back.
    await new Promise((released) => late[0](released));
  });

  test(
    'what programs have left behind that were killed is removed, and nothing that is in use',
    { timeout: 30_000 },
    async () => {
      const where = place('left');
      fs.mkdirSync(where);
      const store = fileStore(where);
      const release = await store.lock('living');
      const living = path.basename(lockOf(where));
      const old = Date.now() / 1_000 - 120;
      const put = (name, at) => {
        fs.writeFileSync(path.join(where, name), 'half a rec');
        fs.utimesSync(path.join(where, name), at, at);
      };
      const id = '11111111-2222-4333-8444-555555555555';
      put(`.draft-${id}`, old);
      put('.4711-1-0.5', old);
      put(`.draft-${id.replace('1', '2')}`, Date.now() / 1_000);
      put('.DS_Store', old);
      put('.draft-mine', old);
      const dead = `.lease-${'0'.repeat(64)}`;
      for (const name of [dead, `${dead}.${id}`]) {
        fs.mkdirSync(path.join(where, name, id), { recursive: true });
        fs.utimesSync(path.join(where, name), old, old);
      }
      fs.utimesSync(path.join(where, living), old, old);
      assert.deepEqual(await store.keys(), []);
      const left = ['.DS_Store', `.draft-${id.replace('1', '2')}`, '.draft-mine', living].sort();
      await until(() => JSON.stringify(fs.readdirSync(where).sort()) === JSON.stringify(left));
      assert.ok(release.valid());
      release();
    },
  );

  test('a program that only lists its records ends at once, whatever there is to sweep', { timeout: 30_000 }, async () => {
    const where = place('ends');
    const dead = path.join(where, `.lease-${'0'.repeat(64)}`);
    fs.mkdirSync(path.join(dead, 'x'), { recursive: true });
    fs.utimesSync(dead, 1, 1);
    const { over, child } = program(
      where,
      `await store.keys(); const began = performance.now(); process.on('exit', () => process.exitCode = performance.now() - began < 2_000 ? 0 : 1);`,
    );
    await over;
    assert.equal(child.exitCode, 0);
  });
});

test(
  'programs are killed in the middle of 200 locks: a lock has never two holders, and all are free soon',
  { timeout: 240_000 },
  async () => {
    const where = place('storm');
    const inside = place('inside');
    fs.mkdirSync(inside);
    // Each says in a file that it holds the lock. One that finds another's file there asks whether
    // that program runs.
    const code = `
    const inside = ${JSON.stringify(inside)};
    const alive = (pid) => { try { process.kill(pid, 0); return true; } catch { return false; } };
    process.stdout.write('.');
    const lockAndRelease = async () => {
      const name = String(Math.floor(Math.random() * 40));
      const request = { gone: false };
      setTimeout(() => (request.gone = true), 100);
      const release = await store.lock(name, request);
      if (!release.valid()) return;
      const file = inside + '/' + name;
      try {
        fs.writeFileSync(file, String(process.pid), { flag: 'wx' });
      } catch {
        const other = Number(fs.readFileSync(file, 'utf8'));
        if (other && alive(other)) console.log('two hold ' + name);
        fs.writeFileSync(file, String(process.pid));
      }
      await pause(Math.random() * 10);
      if (fs.readFileSync(file, 'utf8') !== String(process.pid)) console.log('two held ' + name);
      fs.unlinkSync(file);
      release();
    };
    const always = async () => { for (;;) await lockAndRelease(); };
    for (let loop = 0; loop < 4; loop += 1) void always();`;
    let killed = 0;
    const said = [];
    const killer = async () => {
      while (killed < 50) {
        killed += 1;
        const running = program(where, code);
        await until(() => running.said);
        await pause(Math.random() * 150);
        running.child.kill('SIGKILL');
        await running.over;
        said.push(running.said);
      }
    };
    await Promise.all(Array.from({ length: 4 }, killer));
    assert.deepEqual(new Set(said), new Set(['.']));
    const store = fileStore(where);
    const times = await Promise.all(Array.from({ length: 40 }, (_, name) => timeToLock(store, String(name))));
    assert.ok(Math.max(...times) < SOON_MS, `${Math.max(...times)} ms`);
  },
);
