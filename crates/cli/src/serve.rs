//! `konko serve`.

use crate::exit::Failure;
use crate::log;
use crate::notice::print;
use crate::option::choice::{Choice, LogLevel};
use crate::option::error::OptionError;
use crate::option::rekey_limit::parse_rekey_limit;
use crate::serve_handler::ServeHandler;
use crate::signals::EndSignals;
use konko::server::filesystem::rooted::filesystem::LocalFilesystem;
use konko::server::filesystem::rooted::options::Root;
use konko::server::scp::ScpService;
use konko::server::{
    Account, AuthorizedKeysFile, PasswordFile, PeerInfo, Server, ServerBuilder, SftpOptions, StandardOptions,
};
use konko::transport::crypto::cipher::CIPHERS;
use konko::transport::crypto::kex::{KEX_ALGORITHMS, Moduli};
use konko::transport::crypto::mac::MACS;
use konko::transport::crypto::random::SystemRandom;
use konko::transport::keys::certificate::Certificate;
use konko::transport::keys::certificate_kind::CertificateKind;
use konko::transport::keys::private_key::{KeyKind, PrivateKey};
use konko::transport::keys::security_key::SecurityKeyPolicy;
use konko::transport::keys::signature_algorithm::{
    CERTIFICATE_ALGORITHMS, SECURITY_KEY_ALGORITHMS, SIGNATURE_ALGORITHMS, SignatureAlgorithm,
};
use konko::transport::packet::compression::{NONE, ZLIB_OPENSSH};
use konko::transport::packet::{PacketConfig, Row, select};
use konko::transport::userauth::ServerAuthConfig;
use konko::transport::{HostKey, ServerConfig};
use std::fs::File;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The largest file that is read for a host key or for moduli, in bytes.
const LARGEST_FILE: u64 = 16 * 1024 * 1024;

/// Let users log in to this computer and run programs, as the user that runs this.
#[derive(Debug, clap::Args)]
pub struct ServeArguments {
    /// Address and port to listen on; port 0 chooses one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:2222")]
    listen: String,
    /// File with a private key to prove the server by; without it one is made for this run. May be repeated
    #[arg(long, value_name = "FILE")]
    host_key: Vec<PathBuf>,
    /// Keys that may log in, in the format of OpenSSH's authorized_keys
    #[arg(long, value_name = "FILE")]
    authorized_keys: Option<PathBuf>,
    /// Certificate of a host key, as ssh-keygen -s -h makes it; clients that know its authority are shown it. May be
    /// repeated
    #[arg(long, value_name = "FILE", requires = "host_key")]
    host_certificate: Vec<PathBuf>,
    /// Authorities whose certificates log users in, one public key in a line
    #[arg(long, value_name = "FILE")]
    trusted_user_ca: Option<PathBuf>,
    /// Names of which such a certificate must have one, in the format of OpenSSH's AuthorizedPrincipalsFile [default:
    /// the user's name]
    #[arg(long, value_name = "FILE", requires = "trusted_user_ca")]
    authorized_principals: Option<PathBuf>,
    /// Keys and certificates that may not log in any more: a key revocation list, or one public key in a line
    #[arg(long, value_name = "FILE")]
    revoked_keys: Option<PathBuf>,
    /// The only user name that may log in [default: the user that runs this]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Lines user:password that may log in, by password or keyboard-interactive; nobody else may read it
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Directory in which programs start [default: the home directory]
    #[arg(long, value_name = "DIRECTORY")]
    root: Option<PathBuf>,
    /// Shell that runs programs [default: that of the user that runs this]
    #[arg(long, value_name = "FILE")]
    shell: Option<PathBuf>,
    /// Key exchange methods, in OpenSSH's list syntax: a,b or +a or -a or ^a
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    kex: Option<String>,
    /// Ciphers, as for --kex
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    ciphers: Option<String>,
    /// Message authentication codes, as for --kex
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    macs: Option<String>,
    /// Signature algorithms of host keys, as for --kex
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    host_key_algorithms: Option<String>,
    /// Signature algorithms of users' keys, as for --kex
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    pubkey_algorithms: Option<String>,
    /// Directory of which SFTP shows nothing but what is below, as / [default: all that the user may see]
    #[arg(long, value_name = "DIRECTORY")]
    sftp_root: Option<PathBuf>,
    /// Refuse what would change files over SFTP
    #[arg(long)]
    read_only: bool,
    /// Serve files over SFTP and nothing else: whatever is asked for, no program is started
    #[arg(long)]
    sftp_only: bool,
    /// Serve no files over SFTP
    #[arg(long, conflicts_with_all = ["sftp_root", "read_only", "sftp_only"])]
    no_sftp: bool,
    /// Allow TCP ports to be forwarded, to hosts and from here
    #[arg(long)]
    allow_tcp_forwarding: bool,
    /// Allow programs to use the agent of the client, if it is forwarded
    #[arg(long)]
    allow_agent_forwarding: bool,
    /// Allow Unix sockets to be forwarded, to here and from here
    #[arg(long)]
    allow_stream_local_forwarding: bool,
    /// Groups for diffie-hellman-group-exchange, in the format of OpenSSH's moduli; without it there is none
    #[arg(long, value_name = "FILE")]
    moduli: Option<PathBuf>,
    /// Exchange keys anew after this much data, and perhaps time: "1G", "512M 1h", "default 30m"
    #[arg(long, value_name = "LIMIT")]
    rekey_limit: Option<String>,
    /// Allow clients to have compression
    #[arg(long)]
    compression: bool,
    /// Who answers scp: "system" is its own scp, "this" this program, "fallback" this program where the system has none
    #[arg(long, value_name = "WHO", default_value = "fallback", value_parser = parse_scp_service)]
    scp: ScpService,
    /// How much is logged: quiet, error, info, debug or debug2
    #[arg(long, value_name = "LEVEL", default_value = "info", value_parser = parse_log_level)]
    log_level: LogLevel,
}

