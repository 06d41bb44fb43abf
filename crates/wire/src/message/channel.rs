//! Messages of channels (RFC 4254 §5, §6, §7.2) and the typed bodies of their opens and requests.

use crate::decode::Rest;
use crate::number::{ExtendedDataType, OpenFailureReason};

messages! {
    /// Opens a channel (RFC 4254 §5.1).
    ChannelOpen<'a> = 90 "SSH_MSG_CHANNEL_OPEN" {
        /// Its type.
        channel_type: &'a [u8],
        /// The opener's number for it.
        sender_channel: u32,
        /// What the opener is ready to receive, in bytes.
        initial_window_size: u32,
        /// The most data the opener takes in one packet, in bytes.
        maximum_packet_size: u32,
        /// Depends on the type; see the bodies in this module.
        type_specific: Rest<'a>,
    }
    /// The channel is open (RFC 4254 §5.1).
    ChannelOpenConfirmation<'a> = 91 "SSH_MSG_CHANNEL_OPEN_CONFIRMATION" {
        /// The opener's number.
        recipient_channel: u32,
        /// The other side's number.
        sender_channel: u32,
        /// What the other side is ready to receive, in bytes.
        initial_window_size: u32,
        /// The most data the other side takes in one packet, in bytes.
        maximum_packet_size: u32,
        /// Depends on the type.
        type_specific: Rest<'a>,
    }
    /// The channel is not opened (RFC 4254 §5.1).
    ChannelOpenFailure<'a> = 92 "SSH_MSG_CHANNEL_OPEN_FAILURE" {
        /// The opener's number.
        recipient_channel: u32,
        /// Why.
        reason: OpenFailureReason,
        /// In words; from the peer, so escape it before showing it.
        description: &'a [u8],
        /// RFC 3066 language tag.
        language_tag: &'a [u8],
    }
    /// Lets the other side send more (RFC 4254 §5.2).
    ChannelWindowAdjust = 93 "SSH_MSG_CHANNEL_WINDOW_ADJUST" {
        /// Whose.
        recipient_channel: u32,
        /// How many bytes more.
        bytes_to_add: u32,
    }
    /// Data (RFC 4254 §5.2).
    ChannelData<'a> = 94 "SSH_MSG_CHANNEL_DATA" {
        /// Whose.
        recipient_channel: u32,
        /// The bytes.
        data: &'a [u8],
    }
    /// Data of another kind, such as standard error (RFC 4254 §5.2).
    ChannelExtendedData<'a> = 95 "SSH_MSG_CHANNEL_EXTENDED_DATA" {
        /// Whose.
        recipient_channel: u32,
        /// Of which kind.
        data_type: ExtendedDataType,
        /// The bytes.
        data: &'a [u8],
    }
    /// No more data will be sent (RFC 4254 §5.3).
    ChannelEof = 96 "SSH_MSG_CHANNEL_EOF" {
        /// Whose.
        recipient_channel: u32,
    }
    /// Nothing more will be sent at all (RFC 4254 §5.3).
    ChannelClose = 97 "SSH_MSG_CHANNEL_CLOSE" {
        /// Whose.
        recipient_channel: u32,
    }
    /// Asks something of the other side (RFC 4254 §5.4).
    ChannelRequest<'a> = 98 "SSH_MSG_CHANNEL_REQUEST" {
        /// Whose.
        recipient_channel: u32,
        /// What is asked.
        request_type: &'a [u8],
        /// Whether [`ChannelSuccess`] or [`ChannelFailure`] is expected.
        want_reply: bool,
        /// Depends on the type; see the bodies in this module.
        type_specific: Rest<'a>,
    }
    /// The request is granted (RFC 4254 §5.4).
    ChannelSuccess = 99 "SSH_MSG_CHANNEL_SUCCESS" {
        /// Whose.
        recipient_channel: u32,
    }
    /// The request is refused (RFC 4254 §5.4).
    ChannelFailure = 100 "SSH_MSG_CHANNEL_FAILURE" {
        /// Whose.
        recipient_channel: u32,
    }
}

