//! The macros that make one struct of one row: a message, or the typed part of one. The file transfer protocol, whose
//! messages are laid out with the same types, uses them, too.

/// One struct whose fields stand in wire order, behind a number if there is one, with `Encode` and an exact `decode`.
#[macro_export]
macro_rules! fields {
    ($(#[$doc:meta])* $name:ident $(<$life:lifetime>)? $([$number:literal])? {
        $($(#[$fdoc:meta])* $field:ident: $type:ty,)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name $(<$life>)? {
            $($(#[$fdoc])* pub $field: $type,)*
        }

        impl $(<$life>)? $crate::encode::Encode for $name $(<$life>)? {
            #[allow(unused_variables)]
            fn encode(&self, out: &mut Vec<u8>) {
                $(out.push($number);)?
                $($crate::encode::Encode::encode(&self.$field, out);)*
            }
        }

        impl $(<$life>)? $name $(<$life>)? {
            /// Decodes all of `bytes`: the number, if it has one, its fields and nothing after them.
            pub fn decode(bytes: &$($life)? [u8]) -> Result<Self, $crate::decode::DecodeError> {
                #[allow(unused_mut)]
                let mut reader = $crate::decode::Reader::new(bytes);
                $(if reader.read_u8()? != $number {
                    return Err($crate::decode::DecodeError::WrongMessage);
                })?
                let decoded = Self { $($field: $crate::decode::Decode::decode_from(&mut reader)?,)* };
                reader.finish()?;
                Ok(decoded)
            }
        }
    };
}

/// Messages: a struct whose fields stand in wire order under its number.
macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident $(<$life:lifetime>)? = $number:literal $text:literal {
        $($fields:tt)*
    })*) => {$(
        fields! { $(#[$doc])* $name $(<$life>)? [$number] { $($fields)* } }

        impl $(<$life>)? $name $(<$life>)? {
            /// The message number.
            pub const NUMBER: u8 = $number;
            /// The message's name in its RFC.
            pub const NAME: &'static str = $text;
        }
    )*};
}

/// The typed part of a message that depends on a name before it: a struct whose fields stand in wire order.
#[macro_export]
macro_rules! bodies {
    ($($(#[$doc:meta])* $name:ident $(<$life:lifetime>)? = $text:literal {
        $($fields:tt)*
    })*) => {$(
        $crate::fields! { $(#[$doc])* $name $(<$life>)? { $($fields)* } }

        impl $(<$life>)? $name $(<$life>)? {
            /// The name on the wire.
            pub const NAME: &'static str = $text;
        }
    )*};
}
