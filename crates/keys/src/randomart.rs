//! The picture that `ssh-keygen -lv` draws of a fingerprint: the way of a drunken bishop over a board.

pub use crate::fingerprint::FingerprintHash as Digest;

use crate::fingerprint::FingerprintHash;
use crate::identity::Identity;

const WIDTH: usize = 17;
const HEIGHT: usize = 9;
/// What is drawn for a square by how often it was visited; the last two are where the way began and where it
/// ended.
const SYMBOLS: &[u8; 17] = b" .o+=*BOX@%&#/^SE";
const MOST_VISITS: u8 = 14;
const START: u8 = 15;
const END: u8 = 16;

/// Draws the key, in eleven lines with line ends between them.
pub fn randomart(identity: &Identity, hash: FingerprintHash) -> String {
    let family = family(identity);
    let mut title = format!("[{family} {}]", identity.public_key().bits());
    if title.len() > WIDTH {
        title = format!("[{family}]");
    }
    let mut picture = border(&title);
    picture.push('\n');
    for row in walk(&hash.digest(identity.public_key().blob())) {
        picture.push('|');
        let symbol = |visits: &u8| SYMBOLS.get(usize::from(*visits)).copied().unwrap_or(b' ');
        picture.extend(row.iter().map(|visits| char::from(symbol(visits))));
        picture.push_str("|\n");
    }
    picture + &border(&format!("[{}]", hash.name()))
}

/// The short name of the type: that of the key, with `-CERT` behind it for a certificate.
pub fn family(identity: &Identity) -> String {
    let family = identity.public_key().family();
    if identity.certificate().is_some() { format!("{family}-CERT") } else { family.to_owned() }
}

fn border(text: &str) -> String {
    let before = WIDTH.saturating_sub(text.len()) / 2;
    let after = WIDTH.saturating_sub(text.len() + before);
    format!("+{}{text}{}+", "-".repeat(before), "-".repeat(after))
}

/// Each byte is four steps, its two low bits first: one to the right or left, and one down or up; a wall stops
/// the half of a step that would go through it.
fn walk(bytes: &[u8]) -> [[u8; WIDTH]; HEIGHT] {
    let mut board = [[0; WIDTH]; HEIGHT];
    let (mut x, mut y) = (WIDTH / 2, HEIGHT / 2);
    for byte in bytes {
        for step in 0..4 {
            let bits = byte >> (2 * step);
            x = if bits & 1 == 0 { x.saturating_sub(1) } else { (x + 1).min(WIDTH - 1) };
            y = if bits & 2 == 0 { y.saturating_sub(1) } else { (y + 1).min(HEIGHT - 1) };
            let visits = &mut board[y][x];
            *visits = (*visits + 1).min(MOST_VISITS);
        }
    }
    board[HEIGHT / 2][WIDTH / 2] = START;
    board[y][x] = END;
    board
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::text;

    #[test]
    fn what_ssh_keygen_draws() {
        let mut pictures = String::new();
        for name in
            ["ed25519", "ecdsa256", "ecdsa384", "ecdsa521", "rsa2048", "rsa3072", "dss", "ed25519-cert"]
        {
            let line = text(&format!("{name}.pub"));
            let (identity, comment) = Identity::from_openssh(&line).expect(name);
            let fingerprint = identity.fingerprint();
            let both =
                [(Digest::Sha256, fingerprint.to_string()), (Digest::Md5, fingerprint.md5().to_string())];
            for (digest, shown) in both {
                let bits = identity.public_key().bits();
                pictures += &format!("{bits} {shown} {comment} ({})\n", family(&identity));
                pictures += &randomart(&identity, digest);
                pictures.push('\n');
            }
        }
        assert_eq!(pictures, text("randomarts"));
    }
}
