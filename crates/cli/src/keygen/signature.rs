//! `konko keygen -Y`: signatures of files.

use crate::keygen::agent_signer::AgentSigner;
use crate::keygen::context::{Context, now, read_file};
use crate::keygen::error::KeygenError;
use crate::keygen::{prompt, time};
use crate::local_time::time_zone;
use crate::notice;
use konko::keys::identity::Identity;
use konko::keys::randomart::family;
use konko::keys::security_key::SecurityKeyPolicy;
use konko::keys::signer::Signer;
use konko::trust::allowed_signers::{AllowedSigners, SignatureUse};
use konko::trust::revoked_keys::RevokedKeys;
use konko::trust::sshsig::{HashAlgorithm, MessageDigest, SshSig};
use konko::trust::time_zone::TimeZone;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

const PIECE: usize = 64 * 1024;

/// What `-O` says.
struct SignatureOptions {
    hash: HashAlgorithm,
    time: u64,
    print_key: bool,
    zone: TimeZone,
}

impl SignatureOptions {
    fn read(context: &Context, allowed: &[&str]) -> Result<Self, KeygenError> {
        let (zone, now) = (time_zone(), now());
        let mut options = Self { hash: HashAlgorithm::default(), time: now, print_key: false, zone };
        for option in context.arguments.all('O') {
            let text = option.to_str().unwrap_or_default();
            let (name, value) = text.split_once('=').unwrap_or((text, ""));
            let wrong = || KeygenError::Usage(format!("Invalid option \"{}\"", option.display()));
            if !allowed.contains(&name) {
                return Err(wrong());
            }
            match name {
                "hashalg" => options.hash = HashAlgorithm::by_name(value).ok_or_else(wrong)?,
                "verify-time" => options.time = time::moment(value, now, &options.zone).ok_or_else(wrong)?,
                _ => options.print_key = true,
            }
        }
        Ok(options)
    }
}

/// Runs the action that `-Y` names.
///
/// # Errors
///
/// [`KeygenError`].
pub fn run(context: &Context) -> Result<u8, KeygenError> {
    match context.arguments.text('Y')?.unwrap_or_default() {
        "sign" => sign(context),
        "verify" => verify(context),
        "check-novalidate" => check_without_signers(context),
        "find-principals" => find_principals(context),
        "match-principals" => match_principals(context),
        name => Err(KeygenError::Usage(format!("Unsupported operation for -Y: \"{name}\""))),
    }
}

fn required<'a>(context: &'a Context, letter: char, what: &str) -> Result<&'a str, KeygenError> {
    let missing = || KeygenError::Usage(format!("Too few arguments for {what}: missing -{letter}"));
    context.arguments.text(letter)?.ok_or_else(missing)
}

