//! From options and files to what applies to one host.

use crate::canonical::canonical_host;
use crate::catalogue::Catalogue;
use crate::error::{ConfigError, ConfigErrors, Problem};
use crate::forward::{Direction, Forward};
use crate::keyword::{AlgorithmList, Keyword};
use crate::network::numeric_host;
use crate::origin::Origin;
use crate::reader::{Pass, Reader, connection_tokens, default_value};
use crate::request::{Files, Request};
use crate::resolved::{AlgorithmLists, NamedFile, Resolved};
use crate::settings::{Setting, Settings};
use crate::source::{Local, Source};
use crate::token::{Tokens, expand_tilde, expand_variables};
use crate::value::Value;

/// The system's configuration.
const SYSTEM_FILE: &str = "/etc/ssh/ssh_config";
/// The user's configuration, in the home directory.
const USER_FILE: &str = ".ssh/config";
/// The port where nobody says.
const DEFAULT_PORT: u16 = 22;
/// The keys that are tried where nobody names any.
const USUAL_KEYS: [&str; 7] = [
    "~/.ssh/id_rsa",
    "~/.ssh/id_ecdsa",
    "~/.ssh/id_ecdsa_sk",
    "~/.ssh/id_ed25519",
    "~/.ssh/id_ed25519_sk",
    "~/.ssh/id_xmss",
    "~/.ssh/id_dsa",
];

/// Options of a command line, and what is needed to read files.
///
/// ```
/// use konko_config::{Catalogue, Configuration, Local, Origin, Request, Source};
///
/// struct OneFile;
/// impl Source for OneFile {
///     fn read(&mut self, path: &str, _: usize, _: bool) -> std::io::Result<Option<Vec<u8>>> {
///         let text = b"Host *.example\n  User deploy\n  Port 2222\n";
///         Ok((path == "/home/me/.ssh/config").then(|| text.to_vec()))
///     }
/// }
///
/// let local = Local {
///     user: "me".to_owned(),
///     uid: 1000,
///     home: Some("/home/me".to_owned()),
///     host_name: "here".to_owned(),
///     version: "konko".to_owned(),
/// };
/// let mut configuration = Configuration::new(local, Catalogue::default());
/// configuration.set("Port=22", Origin::command_line("-p 22"), &mut OneFile)?;
/// let resolved = configuration.resolve(&Request::new("a.example"), &mut OneFile);
/// # let _ = resolved;
/// # Ok::<(), konko_config::ConfigErrors>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    local: Local,
    catalogue: Catalogue,
    settings: Settings,
}

impl Configuration {
    /// For this computer and user, with these algorithms, and without options.
    pub fn new(local: Local, catalogue: Catalogue) -> Self {
        Self { local, catalogue, settings: Settings::default() }
    }

    fn reader<'a>(&'a self, pass: Pass, source: &'a mut dyn Source) -> Reader<'a> {
        Reader {
            source,
            local: &self.local,
            catalogue: &self.catalogue,
            settings: self.settings.clone(),
            pass,
            wants_final: false,
            errors: Vec::new(),
            notes: Vec::new(),
            read: (0, 0),
        }
    }

    /// Takes a line, such as that of `-o`. It counts before all files, and after the options before it.
    ///
    /// # Errors
    ///
    /// What is wrong with the line.
    pub fn set(&mut self, line: &str, origin: Origin, source: &mut dyn Source) -> Result<(), ConfigErrors> {
        let pass = Pass { host: String::new(), original_host: String::new(), command: None, is_final: false };
        let mut reader = self.reader(pass, source);
        let _ = reader.option(line, &origin);
        let Reader { settings, errors, .. } = reader;
        match ConfigErrors::of(errors) {
            Some(errors) => Err(errors),
            None => {
                self.settings = settings;
                Ok(())
            }
        }
    }

    /// Takes a line that counts before the options before it, too: what they said of its keyword is forgotten.
    ///
    /// # Errors
    ///
    /// What is wrong with the line.
    pub fn replace(
        &mut self,
        keyword: Keyword,
        value: &str,
        origin: Origin,
        source: &mut dyn Source,
    ) -> Result<(), ConfigErrors> {
        let before = self.settings.clone();
        self.settings.forget(keyword);
        let result = self.set(&format!("{keyword} {value}"), origin, source);
        if result.is_err() {
            self.settings = before;
        }
        result
    }

