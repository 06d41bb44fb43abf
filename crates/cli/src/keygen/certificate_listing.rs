//! `konko keygen -L`: what certificates say.

use crate::keygen::context::{Context, read_file};
use crate::keygen::error::KeygenError;
use crate::keygen::prompt::visible;
use crate::keygen::time;
use crate::local_time::time_zone;
use crate::notice;
use konko::keys::certificate::Certificate;
use konko::keys::certificate_kind::CertificateKind;
use konko::keys::certificate_option::{CertificateOption, CriticalOption, Extension};
use konko::keys::error::{CertificateError, KeyError};
use konko::keys::identity::Identity;
use konko::trust::time_zone::TimeZone;
use std::fmt::Write;
use std::path::Path;

/// Prints every certificate in a file.
///
/// # Errors
///
/// [`KeygenError`]; the status is 1 if there is none.
pub fn run(context: &Context) -> Result<u8, KeygenError> {
    context.arguments.only("Lf")?;
    context.arguments.no_operands()?;
    let path = context.key_path()?;
    let text = read_file(&path)?;
    let text = String::from_utf8_lossy(&text);
    let zone = time_zone();
    let is_stdin = path == Path::new("-");
    let shown = if is_stdin { "(stdin)".into() } else { path.display().to_string() };
    let lines: Vec<_> = (1..)
        .zip(text.lines())
        .map(|(number, line)| (number, line.trim_start()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .collect();
    if lines.is_empty() {
        return Err(KeygenError::Other(format!("{shown} is not a public key file.")));
    }
    let mut any_good = false;
    for (number, line) in lines {
        let numbered = format!("{shown}:{number}");
        match Identity::from_openssh(line) {
            Ok((Identity::Certificate(certificate), _)) => {
                // ssh-keygen leaves the number of a first line out.
                let place = if is_stdin || number > 1 { numbered } else { shown.clone() };
                context.print(format_args!("{place}:"))?;
                context.print(describe(&certificate, &zone).trim_end())?;
                any_good = true;
            }
            Ok((Identity::Key(_), _)) => notice::tell(format_args!("{numbered} is not a certificate")),
            Err(error) => notice::tell(format_args!("{numbered}: invalid key: {}", in_words(&error))),
        }
    }
    Ok(u8::from(!any_good))
}

fn in_words(error: &CertificateError) -> String {
    match error {
        CertificateError::Key(KeyError::NotAKey) => "invalid format".into(),
        error => error.to_string(),
    }
}

/// A certificate in the words of `ssh-keygen -L`.
pub fn describe(certificate: &Certificate, zone: &TimeZone) -> String {
    let kind = if certificate.kind() == CertificateKind::Host { "host" } else { "user" };
    let (key, authority) = (certificate.public_key(), certificate.signature_key());
    let indent = " ".repeat(8);
    let deep = " ".repeat(16);
    let mut text = String::new();
    // Writing into a string does not fail.
    let _ = writeln!(text, "{indent}Type: {} {kind} certificate", certificate.certificate_type());
    let _ = writeln!(text, "{indent}Public key: {}-CERT {}", key.family(), key.fingerprint());
    let (family, algorithm) = (authority.family(), certificate.signature_algorithm().name);
    let _ = writeln!(text, "{indent}Signing CA: {family} {} (using {algorithm})", authority.fingerprint());
    let _ = writeln!(text, "{indent}Key ID: \"{}\"", visible(certificate.key_id()));
    let _ = writeln!(text, "{indent}Serial: {}", certificate.serial());
    let _ = writeln!(text, "{indent}Valid: {}", time::validity(certificate.validity(), zone));
    let list = |text: &mut String, title: &str, lines: Vec<String>| {
        if lines.is_empty() {
            let _ = writeln!(text, "{indent}{title}: (none)");
            return;
        }
        let _ = writeln!(text, "{indent}{title}: ");
        lines.iter().for_each(|line| {
            let _ = writeln!(text, "{deep}{line}");
        });
    };
    list(&mut text, "Principals", certificate.principals().iter().map(|name| visible(name)).collect());
    list(&mut text, "Critical Options", certificate.critical_options().iter().map(critical).collect());
    list(&mut text, "Extensions", certificate.extensions().iter().map(extension).collect());
    text
}

fn critical(option: &CertificateOption) -> String {
    match option.as_critical() {
        Ok(CriticalOption::ForceCommand(value) | CriticalOption::SourceAddress(value)) => {
            format!("{} {}", option.name, visible(value))
        }
        Ok(CriticalOption::VerifyRequired) => option.name.clone(),
        _ => unknown(option),
    }
}

fn extension(option: &CertificateOption) -> String {
    match option.as_extension() {
        Extension::Unknown { .. } => unknown(option),
        _ => option.name.clone(),
    }
}

fn unknown(option: &CertificateOption) -> String {
    let name = visible(&option.name);
    if option.data.is_empty() {
        return format!("{name} UNKNOWN FLAG OPTION");
    }
    let digits: String = option.data.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{name} UNKNOWN OPTION: {digits} (len {})", option.data.len())
}