fn parse_scp_service(text: &str) -> Result<ScpService, String> {
    match text {
        "fallback" => Ok(ScpService::Fallback),
        "system" => Ok(ScpService::System),
        "this" => Ok(ScpService::InProcess),
        _ => Err("not \"system\", \"this\" or \"fallback\"".to_owned()),
    }
}

fn parse_log_level(text: &str) -> Result<LogLevel, String> {
    LogLevel::parse(text).ok_or_else(|| format!("not {}", LogLevel::EXPECTED))
}

/// Runs the server until a signal asks for its end.
///
/// # Errors
///
/// [`Failure`] if it cannot be started.
pub fn run(arguments: &ServeArguments) -> Result<(), Failure> {
    log::start_for_server(arguments.log_level);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::local("no runtime", error))?;
    let served = runtime.block_on(serve(arguments));
    runtime.shutdown_background();
    served
}

async fn serve(arguments: &ServeArguments) -> Result<(), Failure> {
    let mut signals = EndSignals::listen().map_err(|error| Failure::local("signals", error))?;
    let options = Arc::new(standard_options(arguments)?);
    let user = options.user_name.clone().unwrap_or_default();
    let methods = options.methods();
    let (tcp, streamlocal) = (arguments.allow_tcp_forwarding, arguments.allow_stream_local_forwarding);
    let builder = Server::builder()
        .methods(methods)
        .handler(move |peer: &PeerInfo| ServeHandler::new(Arc::clone(&options), peer, tcp, streamlocal));
    let packet = packet_config(arguments)?;
    let accepted = accepted_algorithms(arguments)?;
    let builder = builder.transport_config(move |config: &mut ServerConfig| {
        config.packet = Arc::new(packet);
        config.auth.signature_algorithms = accepted;
        // What a security key must have done is said for each key, and the handler checks it.
        config.auth.security_keys = SecurityKeyPolicy::ANY;
    });
    let keys = host_keys(&arguments.host_key)?;
    let fingerprints: Vec<String> = keys
        .iter()
        .map(|key| format!("{} {}", key.public_key().key_type(), key.public_key().fingerprint()))
        .collect();
    let certificates = host_certificates(&arguments.host_certificate, &keys)?;
    let shown = keys.into_iter().map(HostKey::from).chain(certificates);
    let server = shown.fold(builder, ServerBuilder::host_key).build()?;
    let listener = Server::listen(arguments.listen.as_str()).await?;
    let address = listener.local_addr().map_err(|error| Failure::local("the listening socket", error))?;
    // Nobody may read this any more; the server runs all the same.
    let _ = announce(address, &fingerprints, &user, arguments.host_key.is_empty());
    tracing::info!(%address, "listening");
    let mut served = Box::pin(server.serve(listener, async move {
        let signal = signals.next().await;
        tracing::info!(signal, "the server ends");
        // A second one does not wait for connections to end.
        tokio::spawn(async move {
            let signal = signals.next().await;
            tracing::warn!(signal, "the server ends at once");
            std::process::exit(1);
        });
    }));
    served.as_mut().await;
    Ok(())
}

