//! The time zone in which a file states its times where it does not say UTC.

use crate::zone_rule::ZoneRule;
use konko_wire::decode::{DecodeError, Reader};
use std::sync::Arc;

const DAY: i64 = 86_400;
/// More changes than this are not read; real zones have a few hundred.
const MOST_TRANSITIONS: usize = 100_000;

/// How far local time is from UTC.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TimeZone {
    /// Local time is UTC.
    #[default]
    Utc,
    /// Local time is UTC and this many seconds, positive towards the east, all the year.
    Fixed {
        /// Seconds east of UTC.
        east: i32,
    },
    /// Local time follows a time zone file.
    Zone(Zone),
}

/// What a time zone file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(Arc<Changes>);

#[derive(Debug, PartialEq, Eq)]
struct Changes {
    /// Seconds east of UTC before the first change.
    first: i32,
    /// Moments, and seconds east of UTC from then on.
    transitions: Vec<(i64, i32)>,
    /// What holds after the last change.
    rule: Option<ZoneRule>,
}

/// Bytes that are not a time zone file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a time zone file")]
pub struct TimeZoneError;

impl From<DecodeError> for TimeZoneError {
    fn from(_: DecodeError) -> Self {
        Self
    }
}

/// The numbers at the beginning of a block.
struct Counts {
    utc: usize,
    standard: usize,
    leaps: usize,
    times: usize,
    types: usize,
    characters: usize,
}

impl Counts {
    fn read(reader: &mut Reader<'_>) -> Result<(u8, Self), TimeZoneError> {
        if reader.read_array()? != *b"TZif" {
            return Err(TimeZoneError);
        }
        let version = reader.read_u8()?;
        reader.read_bytes(15)?;
        let mut count = || usize::try_from(reader.read_u32()?).map_err(|_| TimeZoneError);
        let (utc, standard, leaps) = (count()?, count()?, count()?);
        let (times, types, characters) = (count()?, count()?, count()?);
        let all = [utc, standard, leaps, times, types, characters];
        if all.iter().any(|count| *count > MOST_TRANSITIONS) {
            return Err(TimeZoneError);
        }
        Ok((version, Self { utc, standard, leaps, times, types, characters }))
    }

    /// What follows the types.
    const fn rest(&self, time_len: usize) -> usize {
        self.characters + self.leaps * (time_len + 4) + self.standard + self.utc
    }
}

impl TimeZone {
    /// Reads a time zone file, such as `/etc/localtime` (RFC 9636).
    ///
    /// # Errors
    ///
    /// [`TimeZoneError`] for bytes of another shape.
    pub fn parse(bytes: &[u8]) -> Result<Self, TimeZoneError> {
        let mut reader = Reader::new(bytes);
        let (version, counts) = Counts::read(&mut reader)?;
        if version == 0 {
            return Ok(Self::Zone(Zone(Arc::new(read_block(&mut reader, &counts, 4)?))));
        }
        // The first block is for readers of version 1.
        reader.read_bytes(counts.times * 5 + counts.types * 6 + counts.rest(4))?;
        let (_, counts) = Counts::read(&mut reader)?;
        let mut changes = read_block(&mut reader, &counts, 8)?;
        let footer = std::str::from_utf8(reader.rest()).map_err(|_| TimeZoneError)?;
        let footer = footer.strip_prefix('\n').and_then(|rest| rest.split_once('\n')).ok_or(TimeZoneError)?.0;
        if !footer.is_empty() {
            changes.rule = Some(ZoneRule::parse(footer).ok_or(TimeZoneError)?);
        }
        Ok(Self::Zone(Zone(Arc::new(changes))))
    }

    /// Reads a rule as the variable `TZ` has it: `CET-1CEST,M3.5.0,M10.5.0/3`.
    ///
    /// # Errors
    ///
    /// [`TimeZoneError`] for a text of another shape.
    pub fn parse_rule(text: &str) -> Result<Self, TimeZoneError> {
        let rule = ZoneRule::parse(text).ok_or(TimeZoneError)?;
        Ok(Self::Zone(Zone(Arc::new(Changes { first: 0, transitions: Vec::new(), rule: Some(rule) }))))
    }

    /// Seconds east of UTC at a moment, in seconds since 1970-01-01 00:00 UTC.
    pub fn east_at(&self, utc: i64) -> i32 {
        match self {
            Self::Utc => 0,
            Self::Fixed { east } => *east,
            Self::Zone(Zone(changes)) => changes.east_at(utc),
        }
    }

    /// The moment, in seconds since 1970-01-01 00:00 UTC, at which clocks of this zone show `local`, counted in
    /// the same way. Of two such moments it is the earlier one; where the clocks leap over `local`, it is the
    /// moment of the leap.
    pub fn to_utc(&self, local: i64) -> i64 {
        let (before, after) =
            (self.east_at(local.saturating_sub(DAY)), self.east_at(local.saturating_add(DAY)));
        let at = |east: i32| local.saturating_sub(i64::from(east));
        let candidates = [at(before.max(after)), at(before.min(after))];
        let shows = |utc: &i64| utc.saturating_add(i64::from(self.east_at(*utc))) == local;
        if let Some(utc) = candidates.into_iter().find(shows) {
            return utc;
        }
        // Between the two the clocks leap.
        let [mut low, mut high] = candidates;
        while low < high {
            let middle = low + (high - low) / 2;
            let shown = middle.saturating_add(i64::from(self.east_at(middle)));
            if shown > local { high = middle } else { low = middle + 1 }
        }
        low
    }
}