    /// Takes a value that was read already, such as a name that may hold anything. It counts after the options
    /// before it.
    ///
    /// # Errors
    ///
    /// There are too many of it.
    pub fn give(&mut self, keyword: Keyword, value: Value, origin: Origin) -> Result<(), ConfigErrors> {
        let added = self.settings.add(keyword, value, origin.clone());
        added.map_err(|problem| ConfigError { origin, keyword: keyword.name().to_owned(), problem }.into())
    }

    /// Takes a forwarding as a flag writes it, with its ends in one word: `[address:]port:host:port`, with paths of
    /// sockets in place of either end, or `[address:]port` alone where SOCKS says where connections lead.
    ///
    /// # Errors
    ///
    /// It is none of this keyword, which is one of `LocalForward`, `RemoteForward` and `DynamicForward`.
    pub fn add_forward(
        &mut self,
        keyword: Keyword,
        text: &str,
        origin: Origin,
        source: &dyn Source,
    ) -> Result<(), ConfigErrors> {
        let directions: &[Direction] = match keyword {
            Keyword::LocalForward => &[Direction::Local],
            Keyword::RemoteForward => &[Direction::Remote, Direction::Dynamic { remote: true }],
            Keyword::DynamicForward => &[Direction::Dynamic { remote: false }],
            _ => &[],
        };
        let service = |name: &str| source.service(name);
        let expanded = expand_variables(text, &|name| source.variable(name)).ok();
        let forward = expanded.and_then(|text| {
            directions.iter().find_map(|direction| Forward::parse(&text, *direction, &service))
        });
        match forward {
            Some(forward) => self.give(keyword, Value::Forward(forward), origin),
            None => {
                let problem = Problem::Invalid { value: text.to_owned(), expected: "a forwarding" };
                Err(ConfigError { origin, keyword: keyword.name().to_owned(), problem }.into())
            }
        }
    }

    /// Forgets what the options so far say of a keyword.
    pub fn forget(&mut self, keyword: Keyword) {
        self.settings.forget(keyword);
    }

    /// The same for this computer and user, without options.
    #[must_use]
    pub fn without_options(&self) -> Self {
        Self { settings: Settings::default(), ..self.clone() }
    }

    /// The value of a keyword that the options so far give.
    pub fn given(&self, keyword: Keyword) -> Option<&Setting> {
        self.settings.get(keyword)
    }

    /// Reads the files and finds what applies to the host.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the files, and with what they say together.
    pub fn resolve(&self, request: &Request, source: &mut dyn Source) -> Result<Resolved, ConfigErrors> {
        check_host(&request.host)?;
        let pass = Pass {
            host: request.host.clone(),
            original_host: request.host.clone(),
            command: request.command.clone(),
            is_final: false,
        };
        let mut reader = self.reader(pass, source);
        read_files(&mut reader, &request.files)?;
        let host = host_name(&reader)?;
        let host = canonical_host(&host, &reader.settings, reader.source)
            .map_err(|problem| wrong(&reader.settings, Keyword::CanonicalizeHostname, problem))?;
        check_host(&host)?;
        // What the full name was found by is not changed by what it brings about.
        for keyword in
            [Keyword::CanonicalizeHostname, Keyword::CanonicalizeMaxDots, Keyword::CanonicalizeFallbackLocal]
        {
            if let Some(value) = default_value(keyword) {
                reader.settings.fill(keyword, value);
            }
        }
        let canonicalizes = reader.settings.choice(Keyword::CanonicalizeHostname);
        if reader.wants_final || canonicalizes.is_some_and(|mode| mode != "false") {
            let origin = origin_of(&reader.settings, Keyword::Hostname);
            reader.settings.replace(Keyword::Hostname, Value::Text(host.clone()), origin);
            reader.pass.host.clone_from(&host);
            reader.pass.is_final = true;
            read_files(&mut reader, &request.files)?;
        }
        let Reader { settings, notes, .. } = reader;
        let mut resolved = self.complete(settings, host, request)?;
        resolved.notes = notes;
        self.expand(&mut resolved, source)?;
        Ok(resolved)
    }

