//! What `ls` and `df` print.

use crate::progress::meter::amount;
use crate::sftp::command::ListFlags;
use konko::client::printable;
use konko::client::sftp::machine::server::long_name::LongName;
use konko::client::sftp::{Attributes, Metadata, Owner, StatvfsReply, Times};
use konko::trust::time_zone::TimeZone;

/// Where a line's text for modes ends.
const MODE_LEN: usize = 10;
/// Where a line's number of links ends.
const LINKS_END: usize = 15;

/// One name with what is known of it.
#[derive(Debug, Clone)]
pub struct Item {
    /// The name as it is shown.
    pub name: Vec<u8>,
    /// What is known of it.
    pub metadata: Metadata,
    /// The server's own line, if it sends any.
    pub long_name: Vec<u8>,
}

/// Bytes as they may be shown on a terminal.
pub fn shown(bytes: &[u8]) -> String {
    printable(&String::from_utf8_lossy(bytes), false)
}

/// Puts items into the order that the flags ask for.
pub fn sort(items: &mut [Item], flags: &ListFlags) {
    if flags.unsorted {
        return;
    }
    items.sort_by(|one, other| {
        let by = if flags.by_time {
            other.metadata.modified.cmp(&one.metadata.modified)
        } else if flags.by_size {
            other.metadata.len().cmp(&one.metadata.len())
        } else {
            std::cmp::Ordering::Equal
        };
        by.then_with(|| one.name.cmp(&other.name))
    });
    if flags.reverse {
        items.reverse();
    }
}

/// Now, and where.
#[derive(Debug)]
pub struct Clock {
    /// In seconds since 1970.
    pub now: u64,
    /// The time zone of the lines that are made here.
    pub zone: TimeZone,
}

impl Clock {
    /// What a clock on the wall shows at this moment, in seconds.
    fn shown(&self, moment: u64) -> u64 {
        let utc = i64::try_from(moment).unwrap_or(i64::MAX);
        moment.saturating_add_signed(self.zone.east_at(utc).into())
    }
}

/// The lines of a listing, for a terminal of that width.
pub fn lines(items: &[Item], flags: &ListFlags, width: usize, clock: &Clock) -> String {
    if flags.long {
        return items.iter().map(|item| long_line(item, flags, clock) + "\n").collect();
    }
    let names: Vec<String> = items.iter().map(|item| shown(&item.name)).collect();
    if flags.single { names.iter().map(|name| format!("{name}\n")).collect() } else { columns(&names, width) }
}

/// Names side by side, row by row, as sftp(1) has them.
fn columns(names: &[String], width: usize) -> String {
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let columns = (width / (longest + 2)).max(1);
    let room = width / columns;
    let mut text = String::new();
    for row in names.chunks(columns) {
        let (last, others) = match row.split_last() {
            Some(split) => split,
            None => continue,
        };
        for name in others {
            text.push_str(&format!("{name:<room$}"));
        }
        text.push_str(last);
        text.push('\n');
    }
    text
}

fn long_line(item: &Item, flags: &ListFlags, clock: &Clock) -> String {
    let Item { name, metadata, long_name } = item;
    // The server's line has names of users, but only the last component of the path.
    let last = name.rsplit(|byte| *byte == b'/').next().unwrap_or(name);
    if !flags.numeric && !flags.human && !long_name.is_empty() {
        if let Some(front) = long_name.strip_suffix(last) {
            return shown(front) + &shown(name);
        }
        return shown(long_name);
    }
    let mode = metadata.mode();
    let seconds = |time: Option<konko::client::sftp::Timestamp>| {
        let shown = clock.shown(time.map_or(0, |time| time.seconds.max(0).unsigned_abs()));
        u32::try_from(shown).unwrap_or(u32::MAX)
    };
    let attributes = Attributes {
        size: metadata.size,
        owner: metadata.uid.zip(metadata.gid).map(|(uid, gid)| Owner { uid, gid }),
        permissions: mode,
        times: Some(Times { accessed: seconds(metadata.accessed), modified: seconds(metadata.modified) }),
        extended: Vec::new(),
    };
    let names = |name: &Option<Vec<u8>>| name.clone().filter(|_| !flags.numeric);
    let (user, group) = (names(&metadata.user), names(&metadata.group));
    let line = LongName {
        name: b"",
        attributes: &attributes,
        links: metadata.link_count.map_or(1, u64::from),
        user: user.as_deref(),
        group: group.as_deref(),
        now: clock.shown(clock.now),
    };
    let mut line = String::from_utf8_lossy(&line.to_vec()).into_owned();
    if metadata.link_count.is_none() && line.is_char_boundary(MODE_LEN) && line.len() >= LINKS_END {
        line.replace_range(MODE_LEN..LINKS_END, "    ?");
    }
    let line = if flags.human { with_units(&line, metadata.len()) } else { line };
    line + &shown(name)
}

/// The line with its size in units.
fn with_units(line: &str, size: u64) -> String {
    let plain = format!("{size:>8}");
    let units = format!("{:>8}", scaled(size));
    line.replacen(&format!(" {plain} "), &format!(" {units} "), 1)
}

/// A size in units of 1024, with one decimal below 100, as the C libraries of the BSDs round it.
fn scaled(bytes: u64) -> String {
    const UNITS: [char; 7] = ['B', 'K', 'M', 'G', 'T', 'P', 'E'];
    let unit = (1..UNITS.len()).take_while(|unit| bytes >> (10 * unit) > 0).count();
    let letter = UNITS.get(unit).copied().unwrap_or('E');
    if unit == 0 {
        return format!("{bytes}{letter}");
    }
    let whole = bytes >> (10 * unit);
    let parts = (bytes >> (10 * (unit - 1))) & 1023;
    let (whole, tenths) = match (10 * parts + 512) / 1024 {
        10 => (whole + 1, 0),
        tenths => (whole, tenths),
    };
    if whole < 100 { format!("{whole}.{tenths}{letter}") } else { format!("{}{letter}", whole + tenths / 5) }
}

