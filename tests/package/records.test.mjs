// Records of fileStore: on the disk when it says so, whole or not at all, in the order of the
// calls, for nobody else's eyes.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { installed } from './setting.mjs';

const { folder, fileStore, localStorageStore, memoryStore } = await installed('records');
const scratch = fs.mkdtempSync(path.join(tmpdir(), 'eliza-jobs-'));
const children = new Set();
after(() => {
  for (const child of children) child.kill('SIGKILL');
  fs.rmSync(scratch, { recursive: true });
});
const place = (name) => path.join(scratch, name);
const pause = (ms) => new Promise((next) => setTimeout(next, ms));

/** Another program that has the package; `said` is what it has printed. */
function program(code, cwd = folder) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  const running = { child, said: '', over: once(child, 'close') };
  child.stdout.setEncoding('utf8').on('data', (text) => (running.said += text));
  void running.over.then(() => children.delete(child));
  return running;
}

/**
 * A fileStore whose calls of the file system are in `calls`; `meddle` is told of each before it is
 * made, and may throw in its place. Files are named by what they are.
 */
function watched(where, meddle = () => undefined) {
  const calls = [];
  const named = (file) => {
    const name = path.relative(scratch, file);
    return name.replace(/\.draft-[-0-9a-f]{36}/, '<draft>') || '.';
  };
  const call = async (name, files, work) => {
    const said = [name, ...files.map(named)].join(' ');
    await meddle(said);
    calls.push(said);
    return work();
  };
  const promises = { ...fs.promises };
  for (const name of ['rename', 'link', 'unlink']) {
    promises[name] = (...files) => call(name, files, () => fs.promises[name](...files));
  }
  promises.open = (file, ...more) =>
    call('open', [file], async () => {
      const handle = await fs.promises.open(file, ...more);
      return {
        writeFile: (text) => call('write', [file], () => handle.writeFile(text)),
        sync: () => call('sync', [file], () => handle.sync()),
        close: () => call('close', [file], () => handle.close()),
      };
    });
  const { getBuiltinModule } = process;
  process.getBuiltinModule = (name) => (name === 'node:fs' ? { ...fs, promises } : getBuiltinModule(name));
  try {
    return { store: fileStore(where), calls };
  } finally {
    process.getBuiltinModule = getBuiltinModule;
  }
}

test('a power cut loses nothing: file and folder are on the disk before a write resolves', async () => {
  const { store, calls } = watched(place('power/cut'));
  await store.set('k', 'one');
  assert.deepEqual(calls.splice(0), [
    // The new folders' names, in those above them.
    ...['open power', 'sync power', 'close power', 'open .', 'sync .', 'close .'],
    ...['open power/cut/<draft>', 'write power/cut/<draft>', 'sync power/cut/<draft>', 'close power/cut/<draft>'],
    'rename power/cut/<draft> power/cut/k',
    'unlink power/cut/<draft>',
    ...['open power/cut', 'sync power/cut', 'close power/cut'],
  ]);
  assert.equal(await store.add('new', 'two'), true);
  assert.deepEqual(calls.splice(0), [
    ...['open power/cut/<draft>', 'write power/cut/<draft>', 'sync power/cut/<draft>', 'close power/cut/<draft>'],
    'link power/cut/<draft> power/cut/new',
    'unlink power/cut/<draft>',
    ...['open power/cut', 'sync power/cut', 'close power/cut'],
  ]);
  await store.delete('k');
  assert.deepEqual(calls, ['unlink power/cut/k', 'open power/cut', 'sync power/cut', 'close power/cut']);
  assert.deepEqual([fs.readdirSync(place('power/cut')), await store.get('new')], [['new'], 'two']);
});

