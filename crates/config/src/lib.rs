//! ssh_config: every keyword, Host, Match, Include, tokens, and what applies to a host.
//!
//! [`Configuration`] takes the options of a command line, reads files through a [`Source`] that the caller gives,
//! and says in a [`Resolved`] what applies to one host, and where each value comes from. It opens no file, runs no
//! command and looks up no host itself.
//!
//! [`Resolved::dump`] prints what `ssh -G` of OpenSSH 9.2 prints. On purpose it is otherwise here that:
//!
//! - `SyslogFacility` and `StreamLocalBindMask` count only where they apply, and the first one does;
//! - a directory among included files is noted, one that is named alone is an error, and files have limits;
//! - a host or user that a shell could read as more than a word is not put into `ProxyCommand`, `LocalCommand` and
//!   `Match exec`;
//! - forwardings to sockets stand after the dynamic ones, and the same file with a key stands once.

mod origin;
mod error;
mod words;
mod number;
mod pattern;
mod network;
mod choice;
mod keyword;
mod forward;
mod jump;
mod source;
mod catalogue;
mod token;
mod value;
mod settings;
mod criteria;
mod reader;
mod canonical;
mod typed;
mod resolved;
mod request;
mod configuration;
mod dump;

pub use catalogue::{Algorithms, Catalogue};
pub use configuration::Configuration;
pub use error::{ConfigError, ConfigErrors, Note, Problem};
pub use forward::{Endpoint, Forward};
pub use jump::{JumpHost, Jumps};
pub use keyword::{AlgorithmList, Keyword};
pub use origin::Origin;
pub use request::{Files, Request};
pub use resolved::{AlgorithmLists, NamedFile, Resolved};
pub use settings::Setting;
pub use source::{Found, Local, Source};
pub use token::Tokens;
pub use typed::{
    AddKeysToAgent, AddressFamily, AgentPath, LogLevel, PubkeyAuthentication, RequestTty, SessionType,
    StrictHostKeyChecking, YesNoAsk,
};
pub use value::Value;
