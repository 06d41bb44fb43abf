//! Assigned numbers (RFC 4250 §4): message ranges, disconnect reasons, open-failure reasons, data types.

/// Types for numbers of which some have a name: a struct around the number, with a constant for each name. What has no
/// name is kept as it is.
#[macro_export]
macro_rules! open_numbers {
    ($(#[$doc:meta])* $name:ident($inner:ty): $($(#[$vdoc:meta])* $constant:ident = $value:literal $text:literal;)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub $inner);

        impl $name {
            $($(#[$vdoc])* pub const $constant: Self = Self($value);)*

            /// The name that the specification gives the number, if it does.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($text),)*
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "number {}", self.0),
                }
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({}: {self})", stringify!($name), self.0)
            }
        }

        impl $crate::encode::Encode for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                $crate::encode::Encode::encode(&self.0, out);
            }
        }

        impl<'a> $crate::decode::Decode<'a> for $name {
            fn decode_from(
                reader: &mut $crate::decode::Reader<'a>,
            ) -> Result<Self, $crate::decode::DecodeError> {
                $crate::decode::Decode::decode_from(reader).map(Self)
            }
        }
    };
}

open_numbers! {
    /// Why a connection is ended (RFC 4253 §11.1). Numbers without a name are kept as they are.
    DisconnectReason(u32):
    /// "host not allowed to connect"
    HOST_NOT_ALLOWED_TO_CONNECT = 1 "host not allowed to connect";
    /// "protocol error"
    PROTOCOL_ERROR = 2 "protocol error";
    /// "key exchange failed"
    KEY_EXCHANGE_FAILED = 3 "key exchange failed";
    /// "reserved"
    RESERVED = 4 "reserved";
    /// "MAC error"
    MAC_ERROR = 5 "MAC error";
    /// "compression error"
    COMPRESSION_ERROR = 6 "compression error";
    /// "service not available"
    SERVICE_NOT_AVAILABLE = 7 "service not available";
    /// "protocol version not supported"
    PROTOCOL_VERSION_NOT_SUPPORTED = 8 "protocol version not supported";
    /// "host key not verifiable"
    HOST_KEY_NOT_VERIFIABLE = 9 "host key not verifiable";
    /// "connection lost"
    CONNECTION_LOST = 10 "connection lost";
    /// "by application"
    BY_APPLICATION = 11 "by application";
    /// "too many connections"
    TOO_MANY_CONNECTIONS = 12 "too many connections";
    /// "auth cancelled by user"
    AUTH_CANCELLED_BY_USER = 13 "auth cancelled by user";
    /// "no more auth methods available"
    NO_MORE_AUTH_METHODS_AVAILABLE = 14 "no more auth methods available";
    /// "illegal user name"
    ILLEGAL_USER_NAME = 15 "illegal user name";
}

open_numbers! {
    /// Why a channel is not opened (RFC 4254 §5.1).
    OpenFailureReason(u32):
    /// "administratively prohibited"
    ADMINISTRATIVELY_PROHIBITED = 1 "administratively prohibited";
    /// "connect failed"
    CONNECT_FAILED = 2 "connect failed";
    /// "unknown channel type"
    UNKNOWN_CHANNEL_TYPE = 3 "unknown channel type";
    /// "resource shortage"
    RESOURCE_SHORTAGE = 4 "resource shortage";
}

open_numbers! {
    /// What extended data is (RFC 4254 §5.2).
    ExtendedDataType(u32):
    /// The standard error of a session.
    STDERR = 1 "stderr";
}

/// The services of RFC 4250 §4.7.
pub mod service {
    /// The authentication protocol (RFC 4252).
    pub const USERAUTH: &str = "ssh-userauth";
    /// The connection protocol (RFC 4254).
    pub const CONNECTION: &str = "ssh-connection";
}

/// Which protocol a message number belongs to (RFC 4250 §4.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageRange {
    /// 0: no message.
    Invalid,
    /// 1–19: transport layer generic.
    TransportGeneric,
    /// 20–29: algorithm negotiation.
    Negotiation,
    /// 30–49: key exchange method specific.
    KeyExchange,
    /// 50–59: user authentication generic.
    UserauthGeneric,
    /// 60–79: user authentication method specific.
    UserauthMethod,
    /// 80–89: connection protocol generic.
    ConnectionGeneric,
    /// 90–127: channel related.
    Channel,
    /// 128–191: reserved for client protocols.
    Reserved,
    /// 192–255: local extensions.
    Local,
}

impl MessageRange {
    /// The range of `number`.
    pub const fn of(number: u8) -> Self {
        match number {
            0 => Self::Invalid,
            1..=19 => Self::TransportGeneric,
            20..=29 => Self::Negotiation,
            30..=49 => Self::KeyExchange,
            50..=59 => Self::UserauthGeneric,
            60..=79 => Self::UserauthMethod,
            80..=89 => Self::ConnectionGeneric,
            90..=127 => Self::Channel,
            128..=191 => Self::Reserved,
            192..=255 => Self::Local,
        }
    }
}
