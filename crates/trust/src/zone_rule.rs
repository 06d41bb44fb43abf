//! The rule at the end of a time zone file: how local time goes on after the last change that is written down
//! (RFC 9636 §3.3, POSIX's `TZ`).

use crate::calendar::{day_number, days_of, is_leap, weekday_of, year_of};

const DAY: i64 = 86_400;
/// Beyond this many seconds nobody asks for summer time.
const LARGEST_MOMENT: i64 = 1 << 53;
/// RFC 9636 §3.3.1: times from -167 to 167 hours.
const LARGEST_HOUR: i64 = 167;

/// A day of each year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DayRule {
    /// `Jn`: 1 to 365, 29 February never counts.
    WithoutLeapDay(i64),
    /// `n`: 0 to 365.
    WithLeapDay(i64),
    /// `Mm.w.d`: the week `w` of the month, 5 being the last, and the day `d` in it.
    Week { month: i64, week: i64, weekday: i64 },
}

/// When summer time begins or ends: a day, and seconds from its beginning on the clock until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    day: DayRule,
    time: i64,
}

/// Summer time, seconds east of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Summer {
    east: i32,
    begins: Change,
    ends: Change,
}

/// The rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ZoneRule {
    east: i32,
    summer: Option<Summer>,
}

impl ZoneRule {
    /// Reads `CET-1CEST,M3.5.0,M10.5.0/3`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = skip_name(text)?;
        let (west, text) = parse_time(text)?;
        let east = i32::try_from(-west).ok()?;
        if text.is_empty() {
            return Some(Self { east, summer: None });
        }
        let text = skip_name(text)?;
        let (summer_east, text) = match text.strip_prefix(',') {
            Some(_) => (east + 3600, text),
            None => parse_time(text).and_then(|(west, text)| Some((i32::try_from(-west).ok()?, text)))?,
        };
        let (begins, ends) = text.strip_prefix(',')?.split_once(',')?;
        let (begins, ends) = (Change::parse(begins)?, Change::parse(ends)?);
        Some(Self { east, summer: Some(Summer { east: summer_east, begins, ends }) })
    }

    /// Seconds east of UTC at a moment.
    pub(crate) fn east_at(&self, utc: i64) -> i32 {
        let Some(summer) = self.summer else { return self.east };
        let utc = utc.clamp(-LARGEST_MOMENT, LARGEST_MOMENT);
        let year = year_of((utc + i64::from(self.east)).div_euclid(DAY));
        let begins = summer.begins.in_year(year) - i64::from(self.east);
        let ends = summer.ends.in_year(year) - i64::from(summer.east);
        let is_summer =
            if begins < ends { (begins..ends).contains(&utc) } else { !(ends..begins).contains(&utc) };
        if is_summer { summer.east } else { self.east }
    }
}

impl Change {
    fn parse(text: &str) -> Option<Self> {
        let (day, time) = text.split_once('/').map_or((text, None), |(day, time)| (day, Some(time)));
        let time = match time {
            None => 2 * 3600,
            Some(time) => parse_time(time).filter(|(_, rest)| rest.is_empty())?.0,
        };
        let number = |text: &str, lowest: i64, highest: i64| {
            text.parse::<i64>().ok().filter(|number| (lowest..=highest).contains(number))
        };
        let day = if let Some(day) = day.strip_prefix('J') {
            DayRule::WithoutLeapDay(number(day, 1, 365)?)
        } else if let Some(week) = day.strip_prefix('M') {
            let mut parts = week.split('.');
            let mut part = |lowest, highest| number(parts.next()?, lowest, highest);
            let (month, week, weekday) = (part(1, 12)?, part(1, 5)?, part(0, 6)?);
            DayRule::Week { month, week, weekday }
        } else {
            DayRule::WithLeapDay(number(day, 0, 365)?)
        };
        Some(Self { day, time })
    }

    /// Seconds since 1970 on the clock until then.
    fn in_year(self, year: i64) -> i64 {
        let first = day_number(year, 1, 1);
        let day = match self.day {
            DayRule::WithLeapDay(day) => first + day,
            DayRule::WithoutLeapDay(day) => first + day - 1 + i64::from(is_leap(year) && day > 59),
            DayRule::Week { month, week, weekday } => {
                let start = day_number(year, month, 1);
                let offset = (weekday - weekday_of(start)).rem_euclid(7) + 7 * (week - 1);
                start + if offset < days_of(year, month) { offset } else { offset - 7 }
            }
        };
        day * DAY + self.time
    }
}

/// The name of a zone: letters, or anything in `<>`.
fn skip_name(text: &str) -> Option<&str> {
    if let Some(quoted) = text.strip_prefix('<') {
        return quoted.split_once('>').map(|(_, rest)| rest);
    }
    let rest = text.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    (rest.len() < text.len()).then_some(rest)
}

/// `[+-]hh[:mm[:ss]]` in seconds, and what follows.
fn parse_time(text: &str) -> Option<(i64, &str)> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (hours, mut text) = parse_digits(text)?;
    let mut seconds = hours * 3600;
    for unit in [60, 1] {
        let Some(rest) = text.strip_prefix(':') else { break };
        let (number, rest) = parse_digits(rest).filter(|(number, _)| *number < 60)?;
        seconds += number * unit;
        text = rest;
    }
    (hours <= LARGEST_HOUR).then_some((sign * seconds, text))
}

fn parse_digits(text: &str) -> Option<(i64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    (1..=3).contains(&digits.len()).then(|| digits.parse().ok().map(|number| (number, rest)))?
}
