;; The loop of decode.ts. Engines compile it before its first round; a loop of JavaScript is interpreted for most of its time.
(module
  ;; 0: the value of each character (128 bytes). 128: the byte of each rank (258 bytes, the last two for no rank).
  ;; TEXT of decode.ts: the text. The bytes replace it, never faster than it is read: a byte is at least one character.
  (memory (export "memory") 1)

  ;; Writes bytes from $to until before $end, from the characters that begin at $at. Returns where the next ones begin.
  (func (export "read") (param $at i32) (param $to i32) (param $end i32) (result i32)
    (local $value i32)
    ;; The rank that the next single character counts from: behind an escape a multiple of SINGLES.
    (local $block i32)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $to) (local.get $end)))
        (local.set $value (i32.load8_u (i32.load8_u (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (if (i32.lt_u (local.get $value) (i32.const 86))
          (then
            (i32.store8 (local.get $to) (i32.load8_u offset=128 (i32.add (local.get $block) (local.get $value))))
            (local.set $block (i32.const 0))
            (local.set $to (i32.add (local.get $to) (i32.const 1))))
          (else
            (local.set $block (i32.mul (i32.sub (local.get $value) (i32.const 85)) (i32.const 86)))))
        (br $next)))
    (local.get $at)))
