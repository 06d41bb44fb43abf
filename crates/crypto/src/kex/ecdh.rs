//! Elliptic curve Diffie–Hellman on the NIST curves (RFC 5656 §4).

use crate::kex::agreement::{Agreement, Initiator, KexError, ValueEncoding};
use crate::kex::shared_secret::SharedSecret;
use crate::random::SecureRandom;
use p256::elliptic_curve::array::typenum::Unsigned;
use p256::elliptic_curve::sec1::{FromSec1Point, ModulusSize, ToSec1Point, UncompressedPointSize};
use p256::elliptic_curve::{CurveArithmetic, FieldBytes, FieldBytesSize, PublicKey, SecretKey};
use zeroize::Zeroizing;

/// The agreement of `ecdh-sha2-nistp256`.
pub const NISTP256: Agreement = agreement::<p256::NistP256>();
/// The agreement of `ecdh-sha2-nistp384`.
pub const NISTP384: Agreement = agreement::<p384::NistP384>();
/// The agreement of `ecdh-sha2-nistp521`.
pub const NISTP521: Agreement = agreement::<p521::NistP521>();

/// SEC 1 §2.3.3: the first byte of a point that is not compressed.
const UNCOMPRESSED: u8 = 4;

/// What the arithmetic needs to know about a curve.
trait NistCurve: CurveArithmetic<AffinePoint: FromSec1Point<Self> + ToSec1Point<Self>> + Sized
where
    FieldBytesSize<Self>: ModulusSize,
{
    /// The bits that the order of the curve has in its first byte.
    const FIRST_BYTE: u8;
}

impl NistCurve for p256::NistP256 {
    const FIRST_BYTE: u8 = 0xff;
}
impl NistCurve for p384::NistP384 {
    const FIRST_BYTE: u8 = 0xff;
}
impl NistCurve for p521::NistP521 {
    const FIRST_BYTE: u8 = 0x01;
}

const fn agreement<C: NistCurve>() -> Agreement
where
    FieldBytesSize<C>: ModulusSize,
{
    Agreement { encoding: ValueEncoding::String, initiate: initiate::<C>, respond: respond::<C> }
}

/// One side's ephemeral key pair; the secret is wiped on drop.
struct EphemeralKey<C: CurveArithmetic> {
    secret: SecretKey<C>,
    public: Vec<u8>,
}

impl<C: NistCurve> EphemeralKey<C>
where
    FieldBytesSize<C>: ModulusSize,
{
    /// Draws a key pair: an integer of the bit length of the order, again until it is in [1, order − 1].
    fn generate(random: &mut dyn SecureRandom) -> Self {
        let mut candidate = Zeroizing::new(FieldBytes::<C>::default());
        loop {
            random.fill(&mut candidate);
            candidate[0] &= C::FIRST_BYTE;
            if let Ok(secret) = SecretKey::<C>::from_bytes(&candidate) {
                let public = secret.public_key().to_sec1_point(false).as_bytes().to_vec();
                return Self { secret, public };
            }
        }
    }

    /// The x coordinate of the shared point.
    fn agree(&self, peer: &[u8]) -> Result<SharedSecret, KexError> {
        let peer = peer_key::<C>(peer)?;
        let shared = self.secret.diffie_hellman(&peer);
        // RFC 5656 §4: the x coordinate, as an integer.
        Ok(SharedSecret::from_integer(shared.raw_secret_bytes()))
    }
}

/// Reads and checks a public value: the right length, not compressed, coordinates below the prime, on the curve. The
/// curves have cofactor 1, so this is the full validation that RFC 5656 §4 asks for.
fn peer_key<C: NistCurve>(bytes: &[u8]) -> Result<PublicKey<C>, KexError>
where
    FieldBytesSize<C>: ModulusSize,
{
    if bytes.len() != UncompressedPointSize::<C>::USIZE {
        return Err(KexError::WrongLength);
    }
    // Compressed points are optional in RFC 5656 §3.1; like the other implementations, none is accepted.
    if bytes.first() != Some(&UNCOMPRESSED) {
        return Err(KexError::InvalidValue);
    }
    PublicKey::<C>::from_sec1_bytes(bytes).map_err(|_| KexError::InvalidValue)
}

fn initiate<C: NistCurve>(random: &mut dyn SecureRandom) -> Box<dyn Initiator>
where
    FieldBytesSize<C>: ModulusSize,
{
    Box::new(EphemeralKey::<C>::generate(random))
}

fn respond<C: NistCurve>(
    random: &mut dyn SecureRandom,
    client_value: &[u8],
) -> Result<(Vec<u8>, SharedSecret), KexError>
where
    FieldBytesSize<C>: ModulusSize,
{
    let key = EphemeralKey::<C>::generate(random);
    let shared = key.agree(client_value)?;
    Ok((key.public, shared))
}

impl<C: NistCurve> Initiator for EphemeralKey<C>
where
    FieldBytesSize<C>: ModulusSize,
{
    fn public(&self) -> &[u8] {
        &self.public
    }

    fn finish(self: Box<Self>, reply: &[u8]) -> Result<SharedSecret, KexError> {
        self.agree(reply)
    }
}
