//! Reads the one flat JSON object that the Python clients print: strings, integers, booleans and null.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

/// A value of a flat object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A string.
    Text(String),
    /// An integer.
    Number(i64),
    /// True or false.
    Truth(bool),
    /// Null.
    Nothing,
}

/// Reads one object; nothing if the text is not such an object and nothing else.
pub fn read_object(text: &str) -> Option<BTreeMap<String, Value>> {
    let mut reader = JsonReader { rest: text.chars().peekable() };
    let object = reader.object()?;
    reader.skip_blanks();
    reader.rest.next().is_none().then_some(object)
}

struct JsonReader<'a> {
    rest: Peekable<Chars<'a>>,
}

impl JsonReader<'_> {
    fn skip_blanks(&mut self) {
        while self.rest.next_if(|c| c.is_ascii_whitespace()).is_some() {}
    }

    fn take(&mut self, wanted: char) -> Option<()> {
        self.skip_blanks();
        self.rest.next_if_eq(&wanted).map(|_| ())
    }

    fn object(&mut self) -> Option<BTreeMap<String, Value>> {
        let mut object = BTreeMap::new();
        self.take('{')?;
        if self.take('}').is_some() {
            return Some(object);
        }
        loop {
            self.take('"')?;
            let name = self.string()?;
            self.take(':')?;
            object.insert(name, self.value()?);
            if self.take(',').is_none() {
                self.take('}')?;
                return Some(object);
            }
        }
    }

    fn value(&mut self) -> Option<Value> {
        if self.take('"').is_some() {
            return self.string().map(Value::Text);
        }
        let mut word = String::new();
        while let Some(c) = self.rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '-') {
            word.push(c);
        }
        match word.as_str() {
            "true" => Some(Value::Truth(true)),
            "false" => Some(Value::Truth(false)),
            "null" => Some(Value::Nothing),
            number => number.parse().ok().map(Value::Number),
        }
    }

    fn string(&mut self) -> Option<String> {
        let mut units = Vec::new();
        loop {
            let unit = match self.rest.next()? {
                '"' => return String::from_utf16(&units).ok(),
                '\\' => match self.rest.next()? {
                    'n' => u16::from(b'\n'),
                    'r' => u16::from(b'\r'),
                    't' => u16::from(b'\t'),
                    'b' => 8,
                    'f' => 12,
                    'u' => self.hex_unit()?,
                    plain @ ('"' | '\\' | '/') => plain as u16,
                    _ => return None,
                },
                c => {
                    units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
                    continue;
                }
            };
            units.push(unit);
        }
    }

    fn hex_unit(&mut self) -> Option<u16> {
        let digits: String = (0..4).map_while(|_| self.rest.next()).collect();
        u16::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_object_is_read_and_anything_else_refused() {
        let object =
            read_object(r#" {"a": "x\n\u00e9\ud83d\ude00\"", "b": -7, "c": true, "d": null} "#).unwrap();
        assert_eq!(object["a"], Value::Text("x\né😀\"".to_owned()));
        assert_eq!(object["b"], Value::Number(-7));
        assert_eq!((&object["c"], &object["d"]), (&Value::Truth(true), &Value::Nothing));
        assert_eq!(read_object("{}"), Some(BTreeMap::new()));
        for bad in [
            "",
            "{",
            r#"{"a"}"#,
            r#"{"a":1,}"#,
            r#"{"a":x}"#,
            "{} {}",
            r#"{"a":"\ud800"}"#,
            r#"{"a":"\u12"}"#,
        ] {
            assert_eq!(read_object(bad), None, "{bad}");
        }
    }
}
