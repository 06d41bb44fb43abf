//! The time zone of this process.

use konko::trust::time_zone::TimeZone;
use std::path::{Path, PathBuf};

/// The time zone of this process: `TZ`, or that of the system.
pub fn time_zone() -> TimeZone {
    let variable = std::env::var("TZ").ok();
    let path = match variable.as_deref().map(|zone| zone.strip_prefix(':').unwrap_or(zone)) {
        None => PathBuf::from("/etc/localtime"),
        Some("" | "UTC" | "UTC0" | "GMT") => return TimeZone::Utc,
        Some(name) => Path::new("/usr/share/zoneinfo").join(name),
    };
    // A zone that is not known is UTC, as it is for the C library.
    std::fs::read(path).ok().and_then(|bytes| TimeZone::parse(&bytes).ok()).unwrap_or(TimeZone::Utc)
}
