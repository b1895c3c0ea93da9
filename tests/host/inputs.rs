//! The fuzz targets in every test run: the corpus, some thousands of mutated copies of it, and
//! inputs that grow.
//!
//! `make fuzz` looks for more; what it finds belongs into `fuzz/corpus`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

#[path = "../../fuzz/src/lib.rs"]
mod targets;

/// Counts what is asked of it: the measure of work that no busy machine changes.
struct Counting;
thread_local! {
    static ALLOCATED: Cell<usize> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "an allocator is unsafe to declare; this one counts and hands on")]
// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATED.try_with(|sum| sum.set(sum.get().saturating_add(layout.size())));
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
}
#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut inputs: Vec<_> = files
        .map(|file| file.unwrap())
        .map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap()))
        .collect();
    inputs.sort();
    inputs
}

/// One change to an input.
#[derive(Debug, Clone)]
enum Change {
    Flip(prop::sample::Index, u8),
    Insert(prop::sample::Index, &'static str),
    Remove(prop::sample::Index, prop::sample::Index),
    Repeat(prop::sample::Index, prop::sample::Index),
    /// A piece of another input.
    Splice(prop::sample::Index, prop::sample::Index, prop::sample::Index),
}

fn change() -> impl Strategy<Value = Change> {
    use prop::sample::Index;
    let words = vec![
        "\"",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "0",
        "-1",
        "1e308",
        "0x",
        "\r\n",
        "\n---\n",
        "\n\n",
        "\\u0000",
        "\\ud800",
        "é",
        "=",
        "__proto__",
        "402",
        "{}",
        "[[[[",
        "9999999999999999999999",
        "0xabababababababababababababababababababababababababababababababab",
    ];
    prop_oneof![
        3 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Flip(at, byte)),
        2 => (any::<Index>(), prop::sample::select(words)).prop_map(|(at, word)| Change::Insert(at, word)),
        2 => (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::Remove(from, to)),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::Repeat(from, to)),
        1 => (any::<Index>(), any::<Index>(), any::<Index>()).prop_map(|(at, file, cut)| Change::Splice(at, file, cut)),
    ]
}

fn changed(mut bytes: Vec<u8>, changes: &[Change], corpus: &[(String, Vec<u8>)]) -> Vec<u8> {
    for change in changes {
        let place = |index: &prop::sample::Index| index.index(bytes.len() + 1);
        match change {
            Change::Flip(at, byte) => {
                let at = at.index(bytes.len().max(1));
                if let Some(known) = bytes.get_mut(at) {
                    *known ^= byte;
                }
            }
            Change::Insert(at, word) => {
                let at = place(at);
                bytes.splice(at..at, word.bytes());
            }
            Change::Remove(from, to) => {
                let (from, to) = (place(from), place(to));
                bytes.drain(from.min(to)..from.max(to).min(from.min(to) + 20));
            }
            Change::Repeat(from, to) => {
                let (from, to) = (place(from), place(to));
                let piece = bytes[from.min(to)..from.max(to)].to_vec();
                bytes.splice(from.max(to)..from.max(to), piece);
            }
            Change::Splice(at, file, cut) => {
                let at = place(at);
                let other = &corpus[file.index(corpus.len())].1;
                let cut = cut.index(other.len() + 1);
                bytes.splice(at..at, other[cut..].iter().copied());
            }
        }
        bytes.truncate(200_000);
    }
    bytes
}

#[test]
fn the_corpus_and_mutated_copies_of_it_are_read_without_harm() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(1_000);
    for (name, target) in targets::TARGETS {
        let corpus = corpus(name);
        assert!(corpus.len() >= 10, "the corpus of {name} is gone");
        for (file, bytes) in &corpus {
            println!("{name}/{file}");
            target(bytes);
        }
        let strategy = (any::<prop::sample::Index>(), prop::collection::vec(change(), 1..6));
        let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
        // The same copies in every run; `make fuzz` looks for others.
        let seed = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let read = TestRunner::new_with_rng(config, seed).run(&strategy, |(file, changes)| {
            target(&changed(corpus[file.index(corpus.len())].1.clone(), &changes, &corpus));
            Ok(())
        });
        read.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// Inputs of any length, by the target that reads them.
type Growing = (&'static str, fn(usize) -> String);

#[test]
fn ten_times_the_input_is_ten_times_the_work() {
    let growing: [Growing; 14] = [
        ("wallet", |n| format!("{{\"message\":\"{}\"}}", "0x".repeat(n))),
        ("wallet", |n| format!("{{\"message\":\"{}\"}}", "reject".repeat(n))),
        ("wallet", |n| format!("[{}null]", "[\"x-payment\",\"a\"],".repeat(n))),
        ("signature", |n| format!("0x{}", "ab".repeat(n))),
        ("receipt", |n| format!("{{\"success\":true,\"errorReason\":\"{}\"}}", "é".repeat(n))),
        ("record", |n| format!("{{\"attemptId\":\"a\",\"state\":\"sent\",\"request\":\"{}\"}}", "\\\"".repeat(n))),
        ("job", |n| format!("{{\"jobs\":[{}null]}}", "{\"jobId\":\"a\",\"result\":null},".repeat(n))),
        ("job", |n| format!("{{\"jobId\":\"a\",\"status\":\"{}\"}}", "x".repeat(n))),
        ("payment-required", |n| format!("\n{{\"payment\":[{}null]}}", "{\"network\":\"base\"},".repeat(n))),
        ("payment-required", |n| {
            format!(
                "\n{{\"payment\":[{{\"network\":\"base\",\"currency\":\"USDC\",\"recipient\":\"0x209693Bc6afc0C5328bA36FaF03C514EF312287C\",\"amount\":\"0.{}\"}}]}}",
                "0".repeat(n)
            )
        }),
        ("payment-required", |n| format!("{}\n", "A".repeat(n))),
        ("conversation", |n| format!("get\n---\n404\n\n<html>{}", "<title".repeat(n))),
        ("conversation", |n| format!("get\n---\n400\n\n{{\"error\":\"{}\"}}", "0x".repeat(n))),
        ("conversation", |n| {
            format!(
                "list\n---\n200\n\n{{\"jobs\":[{}null]}}",
                "{\"jobId\":\"a\",\"metadata\":{\"elizaJobsRef\":\"b\"}},".repeat(n)
            )
        }),
    ];
    for (name, input) in growing {
        let (_, target) = targets::TARGETS.into_iter().find(|(known, _)| *known == name).unwrap();
        let work = |n: usize| {
            let input = input(n);
            let before = ALLOCATED.get();
            target(input.as_bytes());
            ALLOCATED.get() - before
        };
        work(10);
        let (once, tenfold) = (work(1_000), work(10_000));
        // Twofold more, because room is made in powers of two. What is not linear is a hundredfold.
        assert!(tenfold <= once * 20, "{name}: {once} bytes of memory for {}…, and {tenfold} for ten times as much", &input(5));
    }
}
