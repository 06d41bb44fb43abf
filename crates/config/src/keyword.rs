//! Every keyword of ssh_config(5), one row each.

use crate::choice::{self, Choices};

/// A list of algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlgorithmList {
    /// `Ciphers`.
    Ciphers,
    /// `MACs`.
    Macs,
    /// `KexAlgorithms`.
    Kex,
    /// `HostKeyAlgorithms`.
    HostKey,
    /// `PubkeyAcceptedAlgorithms`.
    Pubkey,
    /// `HostbasedAcceptedAlgorithms`.
    Hostbased,
    /// `CASignatureAlgorithms`.
    CaSignature,
}

/// How the value of a keyword is written, and whether later lines add to it or count for nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Choice(Choices),
    Number,
    /// Seconds, or `none`.
    Time,
    /// One word.
    Text,
    /// All of the line.
    Command,
    /// Several words, where `none` stands alone.
    Files,
    Algorithms(AlgorithmList),
    Port,
    RekeyLimit,
    IdentityFile,
    CertificateFile,
    LocalForward,
    RemoteForward,
    DynamicForward,
    PermitRemoteOpen,
    Host,
    Match,
    Include,
    EscapeChar,
    SendEnv,
    SetEnv,
    ControlPersist,
    TunnelDevice,
    LogVerbose,
    IpQos,
    CanonicalDomains,
    PermittedCnames,
    Mask,
    AddKeysToAgent,
    IdentityAgent,
    ForwardAgent,
    ProxyCommand,
    ProxyJump,
    KeystrokeTiming,
    ChannelTimeout,
}

/// What is known of a keyword.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) keyword: Keyword,
    /// As the manual writes it.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// What it is where nobody says; `None` where that is nothing, or needs more than a text to be said.
    pub(crate) default: Option<&'static str>,
}

macro_rules! keywords {
    ($($keyword:ident: $kind:expr $(, $default:literal)?;)*) => {
        /// A keyword of ssh_config(5), written as there.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[allow(missing_docs, reason = "each is described in ssh_config(5) under its name")]
        pub enum Keyword {
            $($keyword),*
        }

        const ROWS: &[Row] = &[$(
            Row {
                keyword: Keyword::$keyword,
                name: stringify!($keyword),
                kind: $kind,
                default: first(&[$($default)?]),
            }
        ),*];
    };
}

/// The text there is, if there is one.
const fn first(texts: &'static [&'static str]) -> Option<&'static str> {
    match texts {
        [] => None,
        [text, ..] => Some(text),
    }
}

use Kind::{Algorithms, Choice, Command, Files, Number, Text, Time};
use choice::FLAG;