impl Changes {
    fn east_at(&self, utc: i64) -> i32 {
        let after = self.transitions.partition_point(|(moment, _)| *moment <= utc);
        match (after.checked_sub(1).and_then(|at| self.transitions.get(at)), self.rule) {
            (_, Some(rule)) if after == self.transitions.len() => rule.east_at(utc),
            (Some((_, east)), _) => *east,
            (None, _) => self.first,
        }
    }
}

fn read_block(reader: &mut Reader<'_>, counts: &Counts, time_len: usize) -> Result<Changes, TimeZoneError> {
    let mut moments = Vec::new();
    for _ in 0..counts.times {
        moments.push(match time_len {
            4 => i64::from(i32::from_be_bytes(reader.read_array()?)),
            _ => i64::from_be_bytes(reader.read_array()?),
        });
    }
    let indices = reader.read_bytes(counts.times)?;
    let mut types = Vec::new();
    for _ in 0..counts.types {
        types.push(i32::from_be_bytes(reader.read_array()?));
        reader.read_bytes(2)?;
    }
    reader.read_bytes(counts.rest(time_len))?;
    let east_of = |index: &u8| types.get(usize::from(*index)).copied().ok_or(TimeZoneError);
    let easts = indices.iter().map(east_of).collect::<Result<Vec<_>, _>>()?;
    if !moments.is_sorted() || types.iter().any(|east| i64::from(*east).abs() >= DAY) {
        return Err(TimeZoneError);
    }
    let first = *types.first().ok_or(TimeZoneError)?;
    Ok(Changes { first, transitions: moments.into_iter().zip(easts).collect(), rule: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timestamp::Timestamp;

    /// A file of version 2 with one change in 2000 and this rule after it.
    fn file(rule: &str) -> Vec<u8> {
        let header = |version: u8, times: u32| {
            let mut header = b"TZif".to_vec();
            header.push(version);
            header.extend([0; 15]);
            [0, 0, 0, times, 1, 4].iter().for_each(|count: &u32| header.extend(count.to_be_bytes()));
            header
        };
        let types = [0, 0, 0x0e, 0x10, 0, 0, b'C', b'E', b'T', 0];
        let mut file = [header(b'2', 0), types.to_vec(), header(b'2', 1)].concat();
        file.extend(946_684_800_i64.to_be_bytes());
        file.push(0);
        file.extend(types);
        file.extend(format!("\n{rule}\n").into_bytes());
        file
    }

    fn utc(zone: &TimeZone, local: &str) -> u64 {
        Timestamp::parse(local).expect(local).to_unix(zone)
    }

    /// The numbers are those of `TZ=… date -d … +%s`.
    ///
    /// covers: L10
    #[test]
    fn local_times_when_clocks_change() {
        let zone = TimeZone::parse(&file("CET-1CEST,M3.5.0,M10.5.0/3")).expect("a zone");
        assert_eq!(utc(&zone, "202401010000"), 1_704_063_600);
        assert_eq!(utc(&zone, "202407010000"), 1_719_784_800);
        // 31 March 2024: from 2:00 to 3:00 at once.
        assert_eq!(utc(&zone, "20240331015959"), 1_711_846_799);
        assert_eq!(utc(&zone, "202403310200"), 1_711_846_800);
        assert_eq!(utc(&zone, "202403310230"), 1_711_846_800);
        assert_eq!(utc(&zone, "202403310300"), 1_711_846_800);
        // 27 October 2024: from 3:00 back to 2:00; of the two the earlier.
        assert_eq!(utc(&zone, "202410270159"), 1_729_987_140);
        assert_eq!(utc(&zone, "202410270230"), 1_729_989_000);
        assert_eq!(utc(&zone, "202410270300"), 1_729_994_400);
        // Before the change of 2000.
        assert_eq!(utc(&zone, "199907010000"), 930_783_600);
        assert_eq!(utc(&zone, "20240701Z"), 1_719_792_000);
        let south = TimeZone::parse(&file("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0")).expect("a zone");
        assert_eq!(utc(&south, "202401010000"), 1_704_027_600);
        assert_eq!(utc(&south, "202407010000"), 1_719_754_200);
        // Moments at the ends of time are no reason to stumble.
        for local in [i64::MIN, i64::MAX] {
            let _ = (zone.to_utc(local), zone.east_at(local), south.to_utc(local));
        }
        let plain = TimeZone::parse(&file("EST5")).expect("a zone");
        assert_eq!(utc(&plain, "202407010000"), 1_719_810_000);
        let julian = TimeZone::parse(&file("AAA3BBB,J60/0,300/-1")).expect("a zone");
        // J60 is 1 March in every year; day 300 counted from 0 is 27 October in a leap year.
        assert_eq!((julian.east_at(1_709_261_999 + 3600), julian.east_at(1_709_262_000)), (-7200, -7200));
        assert_eq!((julian.east_at(1_709_261_999), julian.east_at(1_729_990_800)), (-10_800, -10_800));
        assert_eq!(julian.east_at(1_729_990_799 - 3600), -7200);
    }

    #[test]
    fn what_is_no_time_zone() {
        for rule in
            ["CET", "-1", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.1.0,M1.1.0", "CET-200", "<CET-1"]
        {
            assert_eq!(TimeZone::parse(&file(rule)), Err(TimeZoneError), "{rule}");
        }
        let whole = file("EST5");
        for len in 0..whole.len() {
            assert_eq!(TimeZone::parse(&whole[..len]), Err(TimeZoneError), "{len}");
        }
        let mut index = whole.clone();
        index[44 + 10 + 44 + 8] = 1;
        assert_eq!(TimeZone::parse(&index), Err(TimeZoneError));
    }
}
