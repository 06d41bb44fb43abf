//! Reads the test vectors under `vectors/`: records of `name = value` lines, parted by empty lines; lines that
//! begin with `#` name the source.

use std::collections::BTreeMap;

/// One test vector.
pub struct Record<'a>(BTreeMap<&'a str, &'a str>);

impl Record<'_> {
    /// The value called `name` as it stands in the file.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_else(|| panic!("a record without {name}"))
    }

    /// The value called `name`, from hexadecimal digits.
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        let (pairs, rest) = self.text(name).as_bytes().as_chunks::<2>();
        assert!(rest.is_empty(), "{name} has half a byte");
        let digit = |c: u8| (c as char).to_digit(16).expect("a hexadecimal digit") as u8;
        pairs.iter().map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
    }
}

/// All records of a file; there must be some.
pub fn records(file: &str) -> Vec<Record<'_>> {
    let mut records = Vec::new();
    for paragraph in file.split("\n\n") {
        let lines = paragraph.lines().filter(|line| !line.starts_with('#'));
        let record: BTreeMap<_, _> = lines
            .map(|line| line.split_once('=').expect("name = value"))
            .map(|(name, value)| (name.trim(), value.trim()))
            .collect();
        if !record.is_empty() {
            records.push(Record(record));
        }
    }
    assert!(!records.is_empty(), "a file without vectors");
    records
}
