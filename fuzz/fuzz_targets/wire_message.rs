//! Every message and body: what decodes encodes to what decodes to the same, byte for byte but for booleans.
#![no_main]

use konko_wire::decode::Reader;
use konko_wire::encode::Encode;
use konko_wire::message::{channel, global, kex, transport, userauth};
use konko_wire::terminal_modes::TerminalModes;
use libfuzzer_sys::fuzz_target;

/// RFC 4251 §5: "All non-zero values MUST be interpreted as TRUE", so one byte in several may change, to 1.
fn check_same(data: &[u8], encoded: &[u8]) {
    assert_eq!(data.len(), encoded.len());
    assert!(data.iter().zip(encoded).all(|(given, made)| given == made || (*given > 1 && *made == 1)));
}

macro_rules! round_trips {
    ($data:expr; $($module:ident: $($name:ident),*;)*) => {$($(
        if let Ok(message) = $module::$name::decode($data) {
            let encoded = message.to_vec();
            check_same($data, &encoded);
            assert_eq!($module::$name::decode(&encoded).as_ref(), Ok(&message));
        }
    )*)*};
}

fuzz_target!(|data: &[u8]| {
    round_trips! { data;
        transport: Disconnect, Ignore, Unimplemented, Debug, ServiceRequest, ServiceAccept, KexInit, NewKeys, Ping,
            Pong;
        kex: KexEcdhInit, KexEcdhReply, KexDhInit, KexDhReply, KexDhGexRequest, KexDhGexGroup, KexDhGexInit,
            KexDhGexReply;
        userauth: UserauthRequest, UserauthFailure, UserauthSuccess, UserauthBanner, UserauthPkOk,
            UserauthPasswdChangereq, Password, PasswordChange, PublicKeyQuery, PublicKeyProof,
            HostBoundPublicKeyQuery, HostBoundPublicKeyProof, HostBased, KeyboardInteractive, UserauthInfoRequest,
            UserauthInfoResponse;
        global: GlobalRequest, RequestSuccess, RequestFailure, TcpipForward, CancelTcpipForward, TcpipForwardReply,
            StreamlocalForward, CancelStreamlocalForward, NoMoreSessions, Keepalive, HostKeys;
        channel: ChannelOpen, ChannelOpenConfirmation, ChannelOpenFailure, ChannelWindowAdjust, ChannelData,
            ChannelExtendedData, ChannelEof, ChannelClose, ChannelRequest, ChannelSuccess, ChannelFailure,
            SessionOpen, DirectTcpip, ForwardedTcpip, X11Open, DirectStreamlocal, ForwardedStreamlocal, PtyReq,
            X11Req, Env, Shell, Exec, Subsystem, WindowChange, XonXoff, Signal, Break, ExitStatus, ExitSignal, Eow,
            AuthAgentReq;
    }
    // Extensions whose names are not text are left out, so only the second round is the same.
    if let Ok(message) = transport::ExtInfo::decode(data) {
        let encoded = message.to_vec();
        assert!(encoded.len() <= data.len());
        assert_eq!(transport::ExtInfo::decode(&encoded).as_ref(), Ok(&message));
    }
    if let Ok(modes) = TerminalModes::decode(data) {
        assert_eq!(TerminalModes::decode(&modes.encode()).as_ref(), Ok(&modes));
    }
    let mut reader = Reader::new(data);
    while let Ok(string) = reader.read_string() {
        assert!(string.len() + reader.remaining() < data.len());
    }
});
