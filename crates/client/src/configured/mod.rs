//! Connections as ssh_config(5) describes them: [`konko_config`] says what applies to a host, and this does it.
//!
//! ```no_run
//! use konko_client::config::{Configuration, Request};
//! use konko_client::configured::{self, Unattended, catalogue};
//! use konko_client::SystemSource;
//!
//! # async fn example() -> Result<(), configured::Error> {
//! let mut source = SystemSource::default();
//! let configuration = Configuration::new(SystemSource::local("my program"), catalogue());
//! let resolved = configuration.resolve(&Request::new("build-server"), &mut source)?;
//! let route = configured::Route::find(resolved, &Request::default(), &configuration, &mut source)?;
//! let client = route.connect(&Unattended).await?;
//! let output = client.command("uname -a").output().await;
//! # let _ = output;
//! # Ok(())
//! # }
//! ```

pub mod error;
pub mod catalogue;
mod support;
pub mod attendant;
mod credentials;
mod known_hosts;
mod options;
mod proxy_command;
pub mod route;
#[cfg(unix)]
mod waiting_route;
mod socks;
mod listener;
pub mod forwardings;

pub use attendant::{Attendance, Attendant, Unattended};
pub use catalogue::catalogue;
pub use credentials::agent_to_forward;
pub use error::Error;
pub use forwardings::Forwardings;
pub use route::Route;
