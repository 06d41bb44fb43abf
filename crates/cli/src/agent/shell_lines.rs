//! The lines that a shell evaluates to find the agent, letter for letter as ssh-agent(1) prints them.

use std::path::Path;

/// The lines of one kind of shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShellLines {
    /// Those of the C shell rather than those of the Bourne shell.
    pub(crate) c_shell: bool,
}

impl ShellLines {
    fn set(self, name: &str, value: &str) -> String {
        if self.c_shell {
            format!("setenv {name} {value};\n")
        } else {
            format!("{name}={value}; export {name};\n")
        }
    }

    fn unset(self, name: &str) -> String {
        if self.c_shell { format!("unsetenv {name};\n") } else { format!("unset {name};\n") }
    }

    /// Where the agent is. In the foreground its process need not be known to the shell.
    pub(crate) fn started(self, socket: &Path, process: u32, is_background: bool) -> String {
        let mut lines = self.set("SSH_AUTH_SOCK", &socket.to_string_lossy());
        if is_background {
            lines += &self.set("SSH_AGENT_PID", &process.to_string());
        }
        lines + &format!("echo Agent pid {process};\n")
    }

    /// The agent has been told to end.
    pub(crate) fn killed(self, process: &str) -> String {
        self.unset("SSH_AUTH_SOCK")
            + &self.unset("SSH_AGENT_PID")
            + &format!("echo Agent pid {process} killed;\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_shell_understand() {
        let (bourne, c) = (ShellLines { c_shell: false }, ShellLines { c_shell: true });
        let path = Path::new("/tmp/a");
        assert_eq!(
            bourne.started(path, 7, true),
            "SSH_AUTH_SOCK=/tmp/a; export SSH_AUTH_SOCK;\nSSH_AGENT_PID=7; export SSH_AGENT_PID;\necho Agent pid 7;\n"
        );
        assert_eq!(
            c.started(path, 7, true),
            "setenv SSH_AUTH_SOCK /tmp/a;\nsetenv SSH_AGENT_PID 7;\necho Agent pid 7;\n"
        );
        let foreground = "SSH_AUTH_SOCK=/tmp/a; export SSH_AUTH_SOCK;\necho Agent pid 7;\n";
        assert_eq!(bourne.started(path, 7, false), foreground);
        assert_eq!(
            bourne.killed("7"),
            "unset SSH_AUTH_SOCK;\nunset SSH_AGENT_PID;\necho Agent pid 7 killed;\n"
        );
        assert_eq!(
            c.killed("7"),
            "unsetenv SSH_AUTH_SOCK;\nunsetenv SSH_AGENT_PID;\necho Agent pid 7 killed;\n"
        );
    }
}
