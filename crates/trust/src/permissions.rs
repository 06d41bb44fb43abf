//! What somebody may do once they are logged in.

use crate::forward_permission::ForwardPermission;
use crate::key_options::{KeyOptions, TunnelDevice};
use konko_keys::certificate::Certificate;
use konko_keys::certificate_option::Extension;
use konko_keys::security_key::SecurityKeyPolicy;

/// What somebody may do once they are logged in. [`Default`] is everything.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Permissions {
    /// What runs in place of whatever is asked for.
    pub forced_command: Option<String>,
    /// Variables of the environment, if the server permits them.
    pub environment: Vec<(String, String)>,
    /// Where connections may be opened to; anywhere if it is empty. All lists must allow it.
    pub permit_open: Vec<Vec<ForwardPermission>>,
    /// Where may be listened; anywhere if it is empty. All lists must allow it.
    pub permit_listen: Vec<Vec<ForwardPermission>>,
    /// The tunnel device.
    pub tunnel: Option<TunnelDevice>,
    /// Whether the agent may be forwarded.
    pub agent_forwarding: bool,
    /// Whether ports and sockets may be forwarded.
    pub port_forwarding: bool,
    /// Whether there may be a terminal.
    pub pty: bool,
    /// Whether `~/.ssh/rc` runs.
    pub user_rc: bool,
    /// Whether X11 may be forwarded.
    pub x11_forwarding: bool,
    /// What a security key must have done for its signature to count.
    pub security_key: SecurityKeyPolicy,
}

/// Two commands are forced, and they are not the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("two different commands are forced")]
pub struct ConflictingCommands;

impl Default for Permissions {
    fn default() -> Self {
        Self::of_options(&KeyOptions::default())
    }
}

impl Permissions {
    /// Those of a line of authorized_keys.
    pub fn of_options(options: &KeyOptions) -> Self {
        let list = |permissions: &[ForwardPermission]| match permissions {
            [] => Vec::new(),
            permissions => vec![permissions.to_vec()],
        };
        Self {
            forced_command: options.command.clone(),
            environment: options.environment.clone(),
            permit_open: list(&options.permit_open),
            permit_listen: list(&options.permit_listen),
            tunnel: options.tunnel,
            agent_forwarding: options.agent_forwarding,
            port_forwarding: options.port_forwarding,
            pty: options.pty,
            user_rc: options.user_rc,
            x11_forwarding: options.x11_forwarding,
            security_key: SecurityKeyPolicy {
                user_presence: !options.no_touch_required,
                user_verification: options.verify_required,
            },
        }
    }

    /// Those of a certificate: what its extensions do not permit is forbidden.
    pub fn of_certificate(certificate: &Certificate) -> Self {
        Self {
            forced_command: certificate.force_command().map(str::to_owned),
            environment: Vec::new(),
            permit_open: Vec::new(),
            permit_listen: Vec::new(),
            tunnel: None,
            agent_forwarding: certificate.permits(Extension::PermitAgentForwarding),
            port_forwarding: certificate.permits(Extension::PermitPortForwarding),
            pty: certificate.permits(Extension::PermitPty),
            user_rc: certificate.permits(Extension::PermitUserRc),
            x11_forwarding: certificate.permits(Extension::PermitX11Forwarding),
            security_key: certificate.security_key_policy(),
        }
    }

    /// What both permit: of a line and a certificate, or of two factors of one login.
    ///
    /// # Errors
    ///
    /// [`ConflictingCommands`]: nobody may be let in then.
    pub fn and(mut self, other: Self) -> Result<Self, ConflictingCommands> {
        self.forced_command = match (self.forced_command, other.forced_command) {
            (Some(one), Some(two)) if one != two => return Err(ConflictingCommands),
            (one, two) => one.or(two),
        };
        for (name, value) in other.environment {
            if self.environment.iter().all(|(present, _)| *present != name) {
                self.environment.push((name, value));
            }
        }
        self.permit_open.extend(other.permit_open);
        self.permit_listen.extend(other.permit_listen);
        self.tunnel = self.tunnel.or(other.tunnel);
        self.agent_forwarding &= other.agent_forwarding;
        self.port_forwarding &= other.port_forwarding;
        self.pty &= other.pty;
        self.user_rc &= other.user_rc;
        self.x11_forwarding &= other.x11_forwarding;
        self.security_key = SecurityKeyPolicy {
            user_presence: self.security_key.user_presence || other.security_key.user_presence,
            user_verification: self.security_key.user_verification || other.security_key.user_verification,
        };
        Ok(self)
    }

    /// Whether a connection to this host and port may be opened.
    pub fn allows_open(&self, host: &str, port: u16) -> bool {
        let allows = |list: &Vec<ForwardPermission>| list.iter().any(|one| one.allows_open(host, port));
        self.port_forwarding && self.permit_open.iter().all(allows)
    }

    /// Whether a connection to a Unix socket may be opened: not where hosts and ports are listed.
    pub const fn allows_open_socket(&self) -> bool {
        self.port_forwarding && self.permit_open.is_empty()
    }

    /// Whether a Unix socket may be listened at: not where hosts and ports are listed.
    pub const fn allows_listen_socket(&self) -> bool {
        self.port_forwarding && self.permit_listen.is_empty()
    }

    /// Whether this address and port may be listened at.
    pub fn allows_listen(&self, host: &str, port: u16) -> bool {
        let allows = |list: &Vec<ForwardPermission>| list.iter().any(|one| one.allows_listen(host, port));
        self.port_forwarding && self.permit_listen.iter().all(allows)
    }
}
