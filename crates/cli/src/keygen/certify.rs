//! `konko keygen -s authority -I name`: certificates.

use crate::keygen::agent_signer::AgentSigner;
use crate::keygen::context::{Context, now};
use crate::keygen::error::KeygenError;
use crate::keygen::time;
use crate::local_time::time_zone;
use crate::notice;
use konko::keys::certificate::Validity;
use konko::keys::certificate_builder::CertificateBuilder;
use konko::keys::certificate_kind::CertificateKind;
use konko::keys::certificate_option::{CriticalOption, Extension};
use konko::keys::identity::Identity;
use konko::keys::public_key::PublicKey;
use konko::keys::signature_algorithm::{SignatureAlgorithm, for_key_type};
use konko::keys::signer::Signer;
use konko::pattern::address::NetworkList;
use konko::transport::crypto::random::SystemRandom;
use konko::transport::wire::encode::put_string;
use std::path::{Path, PathBuf};

/// What the options of `-O` make of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
struct CertificateOptions {
    permitted: Vec<Extension<'static>>,
    force_command: Option<String>,
    source_address: Option<String>,
    verify_required: bool,
    /// Name, data, and whether it is critical.
    own: Vec<(String, Vec<u8>, bool)>,
}

impl CertificateOptions {
    fn new(kind: CertificateKind) -> Self {
        let everything = vec![
            Extension::PermitX11Forwarding,
            Extension::PermitAgentForwarding,
            Extension::PermitPortForwarding,
            Extension::PermitPty,
            Extension::PermitUserRc,
        ];
        Self {
            permitted: if kind == CertificateKind::User { everything } else { Vec::new() },
            force_command: None,
            source_address: None,
            verify_required: false,
            own: Vec::new(),
        }
    }

    fn apply(&mut self, option: &str) -> Result<(), KeygenError> {
        let permit = [
            ("x11-forwarding", Extension::PermitX11Forwarding),
            ("agent-forwarding", Extension::PermitAgentForwarding),
            ("port-forwarding", Extension::PermitPortForwarding),
            ("pty", Extension::PermitPty),
            ("user-rc", Extension::PermitUserRc),
        ];
        let lower = option.to_ascii_lowercase();
        let named =
            |name: &str| permit.iter().find(|(known, _)| *known == name).map(|(_, extension)| *extension);
        if let Some(extension) = lower.strip_prefix("no-").and_then(named) {
            self.permitted.retain(|other| *other != extension);
        } else if let Some(extension) = lower.strip_prefix("permit-").and_then(named) {
            self.permitted.retain(|other| *other != extension);
            self.permitted.push(extension);
        } else if let Some((name, value)) = option.split_once('=')
            && !name.contains(':')
        {
            self.apply_value(&name.to_ascii_lowercase(), value)?;
        } else if let Some(own) = option.strip_prefix("critical:") {
            self.own.push(own_option(own, true));
        } else if let Some(own) = option.strip_prefix("extension:") {
            self.own.push(own_option(own, false));
        } else {
            match lower.as_str() {
                "clear" => self.permitted.clear(),
                "no-touch-required" => self.permitted.push(Extension::NoTouchRequired),
                "touch-required" => self.permitted.retain(|other| *other != Extension::NoTouchRequired),
                "verify-required" => self.verify_required = true,
                "no-verify-required" => self.verify_required = false,
                _ => return Err(KeygenError::Usage(format!("Unsupported certificate option \"{option}\""))),
            }
        }
        Ok(())
    }

    fn apply_value(&mut self, name: &str, value: &str) -> Result<(), KeygenError> {
        let place = match name {
            "force-command" => &mut self.force_command,
            "source-address" => &mut self.source_address,
            _ => return Err(KeygenError::Usage(format!("Unsupported certificate option \"{name}\""))),
        };
        if value.is_empty() {
            return Err(KeygenError::Usage(format!("Empty {name} option")));
        }
        if place.is_some() {
            return Err(KeygenError::Usage(format!("{name} already specified")));
        }
        if name == "source-address"
            && let Err(error) = NetworkList::parse(value)
        {
            return Err(KeygenError::Usage(format!("Invalid source-address list: {error}")));
        }
        *place = Some(value.to_owned());
        Ok(())
    }

