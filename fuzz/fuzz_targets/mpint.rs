//! Multiple precision integers (RFC 4251 §5): one encoding for each number.
#![no_main]

use konko_wire::decode::Reader;
use konko_wire::encode::{Encode, put_mpint};
use konko_wire::mpint::Mpint;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // Any magnitude survives the wire but for its leading zeros.
    let mut encoded = Vec::new();
    put_mpint(&mut encoded, data);
    let mut reader = Reader::new(&encoded);
    let number = reader.read_mpint().expect("our own encoding");
    assert!(reader.is_empty());
    let zeros = data.iter().take_while(|byte| **byte == 0).count();
    assert_eq!(number.as_unsigned(), Some(&data[zeros..]));
    assert_eq!(number.to_vec(), encoded);

    // What is accepted is the shortest form in two's complement.
    if let Ok(number) = Mpint::parse(data) {
        assert_eq!(number.as_bytes(), data);
        assert_eq!(number.is_negative(), data.first().is_some_and(|first| *first >= 0x80));
        match number.as_unsigned() {
            None => assert!(number.is_negative()),
            Some(magnitude) => {
                let mut again = Vec::new();
                put_mpint(&mut again, magnitude);
                assert_eq!(&again[4..], data, "two encodings of one number");
            }
        }
    }
    let mut reader = Reader::new(data);
    while reader.read_mpint().is_ok() {}
});
