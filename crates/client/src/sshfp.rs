//! Fingerprints of host keys in the DNS. This library asks no name server: somebody else resolves.

use crate::boxed_future::BoxedFuture;
use std::sync::Arc;

pub use konko_trust::sshfp::{SshfpAnswer, SshfpError, SshfpRecord, SshfpVerdict};

/// Looks up SSHFP records.
pub trait SshfpResolver: Send + Sync {
    /// The records of a host. An answer is [authenticated](SshfpAnswer::authenticated) if DNSSEC vouches for it and
    /// nobody between the validating resolver and this program can change it; only such an answer is ever a reason
    /// to believe a key. An error, in words, is logged, and the same as no records.
    fn resolve<'a>(&'a self, host: &'a str) -> BoxedFuture<'a, Result<SshfpAnswer, String>>;
}

/// A resolver that is shared.
#[derive(Clone)]
pub struct SharedResolver(pub Arc<dyn SshfpResolver>);

impl std::fmt::Debug for SharedResolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedResolver(..)")
    }
}
