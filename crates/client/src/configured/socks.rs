//! SOCKS 4, 4a and 5 (RFC 1928), as much of it as asks for a connection.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest user name or host of SOCKS 4.
const MAXIMUM_TEXT_LEN: usize = 255;

/// Where a client of SOCKS wants to be connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) host: String,
    pub(crate) port: u16,
    version: u8,
}

fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Reads what the client wants, up to where it waits for the answer.
///
/// # Errors
///
/// The stream ends or breaks, or the client wants something else; it has been told so then.
pub(crate) async fn wanted(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<Wanted> {
    match stream.read_u8().await? {
        4 => version_4(stream).await,
        5 => version_5(stream).await,
        _ => Err(malformed("it speaks no SOCKS")),
    }
}

async fn version_4(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<Wanted> {
    let command = stream.read_u8().await?;
    let port = stream.read_u16().await?;
    let address = Ipv4Addr::from(stream.read_u32().await?);
    text(stream).await?;
    // 4a: an address 0.0.0.x that is not 0.0.0.0 says that a name follows.
    let host = match address.octets() {
        [0, 0, 0, last] if last != 0 => host(text(stream).await?)?,
        _ => address.to_string(),
    };
    let wanted = Wanted { host, port, version: 4 };
    if command != 1 {
        answer(stream, &wanted, false).await?;
        return Err(malformed("it wants something else than to connect"));
    }
    Ok(wanted)
}

/// A name that goes to the server as it is; nobody looks it up here.
fn host(name: Vec<u8>) -> io::Result<String> {
    if name.is_empty() || name.iter().any(u8::is_ascii_control) {
        return Err(malformed("a name is empty or has control characters"));
    }
    String::from_utf8(name).map_err(|_| malformed("a name is not UTF-8"))
}

/// Up to a byte of value 0.
async fn text(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    loop {
        match stream.read_u8().await? {
            0 => return Ok(text),
            _ if text.len() == MAXIMUM_TEXT_LEN => return Err(malformed("a name is too long")),
            byte => text.push(byte),
        }
    }
}

async fn version_5(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<Wanted> {
    let mut methods = vec![0; usize::from(stream.read_u8().await?)];
    stream.read_exact(&mut methods).await?;
    // RFC 1928 §3: X'00' is no authentication, X'FF' is no acceptable method.
    if !methods.contains(&0) {
        stream.write_all(&[5, 0xff]).await?;
        return Err(malformed("it wants to authenticate"));
    }
    stream.write_all(&[5, 0]).await?;
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let [5, command, _, kind] = head else { return Err(malformed("it speaks no SOCKS 5")) };
    let host = match kind {
        1 => Ipv4Addr::from(stream.read_u32().await?).to_string(),
        4 => Ipv6Addr::from(stream.read_u128().await?).to_string(),
        3 => {
            let mut name = vec![0; usize::from(stream.read_u8().await?)];
            stream.read_exact(&mut name).await?;
            host(name)?
        }
        _ => {
            // RFC 1928 §6: "address type not supported".
            stream.write_all(&[5, 8, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
            return Err(malformed("it names an address of another kind"));
        }
    };
    let port = stream.read_u16().await?;
    if command != 1 {
        // RFC 1928 §6: "command not supported".
        stream.write_all(&[5, 7, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
        return Err(malformed("it wants something else than to connect"));
    }
    Ok(Wanted { host, port, version: 5 })
}

/// Tells the client whether it is connected.
pub(crate) async fn answer(
    stream: &mut (impl AsyncWrite + Unpin),
    wanted: &Wanted,
    connected: bool,
) -> io::Result<()> {
    match (wanted.version, connected) {
        (4, true) => stream.write_all(&[0, 0x5a, 0, 0, 0, 0, 0, 0]).await,
        (4, false) => stream.write_all(&[0, 0x5b, 0, 0, 0, 0, 0, 0]).await,
        (_, true) => stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await,
        // RFC 1928 §6: "general SOCKS server failure".
        (_, false) => stream.write_all(&[5, 1, 0, 1, 0, 0, 0, 0, 0, 0]).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(bytes: &[u8]) -> (io::Result<Wanted>, Vec<u8>) {
        let (mut ours, mut theirs) = tokio::io::duplex(1024);
        theirs.write_all(bytes).await.expect("written");
        theirs.shutdown().await.expect("ended");
        let wanted = wanted(&mut ours).await;
        if let Ok(wanted) = &wanted {
            answer(&mut ours, wanted, true).await.expect("answered");
        }
        drop(ours);
        let mut answer = Vec::new();
        theirs.read_to_end(&mut answer).await.expect("read");
        (wanted, answer)
    }

    // covers: H31
    #[tokio::test]
    async fn clients_of_every_version_are_understood() {
        let (wanted, answer) = ask(b"\x04\x01\x00\x50\xc0\x00\x02\x07me\0").await;
        let wanted = wanted.expect("SOCKS 4");
        assert_eq!((wanted.host.as_str(), wanted.port), ("192.0.2.7", 80));
        assert_eq!(answer, [0, 0x5a, 0, 0, 0, 0, 0, 0]);
        let (wanted, _) = ask(b"\x04\x01\x00\x50\x00\x00\x00\x01\0h.example\0").await;
        assert_eq!(wanted.expect("SOCKS 4a").host, "h.example");
        let (wanted, answer) = ask(b"\x05\x02\x02\x00\x05\x01\x00\x03\x01h\x01\xbb").await;
        let wanted = wanted.expect("SOCKS 5");
        assert_eq!((wanted.host.as_str(), wanted.port), ("h", 443));
        assert_eq!(answer, [5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        let mut v6 = b"\x05\x01\x00\x05\x01\x00\x04".to_vec();
        v6.extend(Ipv6Addr::LOCALHOST.octets());
        v6.extend([0, 22]);
        assert_eq!(ask(&v6).await.0.expect("SOCKS 5").host, "::1");
    }

    // covers: H31
    #[tokio::test]
    async fn what_is_something_else_is_refused() {
        for (bytes, expected) in [
            (&b"GET / HTTP/1.0\r\n"[..], &b""[..]),
            (b"\x05\x01\x02", b"\x05\xff"),
            (b"\x05\x01\x00\x05\x02\x00\x01\x7f\x00\x00\x01\x00\x16", b"\x05\x00\x05\x07"),
            (b"\x05\x01\x00\x05\x01\x00\x09", b"\x05\x00\x05\x08"),
            (b"\x04\x02\x00\x50\xc0\x00\x02\x07\0", b"\0\x5b"),
            (b"\x04\x01\x00", b""),
        ] {
            let (wanted, answer) = ask(bytes).await;
            assert!(wanted.is_err(), "{bytes:?}");
            assert!(answer.starts_with(expected), "{bytes:?}: {answer:?}");
        }
        let endless = [b"\x04\x01\x00\x50\xc0\x00\x02\x07".to_vec(), vec![b'x'; 300]].concat();
        assert!(ask(&endless).await.0.is_err());
    }

    /// A request of SOCKS 5 for a name.
    fn by_name(name: &[u8]) -> Vec<u8> {
        let len = u8::try_from(name.len()).expect("at most 255 bytes");
        [b"\x05\x01\x00\x05\x01\x00\x03", &[len][..], name, &[0, 80]].concat()
    }

    // covers: H31
    #[tokio::test]
    async fn names_have_1_to_255_harmless_bytes() {
        let longest = "h".repeat(255);
        assert_eq!(ask(&by_name(longest.as_bytes())).await.0.expect("SOCKS 5").host, longest);
        let four = [b"\x04\x01\x00\x50\x00\x00\x00\x01\0", longest.as_bytes(), b"\0"].concat();
        assert_eq!(ask(&four).await.0.expect("SOCKS 4a").host, longest);
        for name in [&b""[..], b"a\0b", b"a\nb", b"\x1b[2J", b"\xff"] {
            assert!(ask(&by_name(name)).await.0.is_err(), "{name:?}");
        }
        for bytes in [
            &b"\x04\x01\x00\x50\x00\x00\x00\x01\0\0"[..],
            b"\x04\x01\x00\x50\x00\x00\x00\x01\0h.example",
            b"\x04\x01\x00\x50\x00\x00\x00\x01\0a\nb\0",
            b"\x04\x01\x00\x50\xc0\x00\x02\x07no end",
        ] {
            assert!(ask(bytes).await.0.is_err(), "{bytes:?}");
        }
    }

    // covers: C14
    #[tokio::test]
    async fn nobody_is_read_from_without_end() {
        let begins: [(&[u8], usize); 3] = [
            // SOCKS 4: a user's name that has no end; and a host's, behind one that has.
            (b"\x04\x01\x00\x50\xc0\x00\x02\x07", 8 + 256),
            (b"\x04\x01\x00\x50\x00\x00\x00\x01me\0", 11 + 256),
            // SOCKS 5: as many methods as can be, and then no request.
            (b"\x05\xff", 2 + 255),
        ];
        for (begin, most) in begins {
            // A client that never stops.
            let endless = tokio::io::repeat(b'x');
            let mut counted = Counted { taken: 0, stream: AsyncReadExt::chain(begin, endless) };
            assert!(wanted(&mut counted).await.is_err(), "{begin:?}");
            assert!(counted.taken <= most, "{begin:?}: {} bytes were taken", counted.taken);
        }
    }

    /// Counts what is read, and takes every answer.
    struct Counted<S> {
        taken: usize,
        stream: S,
    }

    impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
        fn poll_read(
            mut self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
            buffer: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<io::Result<()>> {
            let before = buffer.filled().len();
            let polled = std::pin::Pin::new(&mut self.stream).poll_read(cx, buffer);
            self.taken += buffer.filled().len() - before;
            polled
        }
    }

    impl<S: Unpin> AsyncWrite for Counted<S> {
        fn poll_write(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            data: &[u8],
        ) -> std::task::Poll<io::Result<usize>> {
            std::task::Poll::Ready(Ok(data.len()))
        }

        fn poll_flush(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<io::Result<()>> {
            std::task::Poll::Ready(Ok(()))
        }

        fn poll_shutdown(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<io::Result<()>> {
            std::task::Poll::Ready(Ok(()))
        }
    }

    // covers: H31
    #[tokio::test]
    async fn a_request_may_come_byte_by_byte_and_may_end_nowhere_before_its_end() {
        for request in
            [by_name(b"host.example"), b"\x04\x01\x00\x50\x00\x00\x00\x01me\0host.example\0".to_vec()]
        {
            let (mut ours, mut theirs) = tokio::io::duplex(1);
            let dripping = async {
                for byte in &request {
                    theirs.write_all(&[*byte]).await.expect("written");
                    tokio::task::yield_now().await;
                }
            };
            // What is answered meanwhile has no room until it is read.
            let (mut near, mut far) = tokio::io::duplex(64);
            let carrying = tokio::io::copy(&mut ours, &mut far);
            let reading = async {
                tokio::select! {
                    wanted = wanted(&mut near) => wanted.expect("whole"),
                    ended = carrying => panic!("{ended:?}"),
                }
            };
            let ((), wanted) = tokio::join!(dripping, reading);
            assert_eq!((wanted.host.as_str(), wanted.port), ("host.example", 80));
            for len in 0..request.len() {
                assert!(ask(&request[..len]).await.0.is_err(), "{len}");
            }
        }
    }
}
