use crate::support::*;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};

#[test]
fn standard_streams_are_forwarded_to_a_host() {
    let server = Server::start_with(&["--allow-tcp-forwarding"]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let peer = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut heard = String::new();
        stream.read_to_string(&mut heard).expect("text until its end");
        stream.write_all(heard.to_uppercase().as_bytes()).expect("written");
        stream.shutdown(Shutdown::Write).expect("shut down");
    });
    let left = run(&mut server.ssh(&["-W", &format!("127.0.0.1:{port}")]), b"hello");
    assert_eq!((left.code(), left.text().as_str()), (Some(0), "HELLO"), "{}", left.stderr);
    peer.join().expect("no panic");
}

#[test]
fn forwarding_is_refused_unless_it_is_allowed() {
    let server = Server::start();
    let left = run(&mut server.ssh(&["-W", &format!("127.0.0.1:{}", server.port)]), b"");
    assert_eq!(left.code(), Some(255));
    assert!(left.stderr.contains("konko: the server refused to open the channel"), "{}", left.stderr);

    let server = Server::start_with(&["--allow-stream-local-forwarding"]);
    let left = run(&mut server.ssh(&["-W", &format!("127.0.0.1:{}", server.port)]), b"");
    assert_eq!(left.code(), Some(255), "{}", left.stderr);
}

#[test]
fn one_server_is_reached_through_another() {
    let server = Server::start_with(&["--allow-tcp-forwarding"]);
    let left =
        run(&mut server.ssh(&["-W", &format!("127.0.0.1:{}", server.port)]), b"not an identification\r\n");
    assert!(left.text().starts_with("SSH-2.0-konko"), "{}", left.stderr);
}
