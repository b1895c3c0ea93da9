// The sorted module is the same module when it is put together again, whatever instructions are in it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { assemble } from '../../pkg-template/sorted.js';
import { sort } from '../../scripts/wasm-sort.mjs';

const FEATURES = ['reference-types', 'bulk-memory', 'nontrapping-float-to-int', 'simd'].map((name) => `--enable-${name}`);

/** A module from its text. */
function assembled(text) {
  const folder = mkdtempSync(path.join(tmpdir(), 'wasm-sort-'));
  try {
    const [wat, wasm] = ['module.wat', 'module.wasm'].map((name) => path.join(folder, name));
    writeFileSync(wat, text);
    execFileSync('node_modules/.bin/wasm-as', [...FEATURES, wat, '-o', wasm]);
    return new Uint8Array(readFileSync(wasm));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// Every kind of operand, alignments natural and not, and constants on both sides of what is taken for an address of data.
const EVERYTHING = `(module
  (type $unary (func (param i32) (result i32)))
  (memory (export "memory") 18)
  (data $passive "abc")
  (table $table 4 funcref)
  (table $others 4 externref)
  (elem $twice (table $table) (i32.const 0) func $twice)
  (elem $passives func $twice)
  (global $count (mut i32) (i32.const 5))
  (func $twice (type $unary) (i32.mul (local.get 0) (i32.const 2)))
  (func $unused (param externref) (result i64)
    (local $long i64) (local $float f64) (local $single f32)
    (table.set $others (i32.const 1) (table.get $others (i32.const 0)))
    (table.set $others (i32.const 2) (ref.null extern))
    (drop (table.grow $others (local.get 0) (i32.const 1)))
    (drop (table.size $others))
    (table.fill $others (i32.const 0) (local.get 0) (i32.const 1))
    (table.copy $table $table (i32.const 0) (i32.const 0) (i32.const 1))
    (table.init $table $passives (i32.const 0) (i32.const 0) (i32.const 1))
    (elem.drop $passives)
    (memory.init $passive (i32.const 0) (i32.const 0) (i32.const 1))
    (data.drop $passive)
    (memory.copy (i32.const 0) (i32.const 8) (i32.const 300))
    (memory.fill (i32.const 0) (i32.const 0) (i32.const 8))
    (drop (memory.grow (memory.size)))
    (drop (ref.is_null (ref.func $twice)))
    (drop (select (result externref) (local.get 0) (local.get 0) (i32.const 1)))
    (drop (i32.trunc_sat_f64_s (local.tee $float (f64.const -1.5e300))))
    (local.set $single (f32.const 0.1))
    (local.set $long (i64.const -9223372036854775808))
    (i64.store align=4 (i32.const 16) (local.get $long))
    (i64.store offset=100000 (i32.const 16) (i64.load align=1 (i32.const 16)))
    (i32.store8 (i32.const 1) (i32.load16_u align=1 (i32.const 2)))
    (f64.store (i32.const 24) (f64.load align=2 (i32.const 16)))
    (local.get $long))
  (func (export "run") (param $case i32) (result i32)
    (local $sum i32)
    (i32.store (i32.const 1048576) (i32.const 7))
    (i32.store (i32.const 1048575) (i32.const -1))
    (i32.store (i32.const 1114108) (i32.const 1114112))
    (loop $again
      (local.set $sum (i32.add (local.get $sum) (global.get $count)))
      (global.set $count (i32.sub (global.get $count) (i32.const 1)))
      (br_if $again (global.get $count)))
    (block $two (block $one (block $zero
      (br_table $zero $one $two $zero (local.get $case)))
      (return (call $twice (local.get $sum))))
      (return (call_indirect $table (type $unary) (local.get $sum) (i32.const 0))))
    (if (result i32) (i32.eq (i32.load8_u (i32.const 1048576)) (i32.const 255))
      (then (i32.add (local.get $sum) (i32.load (i32.const 1114108))))
      (else (local.get $sum)))))`;

test('a module with every kind of operand', () => {
  const wasm = assembled(EVERYTHING);
  const again = assemble(sort(wasm));
  assert.deepEqual(again, wasm);
  for (const [which, result] of [30, 30, 1_114_127].entries()) {
    assert.equal(new WebAssembly.Instance(new WebAssembly.Module(again)).exports.run(which), result);
  }
});

test('constants that are addresses of data stand apart, and no others', () => {
  const constants = (value) => sort(assembled(`(module (func (export "f") (result i32) (i32.const ${value})))`)).length;
  const addresses = [1_048_576, 1_048_577, 1_114_111].map(constants);
  const others = [1_048_575, 1_114_112, -1_048_576].map(constants);
  assert.deepEqual(new Set(addresses).size, 1);
  assert.ok(
    others.every((length) => length > addresses[0]),
    `${others} ${addresses}`,
  );
});

test('a module without functions', () => {
  const wasm = assembled('(module (memory 1))');
  assert.deepEqual(assemble(sort(wasm)), wasm);
});

test('an instruction that it does not know is an error and no other module', () => {
  const wasm = assembled('(module (func (export "f") (result v128) (v128.const i32x4 1 2 3 4)))');
  assert.throws(() => sort(wasm), /does not know|not the same/);
});
