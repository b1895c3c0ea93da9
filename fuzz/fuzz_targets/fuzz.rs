//! One program for all targets: `TARGET` says which.
#![no_main]

use std::sync::LazyLock;

use eliza_jobs_fuzz::{TARGETS, Target};

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let wanted = std::env::var("TARGET").unwrap_or_default();
    let names = TARGETS.map(|(name, _)| name).join(", ");
    TARGETS.into_iter().find(|(name, _)| *name == wanted).unwrap_or_else(|| panic!("TARGET must be one of {names}"))
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (TARGET.1)(bytes));
