//! Days of the Gregorian calendar, counted from 1970-01-01.

pub(crate) const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub(crate) const fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The number of a day. The year is taken to begin with March, so that the leap day is its last.
pub(crate) const fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (century_group, in_group) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    century_group * 146_097 + in_group * 365 + in_group / 4 - in_group / 100 + day_of_year - 719_468
}

/// The year of a day.
pub(crate) const fn year_of(day: i64) -> i64 {
    let (century_group, in_group) =
        ((day + 719_468).div_euclid(146_097), (day + 719_468).rem_euclid(146_097));
    let in_group_years = (in_group - in_group / 1460 + in_group / 36_524 - in_group / 146_096) / 365;
    let day_of_year = in_group - (365 * in_group_years + in_group_years / 4 - in_group_years / 100);
    // January and February belong to the year that began ten months before.
    let is_next = day_of_year >= 306;
    century_group * 400 + in_group_years + if is_next { 1 } else { 0 }
}

/// The day of the week: 0 is Sunday.
pub(crate) const fn weekday_of(day: i64) -> i64 {
    (day + 4).rem_euclid(7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_follow_each_other() {
        let mut expected = day_number(1600, 1, 1);
        let mut weekday = weekday_of(expected);
        // 1 January 1600 was a Saturday.
        assert_eq!(weekday, 6);
        for year in 1600..2500 {
            for month in 1..=12 {
                for day in 1..=days_of(year, month) {
                    assert_eq!(day_number(year, month, day), expected);
                    assert_eq!((year_of(expected), weekday_of(expected)), (year, weekday));
                    expected += 1;
                    weekday = (weekday + 1) % 7;
                }
            }
        }
        assert_eq!(day_number(1970, 1, 1), 0);
    }
}
