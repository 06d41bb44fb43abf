//! `konko sftp-server`: the subsystem `sftp` as a program on its standard streams, with the options of OpenSSH's
//! sftp-server(8).

use crate::exit::Failure;
use crate::log;
use crate::notice::print;
use crate::option::choice::{Choice, LogLevel};
use crate::syslog::{Facility, Syslog};
use konko::server::filesystem::rooted::filesystem::LocalFilesystem;
use konko::server::filesystem::rooted::options::{LocalOptions, Root};
use konko::server::sftp::protocol::server::config::ServerConfig;
use konko::server::sftp::protocol::server::request_name::RequestName;
use konko::server::{Account, Logged, serve_streams};
use rustix::fs::Mode;
use rustix::process::{Resource, getrlimit, umask};
use std::fs::File;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// How much the pipes to the client are asked to hold, in bytes. It is no fault if they do not.
const PIPE_SIZE: usize = 1024 * 1024;
/// Descriptors that are not for clients' files: the standard streams, the log, the root, a directory on the way.
const OWN_DESCRIPTORS: u64 = 32;
/// The most handles, whatever the system allows.
const MAXIMUM_HANDLES: u64 = 65_536;

/// Serve files over SFTP on standard input and output, as `Subsystem sftp` of an sshd or for `sftp -D`
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub struct SftpServerArguments {
    /// Print help
    #[arg(short = 'h', long = "help", action = clap::ArgAction::Help)]
    help: Option<bool>,
    /// Refuse everything that would change anything
    #[arg(short = 'R')]
    read_only: bool,
    /// Directory to start in; %d is the home directory, %u the user's name, %% a per cent sign [default: the current
    /// directory]
    #[arg(short = 'd', value_name = "DIRECTORY")]
    start_directory: Option<String>,
    /// Serve only what is below this directory, as /
    #[arg(long, value_name = "DIRECTORY")]
    root: Option<PathBuf>,
    /// Permission bits that new files and directories do not get, octal [default: as the process has it]
    #[arg(short = 'u', value_name = "UMASK", value_parser = parse_umask)]
    umask: Option<u32>,
    /// Log to standard error instead of the system's log
    #[arg(short = 'e')]
    log_to_stderr: bool,
    /// Facility of the system's log
    #[arg(short = 'f', value_name = "FACILITY", default_value = "AUTH", value_parser = parse_facility)]
    facility: Facility,
    /// What is logged: QUIET, FATAL, ERROR, INFO, VERBOSE, DEBUG, DEBUG1, DEBUG2 or DEBUG3; from INFO on, what is done
    /// with files
    #[arg(short = 'l', value_name = "LEVEL", default_value = "ERROR", value_parser = parse_log_level)]
    log_level: LogLevel,
    /// Requests that are refused, separated by commas; -Q requests lists them
    #[arg(short = 'P', value_name = "REQUESTS", value_parser = parse_requests)]
    denied: Option<Requests>,
    /// The only requests that are done, separated by commas
    #[arg(short = 'p', value_name = "REQUESTS", value_parser = parse_requests)]
    allowed: Option<Requests>,
    /// Print what there is of a feature, which can only be: requests
    #[arg(short = 'Q', value_name = "FEATURE", value_parser = ["requests"])]
    query: Option<String>,
}

/// A list of requests.
#[derive(Debug, Clone)]
struct Requests(Vec<RequestName>);

fn parse_umask(text: &str) -> Result<u32, String> {
    u32::from_str_radix(text, 8)
        .ok()
        .filter(|mask| *mask <= 0o777)
        .ok_or_else(|| "not an octal number up to 777".to_owned())
}

fn parse_facility(text: &str) -> Result<Facility, String> {
    Facility::parse(text).ok_or_else(|| format!("not one of {}", Facility::names()))
}

fn parse_log_level(text: &str) -> Result<LogLevel, String> {
    LogLevel::parse(text).ok_or_else(|| format!("not {}", LogLevel::EXPECTED))
}

fn parse_requests(text: &str) -> Result<Requests, String> {
    text.split(',')
        .map(|name| RequestName::parse(name).ok_or_else(|| format!("there is no request {name:?}")))
        .collect::<Result<_, _>>()
        .map(Requests)
}

/// Serves until the client has no more to ask.
///
/// # Errors
///
/// [`Failure`] if it cannot be started, the client breaks the protocol, or the streams fail.
pub fn run(arguments: &SftpServerArguments) -> Result<(), Failure> {
    if arguments.query.is_some() {
        return RequestName::ALL
            .iter()
            .try_for_each(print)
            .map_err(|error| Failure::local("standard output", error));
    }
    start_log(arguments);
    if let Some(mask) = arguments.umask {
        umask(Mode::from_raw_mode(mask as _));
    }
    let (root, options) = files(arguments)?;
    let files = LocalFilesystem::new(&root, options).map_err(|error| Failure::local("the root", error))?;
    let input = File::from(stream(rustix::stdio::stdin())?);
    let output = File::from(stream(rustix::stdio::stdout())?);
    let config = server_config(arguments);
    let served = if arguments.log_level >= LogLevel::Info {
        let who = Account::current().name.to_string_lossy().into_owned();
        serve_streams(&Logged::new(files, who), config, input, output)
    } else {
        serve_streams(&files, config, input, output)
    };
    served.map_err(|error| {
        tracing::error!(%error, "the session ends");
        Failure::Other(error.to_string())
    })
}