test('many writes at once share the syncs of their folder, and each has one after its own name is there', async () => {
  const { store, calls } = watched(place('many'));
  const names = Array.from({ length: 100 }, (_, index) => `k${index}`);
  await Promise.all(
    names.map(async (name) => {
      await store.set(name, name);
      const renamed = calls.findIndex((call) => call.endsWith(` many/${name}`));
      const synced = calls.lastIndexOf('close many');
      assert.ok(renamed >= 0 && calls.slice(renamed, synced).includes('open many'), name);
    }),
  );
  assert.ok(calls.filter((call) => call === 'sync many').length < 60);
});

test('a full disk leaves no draft and no half record, and is named', async () => {
  for (const fails of ['open', 'write', 'sync', 'close', 'rename']) {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    let isFull = false;
    const { store } = watched(place(`full-${fails}`), (said) => {
      if (isFull && said.startsWith(`${fails} `) && said.includes('<draft>')) throw full;
    });
    await store.set('k', 'old');
    isFull = true;
    await assert.rejects(store.set('k', 'new'), (error) => {
      assert.match(error.message, /^fileStore could not write to .*, and has changed no record: the disk is full$/);
      assert.deepEqual([error.code, error.cause], ['ENOSPC', full]);
      return true;
    });
    isFull = false;
    assert.deepEqual([await store.get('k'), fs.readdirSync(place(`full-${fails}`))], ['old', ['k']]);
  }
});

test('where files cannot be linked a record is written in its place, and nothing of one for which there is no room', async () => {
  for (const code of ['EPERM', 'EACCES', 'ENOTSUP']) {
    for (const fails of ['write', 'sync', 'close']) {
      let isFull = true;
      const { store } = watched(place(`unlinked-${code}-${fails}`), (said) => {
        if (said.startsWith('link ')) throw Object.assign(new Error(`${code}: link`), { code });
        if (isFull && said.startsWith(`${fails} `) && said.endsWith('/k')) {
          throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
        }
      });
      await assert.rejects(store.add('k', 'v'), /has changed no record: the disk is full$/);
      assert.deepEqual(fs.readdirSync(place(`unlinked-${code}-${fails}`)), []);
      isFull = false;
      assert.deepEqual([await store.add('k', 'v'), await store.add('k', 'w'), await store.get('k')], [true, false, 'v']);
    }
  }
});

test('a folder that cannot be synced is an error that says what is there', async () => {
  const { store } = watched(place('io'), (said) => {
    if (said === 'sync io') throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' });
  });
  await assert.rejects(
    store.set('k', 'v'),
    /^Error: fileStore has written the record in .*, and a power cut can still undo that: EIO/,
  );
});

test('writes of one key take effect in the order of the calls, however slow the earlier ones are', async () => {
  let held;
  const { store } = watched(place('order'), (said) => {
    if (said.startsWith('rename') && !held) return (held = pause(300));
  });
  const first = store.set('k', 'slow');
  const second = store.set('k', 'quick');
  // Another store over the same folder, and another copy of the package.
  const third = fileStore(place('order')).add('k', 'not this');
  const Required = createRequire(path.join(folder, 'x.js'))('eliza-jobs');
  const fourth = Required.fileStore(place('order')).set('k', 'last');
  await Promise.all([first, second, fourth]);
  assert.deepEqual([await third, await store.get('k')], [false, 'last']);
  // A write that was given up is undone by the deletion after it.
  held = undefined;
  void store.set('k', 'late');
  await store.delete('k');
  await pause(400);
  assert.equal(await store.get('k'), undefined);
});

test('a relative folder stays where it was, wherever the program goes', async () => {
  const home = fs.realpathSync(scratch);
  const code = `
    import { fileStore } from ${JSON.stringify(pathToFileURL(path.join(folder, 'node_modules/eliza-jobs/index.js')).href)};
    const store = fileStore('records');
    await store.set('a', '1');
    process.chdir('/');
    await store.set('b', '2');
    console.log(await store.get('a'), (await store.keys()).sort().join());
    await (await store.lock('x'))();`;
  const running = program(code, home);
  await running.over;
  assert.equal(running.said, '1 a,b\n');
  assert.deepEqual(fs.readdirSync(path.join(home, 'records')).sort(), ['a', 'b']);
});