    /// Fills what nobody said, and looks at all together.
    fn complete(
        &self,
        mut settings: Settings,
        host_name: String,
        request: &Request,
    ) -> Result<Resolved, ConfigErrors> {
        if request.forwards_stdio {
            settings.fill(Keyword::ExitOnForwardFailure, Value::Choice("yes"));
            settings.fill(Keyword::ClearAllForwardings, Value::Choice("yes"));
        }
        if settings.choice(Keyword::ClearAllForwardings) == Some("yes") {
            for keyword in [Keyword::LocalForward, Keyword::RemoteForward, Keyword::DynamicForward] {
                settings.forget(keyword);
            }
            settings.replace(Keyword::Tunnel, Value::Choice("false"), Origin::Default);
        }
        let usual_file = settings
            .words(Keyword::UserKnownHostsFile)
            .is_none_or(|files| matches!(files, [file] if file == "~/.ssh/known_hosts"));
        let asks_dns = matches!(settings.choice(Keyword::VerifyHostKeyDNS), Some("true" | "ask"));
        let updates = if usual_file && !asks_dns { "true" } else { "false" };
        settings.fill(Keyword::UpdateHostKeys, Value::Choice(updates));
        // As Debian has it: what runs by itself should notice that the server is gone.
        let batch = settings.choice(Keyword::BatchMode) == Some("yes");
        let interval = if batch { 300 } else { 0 };
        settings.fill(Keyword::ServerAliveInterval, Value::Seconds(Some(interval)));
        settings.fill(Keyword::RequiredRSASize, Value::Number(self.catalogue.required_rsa_size));
        for keyword in Keyword::all() {
            if let Some(value) = default_value(keyword) {
                settings.fill(keyword, value);
            }
        }
        clear_none(&mut settings);
        if settings.number(Keyword::ConnectionAttempts) == Some(0) {
            let problem = Problem::Invalid { value: "0".to_owned(), expected: "a number of attempts" };
            return Err(wrong(&settings, Keyword::ConnectionAttempts, problem));
        }
        if settings.get(Keyword::ProxyJump).is_some()
            && settings.choice(Keyword::ProxyUseFdpass) == Some("yes")
        {
            let problem = Problem::Conflict("ProxyJump and ProxyUseFdpass exclude each other");
            return Err(wrong(&settings, Keyword::ProxyUseFdpass, problem));
        }
        // Nobody could be asked in the background.
        if settings.choice(Keyword::UpdateHostKeys) == Some("ask")
            && settings
                .get(Keyword::ControlPersist)
                .is_some_and(|setting| setting.value != Value::Choice("no"))
        {
            settings.replace(Keyword::UpdateHostKeys, Value::Choice("false"), Origin::Default);
        }
        if let Some(alias) = settings.text(Keyword::HostKeyAlias).map(str::to_ascii_lowercase) {
            let origin = origin_of(&settings, Keyword::HostKeyAlias);
            settings.replace(Keyword::HostKeyAlias, Value::Text(alias), origin);
        }
        let user = settings.text(Keyword::User).unwrap_or(&self.local.user).to_owned();
        if user.is_empty() || user.contains(char::is_control) {
            let problem = Problem::Invalid { value: user, expected: "the name of a user" };
            return Err(wrong(&settings, Keyword::User, problem));
        }
        let port = settings.number(Keyword::Port).and_then(|port| port.try_into().ok());
        let port = port.unwrap_or(DEFAULT_PORT);
        let alias = settings.text(Keyword::HostKeyAlias).unwrap_or(&request.host);
        let tokens = connection_tokens(&self.local, &host_name, &request.host, port, &user, alias);
        Ok(Resolved {
            host: request.host.clone(),
            host_name,
            user,
            port,
            algorithms: self.algorithms(&settings)?,
            settings,
            tokens,
            identity_files: Vec::new(),
            certificate_files: Vec::new(),
            revoked_host_keys: None,
            notes: Vec::new(),
        })
    }

