//! The lists of algorithms that the options choose.

use crate::option::error::OptionError;
use crate::option::settings::Settings;
use konko::transport::crypto::cipher::CIPHERS;
use konko::transport::crypto::kex::KEX_ALGORITHMS;
use konko::transport::crypto::mac::MACS;
use konko::transport::keys::signature_algorithm::{SIGNATURE_ALGORITHMS, SignatureAlgorithm};
use konko::transport::packet::{Algorithms, COMPRESSION_ALGORITHMS, Row, select};

/// What the option `name` makes of `rows`.
fn choose<T: Row>(
    name: &'static str,
    rows: &mut Vec<&'static T>,
    all: &[&'static T],
    list: Option<&String>,
) -> Result<(), OptionError> {
    if let Some(list) = list {
        *rows = select(rows, all, list).map_err(|reason| OptionError::Algorithms { name, reason })?;
    }
    Ok(())
}

/// What is offered to the server.
pub fn algorithms(settings: &Settings) -> Result<Algorithms, OptionError> {
    let mut offer = Algorithms::default();
    choose("KexAlgorithms", &mut offer.kex, KEX_ALGORITHMS, settings.kex_algorithms.as_ref())?;
    choose(
        "HostKeyAlgorithms",
        &mut offer.host_key,
        SIGNATURE_ALGORITHMS,
        settings.host_key_algorithms.as_ref(),
    )?;
    for rows in [&mut offer.cipher_client_to_server, &mut offer.cipher_server_to_client] {
        choose("Ciphers", rows, CIPHERS, settings.ciphers.as_ref())?;
    }
    for rows in [&mut offer.mac_client_to_server, &mut offer.mac_server_to_client] {
        choose("MACs", rows, MACS, settings.macs.as_ref())?;
    }
    if settings.compression == Some(true) {
        let list = "zlib@openssh.com,none".to_owned();
        for rows in [&mut offer.compression_client_to_server, &mut offer.compression_server_to_client] {
            choose("Compression", rows, COMPRESSION_ALGORITHMS, Some(&list))?;
        }
    }
    Ok(offer)
}

/// The signature algorithms that the user's keys may be used with.
pub fn pubkey_algorithms(settings: &Settings) -> Result<Vec<&'static SignatureAlgorithm>, OptionError> {
    let mut rows: Vec<_> = SIGNATURE_ALGORITHMS.iter().copied().filter(|row| !row.legacy).collect();
    let list = settings.pubkey_accepted_algorithms.as_ref();
    choose("PubkeyAcceptedAlgorithms", &mut rows, SIGNATURE_ALGORITHMS, list)?;
    Ok(rows)
}
