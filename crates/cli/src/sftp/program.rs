//! `konko sftp`.

use crate::exit::Failure;
use crate::notice::tell;
use crate::sftp::arguments::SftpArguments;
use crate::sftp::command::{Command, TransferFlags, parse};
use crate::sftp::dispatch::Next;
use crate::sftp::help::HELP;
use crate::sftp::line_editor::{LineEditor, PROMPT, Typed};
use crate::sftp::shell::{Shell, put};
use crate::sftp::trouble::Trouble;
use crate::sftp::words::Word;
use crate::terminal;
use crate::transfer::program::Program;
use crate::transfer::session::{ServerProgram, Sizes, begin};
use crate::transfer::{connection, session};
use konko::client::SshClient;
use konko::client::sftp::Sftp;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::time::Duration;

/// The exit status where a command of a batch fails.
const COMMAND_FAILED: u8 = 1;
/// The longest line of a batch, in bytes.
const MAXIMUM_LINE: u64 = 64 * 1024;
/// How long the server may take to read the last words.
const FAREWELL: Duration = Duration::from_secs(2);

const PROGRAM: Program = Program { name: "sftp", help: HELP, cleaning: None };

/// Runs `konko sftp` with these arguments and returns its exit status.
pub fn run(arguments: Vec<OsString>) -> u8 {
    match PROGRAM.begin(SftpArguments::parse(arguments)) {
        Ok(arguments) => PROGRAM.run(&arguments.ssh, arguments.remote.as_ref(), connect_and_run(&arguments)),
        Err(status) => status,
    }
}

async fn connect_and_run(arguments: &SftpArguments) -> Result<u8, Failure> {
    let sizes = Sizes { buffer: arguments.buffer, requests: arguments.requests };
    let (client, sftp, program) = open(arguments, &sizes).await?;
    let mut shell = Shell::new(sftp).await.map_err(|trouble| Failure::Other(trouble.0))?;
    shell.is_quiet = arguments.ssh.is_quiet;
    shell.transfer = arguments.transfer;
    shell.limit = arguments.limit;
    let status = serve(arguments, &mut shell).await?;
    shell.sftp.end();
    drop(shell);
    if let Some(client) = client {
        // All is done; what the server makes of the farewell is of no interest.
        let _ = tokio::time::timeout(FAREWELL, client.close()).await;
    }
    drop(program);
    Ok(status)
}

async fn open(
    arguments: &SftpArguments,
    sizes: &Sizes,
) -> Result<(Option<SshClient>, Sftp, Option<ServerProgram>), Failure> {
    if let Some(program) = &arguments.program {
        let (sftp, program) = session::over_program(program, sizes).await?;
        return Ok((None, sftp, Some(program)));
    }
    let Some(remote) = &arguments.remote else {
        return Err(Failure::Other("no destination is named".to_owned()));
    };
    let client = connection::connect(&arguments.ssh, remote).await?;
    if !arguments.ssh.is_quiet {
        tell(format_args!("Connected to {}.", remote.destination));
    }
    let sftp = begin(&client, arguments.subsystem.as_deref(), sizes).await?;
    Ok((Some(client), sftp, None))
}

/// Does what the command line asks for, then what lines do.
async fn serve(arguments: &SftpArguments, shell: &mut Shell) -> Result<u8, Failure> {
    let path = arguments.remote.as_ref().map(|remote| remote.path.clone()).unwrap_or_default();
    if !path.is_empty() {
        let word = Word::literal(&path);
        let is_directory = shell.sftp.metadata(path).await.is_ok_and(|found| found.is_dir());
        if is_directory && arguments.local.is_none() {
            if let Err(trouble) = shell.run(Command::ChangeDirectory(Some(word))).await {
                return Err(Failure::Other(trouble.0));
            }
        } else {
            let local = arguments.local.as_ref().map(|path| literal_path(path));
            let get = Command::Get { flags: TransferFlags::default(), remote: word, local };
            return Ok(told(shell.run(get).await.map(|_| ())));
        }
    }
    match &arguments.batch {
        Some(path) if path == Path::new("-") => {
            batch(shell, Box::new(std::io::stdin()), arguments, true).await
        }
        Some(path) => {
            let file = std::fs::File::open(path);
            let file = file.map_err(|error| Failure::local(path.display().to_string(), error))?;
            batch(shell, Box::new(file), arguments, true).await
        }
        None if terminal::stdin_is_terminal() => interactive(shell).await,
        None => batch(shell, Box::new(std::io::stdin()), arguments, false).await,
    }
}

