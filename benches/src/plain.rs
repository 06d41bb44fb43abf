//! TCP with nothing on it, as the yardstick of one-byte round trips and of the delay proxy.

use crate::{awake, task};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const WRITE_SIZE: usize = 256 * 1024;
const READ_SIZE: usize = 512 * 1024;

/// The commands: `echo` and `source BYTES` listen and serve one connection; `ping ADDRESS COUNT` and `drain ADDRESS`
/// connect and print how many seconds it took; `tokio-echo` and `tokio-ping` are the same in a task of tokio's; `awake
/// PARENT` keeps a processor busy while the process of this number is its parent.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["echo"] => echo(accept()?),
        ["source", bytes] => source(accept()?, bytes.parse()?),
        ["ping", address, count] => ping(TcpStream::connect(address)?, count.parse()?),
        ["tokio-echo"] => task::run(tokio_echo(accept()?)),
        ["tokio-ping", address, count] => task::run(tokio_ping(TcpStream::connect(address)?, count.parse()?)),
        ["awake", parent] => {
            awake::stay(parent.parse()?);
            Ok(())
        }
        ["drain", address] => drain(TcpStream::connect(address)?),
        _ => Err("usage: konko-bench plain [tokio-]echo | source BYTES | [tokio-]ping ADDRESS COUNT | drain ADDRESS | \
                  awake PARENT"
            .into()),
    }
}

/// Prints where it listens and gives the first connection.
pub fn accept() -> Result<TcpStream, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening {}", listener.local_addr()?);
    let (stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn echo(mut stream: TcpStream) -> Result<(), Failure> {
    let mut bytes = [0; 64];
    loop {
        match stream.read(&mut bytes)? {
            0 => return Ok(()),
            read => stream.write_all(&bytes[..read])?,
        }
    }
}

fn ping(mut stream: TcpStream, count: u64) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    let mut byte = [0];
    let begin = Instant::now();
    for _ in 0..count {
        stream.write_all(&byte)?;
        stream.read_exact(&mut byte)?;
    }
    println!("echo {} 0", begin.elapsed().as_secs_f64());
    Ok(())
}

async fn tokio_echo(stream: TcpStream) -> Result<(), Failure> {
    stream.set_nonblocking(true)?;
    let mut stream = tokio::net::TcpStream::from_std(stream)?;
    let mut bytes = [0; 64];
    loop {
        match stream.read(&mut bytes).await? {
            0 => return Ok(()),
            read => stream.write_all(&bytes[..read]).await?,
        }
    }
}

async fn tokio_ping(stream: TcpStream, count: u64) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    let mut stream = tokio::net::TcpStream::from_std(stream)?;
    let mut byte = [0];
    let begin = Instant::now();
    for _ in 0..count {
        stream.write_all(&byte).await?;
        stream.read_exact(&mut byte).await?;
    }
    println!("echo {} 0", begin.elapsed().as_secs_f64());
    Ok(())
}

fn source(mut stream: TcpStream, mut left: u64) -> Result<(), Failure> {
    let zeros = vec![0; WRITE_SIZE];
    while left > 0 {
        let piece = left.min(WRITE_SIZE as u64);
        stream.write_all(&zeros[..piece as usize])?;
        left -= piece;
    }
    Ok(())
}

fn drain(mut stream: TcpStream) -> Result<(), Failure> {
    let mut buffer = vec![0; READ_SIZE];
    // From the first byte on: how long it is on its way is no part of the rate.
    stream.read_exact(&mut [0])?;
    let begin = Instant::now();
    while stream.read(&mut buffer)? > 0 {}
    println!("transfer {} 0", begin.elapsed().as_secs_f64());
    Ok(())
}