    fn put_into(&self, mut builder: CertificateBuilder) -> CertificateBuilder {
        for extension in &self.permitted {
            builder = builder.extension(*extension);
        }
        if let Some(command) = &self.force_command {
            builder = builder.critical_option(CriticalOption::ForceCommand(command));
        }
        if let Some(list) = &self.source_address {
            builder = builder.critical_option(CriticalOption::SourceAddress(list));
        }
        if self.verify_required {
            builder = builder.critical_option(CriticalOption::VerifyRequired);
        }
        for (name, data, critical) in &self.own {
            builder = if *critical {
                builder.critical_option(CriticalOption::Unknown { name, data })
            } else {
                builder.extension(Extension::Unknown { name, data })
            };
        }
        builder
    }

    /// Whether nothing is in it that a host's certificate would be refused for: no client knows a critical option
    /// of hosts.
    fn is_for_hosts(&self) -> bool {
        self.force_command.is_none() && self.source_address.is_none() && !self.verify_required
    }
}

/// `name[=value]`; the value stands in the data as a string.
fn own_option(text: &str, critical: bool) -> (String, Vec<u8>, bool) {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    let mut data = Vec::new();
    if let Some(value) = value {
        put_string(&mut data, value.as_bytes());
    }
    (name.to_owned(), data, critical)
}

/// `-z`: a number, after `+` one that grows with each file.
fn serial(text: Option<&str>) -> Result<(u64, bool), KeygenError> {
    let text = text.unwrap_or("0");
    let (digits, grows) = text.strip_prefix('+').map_or((text, false), |digits| (digits, true));
    let parsed = match digits.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => digits.parse(),
    };
    let serial = parsed.map_err(|_| KeygenError::Usage(format!("Invalid serial number \"{text}\"")))?;
    Ok((serial, grows))
}

/// Signs every public key that is named.
///
/// # Errors
///
/// [`KeygenError`].
pub fn run(context: &Context) -> Result<u8, KeygenError> {
    let arguments = &context.arguments;
    arguments.only("sInVzOhtPU")?;
    let key_id = arguments
        .text('I')?
        .ok_or_else(|| KeygenError::Usage("Must specify key id (-I) when certifying".into()))?;
    let kind = if arguments.has('h') { CertificateKind::Host } else { CertificateKind::User };
    let zone = time_zone();
    let validity = match arguments.text('V')? {
        Some(text) => time::parse_validity(text, now(), &zone)?,
        None => Validity::FOREVER,
    };
    let mut options = CertificateOptions::new(kind);
    for option in arguments.all('O') {
        options.apply(option.to_str().ok_or_else(|| KeygenError::Usage("-O is not UTF-8".into()))?)?;
    }
    if kind == CertificateKind::Host && !options.is_for_hosts() {
        return Err(KeygenError::Usage("options of users have no meaning for a host".into()));
    }
    let principals: Vec<_> =
        arguments.text('n')?.unwrap_or_default().split(',').filter(|name| !name.is_empty()).collect();
    let (mut serial, grows) = serial(arguments.text('z')?)?;
    if arguments.operands.is_empty() {
        return Err(KeygenError::Usage("no public key to certify is named".into()));
    }
    let authority_path = PathBuf::from(arguments.value('s').unwrap_or_default());
    let authority: Box<dyn Signer> = if arguments.has('U') {
        let (identity, _) = context.load_public(&authority_path)?;
        let missing =
            || KeygenError::Other(format!("CA key {} not found in agent", authority_path.display()));
        Box::new(AgentSigner::find(&identity)?.ok_or_else(missing)?)
    } else {
        Box::new(context.load_private(&authority_path, "Enter passphrase for CA: ")?.key)
    };
    let algorithm = algorithm(authority.public_key(), arguments.text('t')?)?;
    for operand in &arguments.operands {
        let path = Path::new(operand);
        let (identity, comment) = context.load_public(path)?;
        let Identity::Key(key) = identity else {
            return Err(KeygenError::Other(format!("{} is a certificate already", path.display())));
        };
        let builder = CertificateBuilder::new(kind, &key, key_id)
            .serial(serial)
            .principals(principals.iter().copied())
            .validity(validity);
        let certificate = options.put_into(builder).sign(authority.as_ref(), algorithm, &mut SystemRandom)?;
        let out = certificate_path(path);
        context.write_public(&out, &format!("{}\n", certificate.to_openssh(&comment)))?;
        if !context.quiet() {
            let kind = if kind == CertificateKind::Host { "host" } else { "user" };
            let whom =
                if principals.is_empty() { String::new() } else { format!(" for {}", principals.join(",")) };
            let (out, valid) = (out.display(), time::validity(validity, &zone));
            notice::tell(format_args!(
                "Signed {kind} key {out}: id \"{key_id}\" serial {serial}{whom} valid {valid}"
            ));
        }
        if grows {
            serial = serial.wrapping_add(1);
        }
    }
    Ok(0)
}

