//! The program konko: ssh and serve.

mod option;
mod arguments;
mod exit;
mod terminal;
mod terminal_modes;
mod notice;
mod log;
mod local_time;
mod signals;
mod interruption;
mod escape;
mod environment;
mod askpass;
mod question;
mod prompter;
mod lenient_host_keys;
mod connection;
mod streams;
mod session;
mod stdio_forward;
mod ssh_help;
mod background;
mod ssh;
mod progress;
mod transfer;
mod scp;
mod sftp;
mod syslog;
mod sftp_server;
mod serve_handler;
mod serve;
mod keygen;
mod keyscan;
mod agent;
mod add;
mod demo;

use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::process::ExitCode;

/// SSH in pure Rust.
#[derive(Debug, Parser)]
#[command(name = "konko", version, max_term_width = 100, arg_required_else_help = true)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a command or a shell on another computer; see `konko ssh -h`
    #[command(disable_help_flag = true)]
    Ssh {
        /// As OpenSSH's ssh takes them
        #[arg(value_name = "ARGUMENT", trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Copy files from, to and between other computers; see `konko scp -h`
    #[command(disable_help_flag = true)]
    Scp {
        /// As OpenSSH's scp takes them
        #[arg(value_name = "ARGUMENT", trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Move files from and to another computer; see `konko sftp -h`
    #[command(disable_help_flag = true)]
    Sftp {
        /// As OpenSSH's sftp takes them
        #[arg(value_name = "ARGUMENT", trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Let users log in to this computer and run programs, as the user that runs this
    Serve(Box<serve::ServeArguments>),
    /// Serve files over SFTP on standard input and output, as `Subsystem sftp` of an sshd or for `sftp -D`
    SftpServer(Box<sftp_server::SftpServerArguments>),
    /// Make and change keys, certificates, signatures and known hosts; see `konko keygen --help`
    #[command(disable_help_flag = true)]
    Keygen {
        /// As OpenSSH's ssh-keygen takes them
        #[arg(value_name = "ARGUMENT", trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Hold private keys for ssh and sign with them, as ssh-agent does
    Agent(Box<agent::AgentArguments>),
    /// Give keys to the agent, list them, take them back, as ssh-add does
    Add(Box<add::AddArguments>),
    /// Print the host keys of servers
    Keyscan(Box<keyscan::KeyscanArguments>),
    /// Show a server and a client at work in this process
    Demo,
}

/// The exit status of `konko serve` and `konko demo` where something fails.
const FAILED: u8 = 1;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    // Its arguments are not for clap: what looks like one of its flags may be part of the command.
    if arguments.nth(1).is_some_and(|name| name == "ssh") {
        let status = ssh::run(arguments.collect());
        // Threads that wait for standard streams do not keep the program.
        std::process::exit(status.into());
    }
    for (name, run) in [("scp", scp::program::run as fn(Vec<OsString>) -> u8), ("sftp", sftp::program::run)] {
        let mut arguments = std::env::args_os();
        if arguments.nth(1).is_some_and(|given| given == name) {
            std::process::exit(run(arguments.collect()).into());
        }
    }
    let mut arguments = std::env::args_os();
    if arguments.nth(1).is_some_and(|name| name == "keygen") {
        return ExitCode::from(keygen::run(arguments.collect()));
    }
    let result = match Program::parse().command {
        Command::Ssh { arguments } => return ExitCode::from(ssh::run(arguments)),
        Command::Keygen { arguments } => return ExitCode::from(keygen::run(arguments)),
        Command::Scp { arguments } => return ExitCode::from(scp::program::run(arguments)),
        Command::Sftp { arguments } => return ExitCode::from(sftp::program::run(arguments)),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::SftpServer(arguments) => sftp_server::run(&arguments),
        Command::Agent(arguments) => return agent::run(&arguments),
        Command::Add(arguments) => return add::run(&arguments),
        Command::Keyscan(arguments) => keyscan::run(&arguments),
        Command::Demo => demo::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            notice::tell(format_args!("konko: {failure}"));
            ExitCode::from(FAILED)
        }
    }
}
