//! The names of the options.

use crate::option::error::OptionError;

macro_rules! keywords {
    ($($variant:ident $(= $alias:literal)?),* $(,)?) => {
        /// An option that is supported.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "each is described in ssh_config(5) under its name")]
        pub enum Keyword {
            $($variant),*
        }

        impl Keyword {
            const NAMES: &[(&'static str, Self)] = &[
                $((stringify!($variant), Self::$variant), $(($alias, Self::$variant),)?)*
            ];
        }
    };
}

keywords! {
    AddressFamily,
    BatchMode,
    BindAddress,
    CheckHostIP,
    Ciphers,
    Compression,
    ConnectTimeout,
    ConnectionAttempts,
    EscapeChar,
    ForkAfterAuthentication,
    GlobalKnownHostsFile,
    HashKnownHosts,
    HostKeyAlgorithms,
    HostKeyAlias,
    HostName,
    IdentitiesOnly,
    IdentityFile,
    KbdInteractiveAuthentication = "ChallengeResponseAuthentication",
    KexAlgorithms,
    LogLevel,
    MACs,
    NumberOfPasswordPrompts,
    PasswordAuthentication,
    Port,
    PreferredAuthentications,
    PubkeyAcceptedAlgorithms = "PubkeyAcceptedKeyTypes",
    PubkeyAuthentication,
    RekeyLimit,
    RemoteCommand,
    RequestTTY,
    RequiredRSASize,
    SendEnv,
    ServerAliveCountMax,
    ServerAliveInterval,
    SessionType,
    SetEnv,
    StdinNull,
    StrictHostKeyChecking,
    TCPKeepAlive = "KeepAlive",
    User,
    UserKnownHostsFile,
}

/// The other options of OpenSSH.
const UNSUPPORTED: &[&str] = &[
    "AddKeysToAgent",
    "BindInterface",
    "CASignatureAlgorithms",
    "CanonicalDomains",
    "CanonicalizeFallbackLocal",
    "CanonicalizeHostname",
    "CanonicalizeMaxDots",
    "CanonicalizePermittedCNAMEs",
    "CertificateFile",
    "ChannelTimeout",
    "ClearAllForwardings",
    "ControlMaster",
    "ControlPath",
    "ControlPersist",
    "DynamicForward",
    "EnableEscapeCommandline",
    "EnableSSHKeysign",
    "ExitOnForwardFailure",
    "FingerprintHash",
    "ForwardAgent",
    "ForwardX11",
    "ForwardX11Timeout",
    "ForwardX11Trusted",
    "GSSAPIAuthentication",
    "GSSAPIDelegateCredentials",
    "GatewayPorts",
    "Host",
    "HostbasedAcceptedAlgorithms",
    "HostbasedAuthentication",
    "HostbasedKeyTypes",
    "IPQoS",
    "IdentityAgent",
    "IgnoreUnknown",
    "Include",
    "KbdInteractiveDevices",
    "KnownHostsCommand",
    "LocalCommand",
    "LocalForward",
    "LogVerbose",
    "Match",
    "NoHostAuthenticationForLocalhost",
    "ObscureKeystrokeTiming",
    "PKCS11Provider",
    "PermitLocalCommand",
    "PermitRemoteOpen",
    "Protocol",
    "ProxyCommand",
    "ProxyJump",
    "ProxyUseFdpass",
    "RefuseConnection",
    "RemoteForward",
    "RevokedHostKeys",
    "SecurityKeyProvider",
    "StreamLocalBindMask",
    "StreamLocalBindUnlink",
    "SyslogFacility",
    "Tag",
    "Tunnel",
    "TunnelDevice",
    "UpdateHostKeys",
    "VerifyHostKeyDNS",
    "VersionAddendum",
    "VisualHostKey",
    "WarnWeakCrypto",
    "XAuthLocation",
];

impl Keyword {
    /// The option of that name, whatever its case.
    pub fn by_name(name: &str) -> Result<Self, OptionError> {
        if let Some((_, keyword)) = Self::NAMES.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)) {
            return Ok(*keyword);
        }
        match UNSUPPORTED.iter().find(|other| other.eq_ignore_ascii_case(name)) {
            Some(known) => Err(OptionError::Unsupported((*known).to_owned())),
            None => Err(OptionError::Unknown(name.to_owned())),
        }
    }
}