fn start_log(arguments: &SftpServerArguments) {
    if arguments.log_to_stderr {
        log::start_for_server(arguments.log_level);
        return;
    }
    tracing_subscriber::fmt()
        .with_max_level(log::filter(arguments.log_level))
        .with_ansi(false)
        .with_target(false)
        .with_level(false)
        .without_time()
        .with_writer(Syslog::open(arguments.facility))
        .init();
}

fn files(arguments: &SftpServerArguments) -> Result<(Root, LocalOptions), Failure> {
    let mut options = LocalOptions::default();
    options.read_only = arguments.read_only;
    let account = Account::current();
    let start = arguments.start_directory.as_ref().map(|text| expand(text, &account)).transpose()?;
    let root = match &arguments.root {
        Some(directory) => {
            options.start_directory = [b"/", start.unwrap_or_default().as_slice()].concat();
            Root::below(directory)
        }
        None => {
            let current =
                std::env::current_dir().map_err(|error| Failure::local("current directory", error))?;
            let start = match start {
                Some(start) => current.join(std::ffi::OsString::from_vec(start)),
                None => current,
            };
            options.start_directory = start.as_os_str().as_bytes().to_vec();
            // Clients may do what the user may do elsewhere.
            options.special_bits = true;
            Root::whole_system()
        }
    };
    Ok((root, options))
}

/// Replaces %d, %u and %%.
fn expand(text: &str, account: &Account) -> Result<Vec<u8>, Failure> {
    let mut expanded = Vec::new();
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        match next {
            '%' => match rest.next() {
                Some('%') => expanded.push(b'%'),
                Some('d') => expanded.extend_from_slice(account.home.as_os_str().as_bytes()),
                Some('u') => expanded.extend_from_slice(account.name.as_bytes()),
                _ => {
                    return Err(Failure::Other(format!(
                        "-d {text}: a per cent sign needs a d, u or % behind it"
                    )));
                }
            },
            plain => expanded.extend_from_slice(plain.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Ok(expanded)
}

fn server_config(arguments: &SftpServerArguments) -> ServerConfig {
    let mut config = ServerConfig::default();
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(MAXIMUM_HANDLES);
    let handles = descriptors.saturating_sub(OWN_DESCRIPTORS).min(MAXIMUM_HANDLES);
    config.maximum_handles = usize::try_from(handles).unwrap_or(usize::MAX).max(1);
    config.allowed = arguments.allowed.clone().map(|requests| requests.0);
    config.denied = arguments.denied.clone().map(|requests| requests.0).unwrap_or_default();
    config
}

/// A standard stream of our own, as large a pipe as the system allows.
fn stream(standard: BorrowedFd<'_>) -> Result<OwnedFd, Failure> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Err(error) = rustix::pipe::fcntl_setpipe_size(standard, PIPE_SIZE) {
        tracing::debug!(%error, "the pipe keeps its size");
    }
    standard.try_clone_to_owned().map_err(|error| Failure::local("a standard stream", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: F21
    #[test]
    fn what_is_not_known_is_an_error() {
        use clap::{Args, Command};
        let parse = |arguments: &[&str]| {
            SftpServerArguments::augment_args(Command::new("sftp-server"))
                .try_get_matches_from([&["sftp-server"], arguments].concat())
        };
        for good in [
            &[
                "-R",
                "-e",
                "-l",
                "DEBUG3",
                "-f",
                "LOCAL3",
                "-u",
                "027",
                "-d",
                "/x",
                "-P",
                "remove,setstat",
                "-p",
                "open",
            ][..],
            &["-Re"],
            &[],
        ] {
            assert!(parse(good).is_ok(), "{good:?}");
        }
        for bad in [
            &["-z"][..],
            &["-u", "8"],
            &["-u", "1777"],
            &["-P", "remove,frobnicate"],
            &["-p", ""],
            &["-f", "KERN"],
            &["-l", "LOUD"],
            &["-Q", "versions"],
            &["-d"],
            &["extra"],
            &["-R", "-e", "-R", "-e", "-R", "-e", "-R", "-e", "-R", "--read-only"],
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn tokens_of_the_start_directory_are_expanded() {
        let account = Account::current();
        let home = account.home.as_os_str().as_bytes();
        assert_eq!(expand("%d/%%x", &account).unwrap(), [home, b"/%x"].concat());
        assert_eq!(expand("/srv/%u", &account).unwrap(), [b"/srv/", account.name.as_bytes()].concat());
        assert!(expand("%h", &account).is_err());
        assert!(expand("%", &account).is_err());
    }
}