fn announce(address: SocketAddr, keys: &[String], user: &str, ephemeral: bool) -> io::Result<()> {
    print(format_args!("listening on {address}"))?;
    for key in keys {
        print(format_args!("host key {key}{}", if ephemeral { " (of this run only)" } else { "" }))?;
    }
    let (host, port) = match address.ip() {
        ip if ip.is_unspecified() => ("localhost".to_owned(), address.port()),
        ip => (ip.to_string(), address.port()),
    };
    print(format_args!("connect with: ssh -p {port} {user}@{host}"))
}

fn standard_options(arguments: &ServeArguments) -> Result<StandardOptions, Failure> {
    let keys = arguments.authorized_keys.is_some() || arguments.trusted_user_ca.is_some();
    if !keys && arguments.password_file.is_none() {
        return Err(Failure::Other(
            "nobody could log in: give --authorized-keys FILE, --trusted-user-ca FILE, --password-file FILE, or \
             several"
                .to_owned(),
        ));
    }
    let mut options = StandardOptions::default();
    let user = arguments.user.clone();
    options.user_name = Some(user.unwrap_or_else(|| Account::current().name.to_string_lossy().into_owned()));
    if let Some(path) = &arguments.authorized_keys {
        // It is read anew for each login; that it can be read is better found out now.
        File::open(path).map_err(|error| Failure::local(format!("cannot read {}", path.display()), error))?;
        options.authorized_keys = Some(AuthorizedKeysFile::new(path.clone()));
    }
    let others = [&arguments.trusted_user_ca, &arguments.authorized_principals, &arguments.revoked_keys];
    for path in others.into_iter().flatten() {
        // They are read anew for each login, too.
        File::open(path).map_err(|error| Failure::local(format!("cannot read {}", path.display()), error))?;
    }
    options.trusted_authorities.clone_from(&arguments.trusted_user_ca);
    options.authorized_principals.clone_from(&arguments.authorized_principals);
    options.revoked_keys.clone_from(&arguments.revoked_keys);
    if let Some(path) = &arguments.password_file {
        options.passwords = Some(Arc::new(PasswordFile::read(path)?));
    }
    options.process.shell.clone_from(&arguments.shell);
    options.process.scp = arguments.scp;
    if let Some(root) = &arguments.root {
        let directory = std::fs::canonicalize(root)
            .and_then(|path| if path.is_dir() { Ok(path) } else { Err(io::ErrorKind::NotADirectory.into()) });
        let directory =
            directory.map_err(|error| Failure::local(format!("--root {}", root.display()), error))?;
        options.process.working_directory = Some(directory);
    }
    options.process.sftp = sftp_options(arguments)?;
    if arguments.sftp_only {
        options.process.forced_command = Some("internal-sftp".to_owned());
        options.process.allow_pty = false;
    }
    let forwards = arguments.allow_tcp_forwarding || arguments.allow_stream_local_forwarding;
    options.process.allow_agent_forwarding = arguments.allow_agent_forwarding;
    options.allow_local_forwarding = forwards;
    options.allow_remote_forwarding = forwards;
    Ok(options)
}

/// Which files are served. Without a root, what the user may do in a shell; with one, a little less.
fn sftp_options(arguments: &ServeArguments) -> Result<Option<SftpOptions>, Failure> {
    if arguments.no_sftp {
        return Ok(None);
    }
    let mut options = SftpOptions::default();
    options.files.read_only = arguments.read_only;
    options.log = arguments.log_level >= LogLevel::Debug1;
    match &arguments.sftp_root {
        None => options.files.special_bits = true,
        Some(root) => {
            let failed = |error| Failure::local(format!("--sftp-root {}", root.display()), error);
            let directory = std::fs::canonicalize(root).map_err(failed)?;
            options.root = Root::below(directory);
            // It is opened anew for each session; that it can be is better found out now.
            LocalFilesystem::new(&options.root, options.files.clone()).map_err(failed)?;
        }
    }
    Ok(Some(options))
}

fn choose<T: Row>(
    name: &'static str,
    rows: &mut Vec<&'static T>,
    all: &[&'static T],
    list: Option<&String>,
) -> Result<(), OptionError> {
    if let Some(list) = list {
        *rows = select(rows, all, list).map_err(|reason| OptionError::Algorithms { name, reason })?;
    }
    Ok(())
}

/// The algorithms that users' keys and certificates are accepted under.
fn accepted_algorithms(arguments: &ServeArguments) -> Result<Vec<&'static SignatureAlgorithm>, OptionError> {
    let mut accepted = ServerAuthConfig::default().signature_algorithms;
    let all = [CERTIFICATE_ALGORITHMS, SIGNATURE_ALGORITHMS, SECURITY_KEY_ALGORITHMS].concat();
    choose("--pubkey-algorithms", &mut accepted, &all, arguments.pubkey_algorithms.as_ref())?;
    Ok(accepted)
}

