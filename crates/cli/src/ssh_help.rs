//! What `konko ssh -h` tells.

/// The help text of `konko ssh`.
pub const HELP: &str = "\
Run a command or a shell on another computer.

Usage: konko ssh [options] [user@]host [command [argument ...]]
       konko ssh [options] ssh://[user@]host[:port] [command [argument ...]]

The flags are those of OpenSSH's ssh(1):

  -p port           the port of the server (22)
  -l user           the user's name there
  -i file           a private key to log in with, instead of ~/.ssh/id_*
  -o Name=Value     an option of ssh_config(5); see below
  -t, -tt           ask for a terminal; -tt even if there is none here
  -T                ask for no terminal
  -n                no standard input
  -f                go to the background once logged in (implies -n)
  -N                run nothing
  -s                the command is the name of a subsystem
  -W host:port      forward standard input and output to a host that the server reaches
  -e char           the escape character of interactive sessions (~), or none
  -b address        connect from this address of this computer
  -4, -6            use IPv4, or IPv6, only
  -c list, -m list  ciphers; message authentication codes
  -C                compress
  -v, -vv, -vvv     tell what is going on
  -q                tell nothing
  -E file           tell it to this file
  -F none           read no configuration file; none is ever read
  -V                tell the version

Options for -o: AddressFamily BatchMode BindAddress Ciphers Compression ConnectTimeout ConnectionAttempts
  EscapeChar GlobalKnownHostsFile HashKnownHosts HostKeyAlgorithms HostKeyAlias HostName IdentitiesOnly
  IdentityFile KbdInteractiveAuthentication KexAlgorithms LogLevel MACs NumberOfPasswordPrompts
  PasswordAuthentication Port PreferredAuthentications PubkeyAcceptedAlgorithms PubkeyAuthentication RekeyLimit
  RemoteCommand RequestTTY RequiredRSASize SendEnv ServerAliveCountMax ServerAliveInterval SessionType SetEnv
  StdinNull StrictHostKeyChecking User UserKnownHostsFile

Lists of algorithms may begin with + (append), - (remove) or ^ (put first).

Passwords and passphrases are asked for on the terminal, or by the program in SSH_ASKPASS (see
SSH_ASKPASS_REQUIRE in ssh(1)).

Exit status: that of the remote command; 255 if there is none, or if something fails here.

Examples:
  konko ssh me@example.org
  konko ssh -p 2222 me@example.org uname -a
  tar c . | konko ssh backup@example.org 'cat > backup.tar'
";

/// What `konko ssh -V` tells.
pub const VERSION: &str = concat!("konko ", env!("CARGO_PKG_VERSION"));
