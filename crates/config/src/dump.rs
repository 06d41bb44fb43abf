//! What `ssh -G` prints.

use crate::choice::name_of_quality;
use crate::forward::Endpoint;
use crate::keyword::Keyword;
use crate::origin::Origin;
use crate::resolved::Resolved;
use crate::value::Value;
use std::fmt::Write;

/// Keywords with a value each, in the order of `ssh -G`, up to the lists of algorithms.
const FIRST: &[Keyword] = &[
    Keyword::AddressFamily,
    Keyword::BatchMode,
    Keyword::CanonicalizeFallbackLocal,
    Keyword::CanonicalizeHostname,
    Keyword::CheckHostIP,
    Keyword::Compression,
    Keyword::ControlMaster,
    Keyword::EnableSSHKeysign,
    Keyword::ClearAllForwardings,
    Keyword::ExitOnForwardFailure,
    Keyword::FingerprintHash,
    Keyword::ForwardX11,
    Keyword::ForwardX11Trusted,
    Keyword::GatewayPorts,
    Keyword::GSSAPIAuthentication,
    Keyword::GSSAPIKeyExchange,
    Keyword::GSSAPIDelegateCredentials,
    Keyword::GSSAPITrustDns,
    Keyword::GSSAPIRenewalForcesRekey,
    Keyword::GSSAPIClientIdentity,
    Keyword::GSSAPIServerIdentity,
    Keyword::GSSAPIKexAlgorithms,
    Keyword::HashKnownHosts,
    Keyword::HostbasedAuthentication,
    Keyword::IdentitiesOnly,
    Keyword::KbdInteractiveAuthentication,
    Keyword::NoHostAuthenticationForLocalhost,
    Keyword::PasswordAuthentication,
    Keyword::PermitLocalCommand,
    Keyword::ProxyUseFdpass,
    Keyword::PubkeyAuthentication,
    Keyword::RequestTTY,
    Keyword::SessionType,
    Keyword::StdinNull,
    Keyword::ForkAfterAuthentication,
    Keyword::StreamLocalBindUnlink,
    Keyword::StrictHostKeyChecking,
    Keyword::TCPKeepAlive,
    Keyword::Tunnel,
    Keyword::VerifyHostKeyDNS,
    Keyword::VisualHostKey,
    Keyword::UpdateHostKeys,
    Keyword::EnableEscapeCommandline,
    Keyword::WarnWeakCrypto,
    Keyword::CanonicalizeMaxDots,
    Keyword::ConnectionAttempts,
    Keyword::ForwardX11Timeout,
    Keyword::NumberOfPasswordPrompts,
    Keyword::ServerAliveCountMax,
    Keyword::ServerAliveInterval,
    Keyword::RequiredRSASize,
    Keyword::ObscureKeystrokeTiming,
    Keyword::BindAddress,
    Keyword::BindInterface,
    Keyword::Ciphers,
    Keyword::ControlPath,
    Keyword::HostKeyAlgorithms,
    Keyword::HostKeyAlias,
    Keyword::HostbasedAcceptedAlgorithms,
    Keyword::IdentityAgent,
    Keyword::IgnoreUnknown,
    Keyword::KbdInteractiveDevices,
    Keyword::KexAlgorithms,
    Keyword::CASignatureAlgorithms,
    Keyword::LocalCommand,
    Keyword::RemoteCommand,
    Keyword::LogLevel,
    Keyword::MACs,
    Keyword::PKCS11Provider,
    Keyword::SecurityKeyProvider,
    Keyword::PreferredAuthentications,
    Keyword::PubkeyAcceptedAlgorithms,
    Keyword::RevokedHostKeys,
    Keyword::XAuthLocation,
    Keyword::KnownHostsCommand,
    Keyword::RefuseConnection,
    Keyword::Tag,
    Keyword::VersionAddendum,
];

