//! How files are transferred.

use crate::scp::report::ScpProgress;
use konko_filesystem::local_tree::NameRule;
use std::sync::Arc;
use std::time::Duration;

/// How long the other side may be silent unless said otherwise.
const DEFAULT_STALL: Duration = Duration::from_secs(120);

/// Whoever is told how far files have come, on the thread that transfers.
pub type ProgressCallback = Arc<dyn Fn(&ScpProgress<'_>) + Send + Sync>;

/// How files are transferred.
#[derive(Clone)]
#[non_exhaustive]
pub struct ScpOptions {
    /// Whether directories are transferred with all that is in them; not by default.
    pub recursive: bool,
    /// Whether modes and times are preserved; not by default.
    pub preserve: bool,
    /// Whether, of preserved modes, set-user-id, set-group-id and sticky bits are kept in downloads; not by
    /// default.
    pub special_bits: bool,
    /// Whether a downloaded file gets its name only when it is whole, in place of being written where it stands.
    /// Yes by default.
    pub atomic: bool,
    /// Whether a downloaded file is on the disk before it counts as done; not by default.
    pub sync: bool,
    /// Which names of the server are taken in downloads; those of Unix by default.
    pub names: NameRule,
    /// Whether `*`, `?` and `[...]` in remote paths of downloads stand for names; a backslash takes that from them.
    /// By default they stand for themselves.
    pub patterns: bool,
    /// Whether whatever the server sends at the top is taken, whatever was asked for: for servers that call things
    /// otherwise. Never outside of the target, and not by default.
    pub any_name: bool,
    /// The most bytes a second; as many as can be by default.
    pub limit: Option<u64>,
    /// How long the other side may neither send nor take anything; two minutes by default, `None` for ever.
    pub stall: Option<Duration>,
    /// Who is told how far files have come.
    pub progress: Option<ProgressCallback>,
}

impl Default for ScpOptions {
    fn default() -> Self {
        Self {
            recursive: false,
            preserve: false,
            special_bits: false,
            atomic: true,
            sync: false,
            names: NameRule::Unix,
            patterns: false,
            any_name: false,
            limit: None,
            stall: Some(DEFAULT_STALL),
            progress: None,
        }
    }
}

impl std::fmt::Debug for ScpOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScpOptions")
            .field("recursive", &self.recursive)
            .field("preserve", &self.preserve)
            .field("atomic", &self.atomic)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
