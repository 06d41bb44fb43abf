//! The line of `ls -l` that comes with each name of a listing (draft-02 §7), for people. Programs take the
//! attributes instead.

use crate::message::attributes::Attributes;

/// What a line is made of.
#[derive(Debug, Clone, Copy)]
pub struct LongName<'a> {
    /// The name as the listing has it.
    pub name: &'a [u8],
    /// Its attributes.
    pub attributes: &'a Attributes,
    /// How many names the file has.
    pub links: u64,
    /// The owner's name; its number is shown if there is none.
    pub user: Option<&'a [u8]>,
    /// The group's name; its number is shown if there is none.
    pub group: Option<&'a [u8]>,
    /// Seconds since 1970: older files are shown with their year.
    pub now: u64,
}

/// Half a year in seconds, as `ls` has it.
const RECENT: u64 = 31_556_952 / 2;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl LongName<'_> {
    /// The line. Times are UTC. The name stands at its end as it is: any bytes.
    pub fn to_vec(&self) -> Vec<u8> {
        let owner = self.attributes.owner.unwrap_or_default();
        let mut line = mode_text(self.attributes.permissions.unwrap_or(0));
        line.extend_from_slice(format!(" {:>4} ", self.links).as_bytes());
        put_padded(&mut line, self.user, owner.uid);
        put_padded(&mut line, self.group, owner.gid);
        let size = self.attributes.size.unwrap_or(0);
        let modified = self.attributes.times.map_or(0, |times| u64::from(times.modified));
        line.extend_from_slice(format!("{size:>8} {} ", time_text(modified, self.now)).as_bytes());
        line.extend_from_slice(self.name);
        line
    }
}

/// Appends a name without what would break the columns, or a number, and fills it up to eight.
fn put_padded(line: &mut Vec<u8>, name: Option<&[u8]>, number: u32) {
    let start = line.len();
    match name {
        Some(name) if !name.is_empty() => {
            line.extend(name.iter().map(|byte| if byte.is_ascii_graphic() { *byte } else { b'?' }));
        }
        _ => line.extend_from_slice(number.to_string().as_bytes()),
    }
    line.resize(line.len().max(start + 8), b' ');
    line.push(b' ');
}

/// `drwxr-xr-x`.
fn mode_text(mode: u32) -> Vec<u8> {
    let kind = match mode & Attributes::TYPE_MASK {
        Attributes::DIRECTORY => b'd',
        Attributes::SYMLINK => b'l',
        Attributes::FIFO => b'p',
        Attributes::SOCKET => b's',
        Attributes::BLOCK_DEVICE => b'b',
        Attributes::CHARACTER_DEVICE => b'c',
        _ => b'-',
    };
    let mut text = vec![kind];
    for (shift, special, letter) in [(6, 0o4000, b's'), (3, 0o2000, b's'), (0, 0o1000, b't')] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { b'r' } else { b'-' });
        text.push(if bits & 2 != 0 { b'w' } else { b'-' });
        text.push(match (bits & 1 != 0, mode & special != 0) {
            (true, true) => letter,
            (false, true) => letter.to_ascii_uppercase(),
            (true, false) => b'x',
            (false, false) => b'-',
        });
    }
    text
}

/// `Jan  1 00:00`, or `Jan  1  1970` for what is older than half a year or in the future.
fn time_text(seconds: u64, now: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let month = MONTHS[month];
    // A minute of grace for clocks that differ.
    if seconds > now.saturating_add(60) || seconds.saturating_add(RECENT) < now {
        format!("{month} {day:>2}  {year}")
    } else {
        format!("{month} {day:>2} {:02}:{:02}", rest / 3600, rest % 3600 / 60)
    }
}

/// Year, month from 0 and day from 1 of a day since 1970, by the Gregorian calendar.
fn civil(days: u64) -> (u64, usize, u64) {
    let mut year = 1970 + days / 146_097 * 400;
    let mut left = days % 146_097;
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if left < length {
            break;
        }
        left -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 0;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    (year, month, left + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::attributes::{Owner, Times};

    // covers: F11
    #[test]
    fn a_line_looks_as_ls_shows_it() {
        let attributes = Attributes {
            size: Some(348_911),
            owner: Some(Owner { uid: 1000, gid: 100 }),
            permissions: Some(0o100_755),
            times: Some(Times { accessed: 0, modified: 1_700_000_000 }),
            extended: Vec::new(),
        };
        let line = LongName {
            name: b"t\n\xff x",
            attributes: &attributes,
            links: 1,
            user: Some(b"mjos"),
            group: None,
            now: 1_700_000_100,
        };
        assert_eq!(line.to_vec(), b"-rwxr-xr-x    1 mjos     100        348911 Nov 14 22:13 t\n\xff x");
        let old = LongName { now: 1_800_000_000, ..line };
        assert!(old.to_vec().starts_with(b"-rwxr-xr-x    1 mjos     100        348911 Nov 14  2023 "));
    }

    #[test]
    fn special_bits_and_days_are_right() {
        assert_eq!(mode_text(0o104_711), b"-rws--x--x");
        assert_eq!(mode_text(0o041_777), b"drwxrwxrwt");
        assert_eq!(mode_text(0o042_666), b"drw-rwSrw-");
        assert_eq!(civil(0), (1970, 0, 1));
        assert_eq!(civil(19_782), (2024, 1, 29));
        assert_eq!(civil(19_783), (2024, 2, 1));
        assert_eq!(civil(10_956), (1999, 11, 31));
        assert_eq!(civil(10_957), (2000, 0, 1));
        assert_eq!(civil(47_540), (2100, 1, 28));
        assert_eq!(civil(47_541), (2100, 2, 1));
    }
}
