//! The macros that make one struct of one row: a packet, or the fields of an extension.

/// Packets: a struct whose fields stand in wire order, without length, type and request id.
macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident $(<$life:lifetime>)? = $constant:ident {
        $($(#[$fdoc:meta])* $field:ident: $type:ty,)*
    })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name $(<$life>)? {
            $($(#[$fdoc])* pub $field: $type,)*
        }

        impl $(<$life>)? $name $(<$life>)? {
            /// The type of the packet.
            pub const TYPE: $crate::message::number::PacketType =
                $crate::message::number::PacketType::$constant;
        }

        fields!($name $(<$life>)? { $($field: $type,)* });
    )*};
}

/// Requests and replies of extensions: a struct whose fields stand in wire order, after the extension's name.
macro_rules! extensions {
    ($($(#[$doc:meta])* $name:ident $(<$life:lifetime>)? = $text:literal {
        $($(#[$fdoc:meta])* $field:ident: $type:ty,)*
    })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name $(<$life>)? {
            $($(#[$fdoc])* pub $field: $type,)*
        }

        impl $(<$life>)? $name $(<$life>)? {
            /// The name on the wire.
            pub const NAME: &'static str = $text;
        }

        fields!($name $(<$life>)? { $($field: $type,)* });
    )*};
}

/// Encode and exact decode of the fields alone.
macro_rules! fields {
    ($name:ident <$life:lifetime> { $($field:ident: $type:ty,)* }) => {
        impl<$life> konko_wire::encode::Encode for $name<$life> {
            fn encode(&self, out: &mut Vec<u8>) {
                $(konko_wire::encode::Encode::encode(&self.$field, out);)*
            }
        }

        impl<$life> $name<$life> {
            /// Decodes the fields and nothing after them.
            pub fn decode(fields: &$life [u8]) -> Result<Self, konko_wire::decode::DecodeError> {
                let mut reader = konko_wire::decode::Reader::new(fields);
                let message = Self {
                    $($field: <$type as konko_wire::decode::Decode<$life>>::decode_from(&mut reader)?,)*
                };
                reader.finish()?;
                Ok(message)
            }
        }
    };
    ($name:ident { $($field:ident: $type:ty,)* }) => {
        impl konko_wire::encode::Encode for $name {
            #[allow(unused_variables)]
            fn encode(&self, out: &mut Vec<u8>) {
                $(konko_wire::encode::Encode::encode(&self.$field, out);)*
            }
        }

        impl $name {
            /// Decodes the fields and nothing after them.
            pub fn decode(fields: &[u8]) -> Result<Self, konko_wire::decode::DecodeError> {
                #[allow(unused_mut)]
                let mut reader = konko_wire::decode::Reader::new(fields);
                let message = Self {
                    $($field: <$type as konko_wire::decode::Decode<'_>>::decode_from(&mut reader)?,)*
                };
                reader.finish()?;
                Ok(message)
            }
        }
    };
}