    fn algorithms(&self, settings: &Settings) -> Result<AlgorithmLists, ConfigErrors> {
        let list = |list, keyword| {
            let assembled = self.catalogue.assemble(list, settings.text(keyword));
            assembled.map_err(|problem| wrong(settings, keyword, problem))
        };
        Ok(AlgorithmLists {
            ciphers: list(AlgorithmList::Ciphers, Keyword::Ciphers)?,
            macs: list(AlgorithmList::Macs, Keyword::MACs)?,
            kex: list(AlgorithmList::Kex, Keyword::KexAlgorithms)?,
            host_key: list(AlgorithmList::HostKey, Keyword::HostKeyAlgorithms)?,
            pubkey: list(AlgorithmList::Pubkey, Keyword::PubkeyAcceptedAlgorithms)?,
            hostbased: list(AlgorithmList::Hostbased, Keyword::HostbasedAcceptedAlgorithms)?,
            ca_signature: list(AlgorithmList::CaSignature, Keyword::CASignatureAlgorithms)?,
        })
    }

    /// Replaces tokens, variables and `~`, where they are replaced before anything is done.
    fn expand(&self, resolved: &mut Resolved, source: &dyn Source) -> Result<(), ConfigErrors> {
        let tokens = resolved.tokens.clone();
        let home = self.local.home.as_deref();
        let path = |text: &str| {
            let text = expand_tilde(text, home, &|user| source.home_of(user))?;
            tokens.expand(&text, Some(&|name| source.variable(name)))
        };
        let settings = &mut resolved.settings;
        for keyword in [Keyword::ControlPath, Keyword::IdentityAgent, Keyword::ForwardAgent] {
            if let Some(text) = settings.text(keyword).map(str::to_owned) {
                let expanded = path(&text).map_err(|problem| wrong(settings, keyword, problem))?;
                settings.replace(keyword, Value::Text(expanded), origin_of(settings, keyword));
            }
        }
        if let Some(text) = settings.text(Keyword::RemoteCommand).map(str::to_owned) {
            let expanded = tokens.expand(&text, None);
            let expanded = expanded.map_err(|problem| wrong(settings, Keyword::RemoteCommand, problem))?;
            let origin = origin_of(settings, Keyword::RemoteCommand);
            settings.replace(Keyword::RemoteCommand, Value::Text(expanded), origin);
        }
        for keyword in [Keyword::UserKnownHostsFile, Keyword::GlobalKnownHostsFile] {
            let mut files = settings.words(keyword).unwrap_or_default().to_vec();
            if matches!(files.as_slice(), [none] if none.eq_ignore_ascii_case("none")) {
                files.clear();
            }
            if keyword == Keyword::UserKnownHostsFile {
                // Whoever has no home directory has no usual files.
                if home.is_none() && origin_of(settings, keyword) == Origin::Default {
                    files.clear();
                }
                let expanded = files.iter().map(|file| path(file)).collect::<Result<_, _>>();
                files = expanded.map_err(|problem| wrong(settings, keyword, problem))?;
            }
            settings.replace(keyword, Value::Words(files), origin_of(settings, keyword));
        }
        expand_forwards(settings, &tokens)?;
        let named = |settings: &Settings, keyword| {
            let text = |setting: &Setting| match &setting.value {
                Value::Text(text) => Some(NamedFile {
                    written: text.clone(),
                    path: path(text),
                    origin: setting.origin.clone(),
                }),
                _ => None,
            };
            settings.all(keyword).iter().filter_map(text).collect::<Vec<_>>()
        };
        resolved.identity_files = named(settings, Keyword::IdentityFile);
        resolved.certificate_files = named(settings, Keyword::CertificateFile);
        resolved.revoked_host_keys = named(settings, Keyword::RevokedHostKeys).pop();
        if resolved.identity_files.is_empty() {
            let usual = |written: &str| NamedFile {
                written: written.to_owned(),
                path: path(written),
                origin: Origin::Default,
            };
            resolved.identity_files = USUAL_KEYS.into_iter().map(usual).collect();
        }
        Ok(())
    }
}

