//! Payloads, put together field by field.

use konko_keys::private_key::PrivateKey;
use konko_wire::encode::{put_string, put_u32};

/// A payload in the making.
#[derive(Debug, Clone)]
pub struct Fields(Vec<u8>);

/// Begins a payload with its number.
pub fn message(number: u8) -> Fields {
    Fields(vec![number])
}

impl Fields {
    pub fn string(mut self, bytes: impl AsRef<[u8]>) -> Self {
        put_string(&mut self.0, bytes.as_ref());
        self
    }

    pub fn number(mut self, number: u32) -> Self {
        put_u32(&mut self.0, number);
        self
    }

    pub fn boolean(mut self, value: bool) -> Self {
        self.0.push(u8::from(value));
        self
    }

    pub fn end(self) -> Vec<u8> {
        self.0
    }
}

pub fn ignore(len: usize) -> Vec<u8> {
    message(2).string(vec![0; len]).end()
}

pub fn debug(text: &[u8]) -> Vec<u8> {
    message(4).boolean(true).string(text).string("").end()
}

pub fn service_request(name: &str) -> Vec<u8> {
    message(5).string(name).end()
}

pub fn service_accept(name: &str) -> Vec<u8> {
    message(6).string(name).end()
}

/// SSH_MSG_EXT_INFO.
pub fn ext_info(extensions: &[(&str, &str)]) -> Vec<u8> {
    let head = message(7).number(extensions.len() as u32);
    extensions.iter().fold(head, |fields, (name, value)| fields.string(name).string(value)).end()
}

/// SSH_MSG_USERAUTH_REQUEST for the connection protocol, without the fields of the method.
pub fn userauth_request(user_name: impl AsRef<[u8]>, method: impl AsRef<[u8]>) -> Fields {
    message(50).string(user_name).string("ssh-connection").string(method)
}

pub fn none_request(user_name: &str) -> Vec<u8> {
    userauth_request(user_name, "none").end()
}

pub fn password_request(user_name: &str, password: &str) -> Vec<u8> {
    userauth_request(user_name, "password").boolean(false).string(password).end()
}

pub fn keyboard_interactive_request(user_name: &str) -> Vec<u8> {
    userauth_request(user_name, "keyboard-interactive").string("").string("").end()
}

pub fn key_query(user_name: &str, key: &PrivateKey) -> Vec<u8> {
    let public_key = key.public_key();
    userauth_request(user_name, "publickey")
        .boolean(false)
        .string(public_key.key_type())
        .string(public_key.blob())
        .end()
}

/// What is signed (RFC 4252 §7).
pub fn signed_data(session_id: &[u8], user_name: &str, service: &str, key: &PrivateKey) -> Vec<u8> {
    let public_key = key.public_key();
    let mut data = Vec::new();
    put_string(&mut data, session_id);
    data.extend(
        message(50)
            .string(user_name)
            .string(service)
            .string("publickey")
            .boolean(true)
            .string(public_key.key_type())
            .string(public_key.blob())
            .end(),
    );
    data
}

/// A request with a signature over `data`.
pub fn signed_request(user_name: &str, key: &PrivateKey, data: &[u8]) -> Vec<u8> {
    let public_key = key.public_key();
    let algorithm =
        konko_keys::signature_algorithm::by_name(public_key.key_type()).expect("a signature algorithm");
    let signature = key.sign(algorithm, data).expect("signs");
    userauth_request(user_name, "publickey")
        .boolean(true)
        .string(public_key.key_type())
        .string(public_key.blob())
        .string(signature)
        .end()
}

pub fn userauth_failure(methods: &str, partial_success: bool) -> Vec<u8> {
    message(51).string(methods).boolean(partial_success).end()
}

pub fn info_request(prompts: u32) -> Vec<u8> {
    let head = message(60).string("").string("").string("").number(prompts);
    (0..prompts).fold(head, |fields, _| fields.string("?").boolean(false)).end()
}

pub fn info_response(responses: &[&str]) -> Vec<u8> {
    responses
        .iter()
        .fold(message(61).number(responses.len() as u32), |fields, text| fields.string(text))
        .end()
}

pub fn global_request(name: &str, want_reply: bool) -> Vec<u8> {
    message(80).string(name).boolean(want_reply).end()
}

/// SSH_MSG_CHANNEL_OPEN without the fields of the type.
pub fn channel_open(channel_type: &str, sender: u32, window: u32, packet: u32) -> Fields {
    message(90).string(channel_type).number(sender).number(window).number(packet)
}

pub fn open_confirmation(recipient: u32, sender: u32, window: u32, packet: u32) -> Vec<u8> {
    message(91).number(recipient).number(sender).number(window).number(packet).end()
}

pub fn open_failure(recipient: u32) -> Vec<u8> {
    message(92).number(recipient).number(1).string("no").string("").end()
}

pub fn window_adjust(recipient: u32, bytes: u32) -> Vec<u8> {
    message(93).number(recipient).number(bytes).end()
}

pub fn channel_data(recipient: u32, data: &[u8]) -> Vec<u8> {
    message(94).number(recipient).string(data).end()
}

pub fn extended_data(recipient: u32, data_type: u32, data: &[u8]) -> Vec<u8> {
    message(95).number(recipient).number(data_type).string(data).end()
}

/// SSH_MSG_CHANNEL_EOF (96), _CLOSE (97), _SUCCESS (99) and _FAILURE (100).
pub fn on_channel(number: u8, recipient: u32) -> Vec<u8> {
    message(number).number(recipient).end()
}

/// SSH_MSG_CHANNEL_REQUEST without the fields of the type.
pub fn channel_request(recipient: u32, request_type: &str, want_reply: bool) -> Fields {
    message(98).number(recipient).string(request_type).boolean(want_reply)
}
