//! The macro that makes one struct of one row: a packet.

/// Packets: a struct whose fields stand in wire order, without length, type and request id.
macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident $(<$life:lifetime>)? = $constant:ident {
        $($fields:tt)*
    })*) => {$(
        konko_wire::fields! { $(#[$doc])* $name $(<$life>)? { $($fields)* } }

        impl $(<$life>)? $name $(<$life>)? {
            /// The type of the packet.
            pub const TYPE: $crate::message::number::PacketType =
                $crate::message::number::PacketType::$constant;
        }
    )*};
}