/// The lines of `df`.
pub fn disk_free(room: &StatvfsReply, human: bool, inodes: bool) -> String {
    let percent = |used: u64, total: u64| match total {
        0 => "-".to_owned(),
        total => format!("{}%", (u128::from(used) * 100).div_ceil(u128::from(total))),
    };
    if inodes {
        let used = room.files.saturating_sub(room.free_files);
        return format!(
            "     Inodes        Used       Avail      (root)    %Capacity\n{:>11} {:>11} {:>11} {:>11}         {:>4}\n",
            room.files,
            used,
            room.available_files,
            room.free_files,
            percent(used, room.files)
        );
    }
    let size = |blocks: u64| {
        let bytes = u128::from(blocks) * u128::from(room.fragment_size);
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        if human { amount(bytes) } else { (bytes / 1024).to_string() }
    };
    let used = room.blocks.saturating_sub(room.free_blocks);
    format!(
        "        Size         Used        Avail       (root)    %Capacity\n{:>12} {:>12} {:>12} {:>12}         {:>4}\n",
        size(room.blocks),
        size(used),
        size(room.available_blocks),
        size(room.free_blocks),
        percent(used, room.blocks)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use konko::client::sftp::Timestamp;

    const UTC: Clock = Clock { now: 0, zone: TimeZone::Utc };

    fn item(name: &str, size: u64, modified: i64) -> Item {
        let attributes = Attributes {
            size: Some(size),
            owner: Some(Owner { uid: 1, gid: 2 }),
            permissions: Some(0o100_644),
            ..Attributes::default()
        };
        let mut metadata = Metadata::from(attributes);
        metadata.modified = Some(Timestamp { seconds: modified, nanoseconds: 0 });
        Item { name: name.as_bytes().to_vec(), metadata, long_name: Vec::new() }
    }

    fn order(flags: ListFlags) -> String {
        let mut items = [item("b", 1, 30), item("c", 3, 10), item("a", 2, 20)];
        sort(&mut items, &flags);
        items.iter().map(|item| char::from(item.name[0])).collect()
    }

    #[test]
    fn listings_are_in_the_order_asked_for() {
        let flags = ListFlags::default();
        assert_eq!(order(flags), "abc");
        assert_eq!(order(ListFlags { reverse: true, ..flags }), "cba");
        assert_eq!(order(ListFlags { by_time: true, ..flags }), "bac");
        assert_eq!(order(ListFlags { by_size: true, reverse: true, ..flags }), "bac");
        assert_eq!(order(ListFlags { unsorted: true, reverse: true, ..flags }), "bca");
    }

    #[test]
    fn names_stand_side_by_side() {
        let items: Vec<Item> = ["one", "two", "three", "four"].map(|name| item(name, 0, 0)).to_vec();
        let flags = ListFlags::default();
        assert_eq!(lines(&items, &flags, 20, &UTC), "one       two\nthree     four\n");
        assert_eq!(lines(&items, &flags, 0, &UTC), "one\ntwo\nthree\nfour\n");
        let single = ListFlags { single: true, ..flags };
        assert_eq!(lines(&items, &single, 80, &UTC), "one\ntwo\nthree\nfour\n");
        assert_eq!(lines(&[item("a\x1b[2J", 0, 0)], &single, 80, &UTC), "a\\u{1b}[2J\n");
    }

    #[test]
    fn long_lines_are_the_servers_or_ours() {
        let mut one = item("sub/a", 5_000_000, 0);
        one.long_name = b"-rw-r--r--    1 me       us              5 Jan  1 00:00 a".to_vec();
        let long = ListFlags { long: true, ..ListFlags::default() };
        let line = lines(&[one.clone()], &long, 80, &UTC);
        assert_eq!(line, "-rw-r--r--    1 me       us              5 Jan  1 00:00 sub/a\n");
        let numeric = ListFlags { numeric: true, ..long };
        let line = lines(&[one.clone()], &numeric, 80, &UTC);
        assert_eq!(line, "-rw-r--r--    ? 1        2         5000000 Jan  1 00:00 sub/a\n");
        let human = ListFlags { human: true, ..long };
        assert!(lines(&[one], &human, 80, &UTC).contains("     4.8M Jan"));
    }
    #[test]
    fn times_are_local() {
        let line = |zone: TimeZone| {
            let long = ListFlags { long: true, ..ListFlags::default() };
            lines(&[item("a", 0, 86_400)], &long, 80, &Clock { now: 86_400, zone })
        };
        assert!(line(TimeZone::Utc).ends_with("Jan  2 00:00 a\n"));
        assert!(line(TimeZone::Fixed { east: -3600 }).ends_with("Jan  1 23:00 a\n"));
    }

    /// Figures of OpenSSH's sftp.
    #[test]
    fn sizes_in_units() {
        for (size, expected) in [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.0K"),
            (1500, "1.5K"),
            (10188, "9.9K"),
            (10300, "10.1K"),
            (102_350, "100K"),
            (1_048_064, "1024K"),
            (5_000_000, "4.8M"),
            (1 << 40, "1.0T"),
        ] {
            assert_eq!(scaled(size), expected);
        }
    }
}
