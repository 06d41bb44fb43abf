//! The table as it stands in `vectors/state_table.tsv`.

use konko_transport::dispatch::Role;

const TEXT: &str = include_str!("../../../vectors/state_table.tsv");

/// A cell of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    Legal,
    SometimesLegal,
    Disconnect,
    Ignore,
    Unimplemented,
    /// Disconnect under strict key exchange, else legal.
    Strict,
}

/// The states of the receiving direction, in the order of the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    K1,
    K2,
    K3,
    N0,
    V,
    A,
    O,
    R2,
    R3,
}

/// One receiver's part: a row for each number.
pub struct Table(Vec<[Cell; 9]>);

impl Table {
    /// Reads the rows of `receiver`; every number must have one.
    pub fn of(receiver: Role) -> Self {
        let receiver = match receiver {
            Role::Client => "client",
            Role::Server => "server",
        };
        let mut rows = vec![None; 256];
        for line in TEXT.lines().filter(|line| !line.starts_with('#')).skip(1) {
            let fields: Vec<&str> = line.split('\t').collect();
            if fields[0] != receiver {
                continue;
            }
            let cells: Vec<Cell> = fields[3..12].iter().map(|text| cell(text)).collect();
            let cells: [Cell; 9] = cells.try_into().expect("nine cells");
            for number in numbers(fields[1]) {
                assert!(rows[usize::from(number)].replace(cells).is_none(), "two rows for {number}");
            }
        }
        Self(
            rows.into_iter().enumerate().map(|(n, row)| row.unwrap_or_else(|| no_row(receiver, n))).collect(),
        )
    }

    pub fn cell(&self, number: u8, column: Column) -> Cell {
        self.0[usize::from(number)][column as usize]
    }
}

fn no_row(receiver: &str, number: usize) -> [Cell; 9] {
    panic!("no row of {receiver} for {number}")
}

fn cell(text: &str) -> Cell {
    match text {
        "L" => Cell::Legal,
        "L?" => Cell::SometimesLegal,
        "D" => Cell::Disconnect,
        "I" => Cell::Ignore,
        "U" => Cell::Unimplemented,
        "D/L" => Cell::Strict,
        other => panic!("{other} is no cell"),
    }
}

/// `30-49`, `62,67-79`.
fn numbers(text: &str) -> Vec<u8> {
    let number = |text: &str| text.parse::<u8>().expect("a number");
    text.split(',')
        .flat_map(|part| match part.split_once('-') {
            Some((first, last)) => number(first)..=number(last),
            None => number(part)..=number(part),
        })
        .collect()
}
