//! The model: the packets of RFC 4253 with the same ciphers over one socket, and nothing else. No key exchange, no
//! windows, no runtime, one thread a side. It is what an implementation could reach on this machine.

use crate::plain;
use konko_transport::crypto::cipher::{CIPHERS, CipherAlgorithm};
use konko_transport::crypto::compose;
use konko_transport::crypto::mac::{MACS, MacAlgorithm};
use konko_transport::crypto::protection::{Open, Seal};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// RFC 4254 §5.2: the data of one packet.
const PAYLOAD: usize = 32 * 1024;
/// Message number, recipient channel and length of the data.
const CHANNEL_DATA_LEN: usize = 9;
const CHANNEL_DATA: u8 = 94;
/// The length field and the padding length.
const HEADER_LEN: usize = 5;
const LENGTH_LEN: usize = 4;
const MINIMUM_PADDING: usize = 4;
const PACKETS_A_WRITE: usize = 16;
const READ_SIZE: usize = 512 * 1024;
/// What a command's pipe is made to hold.
const PIPE_SIZE: usize = 1 << 20;
const MAC: &str = "hmac-sha2-256-etm@openssh.com";

/// The commands: `receive CIPHER [spawned]` listens for one connection, `send ADDRESS CIPHER BYTES [spawned]` prints how
/// many seconds it took. What is `spawned` has a command behind a pipe make or drop the data.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["receive", cipher] => receive(cipher, None),
        ["receive", cipher, "spawned"] => receive(cipher, Some(sink()?)),
        ["send", address, cipher, bytes] => send(address, cipher, bytes.parse()?, None),
        ["send", address, cipher, bytes, "spawned"] => {
            let bytes = bytes.parse()?;
            send(address, cipher, bytes, Some(source(bytes)?))
        }
        _ => Err("usage: konko-bench model receive CIPHER | send ADDRESS CIPHER BYTES".into()),
    }
}

/// The command that makes `bytes` zeros, and its output.
fn source(bytes: u64) -> Result<(Child, ChildStdout), Failure> {
    let mut shell = Command::new("/bin/sh");
    let mut child = shell.args(["-c", &zeros_command(bytes)]).stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().ok_or("no pipe")?;
    rustix::pipe::fcntl_setpipe_size(&output, PIPE_SIZE)?;
    Ok((child, output))
}

/// The command that drops what comes, and its input.
fn sink() -> Result<(Child, ChildStdin), Failure> {
    let mut shell = Command::new("/bin/sh");
    let mut child = shell.args(["-c", SINK_COMMAND]).stdin(Stdio::piped()).spawn()?;
    let input = child.stdin.take().ok_or("no pipe")?;
    rustix::pipe::fcntl_setpipe_size(&input, PIPE_SIZE)?;
    Ok((child, input))
}

/// What every spawning server runs to make data; `bytes` is a multiple of 64 KiB.
pub fn zeros_command(bytes: u64) -> String {
    format!("dd if=/dev/zero bs=65536 count={} status=none", bytes / 65536)
}

/// What every spawning server runs to drop data.
pub const SINK_COMMAND: &str = "cat > /dev/null";

/// A cipher of konko's table with what it needs: fixed keys, because nothing here is secret.
struct Keys {
    cipher: &'static CipherAlgorithm,
    mac: Option<&'static MacAlgorithm>,
    key: Vec<u8>,
    iv: Vec<u8>,
    mac_key: Vec<u8>,
}

impl Keys {
    fn of(name: &str) -> Result<Self, Failure> {
        let cipher = CIPHERS.iter().copied().find(|row| row.name == name).ok_or("unknown cipher")?;
        let mac = if cipher.is_aead() { None } else { MACS.iter().copied().find(|row| row.name == MAC) };
        let mac_key = vec![3; mac.map_or(0, |row| row.key_len)];
        Ok(Self { cipher, mac, key: vec![1; cipher.key_len], iv: vec![2; cipher.iv_len], mac_key })
    }

    fn seal(&self) -> Result<Box<dyn Seal>, Failure> {
        Ok(compose::seal(self.cipher, self.mac, &self.key, &self.iv, &self.mac_key)?)
    }

    fn open(&self) -> Result<Box<dyn Open>, Failure> {
        Ok(compose::open(self.cipher, self.mac, &self.key, &self.iv, &self.mac_key)?)
    }
}

