//! Measures konko beside OpenSSH and russh in one run, and prints ratios. Also the konko peer that it measures.
//!
//! `konko-bench [--rounds N] [--bytes N] [--rows down,up,logins,echo,memory,get,put,far-get,far-put]` runs the comparison: every cell of a row in
//! turn, round after round, so that a busy moment of the machine hits all of them alike.

mod outcome;
mod process;
mod peers;
mod delay;
mod files;
mod rows;
mod sftp_peer;
mod peer;

use std::error::Error;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "peer") {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        return runtime.block_on(peer::run(&arguments[1..]));
    }
    rows::run(&arguments)
}