for (const [name, make] of [
  ['memoryStore', memoryStore],
  ['fileStore', () => fileStore(place('add'))],
  ['localStorageStore', () => localStorageStore(fakeStorage())],
]) {
  test(`${name}: of many that add one key at once, one does`, async () => {
    const store = make();
    const added = await Promise.all(Array.from({ length: 20 }, (_, index) => store.add('k', `${index}`)));
    assert.deepEqual(
      added.filter((made) => made === true),
      [true],
    );
    assert.ok(added.every((made) => typeof made === 'boolean'));
    assert.equal(await store.get('k'), String(added.indexOf(true)));
    await store.delete('k');
    assert.equal(await store.add('k', 'again'), true);
    await store.set('other', 'x');
    assert.deepEqual([[...(await store.keys('k'))], [...(await store.keys('x'))]], [['k'], []]);
  });
}
function fakeStorage() {
  const items = new Map();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => items.set(key, value),
    removeItem: (key) => items.delete(key),
    key: (index) => [...items.keys()][index] ?? null,
    get length() {
      return items.size;
    },
  };
}

test('of many programs that add one key at once, one does', { timeout: 60_000 }, async () => {
  const where = place('claims');
  const code = `
    import { fileStore } from 'eliza-jobs';
    const store = fileStore(${JSON.stringify(where)});
    const added = await Promise.all(Array.from({ length: 50 }, (_, index) => store.add('claim-' + index, String(process.pid))));
    console.log(JSON.stringify(added));`;
  const programs = Array.from({ length: 4 }, () => program(code));
  await Promise.all(programs.map(({ over }) => over));
  const added = programs.map(({ said }) => JSON.parse(said));
  for (let index = 0; index < 50; index += 1) {
    const winners = programs.filter((_, program) => added[program][index]);
    assert.equal(winners.length, 1);
    assert.equal(fs.readFileSync(path.join(where, `claim-${index}`), 'utf8'), String(winners[0].child.pid));
  }
  assert.equal(fs.readdirSync(where).length, 50);
});

test('where files cannot be linked, a record is added exclusively all the same', async () => {
  const { store } = watched(place('no-links'), (said) => {
    if (said.startsWith('link')) throw Object.assign(new Error('EPERM: operation not permitted, link'), { code: 'EPERM' });
  });
  const added = await Promise.all([store.add('k', 'a'), fileStore(place('no-links')).add('k', 'b'), store.add('k', 'c')]);
  assert.deepEqual([added, await store.get('k'), fs.readdirSync(place('no-links'))], [[true, false, false], 'a', ['k']]);
});

test(
  'programs are killed while they write: a record is whole, and what was acknowledged is there',
  { timeout: 90_000 },
  async () => {
    const where = place('killed');
    const code = `
    import { fileStore } from 'eliza-jobs';
    const store = fileStore(${JSON.stringify(where)});
    const name = process.pid + '-';
    for (let index = 1; ; index += 1) {
      const text = String(index).padStart(8, '0').repeat(2_000);
      await store.set('same-' + name, text);
      await store.add('new-' + name + index, text);
      process.stdout.write(index + '\\n');
    }`;
    const kill = async () => {
      const running = program(code);
      while (!running.said) await pause(1);
      await pause(Math.random() * 60);
      running.child.kill('SIGKILL');
      await running.over;
      const acknowledged = Number(running.said.trim().split('\n').at(-1));
      const number = (key) => {
        const text = fs.readFileSync(path.join(where, key), 'utf8');
        assert.equal(text.length, 16_000);
        assert.equal(text, text.slice(0, 8).repeat(2_000), 'half a record');
        return Number(text.slice(0, 8));
      };
      const { pid } = running.child;
      assert.ok(number(`same-${pid}-`) >= acknowledged);
      for (let index = 1; index <= acknowledged; index += 1) assert.equal(number(`new-${pid}-${index}`), index);
      for (const name of fs.readdirSync(where)) if (name.startsWith(`new-${pid}-`)) number(name);
    };
    for (let round = 0; round < 25; round += 1) await Promise.all(Array.from({ length: 4 }, kill));
  },
);

