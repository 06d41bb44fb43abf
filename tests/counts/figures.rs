//! Says what was counted, for whoever updates the tables: `cargo test --test counts -- --nocapture`.

/// Prints a figure, unless the test runner keeps the output to itself.
#[expect(clippy::print_stderr, reason = "this way the test runner shows it when asked to, and else not")]
pub fn say(what: &str, figure: &impl std::fmt::Debug) {
    eprintln!("{what}: {figure:?}");
}
