//! Messages with counted lists: extensions, prompts and responses (RFC 8308 §2.3, RFC 4256 §3.2, §3.4).

use konko_wire::decode::DecodeError;
use konko_wire::encode::Encode;
use konko_wire::message::transport::{ExtInfo, MAXIMUM_EXTENSIONS};
use konko_wire::message::userauth::{InfoPrompt, MAXIMUM_PROMPTS, UserauthInfoRequest, UserauthInfoResponse};

use crate::fields::bytes;

#[test]
fn ext_info_both_ways() {
    let encoded = bytes(concat!(
        "07",
        "00000002", // two extensions
        "0000000f",
        "7365727665722d7369672d616c6773",
        "0000000b",
        "7373682d65643235353139", // server-sig-algs
        "00000001",
        "78",
        "00000002",
        "00ff",
    ));
    let message = ExtInfo { extensions: vec![("server-sig-algs", b"ssh-ed25519"), ("x", b"\x00\xff")] };
    assert_eq!(message.to_vec(), encoded);
    assert_eq!(ExtInfo::decode(&encoded), Ok(message));
    for len in 0..encoded.len() {
        assert!(ExtInfo::decode(&encoded[..len]).is_err());
    }
}

#[test]
fn info_request_and_response_both_ways() {
    let encoded = bytes(concat!(
        "3c",
        "00000003",
        "50414d",
        "00000000",
        "00000000",
        "00000002", //
        "0000000a",
        "50617373776f72643a20",
        "00", // Password:
        "00000005",
        "436f64653a",
        "01",
    ));
    let prompts =
        vec![InfoPrompt { prompt: b"Password: ", echo: false }, InfoPrompt { prompt: b"Code:", echo: true }];
    let message = UserauthInfoRequest { name: b"PAM", instruction: b"", language_tag: b"", prompts };
    assert_eq!(message.to_vec(), encoded);
    assert_eq!(UserauthInfoRequest::decode(&encoded), Ok(message));
    let encoded = bytes(concat!("3d", "00000002", "00000000", "00000003", "c3bc31"));
    let message = UserauthInfoResponse { responses: vec![b"", b"\xc3\xbc1"] };
    assert_eq!(message.to_vec(), encoded);
    assert_eq!(UserauthInfoResponse::decode(&encoded), Ok(message));
}

/// A count that the body cannot hold costs nothing.
#[test]
fn counts_at_and_beyond_their_limits() {
    let counted = |number: u8, front: usize, count: u32, item: &[u8], items: u32| {
        let mut payload = vec![number];
        payload.extend(std::iter::repeat_n(0, front));
        payload.extend(count.to_be_bytes());
        payload.extend(item.repeat(items as usize));
        payload
    };
    for (count, accepted) in
        [(0, true), (1, true), (MAXIMUM_EXTENSIONS, true), (MAXIMUM_EXTENSIONS + 1, false)]
    {
        let payload = counted(7, 0, count, &[0; 8], count);
        assert_eq!(ExtInfo::decode(&payload).is_ok(), accepted, "{count}");
    }
    for (count, accepted) in [(0, true), (MAXIMUM_PROMPTS, true), (MAXIMUM_PROMPTS + 1, false)] {
        assert_eq!(UserauthInfoRequest::decode(&counted(60, 12, count, &[0; 5], count)).is_ok(), accepted);
        assert_eq!(UserauthInfoResponse::decode(&counted(61, 0, count, &[0; 4], count)).is_ok(), accepted);
    }
    for count in [1 << 28, u32::MAX] {
        assert_eq!(ExtInfo::decode(&counted(7, 0, count, &[], 0)), Err(DecodeError::TooMany));
        assert_eq!(UserauthInfoRequest::decode(&counted(60, 12, count, &[], 0)), Err(DecodeError::TooMany));
        assert_eq!(UserauthInfoResponse::decode(&counted(61, 0, count, &[], 0)), Err(DecodeError::TooMany));
    }
}
