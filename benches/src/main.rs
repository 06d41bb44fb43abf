//! Measures konko beside OpenSSH and russh in one run, and prints ratios. Also the peers and yardsticks that it
//! measures.
//!
//! `konko-bench` measures every row and prints a table of each, and which goals were met; `--markdown` prints the whole
//! of `BENCHMARKS.md` instead. `--rows` takes a list of `down,up,get,put,logins,echo,memory,growth,proxy,far-down,far-up,
//! far-get,far-put`, `--cipher` one of ciphers for the bulk rows, `--rounds`, `--bytes` and `--round-trips` numbers;
//! `--quick` makes everything small, to see whether it runs. The processors are kept awake meanwhile, unless
//! `--let-sleep` is given. It wants `target/release/konko` and
//! `benches/russh-peer/target/release/russh-peer`, or their places with `--konko` and `--russh`.

mod outcome;
mod awake;
mod task;
mod process;
mod settings;
mod turns;
mod peers;
mod delay;
mod plain;
mod model;
mod bulk;
mod files;
mod sessions;
mod growth;
mod table;
mod goals;
mod comparison;
mod sftp_peer;
mod peer;

use std::error::Error;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rest = arguments.get(1..).unwrap_or_default();
    match arguments.first().map(String::as_str) {
        Some("peer") => {
            let arguments = rest.to_vec();
            task::run(async move { peer::run(&arguments).await })
        }
        Some("model") => model::run(rest),
        Some("plain") => plain::run(rest),
        _ => comparison::run(&arguments),
    }
}
