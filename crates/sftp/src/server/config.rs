//! What a server allows and how much of everything.

use crate::server::request_name::RequestName;

/// The longest packet of a client that is taken, in bytes, without its length field: as OpenSSH.
pub const MAXIMUM_PACKET: u32 = 256 * 1024;
/// The most bytes that one READ gets and, beside the other fields, a WRITE can carry: as OpenSSH.
pub const MAXIMUM_DATA: u32 = MAXIMUM_PACKET - 1024;

/// Which of the two paths of SYMLINK comes first. The draft says the link (§6.10); OpenSSH has them the other way
/// round (its PROTOCOL 4.1), and so has nearly everybody, some only with servers that they take for OpenSSH's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SymlinkOrder {
    /// As OpenSSH: what the link says comes first.
    #[default]
    TargetFirst,
    /// As the draft: where the link is comes first.
    LinkFirst,
}

impl SymlinkOrder {
    /// The order of a client of this software (as in its identification string, RFC 4253 §4.2) with a server that is
    /// not OpenSSH's. AsyncSSH, libssh and WinSCP obey the draft then.
    pub fn of_client(software: &str) -> Self {
        if ["AsyncSSH", "libssh_", "libssh-", "WinSCP"].iter().any(|name| software.starts_with(name)) {
            Self::LinkFirst
        } else {
            Self::TargetFirst
        }
    }
}

/// The settings of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerConfig {
    /// The longest packet of a client that is taken, in bytes; 256 KiB. A longer one ends the session.
    pub maximum_packet: u32,
    /// The most bytes that one READ gets; 255 KiB. A longer one gets as many.
    pub maximum_read: u32,
    /// The most handles that may be open at once; 256. To open more fails.
    pub maximum_handles: usize,
    /// The most requests that are taken before one of them is answered; 64. Further ones stay unread.
    pub maximum_requests: usize,
    /// The most bytes of requests that are taken before one of them is answered; 1 MiB. One more may come on top.
    pub maximum_held: usize,
    /// The most bytes of answers that wait to be sent before no more requests are taken; 512 KiB. One more answer may
    /// come on top.
    pub maximum_output: usize,
    /// The most names of one answer to READDIR; 100.
    pub maximum_names: usize,
    /// How the client says SYMLINK; as OpenSSH's does unless set.
    pub symlink_order: SymlinkOrder,
    /// The only requests that are done, if not all. CLOSE is always done.
    pub allowed: Option<Vec<RequestName>>,
    /// Requests that are not done, even if they are allowed.
    pub denied: Vec<RequestName>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            maximum_packet: MAXIMUM_PACKET,
            maximum_read: MAXIMUM_DATA,
            maximum_handles: 256,
            maximum_requests: 64,
            maximum_held: 1024 * 1024,
            maximum_output: 512 * 1024,
            maximum_names: 100,
            symlink_order: SymlinkOrder::default(),
            allowed: None,
            denied: Vec::new(),
        }
    }
}

impl ServerConfig {
    /// Whether a request of this kind is done.
    pub fn allows(&self, name: RequestName) -> bool {
        let listed = self.allowed.as_ref().is_none_or(|allowed| allowed.contains(&name));
        name == RequestName::Close || (listed && !self.denied.contains(&name))
    }
}

#[cfg(test)]
mod tests {
    use super::SymlinkOrder;

    // covers: F17
    #[test]
    fn clients_that_obey_the_draft_are_known() {
        for (software, order) in [
            ("AsyncSSH_2.24.1", SymlinkOrder::LinkFirst),
            ("libssh_0.11.1", SymlinkOrder::LinkFirst),
            ("libssh-0.7.3", SymlinkOrder::LinkFirst),
            ("WinSCP_release_6.5", SymlinkOrder::LinkFirst),
            ("libssh2_1.11.0", SymlinkOrder::TargetFirst),
            ("OpenSSH_10.2", SymlinkOrder::TargetFirst),
            ("paramiko_5.1.0", SymlinkOrder::TargetFirst),
            ("", SymlinkOrder::TargetFirst),
        ] {
            assert_eq!(SymlinkOrder::of_client(software), order, "{software}");
        }
    }
}
