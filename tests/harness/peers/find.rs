//! Where the real programs are, and what to do when they are not.

use std::collections::BTreeMap;
use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// Set to `1`, it turns a skipped peer into a failed test.
pub const REQUIRE_PEERS: &str = "KONKO_REQUIRE_PEERS";

/// Servers live here, and not on everybody's path.
const SERVER_FOLDERS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// Looks for a program by name: among the peers installed beside the build, on the path, in the system's folders.
pub fn find_peer(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    std::iter::once(peers_environment().join("bin"))
        .chain(env::split_paths(&path))
        .chain(SERVER_FOLDERS.iter().map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|candidate| is_program(candidate))
}

/// As [`find_peer`]; says SKIP when there is none.
///
/// # Panics
/// When there is none and `KONKO_REQUIRE_PEERS=1`.
pub fn require_peer(name: &str) -> Option<PathBuf> {
    let found = find_peer(name);
    if found.is_none() {
        skip(&format!("{name} is not installed"));
    }
    found
}

/// The Python interpreter that has `module`; says SKIP when there is none.
///
/// # Panics
/// When there is none and `KONKO_REQUIRE_PEERS=1`.
pub fn require_python(module: &str) -> Option<PathBuf> {
    static FOUND: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(python) = found.get(module) {
        return Some(python.clone());
    }
    let own = peers_environment().join("bin").join("python");
    let Some(python) = [Some(own), find_peer("python3")]
        .into_iter()
        .flatten()
        .find_map(|python| with_module(&python, module))
    else {
        skip(&format!("no Python with {module} is installed"));
        return None;
    };
    found.insert(module.to_owned(), python.clone());
    Some(python)
}

/// The interpreter itself, if it has the module: what is called `python3` may be a script that looks for it first.
fn with_module(python: &Path, module: &str) -> Option<PathBuf> {
    let output = Command::new(python)
        .args(["-c", &format!("import sys, {module}; print(sys.executable)")])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let executable = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim_end());
    (output.status.success() && executable.is_absolute()).then_some(executable)
}

/// Says that a test cannot run here.
///
/// # Panics
/// When `KONKO_REQUIRE_PEERS=1`.
pub fn skip(reason: &str) {
    assert!(env::var_os(REQUIRE_PEERS).is_none_or(|value| value != "1"), "{reason}, and {REQUIRE_PEERS}=1");
    // A test that cannot write to its own output has nobody to tell.
    let _ = writeln!(std::io::stderr(), "SKIP: {reason}");
}

/// The top folder of the repository.
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn peers_environment() -> PathBuf {
    repository().join("target/peers")
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_and_nonsense_is_not() {
        assert!(find_peer("sh").is_some_and(|path| path.is_absolute()));
        assert_eq!(find_peer("no-such-program-anywhere"), None);
        assert!(repository().join("Cargo.toml").is_file());
    }
}
