//! What `konko ssh -h` tells.

/// The help text of `konko ssh`.
pub const HELP: &str = "\
Run a command or a shell on another computer.

Usage: konko ssh [options] [user@]host [command [argument ...]]
       konko ssh [options] ssh://[user@]host[:port] [command [argument ...]]

The flags are those of OpenSSH's ssh(1):

  -p port           the port of the server (22)
  -l user           the user's name there
  -i file           a private key to log in with, before others
  -F file           read this configuration, or none, instead of ~/.ssh/config and /etc/ssh/ssh_config
  -G                print what applies to the host, and do not connect
  -o Name=Value     an option of ssh_config(5); it counts before those of the files
  -P tag            a tag for Match tagged
  -J host,...       connect through these hosts, each as [user@]host[:port]
  -A, -a            let the server use the agent here, or not
  -L [addr:]port:host:hostport, -L [addr:]port:socket, -L socket:host:hostport, -L socket:socket
                    listen here and forward connections to a place that the server reaches
  -R (the same)     listen there and forward connections to a place here; -R port alone speaks SOCKS
  -D [addr:]port    listen here for SOCKS and forward connections to where they want
  -g                let other computers use what is listened on here
  -W host:port      forward standard input and output to a host that the server reaches
  -t, -tt           ask for a terminal; -tt even if there is none here
  -T                ask for no terminal
  -n                no standard input
  -f                go to the background once logged in (implies -n)
  -N                run nothing
  -s                the command is the name of a subsystem
  -e char           the escape character of interactive sessions (~), or none
  -b address        connect from this address of this computer
  -4, -6            use IPv4, or IPv6, only
  -c list, -m list  ciphers; message authentication codes
  -C                compress
  -v, -vv, -vvv     tell what is going on
  -q                tell nothing
  -E file           tell it to this file
  -Q kind           list the algorithms of a kind (cipher, mac, kex, ...; help lists the kinds)
  -V                tell the version

All of ssh_config(5) is understood: Host, Match, Include, tokens, ${VARIABLE}. What is not done (X11, GSSAPI, shared
connections, network devices ...) is an error where it matters, and told by -v where it is a mere preference.

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
