//! Commands about this computer.

use crate::sftp::local_names::path_of;
use crate::sftp::shell::{Shell, put};
use crate::sftp::trouble::Trouble;
use crate::sftp::words::Word;
use std::path::PathBuf;
use std::process::Command;

/// The shell of whoever has none.
const USUAL_SHELL: &str = "/bin/sh";

/// `lcd`.
pub(super) fn change_directory(path: Option<&Word>) -> Result<(), Trouble> {
    let path = match path {
        Some(word) => path_of(word),
        None => std::env::home_dir().unwrap_or_else(|| PathBuf::from("/")),
    };
    std::env::set_current_dir(&path).map_err(|error| Trouble::local(path.display(), &error))
}

/// `lmkdir`.
pub(super) fn make_directory(path: &Word) -> Result<(), Trouble> {
    let path = path_of(path);
    std::fs::create_dir(&path).map_err(|error| Trouble::local(path.display(), &error))
}

/// `lpwd`.
pub(super) fn working_directory() -> Result<(), Trouble> {
    let directory = std::env::current_dir().map_err(|error| Trouble::local("the local directory", &error))?;
    put(&format!("Local working directory: {}\n", directory.display()))
}

/// `lumask`.
pub(super) fn umask(shell: &Shell, mask: u32) -> Result<(), Trouble> {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(mask));
    shell.say(format_args!("Local umask: {mask:03o}"))
}

/// `!` and `lls`.
pub(super) async fn run(line: Option<String>) -> Result<(), Trouble> {
    let program = std::env::var_os("SHELL").filter(|shell| !shell.is_empty());
    let mut command = Command::new(program.unwrap_or_else(|| USUAL_SHELL.into()));
    if let Some(line) = &line {
        command.arg("-c").arg(line);
    }
    let ended = tokio::task::spawn_blocking(move || command.status()).await;
    match ended {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(Trouble(format!("the command failed: {status}"))),
        Ok(Err(error)) => Err(Trouble::local("the shell", &error)),
        Err(error) => Err(Trouble(error.to_string())),
    }
}