test('a record is returned as it is, whatever became of its file; a file that is there is never no record', async () => {
  const where = place('odd');
  const store = fileStore(where);
  await store.set('k', 'v');
  for (const text of ['', '\0'.repeat(100), '\uFEFF{"version":1}', '{"version":1,"attem', ' ']) {
    fs.writeFileSync(path.join(where, 'k'), text);
    assert.equal(await store.get('k'), text);
    assert.equal(await store.add('k', 'other'), false);
  }
  fs.rmSync(path.join(where, 'k'));
  fs.mkdirSync(path.join(where, 'k'));
  await assert.rejects(store.get('k'), /EISDIR/);
  assert.equal(await store.add('k', 'other'), false);
});

test('records and their folder are for their owner only, and no key leads out of the folder or is hidden', async () => {
  const where = place('modes/inner');
  const store = fileStore(where);
  const keys = ['.', '..', '.hidden', '../../x', '/etc/passwd', 'a*b', 'ä 😀', '%', 'CON'];
  for (const key of keys) await store.set(key, key);
  for (const key of keys) assert.equal(await store.get(key), key);
  assert.deepEqual((await store.keys()).sort(), [...keys].sort());
  assert.deepEqual(await store.keys('../'), ['../../x']);
  assert.equal(fs.readdirSync(where).length, keys.length);
  assert.ok(!fs.readdirSync(where).some((name) => name.includes('*')));
  for (const part of ['', ...fs.readdirSync(where)]) assert.equal(fs.statSync(path.join(where, part)).mode & 0o077, 0);
  await assert.rejects(store.set('x'.repeat(256), ''), {
    name: 'RangeError',
    message: /needs 256 bytes as a file's name, and 255 are/,
  });
});

/**
 * Counts the names that are read of a folder in one turn of the event loop; `most` is the largest
 * number.
 */
function watchedReading() {
  const { opendir } = fs.promises;
  const seen = { names: 0, most: 0, turns: 0, stop: () => (fs.promises.opendir = opendir) };
  let inTurn = 0;
  async function* counted(names) {
    for await (const name of names) {
      seen.names += 1;
      inTurn += 1;
      seen.most = Math.max(seen.most, inTurn);
      yield name;
    }
  }
  fs.promises.opendir = async (...given) => counted(await opendir(...given));
  const turn = () => {
    inTurn = 0;
    seen.turns += 1;
    if (fs.promises.opendir !== opendir) setImmediate(turn);
  };
  setImmediate(turn);
  return seen;
}

test(
  '100,000 records are listed without holding up the program: between a few hundred names others get their turn',
  {
    timeout: 120_000,
  },
  async () => {
    const where = place('crowd');
    const store = fileStore(where);
    await store.set('mine/1', 'v');
    for (let index = 1; index < 100_000; index += 1) fs.closeSync(fs.openSync(path.join(where, `other%2F${index}`), 'w'));
    const seen = watchedReading();
    try {
      assert.deepEqual(await store.keys('mine/'), ['mine/1']);
    } finally {
      seen.stop();
    }
    assert.ok(seen.names >= 100_000, `${seen.names} names`);
    assert.ok(seen.most <= 1_000, `${seen.most} names in one turn`);
    assert.equal((await store.keys()).length, 100_000);
  },
);