fn send(
    address: &str,
    cipher: &str,
    bytes: u64,
    mut source: Option<(Child, ChildStdout)>,
) -> Result<(), Failure> {
    let mut seal = Keys::of(cipher)?.seal()?;
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let begin = Instant::now();
    let zeros = vec![0; PAYLOAD];
    let mut buffer = Vec::with_capacity(PACKETS_A_WRITE * (PAYLOAD + 128));
    let (mut left, mut number) = (bytes, 0);
    while left > 0 {
        buffer.clear();
        for _ in 0..PACKETS_A_WRITE {
            let size = left.min(PAYLOAD as u64) as usize;
            if size == 0 {
                break;
            }
            let start = begin_packet(&mut buffer, size);
            match &mut source {
                None => buffer.extend_from_slice(&zeros[..size]),
                Some((_, output)) => {
                    let data = buffer.len();
                    buffer.resize(data + size, 0);
                    output.read_exact(&mut buffer[data..])?;
                }
            }
            end_packet(&mut buffer, start, number, seal.as_mut());
            number += 1;
            left -= size as u64;
        }
        stream.write_all(&buffer)?;
    }
    stream.shutdown(Shutdown::Write)?;
    // The other side closes when it has everything.
    let _ = stream.read(&mut [0])?;
    println!("transfer {} 0", begin.elapsed().as_secs_f64());
    if let Some((mut child, output)) = source {
        drop(output);
        child.wait()?;
    }
    Ok(())
}

/// Room for the header, and a `SSH_MSG_CHANNEL_DATA` up to its data. Returns where the packet begins.
fn begin_packet(buffer: &mut Vec<u8>, size: usize) -> usize {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; HEADER_LEN]);
    buffer.push(CHANNEL_DATA);
    buffer.extend_from_slice(&0u32.to_be_bytes());
    buffer.extend_from_slice(&(size as u32).to_be_bytes());
    start
}

/// Pads and seals what stands from `start` on.
fn end_packet(buffer: &mut Vec<u8>, start: usize, number: u32, seal: &mut dyn Seal) {
    let unpadded = buffer.len() - start;
    let block = seal.block_len();
    let mut padding = block - (unpadded - seal.aligned_from()) % block;
    if padding < MINIMUM_PADDING {
        padding += block;
    }
    buffer.resize(buffer.len() + padding, 0);
    let packet_len = buffer.len() - start;
    buffer.resize(buffer.len() + seal.tag_len(), 0);
    let (packet, tag) = buffer[start..].split_at_mut(packet_len);
    packet[..LENGTH_LEN].copy_from_slice(&((packet_len - LENGTH_LEN) as u32).to_be_bytes());
    packet[LENGTH_LEN] = padding as u8;
    seal.seal(number, packet, tag);
}

fn receive(cipher: &str, mut sink: Option<(Child, ChildStdin)>) -> Result<(), Failure> {
    let mut open = Keys::of(cipher)?.open()?;
    let mut stream = plain::accept()?;
    let mut buffer = vec![0; READ_SIZE + 2 * (PAYLOAD + 128)];
    let (mut filled, mut number, mut total) = (0, 0u32, 0);
    let mut packet_len = None;
    loop {
        let room = (filled + READ_SIZE).min(buffer.len());
        let read = stream.read(&mut buffer[filled..room])?;
        if read == 0 {
            break;
        }
        filled += read;
        let mut at = 0;
        loop {
            if packet_len.is_none() && filled - at >= open.prefix_len() {
                let prefix_len = open.prefix_len();
                let length = open.open_length(number, &mut buffer[at..at + prefix_len]);
                packet_len = Some(length as usize + LENGTH_LEN);
            }
            let Some(len) = packet_len.filter(|len| filled - at >= len + open.tag_len()) else { break };
            packet_len = None;
            let end = at + len + open.tag_len();
            let (packet, tag) = buffer[at..end].split_at_mut(len);
            open.open(number, packet, tag)?;
            let padding = usize::from(packet[LENGTH_LEN]);
            let data = &packet[HEADER_LEN + CHANNEL_DATA_LEN..len - padding];
            if let Some((_, input)) = &mut sink {
                input.write_all(data)?;
            }
            total += data.len();
            number = number.wrapping_add(1);
            at = end;
        }
        buffer.copy_within(at..filled, 0);
        filled -= at;
    }
    if let Some((mut child, input)) = sink {
        drop(input);
        child.wait()?;
    }
    drop(stream);
    println!("received {total}");
    Ok(())
}
