//! What `konko scp -h` and `konko sftp -h` have in common.

/// The flags that say how to connect. It is the end of the help.
pub const CONNECTION: &str = "  -4, -6         Use IPv4 or IPv6 only
  -A             Forward the agent
  -C             Compress
  -c CIPHERS     The ciphers to choose from
  -F FILE        The configuration file
  -i FILE        The private key
  -J HOSTS       The computers to go through
  -o OPTION      An option of ssh_config
  -P PORT        The port
  -h             This help";
