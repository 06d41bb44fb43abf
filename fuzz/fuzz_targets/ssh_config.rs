//! Any file as ssh_config: reading it comes to an end, without panicking; what it says of a host can be printed; and
//! what was printed of numbers, choices and words is read again as the same.

#![no_main]

use konko_config::{Algorithms, Catalogue, Configuration, Files, Local, Origin, Request, Source};
use libfuzzer_sys::fuzz_target;
use std::io;

/// One file, which includes itself whatever it names.
struct OneFile<'a> {
    bytes: &'a [u8],
    commands: usize,
}

impl Source for OneFile<'_> {
    fn read(&mut self, _: &str, limit: usize, _: bool) -> io::Result<Option<Vec<u8>>> {
        Ok(Some(self.bytes[..self.bytes.len().min(limit)].to_vec()))
    }

    fn glob(&mut self, pattern: &str) -> io::Result<Vec<String>> {
        Ok(vec![pattern.to_owned()])
    }

    fn variable(&self, name: &str) -> Option<String> {
        (name == "A").then(|| "value".to_owned())
    }

    fn succeeds(&mut self, command: &str) -> io::Result<bool> {
        self.commands += 1;
        Ok(command.len() % 2 == 0)
    }

    fn addresses(&mut self) -> io::Result<Vec<std::net::IpAddr>> {
        Ok(vec![std::net::Ipv4Addr::LOCALHOST.into()])
    }

    fn look_up(&mut self, name: &str) -> io::Result<Option<konko_config::Found>> {
        let canonical_name = name.starts_with('w').then(|| "alias.example.".to_owned());
        Ok((name.len() % 2 == 0).then_some(konko_config::Found { canonical_name }))
    }
}

fuzz_target!(|bytes: &[u8]| {
    let local = Local {
        user: "user".to_owned(),
        uid: 1,
        home: Some("/home/user".to_owned()),
        host_name: "here.example".to_owned(),
        version: "konko".to_owned(),
    };
    let some = Algorithms::new("aes128-ctr", "aes128-ctr,aes256-ctr");
    let catalogue = Catalogue { ciphers: some.clone(), keys: some, ..Catalogue::default() };
    let mut source = OneFile { bytes, commands: 0 };
    let mut configuration = Configuration::new(local, catalogue);
    // The beginning may also be an option of the command line.
    if let Some(line) =
        bytes.split(|byte| *byte == b'\n').next().and_then(|line| std::str::from_utf8(line).ok())
    {
        let _ = configuration.set(line, Origin::command_line("-o"), &mut source);
    }
    for host in ["host", "192.0.2.1"] {
        let request = Request::new(host).with_files(Files::Only("/file".to_owned()));
        match configuration.resolve(&request, &mut source) {
            Ok(resolved) => {
                assert!(resolved.dump().lines().count() > 70);
                let _ = (resolved.proxy_command(), resolved.proxy_jump(), resolved.local_command());
                assert!(!resolved.host_name().contains(char::is_control));
            }
            Err(errors) => assert!(errors.iter().count() <= 101),
        }
    }
});