bodies! {
    /// Opens a session (RFC 4254 §6.1).
    SessionOpen = "session" {
    }
    /// Connects from the client's network to the server's (RFC 4254 §7.2).
    DirectTcpip<'a> = "direct-tcpip" {
        /// Where to connect to.
        host: &'a [u8],
        /// Its port.
        port: u32,
        /// Who asked.
        originator_address: &'a [u8],
        /// Its port.
        originator_port: u32,
    }
    /// Somebody connected to a forwarded port (RFC 4254 §7.2).
    ForwardedTcpip<'a> = "forwarded-tcpip" {
        /// The address that was connected to, as in the request to forward it.
        address: &'a [u8],
        /// The port that was connected to.
        port: u32,
        /// Who connected.
        originator_address: &'a [u8],
        /// Its port.
        originator_port: u32,
    }
    /// An X11 connection (RFC 4254 §6.3.2).
    X11Open<'a> = "x11" {
        /// Who connected.
        originator_address: &'a [u8],
        /// Its port.
        originator_port: u32,
    }
    /// Connects to a Unix socket (OpenSSH PROTOCOL 2.4).
    DirectStreamlocal<'a> = "direct-streamlocal@openssh.com" {
        /// The socket's path.
        socket_path: &'a [u8],
        /// Reserved.
        reserved_string: &'a [u8],
        /// Reserved.
        reserved_number: u32,
    }
    /// Somebody connected to a forwarded Unix socket (OpenSSH PROTOCOL 2.4).
    ForwardedStreamlocal<'a> = "forwarded-streamlocal@openssh.com" {
        /// The socket's path, as in the request to forward it.
        socket_path: &'a [u8],
        /// Reserved.
        reserved: &'a [u8],
    }
    /// Wants a terminal (RFC 4254 §6.2).
    PtyReq<'a> = "pty-req" {
        /// The TERM environment variable.
        term: &'a [u8],
        /// In characters.
        width_columns: u32,
        /// In characters.
        height_rows: u32,
        /// In pixels.
        width_pixels: u32,
        /// In pixels.
        height_pixels: u32,
        /// See [`crate::terminal_modes`].
        encoded_terminal_modes: &'a [u8],
    }
    /// Wants X11 forwarding (RFC 4254 §6.3.1).
    X11Req<'a> = "x11-req" {
        /// Only one connection.
        single_connection: bool,
        /// For example `MIT-MAGIC-COOKIE-1`.
        authentication_protocol: &'a [u8],
        /// In hexadecimal.
        authentication_cookie: &'a [u8],
        /// Screen.
        screen_number: u32,
    }
    /// Sets an environment variable (RFC 4254 §6.4).
    Env<'a> = "env" {
        /// Its name.
        name: &'a [u8],
        /// Its value.
        value: &'a [u8],
    }
    /// Starts the user's shell (RFC 4254 §6.5).
    Shell = "shell" {
    }
    /// Runs a command (RFC 4254 §6.5).
    Exec<'a> = "exec" {
        /// The command line.
        command: &'a [u8],
    }
    /// Starts a subsystem (RFC 4254 §6.5).
    Subsystem<'a> = "subsystem" {
        /// Its name.
        name: &'a [u8],
    }
    /// The terminal's size has changed (RFC 4254 §6.7).
    WindowChange = "window-change" {
        /// In characters.
        width_columns: u32,
        /// In characters.
        height_rows: u32,
        /// In pixels.
        width_pixels: u32,
        /// In pixels.
        height_pixels: u32,
    }
    /// Whether the client may handle flow control itself (RFC 4254 §6.8).
    XonXoff = "xon-xoff" {
        /// Whether it may.
        client_can_do: bool,
    }
    /// Sends a signal to the process (RFC 4254 §6.9).
    Signal<'a> = "signal" {
        /// Its name without SIG.
        signal_name: &'a [u8],
    }
    /// Sends a break (RFC 4335 §2).
    Break = "break" {
        /// In milliseconds.
        length: u32,
    }
    /// The process has ended by itself (RFC 4254 §6.10).
    ExitStatus = "exit-status" {
        /// Its status.
        exit_status: u32,
    }
    /// The process was ended by a signal (RFC 4254 §6.10).
    ExitSignal<'a> = "exit-signal" {
        /// Its name without SIG.
        signal_name: &'a [u8],
        /// Whether a core was dumped.
        core_dumped: bool,
        /// In words; from the peer, so escape it before showing it.
        error_message: &'a [u8],
        /// RFC 3066 language tag.
        language_tag: &'a [u8],
    }
    /// The sender wants no more data (OpenSSH PROTOCOL 2.1).
    Eow = "eow@openssh.com" {
    }
    /// Forwards the agent (OpenSSH; RFC 9987).
    AuthAgentReq = "auth-agent-req@openssh.com" {
    }
}