impl Resolved {
    /// Everything, one keyword and value on a line, as `ssh -G` prints it: names in lower case, in its order. What
    /// newer releases than 9.2 have is printed where somebody gave it a value.
    pub fn dump(&self) -> String {
        let mut out = String::new();
        line(&mut out, "host", self.host());
        line(&mut out, "user", self.user());
        line(&mut out, "hostname", self.host_name());
        line(&mut out, "port", &self.port().to_string());
        for keyword in FIRST {
            self.dump_one(&mut out, *keyword);
        }
        self.dump_forwards(&mut out);
        self.dump_lists(&mut out);
        self.dump_special(&mut out);
        out
    }

    fn dump_one(&self, out: &mut String, keyword: Keyword) {
        let name = keyword.name().to_ascii_lowercase();
        let lists = self.algorithms();
        let list = match keyword {
            Keyword::Ciphers => Some(&lists.ciphers),
            Keyword::MACs => Some(&lists.macs),
            Keyword::KexAlgorithms => Some(&lists.kex),
            Keyword::HostKeyAlgorithms => Some(&lists.host_key),
            Keyword::PubkeyAcceptedAlgorithms => Some(&lists.pubkey),
            Keyword::HostbasedAcceptedAlgorithms => Some(&lists.hostbased),
            Keyword::CASignatureAlgorithms => Some(&lists.ca_signature),
            _ => None,
        };
        if let Some(list) = list {
            return line(out, &name, &list.join(","));
        }
        let Some(setting) = self.settings(keyword).first() else { return };
        match &setting.value {
            Value::Choice(word) => line(out, &name, word),
            Value::Number(number) if keyword == Keyword::ObscureKeystrokeTiming => {
                line(out, &name, &format!("interval:{number}"));
            }
            Value::Number(number) => line(out, &name, &number.to_string()),
            // "none" is -1 to ssh(1).
            Value::Seconds(seconds) => {
                line(out, &name, &seconds.map_or("-1".to_owned(), |seconds| seconds.to_string()));
            }
            Value::Text(text) => line(out, &name, text),
            _ => {}
        }
    }

    fn dump_forwards(&self, out: &mut String) {
        for forward in self.dynamic_forwards() {
            line(out, "dynamicforward", &forward.listen.to_string());
        }
        // ssh(1) takes a forwarding to a socket for a dynamic one here; it prints them as they are mixed in the file.
        for forward in self.local_forwards() {
            if matches!(forward.connect, Endpoint::Socket(_)) {
                line(out, "dynamicforward", &forward.listen.to_string());
            }
        }
        for forward in self.local_forwards() {
            line(out, "localforward", &format!("{} {}", forward.listen, forward.connect));
        }
        for forward in self.remote_forwards() {
            line(out, "remoteforward", &format!("{} {}", forward.listen, forward.connect));
        }
    }

    fn dump_lists(&self, out: &mut String) {
        for file in self.identity_files() {
            line(out, "identityfile", &file.written);
        }
        line(out, "canonicaldomains", &self.joined(Keyword::CanonicalDomains));
        for file in self.certificate_files() {
            line(out, "certificatefile", &file.written);
        }
        line(out, "globalknownhostsfile", &self.joined(Keyword::GlobalKnownHostsFile));
        line(out, "userknownhostsfile", &self.joined(Keyword::UserKnownHostsFile));
        for name in self.send_env() {
            line(out, "sendenv", name);
        }
        for variable in self.words(Keyword::SetEnv).unwrap_or_default() {
            line(out, "setenv", variable);
        }
        line(out, "logverbose", &self.joined(Keyword::LogVerbose));
        if self.is_given(Keyword::ChannelTimeout) {
            line(out, "channeltimeout", &self.joined(Keyword::ChannelTimeout));
        }
        let places = self.words(Keyword::PermitRemoteOpen);
        line(out, "permitremoteopen", &places.map_or("any".to_owned(), |places| places.join(" ")));
    }

    /// The words of a keyword in a row, or `none`.
    fn joined(&self, keyword: Keyword) -> String {
        match self.words(keyword) {
            None | Some([]) => "none".to_owned(),
            Some(words) => words.join(" "),
        }
    }

