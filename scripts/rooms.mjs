// Checks the crate's structure: no circle of imports, neither between files nor between rooms, and
// arrows that point down only. A room is a folder or file right below `src`. Test modules are left
// out.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * The rooms, the highest first. A room uses only rooms that stand below it; those of one line know
 * nothing of each other.
 */
export const FLOORS = [
  ['lib'],
  ['js'],
  ['client'],
  ['payment', 'waiting', 'sessions'],
  ['spending'],
  ['x402'],
  ['http'],
  ['platform'],
  ['api'],
  ['json'],
  ['encoding', 'table', 'text', 'time'],
];

/** Those of the sandbox's crate. */
export const SANDBOX_FLOORS = [
  ['lib'],
  ['js'],
  ['server'],
  ['sessions', 'paywall'],
  ['jobs', 'channels', 'rate_limit', 'options'],
  ['wallet', 'faults'],
  ['chain'],
  ['message'],
  ['json', 'random', 'text', 'time'],
];

/** What the sandbox has JavaScript read and write. */
const SANDBOX_JSON = ['json/javascript.rs', 'json/number.rs'];
/** Only these know JavaScript. */
const JAVASCRIPT = /\b(wasm_bindgen|js_sys|web_sys|gloo_timers|serde_wasm_bindgen)::/;
const KNOWS_JAVASCRIPT = (file) =>
  file.startsWith('js/') || file === 'js.rs' || file === 'json/js.rs' || file === 'lib.rs' || SANDBOX_JSON.includes(file);

/** A time as a bare number; the parser of fractions is 13 KB of the package as well. */
const FLOAT_TIME = /\bparse::<f64>|\b\w+_ms\s*:\s*(?:Option<)?f64\b/;
/** The edge converts, `time` is made of numbers, and what `api` declares is JavaScript's. */
const HAS_FLOAT_TIMES = (file) => /^(?:js|json|api)\/|^time\.rs$|(?:^|\/)tests\.rs$/.test(file);

/** An import that only tests have. */
const TEST_IMPORT = /#\[cfg\(test\)\]\s*(?:pub(?:\([^)]*\))?\s+)?use [^;]*;/g;

