//! The name of a user is what a stranger says: no path is made of it.

use crate::in_process::{connect, key, options, run, server};
use konko_client::Credential;
use konko_server::{AuthorizedKeysFile, StandardOptions};
use std::path::Path;

/// Whether the owner of the key that `file` lets in can log in under that name, where the server reads `read`.
fn is_let_in(folder: &Path, file: &str, read: &str, name: &str) -> bool {
    let key = key();
    let path = folder.join(file);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(&path, key.public_key().to_openssh("")).expect("written");
    let mut standard = StandardOptions::default();
    standard.authorized_keys = Some(AuthorizedKeysFile::new(folder.join(read)));
    let server = server(standard, |_| ());
    let options = options(name).with_credential(Credential::private_key(key));
    let let_in = run(async {
        match connect(&server, &options, 1 << 16).await {
            Ok(client) => {
                client.close().await;
                true
            }
            Err(_) => false,
        }
    });
    std::fs::remove_file(path).expect("removed");
    let_in
}

/// A file of keys is the one that was named, letter by letter: neither `%u` nor `%h` in it stands for what somebody
/// says who they are, so that no name leads to the keys of another.
///
/// covers: L03
#[test]
fn names_lead_to_no_files() {
    let folder = tempfile::tempdir().expect("a folder");
    for read in ["keys/%u", "keys/%u/authorized_keys", "%h/authorized_keys", "keys/../%u"] {
        for name in [
            "victim",
            "../keys/victim",
            "victim/../victim",
            "%u",
            "%h",
            "~root",
            "victim\0",
            ".",
            "..",
            "/etc/passwd",
        ] {
            for written in ["keys/victim", "keys/victim/authorized_keys", "victim/authorized_keys"] {
                let own = tempfile::tempdir_in(folder.path()).expect("a folder");
                std::fs::create_dir_all(own.path().join("keys/%u")).expect("made");
                assert!(!is_let_in(own.path(), written, read, name), "{read} {name:?} {written}");
            }
        }
    }
    // The file itself lets in, whatever it is called.
    for read in ["keys/%u", "%h/authorized_keys"] {
        assert!(is_let_in(&folder.path().join("own"), read, read, "somebody"), "{read}");
    }
}
