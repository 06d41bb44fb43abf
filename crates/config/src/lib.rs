//! ssh_config: every keyword, Host, Match, Include, tokens, and what applies to a host.
