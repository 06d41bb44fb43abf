//! The program konko: ssh and serve.

mod option;
mod arguments;
mod exit;
mod terminal;
mod terminal_modes;
mod notice;
mod log;
mod signals;
mod escape;
mod environment;
mod path_expansion;
mod askpass;
mod question;
mod prompter;
mod lenient_host_keys;
mod client_options;
mod streams;
mod session;
mod stdio_forward;
mod ssh_help;
mod background;
mod ssh;
mod serve_handler;
mod serve;
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
    /// Let users log in to this computer and run programs, as the user that runs this
    Serve(Box<serve::ServeArguments>),
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
    let result = match Program::parse().command {
        Command::Ssh { arguments } => return ExitCode::from(ssh::run(arguments)),
        Command::Serve(arguments) => serve::run(&arguments),
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