/// `-t`, or the best that the authority signs under.
fn algorithm(authority: &PublicKey, name: Option<&str>) -> Result<&'static SignatureAlgorithm, KeygenError> {
    let mut rows = for_key_type(authority.key_type());
    match name {
        None => rows.next().ok_or_else(|| KeygenError::Unsupported("an authority of this type".into())),
        Some(name) => rows.find(|row| row.name == name).ok_or_else(|| {
            let key_type = authority.key_type();
            KeygenError::Usage(format!("an authority of the type {key_type} does not sign under {name}"))
        }),
    }
}

/// `key-cert.pub` for `key.pub`.
fn certificate_path(path: &Path) -> PathBuf {
    let stem = if path.extension().is_some_and(|extension| extension == "pub") {
        path.with_extension("")
    } else {
        path.to_owned()
    };
    let mut name = stem.into_os_string();
    name.push("-cert.pub");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(kind: CertificateKind, options: &[&str]) -> Result<CertificateOptions, String> {
        let mut applied = CertificateOptions::new(kind);
        for option in options {
            applied.apply(option).map_err(|error| error.to_string())?;
        }
        Ok(applied)
    }

    #[test]
    fn options_add_and_take_away() {
        let user = CertificateKind::User;
        let cleared =
            options(user, &["clear", "permit-pty", "permit-X11-forwarding", "no-pty"]).expect("understood");
        assert_eq!(cleared.permitted, [Extension::PermitX11Forwarding]);
        let own = options(user, &["critical:a@b=c=d", "extension:e@f"]).expect("understood");
        assert_eq!(own.own[0], ("a@b".into(), b"\0\0\0\x03c=d".to_vec(), true));
        assert_eq!(own.own[1], ("e@f".into(), Vec::new(), false));
        assert!(options(user, &["force-command=a", "force-command=b"]).is_err());
        assert!(options(user, &["force-command="]).is_err());
        assert!(options(user, &["source-address=192.0.2.0/24,2001:db8::1"]).is_ok());
        assert!(options(user, &["source-address=*.example"]).is_err());
        assert!(options(user, &["no-such"]).is_err());
        let host = CertificateKind::Host;
        assert!(options(host, &["clear", "extension:a@b"]).is_ok_and(|options| options.is_for_hosts()));
        assert!(options(host, &["force-command=x"]).is_ok_and(|options| !options.is_for_hosts()));
    }

    #[test]
    fn names_and_numbers() {
        assert_eq!(certificate_path(Path::new("/a/key.pub")), Path::new("/a/key-cert.pub"));
        assert_eq!(certificate_path(Path::new("key")), Path::new("key-cert.pub"));
        assert_eq!(serial(Some("+7")).ok(), Some((7, true)));
        assert_eq!(serial(None).ok(), Some((0, false)));
        assert!(serial(Some("-1")).is_err() && serial(Some("")).is_err());
    }
}
