//! The README says what the tables hold.

use konko::transport::crypto::cipher::CIPHERS;
use konko::transport::crypto::kex::KEX_ALGORITHMS;
use konko::transport::crypto::mac::MACS;
use konko::transport::keys::signature_algorithm::SIGNATURE_ALGORITHMS;
use konko::transport::packet::{Algorithms, COMPRESSION_ALGORITHMS};

const README: &str = include_str!("../../../README.md");

/// The cells of the table of algorithms in the row `kind`: offered, and opt-in.
fn cells(kind: &str) -> (Vec<&'static str>, Vec<&'static str>) {
    let start = format!("| {kind} |");
    let line =
        README.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("no row {kind}"));
    let names = |cell: &'static str| cell.split('`').skip(1).step_by(2).collect::<Vec<_>>();
    let mut cells = line.split('|').skip(2);
    (names(cells.next().unwrap_or_default()), names(cells.next().unwrap_or_default()))
}

fn split<T>(
    rows: &[&'static T],
    name: impl Fn(&T) -> &'static str,
    legacy: impl Fn(&T) -> bool,
) -> (Vec<&'static str>, Vec<&'static str>) {
    let (opt_in, offered): (Vec<&T>, Vec<&T>) = rows.iter().copied().partition(|row| legacy(row));
    (offered.into_iter().map(&name).collect(), opt_in.into_iter().map(&name).collect())
}

fn sorted(
    (mut offered, mut opt_in): (Vec<&'static str>, Vec<&'static str>),
) -> (Vec<&'static str>, Vec<&'static str>) {
    offered.sort_unstable();
    opt_in.sort_unstable();
    (offered, opt_in)
}

#[test]
fn the_readme_lists_every_row_where_it_belongs() {
    assert_eq!(
        sorted(cells("key exchange")),
        sorted(split(KEX_ALGORITHMS, |row| row.name, |row| row.legacy))
    );
    assert_eq!(sorted(cells("cipher")), sorted(split(CIPHERS, |row| row.name, |row| row.legacy)));
    assert_eq!(sorted(cells("MAC")), sorted(split(MACS, |row| row.name, |row| row.legacy)));
    assert_eq!(
        sorted(cells("host and user keys")),
        sorted(split(SIGNATURE_ALGORITHMS, |row| row.name, |row| row.legacy))
    );
    let (offered, opt_in) = cells("compression");
    assert_eq!(offered.len() + opt_in.len(), COMPRESSION_ALGORITHMS.len());
}

#[test]
fn the_readme_gives_the_order_of_preference() {
    let default = Algorithms::default();
    assert_eq!(
        cells("cipher").0,
        default.cipher_client_to_server.iter().map(|row| row.name).collect::<Vec<_>>()
    );
    assert_eq!(cells("MAC").0, default.mac_client_to_server.iter().map(|row| row.name).collect::<Vec<_>>());
    assert_eq!(cells("key exchange").0, default.kex.iter().map(|row| row.name).collect::<Vec<_>>());
}
