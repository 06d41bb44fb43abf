//! What the command line says.

use std::path::PathBuf;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The rows, in the order in which they are measured by default.
pub const ROWS: [&str; 13] = [
    "down", "up", "get", "put", "logins", "echo", "memory", "growth", "proxy", "far-down", "far-up",
    "far-get", "far-put",
];

/// The ciphers of the bulk rows.
pub const CIPHERS: [&str; 4] =
    ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr"];

/// What is measured and how much of it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How often each cell is measured. Far cells that a small window holds back are measured once.
    pub rounds: usize,
    /// Bytes of a bulk transfer and of the large file, a multiple of 64 KiB.
    pub bytes: u64,
    /// The rows, of [`ROWS`].
    pub rows: Vec<String>,
    /// The ciphers of the bulk rows.
    pub ciphers: Vec<String>,
    /// The round-trip times of the far rows, in milliseconds.
    pub round_trips: Vec<u64>,
    /// Whether everything is small: whether it runs, not how fast.
    pub quick: bool,
    /// Whether the whole page is printed, with its header and the table of goals.
    pub markdown: bool,
    /// Whether the others' memory is measured with as many connections as ours.
    pub all_idle: bool,
    /// Whether the processors are kept awake.
    pub awake: bool,
    /// russh's program.
    pub russh: PathBuf,
    /// konko's program.
    pub konko: PathBuf,
}

impl Settings {
    /// Reads the words of the command line.
    pub fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let quick = arguments.iter().any(|word| word == "--quick");
        let mut settings = Self {
            rounds: if quick { 1 } else { 3 },
            bytes: if quick { 64 << 20 } else { 1 << 30 },
            rows: ROWS.map(String::from).to_vec(),
            ciphers: CIPHERS.map(String::from).to_vec(),
            round_trips: vec![20, 100],
            quick,
            markdown: false,
            all_idle: false,
            awake: true,
            russh: PathBuf::from("benches/russh-peer/target/release/russh-peer"),
            konko: PathBuf::from("target/release/konko"),
        };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().cloned().ok_or_else(|| format!("{word} wants a value"));
            let list = |text: String| text.split(',').map(String::from).collect::<Vec<_>>();
            match word.as_str() {
                "--rounds" => settings.rounds = value()?.parse()?,
                "--bytes" => settings.bytes = value()?.parse()?,
                "--rows" => settings.rows = list(value()?),
                "--cipher" | "--ciphers" => settings.ciphers = list(value()?),
                "--round-trips" => {
                    settings.round_trips =
                        list(value()?).iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
                }
                "--russh" => settings.russh = value()?.into(),
                "--konko" => settings.konko = value()?.into(),
                "--quick" => {}
                "--markdown" => settings.markdown = true,
                "--let-sleep" => settings.awake = false,
                "--all-idle" => settings.all_idle = true,
                _ => return Err(format!("unknown option {word}").into()),
            }
        }
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), Failure> {
        if let Some(row) = self.rows.iter().find(|row| !ROWS.contains(&row.as_str())) {
            return Err(format!("unknown row {row}; there are {}", ROWS.join(", ")).into());
        }
        if self.rounds == 0 || self.bytes == 0 || !self.bytes.is_multiple_of(65_536) {
            return Err("--rounds is at least 1, and --bytes a multiple of 65536".into());
        }
        for (program, folder) in [(&self.russh, "benches/russh-peer"), (&self.konko, ".")] {
            if !program.is_file() {
                let missing = program.display();
                return Err(format!("{missing} is missing: cargo build --release in {folder}").into());
            }
        }
        Ok(())
    }

    /// `full`, or `small` where everything is small.
    pub fn size<T>(&self, full: T, small: T) -> T {
        if self.quick { small } else { full }
    }
}