/// Tokens are replaced in the paths of sockets.
fn expand_forwards(settings: &mut Settings, tokens: &Tokens) -> Result<(), ConfigErrors> {
    use crate::forward::Endpoint;
    for keyword in [Keyword::LocalForward, Keyword::RemoteForward, Keyword::DynamicForward] {
        let all = settings.all(keyword).to_vec();
        settings.forget(keyword);
        for mut setting in all {
            if let Value::Forward(forward) = &mut setting.value {
                for end in [&mut forward.listen, &mut forward.connect] {
                    if let Endpoint::Socket(path) = end {
                        *path = tokens.expand(path, None).map_err(|problem| ConfigError {
                            origin: setting.origin.clone(),
                            keyword: keyword.name().to_owned(),
                            problem,
                        })?;
                    }
                }
            }
            let Setting { value, origin } = setting;
            settings.add(keyword, value, origin).map_err(|problem| wrong(settings, keyword, problem))?;
        }
    }
    Ok(())
}

/// Where `none` says that there is none.
fn clear_none(settings: &mut Settings) {
    for keyword in [
        Keyword::LocalCommand,
        Keyword::RemoteCommand,
        Keyword::ProxyCommand,
        Keyword::ControlPath,
        Keyword::RevokedHostKeys,
        Keyword::PKCS11Provider,
        Keyword::SecurityKeyProvider,
        Keyword::KnownHostsCommand,
    ] {
        if settings.text(keyword).is_some_and(|text| text.eq_ignore_ascii_case("none")) {
            settings.forget(keyword);
        }
    }
    if settings.get(Keyword::ProxyJump).is_some_and(|setting| setting.value == Value::Jumps(None)) {
        settings.forget(Keyword::ProxyJump);
    }
}

fn origin_of(settings: &Settings, keyword: Keyword) -> Origin {
    settings.get(keyword).map_or(Origin::Default, |setting| setting.origin.clone())
}

fn wrong(settings: &Settings, keyword: Keyword, problem: Problem) -> ConfigErrors {
    let origin = origin_of(settings, keyword);
    ConfigError { origin, keyword: keyword.name().to_owned(), problem }.into()
}

/// A host is never empty, no option of a command, and holds no control character and no blank. covers: L01
fn check_host(host: &str) -> Result<(), ConfigErrors> {
    let broken = |symbol: char| symbol.is_control() || symbol.is_whitespace();
    if host.is_empty() || host.starts_with('-') || host.contains(broken) {
        let problem =
            Problem::Invalid { value: host.escape_debug().to_string(), expected: "the name of a host" };
        return Err(ConfigError { origin: Origin::Default, keyword: String::new(), problem }.into());
    }
    Ok(())
}

/// The host that `HostName` puts in place of the one that was named, in lower case.
fn host_name(reader: &Reader<'_>) -> Result<String, ConfigErrors> {
    let host = match reader.settings.text(Keyword::Hostname) {
        None => reader.pass.host.clone(),
        Some(name) => {
            let expanded = Tokens::default().with('h', reader.pass.host.as_str()).expand(name, None);
            expanded.map_err(|problem| wrong(&reader.settings, Keyword::Hostname, problem))?
        }
    };
    if numeric_host(&host).is_some() { Ok(host) } else { Ok(host.to_ascii_lowercase()) }
}

fn read_files(reader: &mut Reader<'_>, files: &Files) -> Result<(), ConfigErrors> {
    // What was found counts, whether all was read or not.
    let _ = match files {
        Files::None => Ok(()),
        Files::Only(path) => match reader.file(path, true, false) {
            Ok(false) => {
                let problem =
                    Problem::Source { what: path.clone(), reason: "there is no such file".to_owned() };
                reader.error(&Origin::Default, "", problem)
            }
            result => result.map(|_| ()),
        },
        Files::Usual => {
            let user = reader.local.home.as_ref().map(|home| format!("{home}/{USER_FILE}"));
            user.map_or(Ok(true), |path| reader.file(&path, true, true))
                .and_then(|_| reader.file(SYSTEM_FILE, false, false))
                .map(|_| ())
        }
    };
    match ConfigErrors::of(std::mem::take(&mut reader.errors)) {
        None => Ok(()),
        Some(errors) => Err(errors),
    }
}

#[cfg(test)]
mod tests;
