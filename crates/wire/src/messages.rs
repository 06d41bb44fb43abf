//! The macros that make one struct of one row: a message, or the typed part of one.

/// Messages: a struct whose fields stand in wire order under its number.
macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident $(<$life:lifetime>)? = $number:literal $text:literal {
        $($(#[$fdoc:meta])* $field:ident: $type:ty,)*
    })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name $(<$life>)? {
            $($(#[$fdoc])* pub $field: $type,)*
        }

        impl $(<$life>)? $name $(<$life>)? {
            /// The message number.
            pub const NUMBER: u8 = $number;
            /// The message's name in its RFC.
            pub const NAME: &'static str = $text;
        }

        impl $(<$life>)? $crate::encode::Encode for $name $(<$life>)? {
            fn encode(&self, out: &mut Vec<u8>) {
                out.push($number);
                $($crate::encode::Encode::encode(&self.$field, out);)*
            }
        }

        messages!(@decode $name $(<$life>)? $number { $($field: $type,)* });
    )*};
    (@decode $name:ident <$life:lifetime> $number:literal { $($field:ident: $type:ty,)* }) => {
        impl<$life> $name<$life> {
            /// Decodes a whole payload: its number, its fields and nothing after them.
            pub fn decode(payload: &$life [u8]) -> Result<Self, $crate::decode::DecodeError> {
                let mut reader = $crate::decode::Reader::new(payload);
                if reader.read_u8()? != $number {
                    return Err($crate::decode::DecodeError::WrongMessage);
                }
                let message = Self { $($field: <$type as $crate::decode::Decode<$life>>::decode_from(&mut reader)?,)* };
                reader.finish()?;
                Ok(message)
            }
        }
    };
    (@decode $name:ident $number:literal { $($field:ident: $type:ty,)* }) => {
        impl $name {
            /// Decodes a whole payload: its number, its fields and nothing after them.
            pub fn decode(payload: &[u8]) -> Result<Self, $crate::decode::DecodeError> {
                let mut reader = $crate::decode::Reader::new(payload);
                if reader.read_u8()? != $number {
                    return Err($crate::decode::DecodeError::WrongMessage);
                }
                let message = Self { $($field: <$type as $crate::decode::Decode<'_>>::decode_from(&mut reader)?,)* };
                reader.finish()?;
                Ok(message)
            }
        }
    };
}

/// The typed part of a message that depends on a name before it: a struct whose fields stand in wire order.
macro_rules! bodies {
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

        impl $(<$life>)? $crate::encode::Encode for $name $(<$life>)? {
            #[allow(unused_variables)]
            fn encode(&self, out: &mut Vec<u8>) {
                $($crate::encode::Encode::encode(&self.$field, out);)*
            }
        }

        bodies!(@decode $name $(<$life>)? { $($field: $type,)* });
    )*};
    (@decode $name:ident <$life:lifetime> { $($field:ident: $type:ty,)* }) => {
        impl<$life> $name<$life> {
            /// Decodes the fields and nothing after them.
            pub fn decode(body: &$life [u8]) -> Result<Self, $crate::decode::DecodeError> {
                let mut reader = $crate::decode::Reader::new(body);
                let body = Self { $($field: <$type as $crate::decode::Decode<$life>>::decode_from(&mut reader)?,)* };
                reader.finish()?;
                Ok(body)
            }
        }
    };
    (@decode $name:ident { $($field:ident: $type:ty,)* }) => {
        impl $name {
            /// Decodes the fields and nothing after them.
            pub fn decode(body: &[u8]) -> Result<Self, $crate::decode::DecodeError> {
                #[allow(unused_mut)]
                let mut reader = $crate::decode::Reader::new(body);
                let body = Self { $($field: <$type as $crate::decode::Decode<'_>>::decode_from(&mut reader)?,)* };
                reader.finish()?;
                Ok(body)
            }
        }
    };
}
