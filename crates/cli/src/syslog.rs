//! Log lines to the system's log (RFC 3164's form, as syslog(3) sends it).

use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// Where the system's log listens.
const SOCKET: &str = "/dev/log";
/// What lines begin with.
const NAME: &str = "konko-sftp-server";

/// The facilities that sftp-server(8) knows, with their codes (RFC 3164 §4.1.1).
const FACILITIES: [(&str, u8); 11] = [
    ("DAEMON", 3),
    ("USER", 1),
    ("AUTH", 4),
    ("LOCAL0", 16),
    ("LOCAL1", 17),
    ("LOCAL2", 18),
    ("LOCAL3", 19),
    ("LOCAL4", 20),
    ("LOCAL5", 21),
    ("LOCAL6", 22),
    ("LOCAL7", 23),
];

/// A facility of the system's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facility(u8);

impl Facility {
    /// The facility of a name, in whatever case.
    pub fn parse(text: &str) -> Option<Self> {
        FACILITIES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, code)| Self(*code))
    }

    /// What there is to choose from.
    pub fn names() -> String {
        FACILITIES.map(|(name, _)| name).join(", ")
    }
}

/// The system's log. Without one, lines are lost.
#[derive(Debug)]
pub struct Syslog {
    socket: Option<UnixDatagram>,
    facility: Facility,
}

impl Syslog {
    /// The log of this system, if anybody listens there.
    pub fn open(facility: Facility) -> Self {
        let socket = UnixDatagram::unbound().and_then(|socket| {
            socket.connect(SOCKET)?;
            // A log that is slow must not hold up the transfer of files.
            socket.set_nonblocking(true)?;
            Ok(socket)
        });
        Self { socket: socket.ok(), facility }
    }
}

/// One line.
#[derive(Debug)]
pub struct SyslogLine<'a> {
    log: &'a Syslog,
    severity: u8,
}

impl Write for SyslogLine<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Some(socket) = &self.log.socket {
            let priority = self.log.facility.0 * 8 + self.severity;
            let mut message = format!("<{priority}>{NAME}[{}]: ", std::process::id()).into_bytes();
            message.extend_from_slice(line.trim_ascii_end());
            // There is nobody to tell if that fails.
            let _ = socket.send(&message);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Syslog {
    type Writer = SyslogLine<'a>;

    fn make_writer(&'a self) -> SyslogLine<'a> {
        SyslogLine { log: self, severity: 6 }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> SyslogLine<'a> {
        let severity = match *metadata.level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            Level::DEBUG | Level::TRACE => 7,
        };
        SyslogLine { log: self, severity }
    }
}

#[cfg(test)]
mod tests {
    use super::Facility;

    #[test]
    fn facilities_have_the_codes_of_the_rfc() {
        assert_eq!(Facility::parse("auth"), Some(Facility(4)));
        assert_eq!(Facility::parse("LOCAL7"), Some(Facility(23)));
        assert_eq!(Facility::parse("KERN"), None);
        assert!(Facility::names().starts_with("DAEMON, USER, AUTH"));
    }
}
