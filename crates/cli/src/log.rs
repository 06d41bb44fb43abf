//! Where log lines go and how they look.

use crate::exit::Failure;
use crate::option::choice::LogLevel;
use crate::terminal;
use std::fmt;
use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Mutex;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// The least important level that is told at `level`.
pub const fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Quiet => LevelFilter::OFF,
        LogLevel::Fatal | LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Info | LogLevel::Verbose => LevelFilter::INFO,
        LogLevel::Debug1 => LevelFilter::DEBUG,
        LogLevel::Debug2 | LogLevel::Debug3 => LevelFilter::TRACE,
    }
}

/// Lines in the manner of OpenSSH: `debug1: ` and the like before those that are not for everybody.
struct ClientLines;

impl<S, N> FormatEvent<S, N> for ClientLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        writer.write_str(match *event.metadata().level() {
            Level::ERROR | Level::INFO => "",
            Level::WARN => "Warning: ",
            Level::DEBUG => "debug1: ",
            Level::TRACE => "debug2: ",
        })?;
        context.format_fields(writer.by_ref(), event)?;
        writer.write_str(if terminal::is_raw() { "\r\n" } else { "\n" })
    }
}

/// Sends the log of `konko ssh` to standard error, or to the end of a file.
///
/// # Errors
///
/// If the file cannot be written.
pub fn start_for_client(level: LogLevel, file: Option<&Path>) -> Result<(), Failure> {
    let builder = tracing_subscriber::fmt().with_max_level(filter(level)).with_ansi(false);
    match file {
        None => builder.with_writer(std::io::stderr).event_format(ClientLines).init(),
        Some(path) => {
            let file = OpenOptions::new().append(true).create(true).open(path);
            let file =
                file.map_err(|error| Failure::local(format!("cannot write {}", path.display()), error))?;
            builder.with_writer(Mutex::new(file)).event_format(ClientLines).init();
        }
    }
    Ok(())
}

/// Sends the log of a server to standard error, each line with the time and its level.
pub fn start_for_server(level: LogLevel) {
    tracing_subscriber::fmt()
        .with_max_level(filter(level))
        .with_ansi(false)
        .with_target(false)
        .with_writer(std::io::stderr)
        .init();
}