test('a list has the records that are written anew while the folder is read', async () => {
  const where = place('anew');
  const others = fileStore(where);
  const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
  for (const key of keys) await others.set(key, 'old');
  const { getBuiltinModule } = process;
  // As Btrfs and tmpfs do it: what is renamed while a folder is open stands behind its end.
  let writes = 3;
  const opendir = async (folder, options) => {
    const entries = [];
    for await (const entry of await fs.promises.opendir(folder, options)) entries.push(entry);
    const hidden = writes > 0 ? keys[writes] : undefined;
    writes -= 1;
    if (hidden) await others.set(hidden, 'new');
    return entries.filter(({ name }) => name !== hidden);
  };
  const promises = { ...fs.promises, opendir };
  process.getBuiltinModule = (name) => (name === 'node:fs' ? { ...fs, promises } : getBuiltinModule(name));
  const store = fileStore(where);
  process.getBuiltinModule = getBuiltinModule;
  assert.deepEqual((await store.keys()).sort(), keys.toSorted());
  // A folder in which nothing happens is read once.
  fs.utimesSync(where, 1_700_000_000, 1_700_000_000);
  let reads = 0;
  promises.opendir = (...given) => ((reads += 1), fs.promises.opendir(...given));
  assert.deepEqual([(await store.keys('k1')).length, reads], [11, 1]);
});

test('without a file system, fileStore says what to use', async () => {
  const { getBuiltinModule } = process;
  process.getBuiltinModule = undefined;
  try {
    assert.throws(() => fileStore(place('x')), { name: 'TypeError', message: /import it from 'eliza-jobs\/node'$/ });
  } finally {
    process.getBuiltinModule = getBuiltinModule;
  }
  const code = `
    const { process } = globalThis;
    const { index } = process.env;
    delete globalThis.process;
    const { fileStore } = await import(${JSON.stringify(pathToFileURL(path.join(folder, 'node_modules/eliza-jobs/index.js')).href)});
    try { fileStore('x'); } catch (error) { console.log(error.message); }`;
  const running = program(code);
  await running.over;
  assert.match(
    running.said,
    /needs the file system of Node, Bun or Deno, which this runtime does not have; use localStorageStore/,
  );
});

test('a Node without getBuiltinModule has fileStore all the same, imported or required', async () => {
  for (const [type, load] of [
    ['module', `import { fileStore, JobsClient } from 'eliza-jobs'; import * as node from 'eliza-jobs/node';`],
    ['commonjs', `const { fileStore, JobsClient } = require('eliza-jobs'); const node = require('eliza-jobs/node');`],
  ]) {
    const code = `${load}
      delete process.getBuiltinModule;
      const store = fileStore(${JSON.stringify(place('old'))});
      store.add('k', 'v').then(() => store.get('k')).then((text) => console.log(text, node.JobsClient === JobsClient, node.fileStore === fileStore));`;
    fs.rmSync(place('old'), { recursive: true, force: true });
    const child = spawn(process.execPath, [`--input-type=${type}`, '-e', code], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (said += text));
    await once(child, 'close');
    assert.equal(said, 'v true true\n');
  }
});

test('bundlers for pages and for Node take the package without a warning, and fileStore works in a bundle for Node', async () => {
  const contents = `import { fileStore } from 'eliza-jobs'; const store = fileStore(${JSON.stringify(place('bundled'))});
    store.set('k', 'v').then(() => store.get('k')).then(console.log);`;
  for (const [platform, format] of [
    ['browser', 'esm'],
    ['browser', 'iife'],
    ['neutral', 'esm'],
    ['node', 'esm'],
    ['node', 'cjs'],
  ]) {
    const outfile = path.join(folder, `bundle-${platform}.${format === 'esm' ? 'mjs' : 'cjs'}`);
    const stdin = { contents, resolveDir: folder };
    const { warnings } = await build({ stdin, outfile, bundle: true, platform, format, logLevel: 'silent' });
    assert.deepEqual(warnings, []);
    assert.doesNotMatch(fs.readFileSync(outfile, 'utf8'), /\bimport\(/, 'an import that a bundler may follow');
    assert.doesNotMatch(fs.readFileSync(outfile, 'utf8'), /\bstatic\s*\{/, 'Metro knows no static blocks');
    const child = spawn(process.execPath, [outfile], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (said += text));
    await once(child, 'close');
    assert.equal(said, 'v\n', `${platform} ${format}`);
  }
});
