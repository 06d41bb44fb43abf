//! Name-lists (RFC 4251 §5): what is accepted keeps the rules, and nothing else is lost or invented.
#![no_main]

use konko_wire::name_list::{MAXIMUM_LEN, MAXIMUM_NAME_LEN, MAXIMUM_NAMES, NameList};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let names: Vec<&[u8]> =
        if data.is_empty() { Vec::new() } else { data.split(|byte| *byte == b',').collect() };
    let well_formed = data.len() <= MAXIMUM_LEN
        && names.len() <= MAXIMUM_NAMES
        && names.iter().all(|name| name.iter().all(u8::is_ascii_graphic));
    let Ok(list) = NameList::parse(data) else {
        assert!(!well_formed, "a name-list is refused");
        return;
    };
    assert!(well_formed, "what is no name-list is accepted");
    assert_eq!(list.as_str().as_bytes(), data);
    let known: Vec<&str> = list.iter().collect();
    let expected: Vec<&[u8]> =
        names.into_iter().filter(|name| (1..=MAXIMUM_NAME_LEN).contains(&name.len())).collect();
    assert!(known.iter().map(|name| name.as_bytes()).eq(expected.iter().copied()));
    assert_eq!(list.first(), known.first().copied());
    assert!(known.iter().all(|name| list.contains(name)));
});