fn packet_config(arguments: &ServeArguments) -> Result<PacketConfig, Failure> {
    let mut packet = PacketConfig::server_default();
    let offer = &mut packet.algorithms;
    choose("--kex", &mut offer.kex, KEX_ALGORITHMS, arguments.kex.as_ref())?;
    for rows in [&mut offer.cipher_client_to_server, &mut offer.cipher_server_to_client] {
        choose("--ciphers", rows, CIPHERS, arguments.ciphers.as_ref())?;
    }
    for rows in [&mut offer.mac_client_to_server, &mut offer.mac_server_to_client] {
        choose("--macs", rows, MACS, arguments.macs.as_ref())?;
    }
    let host_key = arguments.host_key_algorithms.as_ref();
    let all = [SIGNATURE_ALGORITHMS, CERTIFICATE_ALGORITHMS].concat();
    choose("--host-key-algorithms", &mut offer.host_key, &all, host_key)?;
    // RFC 8308 §3.1: what is announced are algorithms of signatures; those of certificates stand in none.
    let accepted = accepted_algorithms(arguments)?;
    packet.user_signature_algorithms = accepted.into_iter().filter(|row| !row.is_certificate()).collect();
    if arguments.compression {
        packet.algorithms = packet.algorithms.with_compression(vec![&NONE, &ZLIB_OPENSSH]);
    }
    if let Some(path) = &arguments.moduli {
        let bytes = read(path, false)?;
        let moduli = Moduli::parse(&String::from_utf8_lossy(&bytes));
        if moduli.is_empty() {
            return Err(Failure::Other(format!("{}: it holds no group that can be used", path.display())));
        }
        packet.moduli = Some(Arc::new(moduli));
    }
    if let Some(text) = &arguments.rekey_limit {
        let limit = parse_rekey_limit(text).map_err(|error| Failure::Other(error.to_string()))?;
        packet.rekey.bytes = limit.0.unwrap_or(packet.rekey.bytes);
        packet.rekey.interval = limit.1;
    }
    Ok(packet)
}

/// The certificates of host keys that are there.
fn host_certificates(paths: &[PathBuf], keys: &[PrivateKey]) -> Result<Vec<HostKey>, Failure> {
    let certificate = |path: &PathBuf| {
        let failed = |what: &dyn std::fmt::Display| Failure::Other(format!("{}: {what}", path.display()));
        let bytes = read(path, false)?;
        let text = String::from_utf8_lossy(&bytes);
        let (certificate, _) = Certificate::from_openssh(text.trim()).map_err(|error| failed(&error))?;
        if certificate.kind() != CertificateKind::Host {
            return Err(failed(&"this is a certificate of a user, not of a host"));
        }
        if keys.iter().all(|key| key.public_key() != certificate.public_key()) {
            return Err(failed(&"it certifies none of the keys that --host-key names"));
        }
        Ok(HostKey::Certificate(certificate))
    };
    paths.iter().map(certificate).collect()
}

/// Those of the files, or a new one.
fn host_keys(paths: &[PathBuf]) -> Result<Vec<PrivateKey>, Failure> {
    if paths.is_empty() {
        let key = PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom);
        return Ok(vec![key.map_err(|error| Failure::Other(format!("a host key cannot be made: {error}")))?]);
    }
    let mut keys: Vec<PrivateKey> = Vec::new();
    for path in paths {
        let key = PrivateKey::from_openssh(&read(path, true)?, None)
            .map_err(|error| Failure::Other(format!("{}: {error}", path.display())))?;
        if keys.iter().any(|other| other.public_key().key_type() == key.public_key().key_type()) {
            return Err(Failure::Other(format!(
                "{}: there is a host key of the type {} already",
                path.display(),
                key.public_key().key_type()
            )));
        }
        keys.push(key);
    }
    Ok(keys)
}

/// A file as a whole. If it is secret, nobody but its owner may read it.
fn read(path: &Path, secret: bool) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failed = |error| Failure::local(format!("cannot read {}", path.display()), error);
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if secret && metadata.permissions().mode() & 0o077 != 0 {
        return Err(Failure::Other(format!(
            "{}: others than its owner can read it; run: chmod 600 '{}'",
            path.display(),
            path.display()
        )));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(metadata.len().min(LARGEST_FILE) as usize + 2));
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(Failure::Other(format!("{}: it is too large", path.display())));
    }
    Ok(bytes)
}
