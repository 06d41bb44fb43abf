//! What the options of the command line mean for the client.

use crate::arguments::ssh_arguments::SshArguments;
use crate::exit::Failure;
use crate::lenient_host_keys::LenientHostKeys;
use crate::option::algorithms::{algorithms, pubkey_algorithms};
use crate::option::choice::{AddressFamily, LogLevel, StrictHostKeyChecking};
use crate::option::settings::Settings;
use crate::path_expansion::Tokens;
use crate::prompter::{HostKeyQuestion, UserPrompter};
use konko::client::{
    Address, ClientOptions, Credential, HostKeyPolicy, KeyFile, KnownHostsFiles, Passphrase, Prompter,
};
use konko::server::Account;
use konko::transport::ClientConfig;
use konko::transport::packet::{PacketConfig, RekeyPolicy};
use konko::transport::userauth::MethodName;
use std::net::{IpAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Where to connect to, and how.
#[derive(Debug)]
pub struct Target {
    /// The host and port, as the client reads them.
    pub address: String,
    /// The host, for messages.
    pub host: String,
    /// The rest.
    pub options: ClientOptions,
}

/// The methods in the order of ssh(1).
const USUAL_METHODS: [MethodName; 3] =
    [MethodName::PublicKey, MethodName::KeyboardInteractive, MethodName::Password];
/// The names of methods that ssh(1) has and this client has not. They are passed over.
const OTHER_METHODS: [&str; 2] = ["gssapi-with-mic", "hostbased"];

/// How much is told.
pub fn log_level(settings: &Settings) -> LogLevel {
    settings.log_level.unwrap_or(LogLevel::Info)
}

/// Where to connect to, and how.
///
/// # Errors
///
/// [`Failure`] for options that make no sense, or that are not supported.
pub fn target(arguments: &SshArguments) -> Result<Target, Failure> {
    let settings = &arguments.settings;
    refuse_unsupported(settings)?;
    let host = settings.host_name.as_ref().unwrap_or(&arguments.host);
    // The only token of HostName that says something here.
    let host = host.replace("%h", &arguments.host).to_ascii_lowercase();
    let port = settings.port.unwrap_or(konko::client::address::DEFAULT_PORT);
    let address = Address::new(host.as_str(), Some(port));
    let address = address.map_err(|error| Failure::Other(format!("the host name \"{host}\": {error}")))?;
    let account = Account::current();
    let local_user = account.name.to_string_lossy().into_owned();
    let user = settings.user.clone().unwrap_or_else(|| local_user.clone());
    let tokens = Tokens {
        host: &host,
        original_host: &arguments.host,
        host_key_alias: settings.host_key_alias.as_deref().unwrap_or(&host),
        port,
        remote_user: &user,
        local_user: &local_user,
        home: std::env::home_dir(),
    };
    let withheld = Arc::new(AtomicBool::new(false));
    let shows_notices = log_level(settings) >= LogLevel::Info;
    let policy = host_key_policy(settings, &tokens, shows_notices, Arc::clone(&withheld))?;
    let mut options = ClientOptions::new(user.as_str(), policy);
    let prompter: Arc<dyn Prompter> = Arc::new(UserPrompter::new(&user, &host, shows_notices, withheld));
    set_credentials(&mut options, settings, &tokens, &prompter)?;
    set_connection(&mut options, settings)?;
    options.prompter = Some(prompter);
    options.port = port;
    Ok(Target { address: address.to_string(), host, options })
}

/// What the parser knows and this client cannot do.
fn refuse_unsupported(settings: &Settings) -> Result<(), Failure> {
    if settings.tcp_keep_alive == Some(false) {
        return Err(Failure::Other("TCPKeepAlive=no is not supported yet".to_owned()));
    }
    Ok(())
}

fn known_hosts_files(settings: &Settings, tokens: &Tokens<'_>) -> Result<KnownHostsFiles, Failure> {
    let paths =
        |names: &Vec<String>| names.iter().map(|name| tokens.path(name)).collect::<Result<Vec<_>, _>>();
    let mut files = KnownHostsFiles::default();
    if let Some(names) = &settings.user_known_hosts_files {
        files = files.with_user(paths(names)?);
    }
    if let Some(names) = &settings.global_known_hosts_files {
        files = files.with_global(paths(names)?);
    }
    Ok(files.with_hash_names(settings.hash_known_hosts.unwrap_or(false)))
}

fn host_key_policy(
    settings: &Settings,
    tokens: &Tokens<'_>,
    notices: bool,
    passwords_withheld: Arc<AtomicBool>,
) -> Result<HostKeyPolicy, Failure> {
    let files = known_hosts_files(settings, tokens)?;
    let batch_mode = settings.batch_mode.unwrap_or(false);
    Ok(match settings.strict_host_key_checking.unwrap_or(StrictHostKeyChecking::Ask) {
        StrictHostKeyChecking::Yes => HostKeyPolicy::Strict(files),
        // There is nobody to ask.
        StrictHostKeyChecking::Ask if batch_mode => HostKeyPolicy::Strict(files),
        StrictHostKeyChecking::Ask => HostKeyPolicy::Ask(files, Arc::new(HostKeyQuestion { notices })),
        StrictHostKeyChecking::AcceptNew => HostKeyPolicy::AcceptNew(files),
        StrictHostKeyChecking::Off => {
            HostKeyPolicy::Custom(Arc::new(LenientHostKeys::new(files, notices, passwords_withheld)))
        }
    })
}

/// The methods that may be used, in order.
fn methods(settings: &Settings) -> Result<Vec<MethodName>, Failure> {
    let mut methods = match &settings.preferred_authentications {
        None => USUAL_METHODS.to_vec(),
        Some(names) => {
            let mut methods = Vec::new();
            for name in names {
                match MethodName::by_name(name.as_bytes()) {
                    Some(method) => methods.push(method),
                    None if OTHER_METHODS.contains(&name.as_str()) => {}
                    None => {
                        return Err(Failure::Other(format!(
                            "PreferredAuthentications: unknown method \"{name}\""
                        )));
                    }
                }
            }
            methods
        }
    };
    // A person is needed for these.
    let asks = settings.batch_mode != Some(true) && settings.number_of_password_prompts != Some(0);
    methods.retain(|method| match method {
        MethodName::PublicKey => settings.pubkey_authentication.unwrap_or(true),
        MethodName::Password => asks && settings.password_authentication.unwrap_or(true),
        MethodName::KeyboardInteractive => asks && settings.kbd_interactive_authentication.unwrap_or(true),
        _ => false,
    });
    Ok(methods)
}

/// The files that are named, or those where keys usually are. One that is named and not there is a warning.
fn keys(
    settings: &Settings,
    tokens: &Tokens<'_>,
    passphrase: &Passphrase,
) -> Result<Vec<Credential>, Failure> {
    let Some(names) = &settings.identity_files else { return Ok(Credential::default_keys(passphrase)) };
    let paths = names.iter().map(|name| tokens.path(name)).collect::<Result<Vec<PathBuf>, _>>()?;
    let mut keys = Vec::new();
    for path in paths {
        match std::fs::metadata(&path) {
            Ok(_) => keys.push(Credential::KeyFile(KeyFile::new(path).with_passphrase(passphrase.clone()))),
            Err(error) => tracing::warn!("Identity file {} not accessible: {error}.", path.display()),
        }
    }
    Ok(keys)
}

fn set_credentials(
    options: &mut ClientOptions,
    settings: &Settings,
    tokens: &Tokens<'_>,
    prompter: &Arc<dyn Prompter>,
) -> Result<(), Failure> {
    let passphrase = match settings.batch_mode {
        Some(true) => Passphrase::None,
        _ => Passphrase::Ask(Arc::clone(prompter)),
    };
    let methods = methods(settings)?;
    // As ssh(1) does, ask without any proof first: a server may be content with that.
    options.credentials = vec![Credential::None];
    if methods.contains(&MethodName::PublicKey) {
        options.credentials.extend(keys(settings, tokens, &passphrase)?);
    }
    if methods.contains(&MethodName::KeyboardInteractive) {
        options.credentials.push(Credential::KeyboardInteractive(Arc::clone(prompter)));
    }
    if methods.contains(&MethodName::Password) {
        options.credentials.push(Credential::PasswordPrompt(Arc::clone(prompter)));
    }
    options.preferred_methods = Some(methods);
    options.password_prompts = settings.number_of_password_prompts.unwrap_or(3);
    options.signature_algorithms = pubkey_algorithms(settings)?;
    Ok(())
}

fn set_connection(options: &mut ClientOptions, settings: &Settings) -> Result<(), Failure> {
    let mut packet = PacketConfig { algorithms: algorithms(settings)?, ..PacketConfig::default() };
    if let Some(limit) = settings.rekey_limit {
        let usual = RekeyPolicy::default();
        packet.rekey =
            RekeyPolicy { bytes: limit.bytes.unwrap_or(usual.bytes), interval: limit.interval, ..usual };
    }
    if let Some(bits) = settings.required_rsa_size {
        packet.minimum_rsa_bits = bits;
    }
    let mut transport = ClientConfig::default();
    transport.packet = Arc::new(packet);
    options.transport = transport;
    options.compression = settings.compression.unwrap_or(false);
    if let Some(timeout) = settings.connect_timeout {
        options.timeouts.connect = timeout;
        options.timeouts.identification = timeout;
    }
    options.keepalive = settings.server_alive_interval.filter(|interval| !interval.is_zero());
    if let Some(count) = settings.server_alive_count_max {
        options.keepalive_maximum_missed = count;
    }
    options.address_family = match settings.address_family {
        None | Some(AddressFamily::Any) => konko::client::AddressFamily::Any,
        Some(AddressFamily::Inet) => konko::client::AddressFamily::V4,
        Some(AddressFamily::Inet6) => konko::client::AddressFamily::V6,
    };
    options.bind_address = settings.bind_address.as_deref().map(bind_address).transpose()?;
    options.host_key_alias.clone_from(&settings.host_key_alias);
    Ok(())
}

/// An address of this computer, by number or name.
fn bind_address(text: &str) -> Result<IpAddr, Failure> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let found = (text, 0).to_socket_addrs().map_err(|error| Failure::local(format!("-b {text}"), error))?;
    let first = found.map(|address| address.ip()).next();
    first.ok_or_else(|| Failure::Other(format!("-b {text}: it has no address")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn target_of(lines: &[&str]) -> Result<Target, Failure> {
        let mut arguments = SshArguments { host: "Host".to_owned(), ..SshArguments::default() };
        for line in lines {
            arguments.settings.set_line(line)?;
        }
        target(&arguments)
    }

    #[test]
    fn options_reach_the_client() {
        let target = target_of(&[
            "HostName=%h.example",
            "Port=2222",
            "User=me",
            "ConnectTimeout=7",
            "ServerAliveInterval=5",
            "ServerAliveCountMax=1",
            "RekeyLimit=1M 10m",
            "RequiredRSASize=3072",
            "Compression=yes",
            "AddressFamily=inet6",
            "BindAddress=::1",
            "HostKeyAlias=alias",
            "NumberOfPasswordPrompts=2",
            "PreferredAuthentications=password,gssapi-with-mic,publickey",
        ])
        .expect("all are good");
        assert_eq!((target.address.as_str(), target.host.as_str()), ("host.example:2222", "host.example"));
        let options = target.options;
        assert_eq!(options.user, "me");
        assert_eq!(options.timeouts.connect, Some(Duration::from_secs(7)));
        assert_eq!(options.timeouts.identification, Some(Duration::from_secs(7)));
        assert_eq!((options.keepalive, options.keepalive_maximum_missed), (Some(Duration::from_secs(5)), 1));
        assert_eq!(options.transport.packet.rekey.bytes, 1 << 20);
        assert_eq!(options.transport.packet.rekey.interval, Some(Duration::from_secs(600)));
        assert_eq!(options.transport.packet.minimum_rsa_bits, 3072);
        assert!(options.compression);
        assert_eq!(options.address_family, konko::client::AddressFamily::V6);
        assert_eq!(options.bind_address, "::1".parse().ok());
        assert_eq!(options.host_key_alias.as_deref(), Some("alias"));
        assert_eq!(options.password_prompts, 2);
        assert_eq!(options.preferred_methods, Some(vec![MethodName::Password, MethodName::PublicKey]));
    }

    #[test]
    fn nobody_is_asked_in_batch_mode() {
        let target = target_of(&["BatchMode=yes"]).expect("good");
        assert_eq!(target.options.preferred_methods, Some(vec![MethodName::PublicKey]));
        assert!(matches!(target.options.host_keys, HostKeyPolicy::Strict(_)));
        let target = target_of(&[]).expect("good");
        assert_eq!(target.options.preferred_methods, Some(USUAL_METHODS.to_vec()));
        assert!(matches!(target.options.host_keys, HostKeyPolicy::Ask(..)));
    }

    #[test]
    fn what_is_not_supported_is_told() {
        for line in [
            "TCPKeepAlive=no",
            "PreferredAuthentications=telepathy",
            "HostName=a b",
            "UserKnownHostsFile=/%Z",
            "Ciphers=rot13",
        ] {
            assert!(target_of(&[line]).is_err(), "{line}");
        }
    }
}
