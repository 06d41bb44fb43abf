//! What `konko sftp -h` and the command `help` print.

use crate::sftp::command::COMMANDS;

/// `konko sftp -h`, but for the flags that say how to connect.
pub const HELP: &str = "\
Move files from and to another computer

Usage: konko sftp [OPTIONS] DESTINATION
       konko sftp [OPTIONS] DESTINATION:FILE [LOCAL]
       konko sftp [OPTIONS] -b FILE DESTINATION
       konko sftp [OPTIONS] -D PROGRAM

DESTINATION is host, user@host, host:path, or sftp://user@host:port/path

Options:
  -a             Go on with what earlier transfers left
  -f             Wait for the disk after each file
  -p             Preserve modes and times
  -r             Transfer directories with all that is in them
  -b FILE        Run the commands in FILE, or with - those on standard input, until one fails
  -N             Show the commands of a batch in spite of -q
  -q, -v         Say less, say more
  -B BYTES       The most bytes of one request
  -R REQUESTS    The most requests under way at once
  -X OPTION      buffer=BYTES or nrequests=REQUESTS, as -B and -R
  -l KBITS       The most kilobits a second
  -D PROGRAM     Talk to a program on this computer that serves SFTP
  -s SUBSYSTEM   The subsystem to ask for, or the path of a program there
";

/// The command `help`.
pub fn commands() -> String {
    let usage = |name: &str, usage: &str| format!("{name} {usage}");
    let width = COMMANDS.iter().map(|row| usage(row.name, row.usage).len()).max().unwrap_or(0);
    let mut text = String::from("Commands:\n");
    for row in COMMANDS {
        text.push_str(&format!("{:<width$}  {}\n", usage(row.name, row.usage), row.help));
    }
    text
}
