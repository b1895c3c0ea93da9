// The check of the crate's structure finds what it is there for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLOORS, expand, faults, strip } from '../../scripts/rooms.mjs';

const floors = [['top'], ['left', 'right'], ['bottom']];
const good = {
  'top.rs': 'use crate::left::{a, b::{self, c}};\nuse crate::right;',
  'left/mod.rs': 'pub mod a;\npub mod b;',
  'left/a.rs': 'use super::b;\nuse crate::bottom::Thing;',
  'left/b.rs': '// crate::top\nconst TEXT: &str = "crate::top";',
  'right.rs': 'fn f() { crate::bottom::thing(\'{\') }\n#[cfg(test)]\nmod tests {\n  use crate::top;\n  fn g() { "}" }\n}\n',
  'bottom.rs': '',
};

test('a crate whose arrows point down has no faults', () => assert.deepEqual(faults(good, floors), []));

test('an arrow up, an arrow to a neighbour and a room without a floor are faults', () => {
  const found = (file, text) => faults({ ...good, [file]: text }, floors).join('\n');
  assert.match(found('bottom.rs', 'use crate::left::a::Thing;'), /bottom\.rs uses left\/a\.rs, which does not stand below it/);
  assert.match(found('right.rs', 'fn f() { crate::left::a::g() }'), /right\.rs uses left\/a\.rs/);
  assert.match(found('new.rs', ''), /the room new stands on no floor/);
});

test('a circle between the files of one room is a fault, through the parent too', () => {
  const found = (files) => faults({ ...good, ...files }, floors).join('\n');
  assert.match(found({ 'left/b.rs': 'use super::a::Thing;' }), /a circle of imports: .*left\/a\.rs/);
  assert.match(
    found({ 'left/mod.rs': 'pub mod a;\npub use a::Thing;', 'left/a.rs': 'use super::Other;' }),
    /left\/a\.rs → left\/mod\.rs/,
  );
});

test('JavaScript is known in the edge alone', () => {
  assert.match(
    faults({ ...good, 'bottom.rs': 'fn f() { js_sys::Date::now() }' }, floors).join('\n'),
    /bottom\.rs knows JavaScript/,
  );
});

test('a time is no bare number, save in the edge and in what is declared for JavaScript', () => {
  const found = (file, text) => faults({ [file]: text }, FLOORS).join('\n');
  for (const text of ['struct S { limit_ms: f64 }', 'fn f(a_ms: Option<f64>) {}', 'fn f() { "1".parse::<f64>() }']) {
    assert.match(found('http/a.rs', text), /http\/a\.rs has a time as a bare f64/);
    for (const file of ['js/a.rs', 'json/a.rs', 'api/a.rs', 'time.rs', 'http/a/tests.rs']) assert.equal(found(file, text), '');
  }
  assert.equal(found('http/a.rs', 'const GAP_PER_JOB_MS: f64 = 0.1; fn f(ms: f64) {} // limit_ms: f64'), '');
});

test('a use tree is read whole, and test modules, comments and texts are not code', () => {
  assert.deepEqual(expand('crate::a::{b, c::{self, d as e}, f::*}'), [
    'crate::a::b',
    'crate::a::c',
    'crate::a::c::d',
    'crate::a::f',
  ]);
  assert.equal(strip('a(/* x */); // y\n#[cfg(test)]\n#[cfg(unix)]\nmod tests { b { } }\nc').replace(/\s+/g, ' '), 'a(); c');
});
