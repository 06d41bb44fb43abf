//! The escape character of an interactive session, as ssh(1) has it: `~.` and its kin, at the beginning of a line.

/// What a user asks for by an escape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EscapeCommand {
    /// `~.`: end the connection.
    Disconnect,
    /// `~?`: tell what there is.
    Help,
    /// `~B`: send a break.
    Break,
    /// `~R`: exchange keys anew.
    Rekey,
}

/// Keys on their way, with escapes taken out.
#[derive(Debug)]
pub struct EscapeFilter {
    escape: u8,
    at_line_start: bool,
    /// The escape character was typed and stands for nothing yet.
    pending: bool,
}

impl EscapeFilter {
    /// With this character, at the beginning of a line.
    pub const fn new(escape: u8) -> Self {
        Self { escape, at_line_start: true, pending: false }
    }

    /// Appends what is to be sent of `input` to `out`, up to the first command. Returns how much of the input was
    /// taken, and that command.
    pub fn take(&mut self, input: &[u8], out: &mut Vec<u8>) -> (usize, Option<EscapeCommand>) {
        for (at, byte) in input.iter().copied().enumerate() {
            if std::mem::take(&mut self.pending) {
                let command = match byte {
                    b'.' => EscapeCommand::Disconnect,
                    b'?' => EscapeCommand::Help,
                    b'B' => EscapeCommand::Break,
                    b'R' => EscapeCommand::Rekey,
                    _ => {
                        if byte != self.escape {
                            out.push(self.escape);
                        }
                        self.pass(byte, out);
                        continue;
                    }
                };
                // Another escape may follow at once.
                self.at_line_start = true;
                return (at + 1, Some(command));
            }
            if self.at_line_start && byte == self.escape {
                self.pending = true;
            } else {
                self.pass(byte, out);
            }
        }
        (input.len(), None)
    }

    fn pass(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.at_line_start = matches!(byte, b'\r' | b'\n');
        out.push(byte);
    }

    /// What `~?` tells.
    pub fn help(&self) -> String {
        let escape = char::from(self.escape).escape_default();
        format!(
            "Supported escape sequences:\r\n \
             {escape}.   - terminate connection\r\n \
             {escape}B   - send a BREAK to the remote system\r\n \
             {escape}R   - request rekey\r\n \
             {escape}?   - this message\r\n \
             {escape}{escape}   - send the escape character by typing it twice\r\n\
             (Note that escapes are only recognized immediately after newline.)"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is sent, and the commands in between.
    fn run(pieces: &[&str]) -> (String, Vec<EscapeCommand>) {
        let mut filter = EscapeFilter::new(b'~');
        let (mut out, mut commands) = (Vec::new(), Vec::new());
        for piece in pieces {
            let mut rest = piece.as_bytes();
            while !rest.is_empty() {
                let (taken, command) = filter.take(rest, &mut out);
                rest = &rest[taken..];
                commands.extend(command);
            }
        }
        (String::from_utf8(out).expect("text"), commands)
    }

    #[test]
    fn escapes_stand_at_the_beginning_of_a_line_only() {
        use EscapeCommand::{Break, Disconnect, Help, Rekey};
        let table: [(&[&str], &str, &[EscapeCommand]); 11] = [
            (&["~."], "", &[Disconnect]),
            (&["ls\r~."], "ls\r", &[Disconnect]),
            (&["ls\n~?x"], "ls\nx", &[Help]),
            (&["ls ~."], "ls ~.", &[]),
            (&["~~."], "~.", &[]),
            (&["~", "."], "", &[Disconnect]),
            (&["\r", "~", "~", "x"], "\r~x", &[]),
            (&["~x~."], "~x~.", &[]),
            (&["~\r~."], "~\r", &[Disconnect]),
            (&["~B~R"], "", &[Break, Rekey]),
            (&["~?~?a"], "a", &[Help, Help]),
        ];
        for (pieces, sent, commands) in table {
            assert_eq!(run(pieces), (sent.to_owned(), commands.to_vec()), "{pieces:?}");
        }
    }
}