/** The text without comments, strings, test modules and what only these import. */
export function strip(source) {
  const bare = source.replace(
    /r(#*)"[\s\S]*?"\1|"(?:\\.|[^"\\])*"|\/\/[^\n]*|\/\*[\s\S]*?\*\/|b?'(?:\\[^\n]*?|[^\\'\n])'/g,
    (found) => (found.startsWith('/') ? '' : '""'),
  );
  let text = '';
  let at = 0;
  for (const found of bare.matchAll(/#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*mod \w+ \{/g)) {
    if (found.index < at) continue;
    text += bare.slice(at, found.index);
    at = found.index + found[0].length;
    for (let depth = 1; depth && at < bare.length; at++) depth += { '{': 1, '}': -1 }[bare[at]] ?? 0;
  }
  return (text + bare.slice(at)).replace(TEST_IMPORT, '');
}

/** The paths of a `use` tree: `a::{b, c::{self, d}}` is `a::b`, `a::c`, `a::c::d`. */
export function expand(tree) {
  const text = tree.trim();
  const open = text.indexOf('{');
  if (open < 0) return [text.replace(/\s+as\s+\w+$/, '').replace(/::(self|\*)$/, '')];
  const head = text.slice(0, open);
  const parts = [];
  let depth = 0;
  let part = '';
  for (const letter of text.slice(open + 1, text.lastIndexOf('}'))) {
    depth += { '{': 1, '}': -1 }[letter] ?? 0;
    if (letter === ',' && depth === 0) {
      parts.push(part);
      part = '';
    } else part += letter;
  }
  parts.push(part);
  return parts.filter((part) => part.trim()).flatMap((part) => expand(`${head}${part.trim()}`));
}

/** The module of a file: `x402/mod.rs` is `x402`, `x402/amount.rs` is `x402::amount`. */
const moduleOf = (file) =>
  file
    .replace(/\.rs$/, '')
    .replace(/\/mod$/, '')
    .replaceAll('/', '::');

/** Which modules each file uses: `files` maps the path below `src` to its text. */
export function uses(files) {
  const modules = new Map(Object.keys(files).map((file) => [moduleOf(file), file]));
  const graph = new Map();
  for (const [file, source] of Object.entries(files)) {
    const own = moduleOf(file);
    const text = strip(source);
    const named = [...text.matchAll(/\buse ([^;]+);/g)].flatMap(([, tree]) => expand(tree.replace(/\s+/g, ' ')));
    named.push(
      ...[...text.replace(/\buse [^;]+;/g, '').matchAll(/(?<!\$)\b(?:crate|super|self)(?:::\w+)+/g)].map(([found]) => found),
    );
    // A name of a neighbour brought in by `use super::x` is caught there; a child's own name needs
    // no path.
    const targets = new Set();
    for (const name of named) {
      let parts = name.split('::').map((part) => part.trim());
      let base = [];
      if (parts[0] === 'crate') parts = parts.slice(1);
      else if (parts[0] === 'super' || parts[0] === 'self') {
        base = own === 'lib' ? [] : own.split('::');
        if (parts[0] === 'self') parts = parts.slice(1);
        while (parts[0] === 'super') {
          base = base.slice(0, -1);
          parts = parts.slice(1);
        }
      } else if (modules.has([own, parts[0]].join('::'))) base = own.split('::');
      else continue;
      const whole = [...base, ...parts];
      let length = whole.length;
      while (length && !modules.has(whole.slice(0, length).join('::'))) length--;
      const target = modules.get(whole.slice(0, length).join('::'));
      if (target && target !== file) targets.add(target);
    }
    graph.set(file, targets);
  }
  return graph;
}

/** A circle in a graph, as the list of its members; `undefined` when there is none. */
export function circle(graph) {
  const state = new Map();
  const visit = (node, way) => {
    if (state.get(node) === 'done') return undefined;
    if (state.get(node) === 'open') return [...way.slice(way.indexOf(node)), node];
    state.set(node, 'open');
    for (const next of graph.get(node) ?? []) {
      const found = visit(next, [...way, node]);
      if (found) return found;
    }
    state.set(node, 'done');
    return undefined;
  };
  for (const node of graph.keys()) {
    const found = visit(node, []);
    if (found) return found;
  }
  return undefined;
}

/** What is wrong with the structure, a sentence each. */
export function faults(files, floors = FLOORS) {
  const graph = uses(files);
  const found = [];
  const files_ = circle(graph);
  if (files_) found.push(`a circle of imports: ${files_.join(' → ')}`);
  const roomOf = (file) => file.replace(/\.rs$/, '').split('/')[0];
  const rooms = new Map();
  for (const [file, targets] of graph) {
    const floor = floors.findIndex((rooms) => rooms.includes(roomOf(file)));
    if (floor < 0) found.push(`${file}: the room ${roomOf(file)} stands on no floor (scripts/rooms.mjs)`);
    for (const target of targets) {
      if (roomOf(target) === roomOf(file)) continue;
      rooms.set(roomOf(file), (rooms.get(roomOf(file)) ?? new Set()).add(roomOf(target)));
      const below = floors.findIndex((rooms) => rooms.includes(roomOf(target)));
      if (below <= floor) found.push(`${file} uses ${target}, which does not stand below it`);
    }
    if (!KNOWS_JAVASCRIPT(file) && JAVASCRIPT.test(strip(files[file]))) {
      found.push(`${file} knows JavaScript; only js/ and json/js.rs may`);
    }
    if (floors === FLOORS && !HAS_FLOAT_TIMES(file) && FLOAT_TIME.test(strip(files[file]))) {
      found.push(`${file} has a time as a bare f64: use the types of time.rs, and convert at the edge`);
    }
  }
  const around = circle(rooms);
  if (around) found.push(`a circle of rooms: ${around.join(' → ')}`);
  return found;
}

/** The crate's files by their path below `folder`. */
export function read(folder, below = '') {
  const files = {};
  for (const entry of readdirSync(path.join(folder, below), { withFileTypes: true })) {
    const name = path.posix.join(below, entry.name);
    if (entry.isDirectory()) Object.assign(files, read(folder, name));
    else if (name.endsWith('.rs')) files[name] = readFileSync(path.join(folder, name), 'utf8');
  }
  return files;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const found = [];
  for (const [crate, floors] of [
    ['src', FLOORS],
    ['sandbox/src', SANDBOX_FLOORS],
  ]) {
    const src = path.resolve(import.meta.dirname, '..', crate);
    if (!existsSync(src)) throw new Error(`no crate at ${src}`);
    found.push(...faults(read(src), floors).map((fault) => `${crate}: ${fault}`));
  }
  for (const fault of found) console.error(fault);
  if (found.length) process.exit(1);
}