keywords! {
    AddKeysToAgent: Kind::AddKeysToAgent, "no";
    AddressFamily: Choice(choice::ADDRESS_FAMILY), "any";
    BatchMode: Choice(FLAG), "no";
    BindAddress: Text;
    BindInterface: Text;
    CanonicalDomains: Kind::CanonicalDomains;
    CanonicalizeFallbackLocal: Choice(FLAG), "yes";
    CanonicalizeHostname: Choice(choice::CANONICALIZE_HOSTNAME), "no";
    CanonicalizeMaxDots: Number, "1";
    CanonicalizePermittedCNAMEs: Kind::PermittedCnames;
    CASignatureAlgorithms: Algorithms(AlgorithmList::CaSignature);
    CertificateFile: Kind::CertificateFile;
    ChannelTimeout: Kind::ChannelTimeout;
    CheckHostIP: Choice(FLAG), "no";
    Ciphers: Algorithms(AlgorithmList::Ciphers);
    ClearAllForwardings: Choice(FLAG), "no";
    Compression: Choice(choice::COMPRESSION), "no";
    ConnectionAttempts: Number, "1";
    ConnectTimeout: Time, "none";
    ControlMaster: Choice(choice::CONTROL_MASTER), "no";
    ControlPath: Text;
    ControlPersist: Kind::ControlPersist, "no";
    DynamicForward: Kind::DynamicForward;
    EnableEscapeCommandline: Choice(FLAG), "no";
    EnableSSHKeysign: Choice(FLAG), "no";
    EscapeChar: Kind::EscapeChar, "~";
    ExitOnForwardFailure: Choice(FLAG), "no";
    FingerprintHash: Choice(choice::FINGERPRINT_HASH), "sha256";
    ForkAfterAuthentication: Choice(FLAG), "no";
    ForwardAgent: Kind::ForwardAgent, "no";
    ForwardX11: Choice(FLAG), "no";
    ForwardX11Timeout: Time, "1200";
    ForwardX11Trusted: Choice(FLAG), "yes";
    GatewayPorts: Choice(FLAG), "no";
    GlobalKnownHostsFile: Files, "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2";
    GSSAPIAuthentication: Choice(FLAG), "no";
    GSSAPIClientIdentity: Text;
    GSSAPIDelegateCredentials: Choice(FLAG), "no";
    GSSAPIKexAlgorithms: Text, "gss-group14-sha256-,gss-group16-sha512-,gss-nistp256-sha256-,gss-curve25519-sha256-,gss-group14-sha1-,gss-gex-sha1-";
    GSSAPIKeyExchange: Choice(FLAG), "no";
    GSSAPIRenewalForcesRekey: Choice(FLAG), "no";
    GSSAPIServerIdentity: Text;
    GSSAPITrustDns: Choice(FLAG), "no";
    HashKnownHosts: Choice(FLAG), "no";
    Host: Kind::Host;
    HostbasedAcceptedAlgorithms: Algorithms(AlgorithmList::Hostbased);
    HostbasedAuthentication: Choice(FLAG), "no";
    HostKeyAlgorithms: Algorithms(AlgorithmList::HostKey);
    HostKeyAlias: Text;
    Hostname: Text;
    IdentitiesOnly: Choice(FLAG), "no";
    IdentityAgent: Kind::IdentityAgent;
    IdentityFile: Kind::IdentityFile;
    IgnoreUnknown: Text;
    Include: Kind::Include;
    IPQoS: Kind::IpQos, "lowdelay throughput";
    KbdInteractiveAuthentication: Choice(FLAG), "yes";
    KbdInteractiveDevices: Text;
    KexAlgorithms: Algorithms(AlgorithmList::Kex);
    KnownHostsCommand: Command;
    LocalCommand: Command;
    LocalForward: Kind::LocalForward;
    LogLevel: Choice(choice::LOG_LEVEL), "INFO";
    LogVerbose: Kind::LogVerbose;
    MACs: Algorithms(AlgorithmList::Macs);
    Match: Kind::Match;
    NoHostAuthenticationForLocalhost: Choice(FLAG), "no";
    NumberOfPasswordPrompts: Number, "3";
    ObscureKeystrokeTiming: Kind::KeystrokeTiming;
    PasswordAuthentication: Choice(FLAG), "yes";
    PermitLocalCommand: Choice(FLAG), "no";
    PermitRemoteOpen: Kind::PermitRemoteOpen;
    PKCS11Provider: Text;
    Port: Kind::Port, "22";
    PreferredAuthentications: Text;
    ProxyCommand: Kind::ProxyCommand;
    ProxyJump: Kind::ProxyJump;
    ProxyUseFdpass: Choice(FLAG), "no";
    PubkeyAcceptedAlgorithms: Algorithms(AlgorithmList::Pubkey);
    PubkeyAuthentication: Choice(choice::PUBKEY_AUTHENTICATION), "yes";
    RefuseConnection: Text;
    RekeyLimit: Kind::RekeyLimit;
    RemoteCommand: Command;
    RemoteForward: Kind::RemoteForward;
    RequestTTY: Choice(choice::REQUEST_TTY), "auto";
    RequiredRSASize: Number;
    RevokedHostKeys: Text;
    SecurityKeyProvider: Text, "internal";
    SendEnv: Kind::SendEnv;
    ServerAliveCountMax: Number, "3";
    ServerAliveInterval: Time;
    SessionType: Choice(choice::SESSION_TYPE), "default";
    SetEnv: Kind::SetEnv;
    StdinNull: Choice(FLAG), "no";
    StreamLocalBindMask: Kind::Mask, "0177";
    StreamLocalBindUnlink: Choice(FLAG), "no";
    StrictHostKeyChecking: Choice(choice::STRICT_HOST_KEY_CHECKING), "ask";
    SyslogFacility: Choice(choice::SYSLOG_FACILITY), "USER";
    Tag: Text;
    TCPKeepAlive: Choice(FLAG), "yes";
    Tunnel: Choice(choice::TUNNEL), "no";
    TunnelDevice: Kind::TunnelDevice, "any:any";
    UpdateHostKeys: Choice(choice::YES_NO_ASK);
    User: Text;
    UserKnownHostsFile: Files, "~/.ssh/known_hosts ~/.ssh/known_hosts2";
    VerifyHostKeyDNS: Choice(choice::YES_NO_ASK), "no";
    VersionAddendum: Command;
    VisualHostKey: Choice(FLAG), "no";
    WarnWeakCrypto: Choice(FLAG);
    XAuthLocation: Text, "/usr/bin/xauth";
}

