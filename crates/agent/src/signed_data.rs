//! What an agent is asked to sign, as far as it can be told from the bytes.

use konko_wire::decode::{DecodeError, Reader};
use konko_wire::message::userauth::UserauthRequest;

/// What a signature would mean.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignedData {
    /// A login: the request of RFC 4252 §7, or its variant `publickey-hostbound-v00@openssh.com`.
    Login(LoginRequest),
    /// A signature in OpenSSH's format SSHSIG, as `ssh-keygen -Y sign` makes them.
    Signature {
        /// What it is for: `git`, `file` and so on.
        namespace: String,
    },
    /// Anything else: nobody knows what such a signature could be used for.
    Other,
}

/// The request that a user makes of a server (RFC 4252 §7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginRequest {
    /// Which connection it belongs to.
    pub session_id: Vec<u8>,
    /// Who logs in.
    pub user_name: String,
    /// The name of the signature algorithm.
    pub algorithm: String,
    /// The public key or certificate, as it travels.
    pub public_key: Vec<u8>,
    /// The server's host key, where the method says it (`publickey-hostbound-v00@openssh.com`).
    pub host_key: Option<Vec<u8>>,
}

const SIGNATURE_MAGIC: &[u8] = b"SSHSIG";

impl SignedData {
    /// What these bytes are. Only what is laid out exactly so counts: a byte more makes it
    /// [`Other`](SignedData::Other).
    pub fn parse(data: &[u8]) -> Self {
        if let Ok(Some(login)) = login(data) {
            return Self::Login(login);
        }
        match signature_namespace(data) {
            Ok(namespace) => Self::Signature { namespace: namespace.to_owned() },
            Err(_) => Self::Other,
        }
    }
}

fn login(data: &[u8]) -> Result<Option<LoginRequest>, DecodeError> {
    let mut reader = Reader::new(data);
    let session_id = reader.read_string()?;
    let number = reader.read_u8()?;
    let user_name = reader.read_str()?;
    let service_name = reader.read_string()?;
    let method_name = reader.read_string()?;
    // RFC 4252 §7: what is signed says TRUE here; a query, which needs no signature, says FALSE.
    let has_signature = reader.read_u8()?;
    let algorithm = reader.read_str()?;
    let public_key = reader.read_string()?;
    let host_key = match method_name {
        b"publickey" => None,
        b"publickey-hostbound-v00@openssh.com" => Some(reader.read_string()?.to_vec()),
        _ => return Ok(None),
    };
    reader.finish()?;
    if session_id.is_empty()
        || number != UserauthRequest::NUMBER
        || service_name != b"ssh-connection"
        || has_signature != 1
    {
        return Ok(None);
    }
    Ok(Some(LoginRequest {
        session_id: session_id.to_vec(),
        user_name: user_name.to_owned(),
        algorithm: algorithm.to_owned(),
        public_key: public_key.to_vec(),
        host_key,
    }))
}

/// PROTOCOL.sshsig §3: the magic, the namespace, a reserved string, the hash's name and the hash.
fn signature_namespace(data: &[u8]) -> Result<&str, DecodeError> {
    let mut reader = Reader::new(data);
    if reader.read_bytes(SIGNATURE_MAGIC.len())? != SIGNATURE_MAGIC {
        return Err(DecodeError::WrongMessage);
    }
    let namespace = reader.read_str()?;
    let _reserved = reader.read_string()?;
    let length = match reader.read_string()? {
        b"sha256" => 32,
        b"sha512" => 64,
        _ => return Err(DecodeError::WrongMessage),
    };
    if reader.read_string()?.len() != length || namespace.is_empty() {
        return Err(DecodeError::WrongMessage);
    }
    reader.finish()?;
    Ok(namespace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use konko_wire::encode::put_string;

    fn request(method: &str, host_key: Option<&[u8]>) -> Vec<u8> {
        let mut out = Vec::new();
        put_string(&mut out, b"session");
        out.push(50);
        put_string(&mut out, b"git");
        put_string(&mut out, b"ssh-connection");
        put_string(&mut out, method.as_bytes());
        out.push(1);
        put_string(&mut out, b"ssh-ed25519");
        put_string(&mut out, b"KEY");
        if let Some(key) = host_key {
            put_string(&mut out, key);
        }
        out
    }

    /// covers: E12
    #[test]
    fn logins_are_told_from_everything_else() {
        let SignedData::Login(plain) = SignedData::parse(&request("publickey", None)) else {
            panic!("a login")
        };
        assert_eq!((plain.user_name.as_str(), plain.session_id.as_slice()), ("git", &b"session"[..]));
        assert_eq!((plain.public_key.as_slice(), plain.host_key), (&b"KEY"[..], None));
        let bound = request("publickey-hostbound-v00@openssh.com", Some(b"HOST"));
        let SignedData::Login(bound) = SignedData::parse(&bound) else { panic!("a login") };
        assert_eq!(bound.host_key.as_deref(), Some(&b"HOST"[..]));

        for other in [
            request("hostbased", None),
            request("publickey", Some(b"HOST")),
            request("publickey-hostbound-v00@openssh.com", None),
            [request("publickey", None), vec![0]].concat(),
            Vec::new(),
            b"SSHSIG".to_vec(),
            b"any text".to_vec(),
        ] {
            assert_eq!(SignedData::parse(&other), SignedData::Other);
        }
        for length in 0..request("publickey", None).len() {
            assert_eq!(SignedData::parse(&request("publickey", None)[..length]), SignedData::Other);
        }
        let mut query = request("publickey", None);
        let at = query.windows(9).position(|window| window == b"publickey").expect("the method") + 9;
        query[at] = 0;
        assert_eq!(SignedData::parse(&query), SignedData::Other);
    }

    /// covers: E12
    #[test]
    fn signatures_of_files_are_told_by_their_namespace() {
        let mut data = SIGNATURE_MAGIC.to_vec();
        put_string(&mut data, b"git");
        put_string(&mut data, b"");
        put_string(&mut data, b"sha512");
        put_string(&mut data, &[7; 64]);
        assert_eq!(SignedData::parse(&data), SignedData::Signature { namespace: "git".into() });
        data.push(0);
        assert_eq!(SignedData::parse(&data), SignedData::Other);
        data.truncate(data.len() - 2);
        assert_eq!(SignedData::parse(&data), SignedData::Other);
    }
}