fn literal_path(path: &Path) -> Word {
    use std::os::unix::ffi::OsStrExt;
    Word::literal(path.as_os_str().as_bytes())
}

/// Says what went wrong; the exit status.
fn told(result: Result<(), Trouble>) -> u8 {
    match result {
        Ok(()) => 0,
        Err(trouble) => {
            tell(trouble);
            COMMAND_FAILED
        }
    }
}

/// Lines that nobody types. If failures count, the first one ends them.
async fn batch(
    shell: &mut Shell,
    lines: Box<dyn Read + Send>,
    arguments: &SftpArguments,
    failures_count: bool,
) -> Result<u8, Failure> {
    let shows = !arguments.ssh.is_quiet || arguments.shows_commands;
    let mut lines = Some(BufReader::new(lines));
    while let Some(reader) = lines.take() {
        let (reader, line) = next_line(reader).await?;
        let Some(line) = line else { break };
        lines = Some(reader);
        let parsed = parse(&line);
        if shows && !parsed.as_ref().is_ok_and(|parsed| parsed.is_silent) {
            put(&format!("{PROMPT}{line}\n")).map_err(|trouble| Failure::Other(trouble.0))?;
        }
        let ignores_failure = parsed.as_ref().is_ok_and(|parsed| parsed.ignores_failure);
        let result = match parsed.map(|parsed| parsed.command) {
            Ok(Some(command)) => shell.run(command).await,
            Ok(None) => continue,
            Err(error) => Err(Trouble(error.to_string())),
        };
        match result {
            Ok(Next::Continue) => {}
            Ok(Next::Quit) => return Ok(0),
            Err(trouble) => {
                tell(&trouble);
                if failures_count && !ignores_failure {
                    return Ok(COMMAND_FAILED);
                }
            }
        }
    }
    Ok(0)
}

type Lines = BufReader<Box<dyn Read + Send>>;

/// The next line, without its end. Reading may wait for whoever writes.
async fn next_line(mut lines: Lines) -> Result<(Lines, Option<String>), Failure> {
    let read = tokio::task::spawn_blocking(move || {
        let mut line = Vec::new();
        let read = (&mut lines).take(MAXIMUM_LINE).read_until(b'\n', &mut line);
        (lines, read.map(|_| line))
    });
    let failed = |error| Failure::local("the commands", error);
    let (lines, line) = read.await.map_err(|error| failed(std::io::Error::other(error)))?;
    let mut line = line.map_err(failed)?;
    if line.is_empty() {
        return Ok((lines, None));
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() as u64 == MAXIMUM_LINE {
        return Err(Failure::Other("a line of the commands is longer than 64 KiB".to_owned()));
    }
    let line = String::from_utf8(line);
    let line = line.map_err(|_| Failure::Other("a line of the commands is not UTF-8".to_owned()))?;
    Ok((lines, Some(line)))
}

/// Lines that a person types. Ctrl-C ends what is going on, and not the session.
async fn interactive(shell: &mut Shell) -> Result<u8, Failure> {
    let failed = |trouble: Trouble| Failure::Other(trouble.0);
    let mut editor = LineEditor::new(shell.sftp.clone(), shell.directory.clone()).map_err(failed)?;
    loop {
        let (same, typed) = editor.read(shell.directory.clone()).await.map_err(failed)?;
        editor = same;
        let line = match typed {
            Typed::End => break,
            Typed::Nothing => continue,
            Typed::Line(line) => line,
        };
        let command = match parse(&line) {
            Ok(line) => line.command,
            Err(error) => {
                tell(error);
                continue;
            }
        };
        let Some(command) = command else { continue };
        let result = tokio::select! {
            result = shell.run(command) => result,
            _ = tokio::signal::ctrl_c() => Err(Trouble("Interrupted".to_owned())),
        };
        match result {
            Ok(Next::Continue) => {}
            Ok(Next::Quit) => break,
            Err(trouble) => tell(trouble),
        }
    }
    editor.keep_history();
    Ok(0)
}