    fn value(&self, keyword: Keyword) -> Option<&Value> {
        self.settings(keyword).first().map(|setting| &setting.value)
    }

    /// What has a form of its own.
    fn dump_special(&self, out: &mut String) {
        match self.value(Keyword::AddKeysToAgent) {
            Some(Value::AgentKeys("confirm", seconds)) if *seconds > 0 => {
                line(out, "addkeystoagent", &format!("confirm {seconds}"));
            }
            Some(Value::AgentKeys(_, seconds)) if *seconds > 0 => {
                line(out, "addkeystoagent", &seconds.to_string());
            }
            Some(Value::AgentKeys(choice, _)) => line(out, "addkeystoagent", choice),
            _ => {}
        }
        self.dump_one(out, Keyword::ForwardAgent);
        let timeout = self.seconds(Keyword::ConnectTimeout);
        line(out, "connecttimeout", &timeout.map_or("none".to_owned(), |seconds| seconds.to_string()));
        if let Some(Value::TunnelDevice(here, there)) = self.value(Keyword::TunnelDevice) {
            let unit = |unit: &Option<u32>| unit.map_or("any".to_owned(), |unit| unit.to_string());
            line(out, "tunneldevice", &format!("{}:{}", unit(here), unit(there)));
        }
        let mut rules = String::new();
        if let Some(Value::PermittedCnames(permitted)) = self.value(Keyword::CanonicalizePermittedCNAMEs) {
            for (from, to) in permitted {
                let _ = write!(rules, " {from}:{to}");
            }
        }
        let rules = if rules.is_empty() { "none" } else { rules.trim_start() };
        line(out, "canonicalizePermittedcnames", rules);
        self.dump_one(out, Keyword::ControlPersist);
        line(out, "escapechar", &self.escape_char().map_or("none".to_owned(), visible));
        if let Some(Value::Quality(interactive, bulk)) = self.value(Keyword::IPQoS) {
            let names = [interactive, bulk].map(|value| name_of_quality(*value));
            line(out, "ipqos", &names.join(" "));
        }
        let (bytes, seconds) = self.rekey_limit();
        line(out, "rekeylimit", &format!("{} {}", bytes.unwrap_or(0), seconds.unwrap_or(0)));
        line(out, "streamlocalbindmask", &format!("0{:o}", self.number(Keyword::StreamLocalBindMask)));
        self.dump_one(out, Keyword::SyslogFacility);
        match self.value(Keyword::ProxyJump) {
            Some(Value::Jumps(Some(jumps))) => line(out, "proxyjump", &jumps.to_string()),
            _ => self.dump_one(out, Keyword::ProxyCommand),
        }
    }

    /// Everything that somebody gave a value, with where it comes from, for people who wonder.
    pub fn origins(&self) -> String {
        let mut out = String::new();
        for keyword in Keyword::all() {
            for setting in self.settings(keyword) {
                if setting.origin != Origin::Default {
                    line(&mut out, keyword.name(), &setting.origin.to_string());
                }
            }
        }
        out
    }
}

fn line(out: &mut String, name: &str, value: &str) {
    out.push_str(name);
    out.push(' ');
    out.push_str(value);
    out.push('\n');
}

/// A byte so that it can be seen, as vis(3) has it.
fn visible(byte: u8) -> String {
    match byte {
        b'\\' => "\\\\".to_owned(),
        b' ' => "\\040".to_owned(),
        b'\t' => "\\011".to_owned(),
        b'\n' => "\\012".to_owned(),
        0x21..=0x7e => char::from(byte).to_string(),
        0x7f => "\\^?".to_owned(),
        0..0x20 => format!("\\^{}", char::from(byte + 0x40)),
        0x80.. => {
            let low = byte & 0x7f;
            match low {
                0..0x20 => format!("\\M^{}", char::from(low + 0x40)),
                0x7f => "\\M^?".to_owned(),
                _ => format!("\\M-{}", char::from(low)),
            }
        }
    }
}
