//! Which files a configuration is read from: those that are documented, of the user and of the system, and none that
//! somebody else could put in their place.

use konko_client::config::{Configuration, Files, Local, Request, Source};
use konko_client::configured::catalogue;
use std::io;

/// Has no files, and writes down which were asked for, and whether they must not be another's.
#[derive(Default)]
struct Asked(Vec<(String, bool)>);

impl Source for Asked {
    fn read(&mut self, path: &str, _: usize, private: bool) -> io::Result<Option<Vec<u8>>> {
        self.0.push((path.to_owned(), private));
        Ok(None)
    }
}

fn asked(home: &str, files: Files) -> Vec<(String, bool)> {
    let mut source = Asked::default();
    let local = Local {
        user: "me".to_owned(),
        uid: 1000,
        home: (!home.is_empty()).then(|| home.to_owned()),
        host_name: "here".to_owned(),
        version: "test".to_owned(),
    };
    let configuration = Configuration::new(local, catalogue());
    let request = Request::new("host").with_files(files);
    // A file that was named and is not there is an error.
    let _ = configuration.resolve(&request, &mut source);
    source.0
}

/// ssh_config(5) names two files. The user's must not belong to, or be written by, anybody else.
///
/// covers: L15
#[test]
fn two_files_are_looked_for_and_no_others() {
    let usual = [("/home/me/.ssh/config".to_owned(), true), ("/etc/ssh/ssh_config".to_owned(), false)];
    assert_eq!(asked("/home/me", Files::Usual), usual);
    assert_eq!(asked("/home/me", Files::None), []);
    assert_eq!(asked("/home/me", Files::Only("/elsewhere".to_owned())).len(), 1);
}

/// Without a home directory nothing is looked for in the root, nor where the program happens to be.
///
/// covers: L15
#[test]
fn without_a_home_only_the_systems_file_is_left() {
    for (path, _) in asked("", Files::Usual) {
        assert!(path == "/etc/ssh/ssh_config", "{path}");
    }
}
