//! The algorithms of this client by the names that a configuration uses.

use konko_config::{AlgorithmLists, Catalogue};
use konko_transport::crypto::cipher::CIPHERS;
use konko_transport::crypto::kex::KEX_ALGORITHMS;
use konko_transport::crypto::mac::MACS;
use konko_transport::keys::signature_algorithm::{
    CERTIFICATE_ALGORITHMS, SECURITY_KEY_ALGORITHMS, SIGNATURE_ALGORITHMS, SignatureAlgorithm,
};
use konko_transport::packet::{Algorithms, PacketConfig, Row};

/// Every signature algorithm of plain keys, of authenticators and of certificates.
fn signature_algorithms() -> Vec<&'static SignatureAlgorithm> {
    [SIGNATURE_ALGORITHMS, SECURITY_KEY_ALGORITHMS, CERTIFICATE_ALGORITHMS].concat()
}

fn names<T: Row>(default: &[&'static T], all: &[&'static T]) -> konko_config::Algorithms {
    let names = |rows: &[&'static T]| rows.iter().map(|row| row.name().to_owned()).collect();
    let mut algorithms = konko_config::Algorithms::default();
    (algorithms.default, algorithms.all) = (names(default), names(all));
    algorithms
}

/// The algorithms of this client.
pub fn catalogue() -> Catalogue {
    let default = Algorithms::default();
    let keys = names(&default.host_key, &signature_algorithms());
    let authorities: Vec<_> = [SIGNATURE_ALGORITHMS, SECURITY_KEY_ALGORITHMS].concat();
    let trusted: Vec<_> = authorities.iter().copied().filter(|row| !row.legacy).collect();
    Catalogue {
        ciphers: names(&default.cipher_client_to_server, CIPHERS),
        macs: names(&default.mac_client_to_server, MACS),
        kex: names(&default.kex, KEX_ALGORITHMS),
        keys,
        ca_signatures: names(&trusted, &authorities),
        required_rsa_size: PacketConfig::default().minimum_rsa_bits,
    }
}

/// The rows of these names, in that order. All names come from [`catalogue`].
fn rows<T: Row>(names: &[String], all: &[&'static T]) -> Vec<&'static T> {
    names.iter().filter_map(|name| all.iter().copied().find(|row| row.name() == name)).collect()
}

/// What is offered to the server.
pub(crate) fn algorithms(lists: &AlgorithmLists) -> Algorithms {
    let ciphers = rows(&lists.ciphers, CIPHERS);
    let macs = rows(&lists.macs, MACS);
    let mut algorithms = Algorithms::default().with_ciphers(ciphers).with_macs(macs);
    algorithms.kex = rows(&lists.kex, KEX_ALGORITHMS);
    algorithms.host_key = signature_rows(&lists.host_key);
    algorithms
}

/// The signature algorithms of these names.
pub(crate) fn signature_rows(names: &[String]) -> Vec<&'static SignatureAlgorithm> {
    rows(names, &signature_algorithms())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_one_of_all() {
        let catalogue = catalogue();
        for algorithms in
            [&catalogue.ciphers, &catalogue.macs, &catalogue.kex, &catalogue.keys, &catalogue.ca_signatures]
        {
            assert!(!algorithms.default.is_empty());
            assert!(algorithms.default.iter().all(|name| algorithms.all.contains(name)));
        }
    }
}