/// Other names.
const ALIASES: &[(&str, Keyword)] = &[
    ("ChallengeResponseAuthentication", Keyword::KbdInteractiveAuthentication),
    ("SKeyAuthentication", Keyword::KbdInteractiveAuthentication),
    ("TISAuthentication", Keyword::KbdInteractiveAuthentication),
    ("DSAAuthentication", Keyword::PubkeyAuthentication),
    ("IdentityFile2", Keyword::IdentityFile),
    ("SmartcardDevice", Keyword::PKCS11Provider),
    ("KeepAlive", Keyword::TCPKeepAlive),
    ("HostbasedKeyTypes", Keyword::HostbasedAcceptedAlgorithms),
    ("PubkeyAcceptedKeyTypes", Keyword::PubkeyAcceptedAlgorithms),
    // Of Debian.
    ("SetupTimeOut", Keyword::ServerAliveInterval),
    ("ProtocolKeepAlives", Keyword::ServerAliveInterval),
];

/// What becomes of a keyword that OpenSSH once had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retired {
    /// It counts for nothing, and nobody is told.
    Ignored,
    /// It counts for nothing.
    Deprecated,
    /// It counts for nothing, and the user is told.
    Unsupported,
}

const RETIRED: &[(&str, Retired)] = &[
    ("Protocol", Retired::Ignored),
    ("Cipher", Retired::Deprecated),
    ("FallBackToRsh", Retired::Deprecated),
    ("GlobalKnownHostsFile2", Retired::Deprecated),
    ("RhostsAuthentication", Retired::Deprecated),
    ("UserKnownHostsFile2", Retired::Deprecated),
    ("UseRoaming", Retired::Deprecated),
    ("UseRsh", Retired::Deprecated),
    ("UsePrivilegedPort", Retired::Deprecated),
    ("AFSTokenPassing", Retired::Unsupported),
    ("KerberosAuthentication", Retired::Unsupported),
    ("KerberosTgtPassing", Retired::Unsupported),
    ("RSAAuthentication", Retired::Unsupported),
    ("RhostsRSAAuthentication", Retired::Unsupported),
    ("CompressionLevel", Retired::Unsupported),
];

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    Keyword(Keyword),
    Retired(Retired),
}

/// What `name` stands for, in any case.
pub(crate) fn meaning(name: &str) -> Option<Meaning> {
    if let Some(keyword) = Keyword::by_name(name) {
        return Some(Meaning::Keyword(keyword));
    }
    let retired = RETIRED.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
    retired.map(|(_, retired)| Meaning::Retired(*retired))
}

impl Keyword {
    /// The keyword of that name, or other name, in any case.
    pub fn by_name(name: &str) -> Option<Self> {
        if let Some(row) = ROWS.iter().find(|row| row.name.eq_ignore_ascii_case(name)) {
            return Some(row.keyword);
        }
        ALIASES.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, keyword)| *keyword)
    }

    /// Every keyword, in alphabetical order.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(|row| row.keyword)
    }

    /// Its name as ssh_config(5) writes it.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    pub(crate) fn row(self) -> &'static Row {
        // The rows stand in the order of the enumeration: both come from one list.
        &ROWS[self as usize]
    }
}

impl std::fmt::Display for Keyword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_name_in_any_case() {
        for row in ROWS {
            assert_eq!(row.keyword.row().name, row.name);
            assert_eq!(Keyword::by_name(&row.name.to_ascii_lowercase()), Some(row.keyword));
        }
        let names = ROWS.iter().map(|row| row.name).chain(ALIASES.iter().map(|(name, _)| *name));
        let mut names: Vec<String> =
            names.chain(RETIRED.iter().map(|(name, _)| *name)).map(str::to_ascii_lowercase).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count, "a name stands twice");
        assert_eq!(meaning("protocol"), Some(Meaning::Retired(Retired::Ignored)));
        assert_eq!(meaning("nosuchkeyword"), None);
    }
}
