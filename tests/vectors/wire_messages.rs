//! Every message and typed body of the wire crate against `vectors/wire/messages.txt`.

use konko_wire::encode::Encode;
use konko_wire::message::channel::*;
use konko_wire::message::global::*;
use konko_wire::message::kex::*;
use konko_wire::message::transport::*;
use konko_wire::message::userauth::*;

use crate::fields::{InWords, bytes};

const TEXT: &str = include_str!("../../vectors/wire/messages.txt");

/// What a decoder makes of bytes: the fields in words, and the bytes encoded again.
type Decoded = Option<(Vec<String>, Vec<u8>)>;
type Row = (&'static str, fn(&[u8]) -> Decoded);

macro_rules! rows {
    ($($name:expr => $type:ident { $($field:ident),* })*) => {
        const ROWS: &[Row] = &[$(($name, |bytes| {
            let message = $type::decode(bytes).ok()?;
            Some((vec![$(message.$field.in_words()),*], message.to_vec()))
        })),*];
    };
}

rows! {
    Disconnect::NAME => Disconnect { reason, description, language_tag }
    Ignore::NAME => Ignore { data }
    Unimplemented::NAME => Unimplemented { sequence_number }
    Debug::NAME => Debug { always_display, message, language_tag }
    ServiceRequest::NAME => ServiceRequest { service_name }
    ServiceAccept::NAME => ServiceAccept { service_name }
    KexInit::NAME => KexInit {
        cookie, kex_algorithms, server_host_key_algorithms, encryption_algorithms_client_to_server,
        encryption_algorithms_server_to_client, mac_algorithms_client_to_server, mac_algorithms_server_to_client,
        compression_algorithms_client_to_server, compression_algorithms_server_to_client,
        languages_client_to_server, languages_server_to_client, first_kex_packet_follows, reserved
    }
    NewKeys::NAME => NewKeys { }
    KexDhInit::NAME => KexDhInit { client_value }
    KexDhReply::NAME => KexDhReply { host_key, server_value, signature }
    KexDhGexRequest::NAME => KexDhGexRequest { minimum, preferred, maximum }
    KexDhGexGroup::NAME => KexDhGexGroup { prime, generator }
    KexDhGexInit::NAME => KexDhGexInit { client_value }
    KexDhGexReply::NAME => KexDhGexReply { host_key, server_value, signature }
    KexEcdhInit::NAME => KexEcdhInit { client_value }
    KexEcdhReply::NAME => KexEcdhReply { host_key, server_value, signature }
    Ping::NAME => Ping { data }
    Pong::NAME => Pong { data }
    UserauthRequest::NAME => UserauthRequest { user_name, service_name, method_name, method_fields }
    UserauthFailure::NAME => UserauthFailure { methods_that_can_continue, partial_success }
    UserauthSuccess::NAME => UserauthSuccess { }
    UserauthBanner::NAME => UserauthBanner { message, language_tag }
    UserauthPkOk::NAME => UserauthPkOk { algorithm, public_key }
    UserauthPasswdChangereq::NAME => UserauthPasswdChangereq { prompt, language_tag }
    GlobalRequest::NAME => GlobalRequest { request_name, want_reply, request_specific }
    RequestSuccess::NAME => RequestSuccess { response_specific }
    RequestFailure::NAME => RequestFailure { }
    ChannelOpen::NAME => ChannelOpen {
        channel_type, sender_channel, initial_window_size, maximum_packet_size, type_specific
    }
    ChannelOpenConfirmation::NAME => ChannelOpenConfirmation {
        recipient_channel, sender_channel, initial_window_size, maximum_packet_size, type_specific
    }
    ChannelOpenFailure::NAME => ChannelOpenFailure { recipient_channel, reason, description, language_tag }
    ChannelWindowAdjust::NAME => ChannelWindowAdjust { recipient_channel, bytes_to_add }
    ChannelData::NAME => ChannelData { recipient_channel, data }
    ChannelExtendedData::NAME => ChannelExtendedData { recipient_channel, data_type, data }
    ChannelEof::NAME => ChannelEof { recipient_channel }
    ChannelClose::NAME => ChannelClose { recipient_channel }
    ChannelRequest::NAME => ChannelRequest { recipient_channel, request_type, want_reply, type_specific }
    ChannelSuccess::NAME => ChannelSuccess { recipient_channel }
    ChannelFailure::NAME => ChannelFailure { recipient_channel }
    "body Password" => Password { change, password }
    "body PasswordChange" => PasswordChange { change, old_password, new_password }
    "body PublicKeyQuery" => PublicKeyQuery { has_signature, algorithm, public_key }
    "body PublicKeyProof" => PublicKeyProof { has_signature, algorithm, public_key, signature }
    "body HostBoundPublicKeyQuery" => HostBoundPublicKeyQuery { has_signature, algorithm, public_key, host_key }
    "body HostBoundPublicKeyProof" => HostBoundPublicKeyProof {
        has_signature, algorithm, public_key, host_key, signature
    }
    "body HostBased" => HostBased { algorithm, public_key, client_host_name, client_user_name, signature }
    "body KeyboardInteractive" => KeyboardInteractive { language_tag, submethods }
    "body DirectTcpip" => DirectTcpip { host, port, originator_address, originator_port }
    "body ForwardedTcpip" => ForwardedTcpip { address, port, originator_address, originator_port }
    "body X11Open" => X11Open { originator_address, originator_port }
    "body DirectStreamlocal" => DirectStreamlocal { socket_path, reserved_string, reserved_number }
    "body ForwardedStreamlocal" => ForwardedStreamlocal { socket_path, reserved }
    "body PtyReq" => PtyReq {
        term, width_columns, height_rows, width_pixels, height_pixels, encoded_terminal_modes
    }
    "body X11Req" => X11Req {
        single_connection, authentication_protocol, authentication_cookie, screen_number
    }
    "body Env" => Env { name, value }
    "body Exec" => Exec { command }
    "body Subsystem" => Subsystem { name }
    "body WindowChange" => WindowChange { width_columns, height_rows, width_pixels, height_pixels }
    "body XonXoff" => XonXoff { client_can_do }
    "body Signal" => Signal { signal_name }
    "body Break" => Break { length }
    "body ExitStatus" => ExitStatus { exit_status }
    "body ExitSignal" => ExitSignal { signal_name, core_dumped, error_message, language_tag }
    "body TcpipForward" => TcpipForward { address, port }
    "body CancelTcpipForward" => CancelTcpipForward { address, port }
    "body TcpipForwardReply" => TcpipForwardReply { port }
    "body StreamlocalForward" => StreamlocalForward { socket_path }
    "body CancelStreamlocalForward" => CancelStreamlocalForward { socket_path }
}

/// One record of the vectors.
struct Record {
    name: &'static str,
    takes_more: bool,
    fields: Vec<&'static str>,
    bytes: Vec<u8>,
}

fn records() -> Vec<Record> {
    let blocks = TEXT.split("\n\n").skip(1);
    blocks
        .map(|block| {
            let mut lines = block.lines();
            let title = lines.next().expect("a name");
            let mut fields: Vec<&str> = lines.map(str::trim).collect();
            let last = fields.pop().and_then(|line| line.strip_prefix('=')).expect("bytes").trim();
            let name = title.strip_suffix(" ..").unwrap_or(title);
            Record { name, takes_more: name != title, fields, bytes: bytes(last) }
        })
        .collect()
}

fn row(name: &str) -> fn(&[u8]) -> Decoded {
    ROWS.iter().find(|(other, _)| *other == name).unwrap_or_else(|| panic!("no row for {name}")).1
}

#[test]
fn every_message_is_in_the_vectors() {
    let records = records();
    for (name, _) in ROWS {
        assert!(records.iter().any(|record| record.name == *name), "no vector for {name}");
    }
    assert_eq!(records.len(), ROWS.len());
}

#[test]
fn every_vector_decodes_to_its_fields_and_back() {
    for record in records() {
        let (fields, encoded) =
            row(record.name)(&record.bytes).unwrap_or_else(|| panic!("{} does not decode", record.name));
        assert_eq!(fields, record.fields, "{}", record.name);
        assert_eq!(encoded, record.bytes, "{}", record.name);
    }
}

/// A message ends where its last field ends.
#[test]
fn what_is_cut_short_or_too_long_does_not_decode() {
    for record in records() {
        let decode = row(record.name);
        let longer = [&record.bytes[..], &[0]].concat();
        assert_eq!(decode(&longer).is_some(), record.takes_more, "{} and a byte", record.name);
        // The last field of some is the rest, whatever there is of it.
        let rest =
            if record.takes_more { record.fields.last().map_or(0, |field| field.len() / 2) } else { 0 };
        for len in 0..record.bytes.len() - rest {
            assert!(decode(&record.bytes[..len]).is_none(), "{} cut to {len}", record.name);
        }
    }
}

/// The number is a message's own.
#[test]
fn another_number_is_another_message() {
    for record in records().iter().filter(|record| !record.name.starts_with("body")) {
        let mut bytes = record.bytes.clone();
        bytes[0] ^= 0x80;
        assert!(row(record.name)(&bytes).is_none(), "{}", record.name);
    }
}
