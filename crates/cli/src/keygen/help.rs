//! What `konko keygen --help` says.

/// The text.
pub const HELP: &str = "\
Make and change keys, certificates and what is known of hosts, as ssh-keygen(1) does.

Usage: konko keygen [-q] [-t TYPE] [-b BITS] [-C COMMENT] [-f FILE] [-N PASSPHRASE]
                    [-m FORMAT] [-a ROUNDS] [-Z CIPHER]
       konko keygen -A [-f FOLDER]
       konko keygen -p [-f FILE] [-P OLD] [-N NEW] [-m FORMAT] [-a ROUNDS] [-Z CIPHER]
       konko keygen -c [-f FILE] [-P PASSPHRASE] [-C COMMENT] [-a ROUNDS] [-Z CIPHER]
       konko keygen -y [-f FILE] [-P PASSPHRASE]
       konko keygen -l|-B [-v] [-E sha256|md5|sha1|sha384|sha512] [-f FILE]
       konko keygen -e|-i [-m FORMAT] [-f FILE]
       konko keygen -r HOST [-g] [-f FILE]
       konko keygen -F HOST|-R HOST|-H [-lv] [-f FILE]
       konko keygen -s AUTHORITY -I NAME [-U] [-h] [-n PRINCIPALS] [-V VALIDITY] [-z SERIAL]
                    [-O OPTION] [-t ALGORITHM] FILE...
       konko keygen -L [-f FILE]
       konko keygen -k -f LIST [-u] [-s AUTHORITY] [-z VERSION] [-C COMMENT] FILE...
       konko keygen -Q [-l] -f LIST [FILE...]
       konko keygen -Y sign -f KEY -n NAMESPACE [-O hashalg=HASH] [FILE...]
       konko keygen -Y verify -f SIGNERS -I PRINCIPAL -n NAMESPACE -s SIGNATURE [-r LIST]
       konko keygen -Y check-novalidate -n NAMESPACE -s SIGNATURE
       konko keygen -Y find-principals -f SIGNERS -s SIGNATURE
       konko keygen -Y match-principals -f SIGNERS -I PRINCIPAL

Types:   ed25519 (default), ecdsa (-b 256, 384 or 521), rsa (-b 2048 to 16384)
Formats: RFC4716 (OpenSSH's own for private keys; default), PKCS8, PEM, and beyond
         ssh-keygen PPK and PPK2, PuTTY's versions 3 and 2: -m PPK with -p or a new key
         writes such a file, -i -m PPK prints one as a key of OpenSSH

What ssh-keygen can do besides (tokens, authenticators, moduli) is refused by
name. -U: the authority's key is in the agent.
";
