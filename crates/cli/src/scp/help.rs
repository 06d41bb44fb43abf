//! What `konko scp -h` prints.

/// `konko scp -h`, but for the flags that say how to connect.
pub const HELP: &str = "\
Copy files from, to and between other computers

Usage: konko scp [OPTIONS] SOURCE... TARGET

A SOURCE or TARGET is a path here, [user@]host:path, or scp://[user@]host[:port]/path

Options:
  -r             Copy directories with all that is in them
  -p             Preserve modes and times
  -O             Use the protocol of scp in place of SFTP
  -T             With -O: take what a server sends under another name than asked for
  -3             Copy between two computers through this one, which happens anyway
  -R             Copy between two computers directly: the first one connects to the second
  -q, -v         Say less, say more
  -l KBITS       The most kilobits a second
  -B             Ask for nothing
  -D PROGRAM     Talk to a program on this computer that serves SFTP, in place of any other computer
  -X OPTION      nrequests=N: the most requests at once; buffer=BYTES: the most bytes of one
";