fn digest(mut source: impl Read, hash: HashAlgorithm) -> io::Result<MessageDigest> {
    let mut hasher = hash.hasher();
    let mut piece = vec![0; PIECE];
    loop {
        match source.read(&mut piece) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(len) => hasher.update(piece.get(..len).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn sign(context: &Context) -> Result<u8, KeygenError> {
    context.arguments.only("YfnOP")?;
    let options = SignatureOptions::read(context, &["hashalg"])?;
    let namespace = required(context, 'n', "sign")?;
    let path = PathBuf::from(required(context, 'f', "sign")?);
    let (signer, identity) = signer(context, &path)?;
    let sign = |digest: &MessageDigest| SshSig::sign(signer.as_ref(), &identity, namespace, digest);
    if context.arguments.operands.is_empty() {
        if !context.quiet() {
            notice::tell("Signing data on standard input");
        }
        let signature = sign(&digest(io::stdin().lock(), options.hash)?)?;
        prompt::write(&signature.to_armored())?;
        return Ok(0);
    }
    for operand in &context.arguments.operands {
        let path = Path::new(operand);
        if !context.quiet() {
            notice::tell(format_args!("Signing file {}", path.display()));
        }
        let file = File::open(path).map_err(KeygenError::file(path))?;
        let digest = digest(file, options.hash).map_err(KeygenError::file(path))?;
        let signature = sign(&digest)?;
        let mut out = operand.clone();
        out.push(".sig");
        let out = PathBuf::from(out);
        if !prompt::may_write(&out)? {
            return Ok(1);
        }
        context.write_public(&out, &signature.to_armored())?;
        if !context.quiet() {
            notice::tell(format_args!("Write signature to {}", out.display()));
        }
    }
    Ok(0)
}

/// Who signs, and what the signature shows. As ssh-keygen: an agent that has the key is preferred; `path` may be the
/// private file, or the public key or certificate beside it.
fn signer(context: &Context, path: &Path) -> Result<(Box<dyn Signer>, Identity), KeygenError> {
    let public = context.load_public(path).map(|(identity, _)| identity);
    if let Ok(identity) = &public
        && let Some(signer) = AgentSigner::find(identity)?
    {
        return Ok((Box::new(signer), identity.clone()));
    }
    if path.extension().is_none_or(|extension| extension != "pub") {
        let key = context.load_private(path, "Enter passphrase: ")?.key;
        let identity = Identity::Key(key.public_key().clone());
        return Ok((Box::new(key), identity));
    }
    let identity = public?;
    let mut private = path.with_extension("").into_os_string();
    if identity.certificate().is_some()
        && let Some(stem) = private.to_str().and_then(|name| name.strip_suffix("-cert"))
    {
        private = stem.into();
    }
    let key = context.load_private(Path::new(&private), "Enter passphrase: ")?.key;
    Ok((Box::new(key), identity))
}

fn read_signature(context: &Context, what: &str) -> Result<SshSig, KeygenError> {
    let path = PathBuf::from(required(context, 's', what)?);
    Ok(SshSig::from_armored(&read_file(&path)?)?)
}

fn read_signers(context: &Context, what: &str) -> Result<AllowedSigners, KeygenError> {
    let path = PathBuf::from(required(context, 'f', what)?);
    let signers = AllowedSigners::parse(&read_file(&path)?);
    for (line, error) in signers.refused() {
        notice::tell(format_args!("{}:{line}: {error}", path.display()));
    }
    Ok(signers)
}

/// `Good …`, or why not; the status is 255 then.
fn tell_verdict(
    context: &Context,
    signature: &SshSig,
    whom: Option<&str>,
    verdict: Result<(), String>,
    options: &SignatureOptions,
) -> Result<u8, KeygenError> {
    if let Err(reason) = verdict {
        notice::tell(reason);
        context.print("Could not verify signature.")?;
        return Ok(255);
    }
    let identity = signature.identity();
    let (namespace, shown) = (signature.namespace(), identity.fingerprint());
    let whom = whom.map(|whom| format!(" for {whom}")).unwrap_or_default();
    let family = family(identity);
    context.tell(format_args!("Good \"{namespace}\" signature{whom} with {family} key {shown}"))?;
    if options.print_key {
        context.print(identity.to_openssh(""))?;
    }
    Ok(0)
}

fn verify_message(
    context: &Context,
    signature: &SshSig,
    what: &str,
) -> Result<Result<(), String>, KeygenError> {
    let namespace = required(context, 'n', what)?;
    let digest = digest(io::stdin().lock(), signature.hash())?;
    // Who was touched is a question of logins, not of files: ssh-keygen does not ask it either.
    let verified = signature.verify(namespace, &digest, SecurityKeyPolicy::ANY);
    Ok(verified.map(drop).map_err(|error| format!("Signature verification failed: {error}")))
}

fn revocation(context: &Context, signature: &SshSig) -> Result<Result<(), String>, KeygenError> {
    let Some(path) = context.arguments.value('r') else { return Ok(Ok(())) };
    let path = PathBuf::from(path);
    let mut revoked = RevokedKeys::new();
    revoked
        .add(&read_file(&path)?)
        .map_err(|error| KeygenError::Other(format!("{}: {error}", path.display())))?;
    Ok(match revoked.check(signature.identity()) {
        Some(_) => Err("the key that signed is revoked".into()),
        None => Ok(()),
    })
}

fn verify(context: &Context) -> Result<u8, KeygenError> {
    context.arguments.only("YfInsrO")?;
    context.arguments.no_operands()?;
    let options = SignatureOptions::read(context, &["verify-time", "print-pubkey", "hashalg"])?;
    let principal = required(context, 'I', "verify")?;
    let signers = read_signers(context, "verify")?;
    let signature = read_signature(context, "verify")?;
    let mut verdict = verify_message(context, &signature, "verify")?;
    if verdict.is_ok() {
        verdict = revocation(context, &signature)?;
    }
    if verdict.is_ok() {
        let usage =
            SignatureUse { namespace: signature.namespace(), time: options.time, zone: &options.zone };
        let checked = signers.check(principal, signature.identity(), &usage);
        verdict = checked.map(drop).map_err(|error| error.to_string());
    }
    tell_verdict(context, &signature, Some(principal), verdict, &options)
}

fn check_without_signers(context: &Context) -> Result<u8, KeygenError> {
    context.arguments.only("YnsrO")?;
    context.arguments.no_operands()?;
    let options = SignatureOptions::read(context, &["verify-time", "print-pubkey", "hashalg"])?;
    let signature = read_signature(context, "check-novalidate")?;
    let mut verdict = verify_message(context, &signature, "check-novalidate")?;
    if verdict.is_ok() {
        verdict = revocation(context, &signature)?;
    }
    tell_verdict(context, &signature, None, verdict, &options)
}

fn find_principals(context: &Context) -> Result<u8, KeygenError> {
    context.arguments.only("YfsO")?;
    context.arguments.no_operands()?;
    let options = SignatureOptions::read(context, &["verify-time"])?;
    let signers = read_signers(context, "find-principals")?;
    let signature = read_signature(context, "find-principals")?;
    let usage = SignatureUse { namespace: signature.namespace(), time: options.time, zone: &options.zone };
    let found = signers.find_principals(signature.identity(), &usage);
    // Of a key the first line that allows it counts; of a certificate all that fit come back.
    let count = if signature.identity().certificate().is_some() { found.len() } else { 1 };
    for principal in found.iter().take(count).flat_map(|list| list.split(',')).filter(|name| !name.is_empty())
    {
        context.print(principal)?;
    }
    if found.is_empty() {
        notice::tell("No principal matched.");
        return Ok(255);
    }
    Ok(0)
}

fn match_principals(context: &Context) -> Result<u8, KeygenError> {
    context.arguments.only("YfIO")?;
    context.arguments.no_operands()?;
    SignatureOptions::read(context, &["verify-time"])?;
    let principal = required(context, 'I', "match-principals")?;
    let signers = read_signers(context, "match-principals")?;
    let mut found = false;
    for signer in signers.match_principals(principal) {
        context.print(&signer.principals)?;
        found = true;
    }
    if !found {
        notice::tell("No principal matched.");
        return Ok(255);
    }
    Ok(0)
}
