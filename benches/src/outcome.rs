//! Figures of several runs, their medians, and what they are compared with.

use crate::peers::Peer;

/// One run of one cell.
#[derive(Debug, Clone, Copy, Default)]
pub struct Run {
    /// What was measured, in the row's unit.
    pub rate: f64,
    /// CPU time of the client, in the row's unit.
    pub client_cpu: f64,
    /// CPU time of the server and what it spawned, in the row's unit.
    pub server_cpu: f64,
    /// Largest memory of the client process, in KiB; 0 where it is not known.
    pub client_memory: u64,
    /// Largest memory of the server process, in KiB; 0 where it is not known.
    pub server_memory: u64,
}

/// The runs of one pair.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Who asks.
    pub client: Peer,
    /// Who answers.
    pub server: Peer,
    /// What to call it where the pair does not say enough.
    pub label: Option<String>,
    /// What it moved, where cells of a row differ in it.
    pub amount: Option<String>,
    /// What was measured.
    pub runs: Vec<Run>,
    /// Why it was given up, if it was.
    pub failure: Option<String>,
}

impl Cell {
    /// A cell without runs.
    pub fn new(client: Peer, server: Peer) -> Self {
        Self { client, server, label: None, amount: None, runs: Vec::new(), failure: None }
    }

    /// Its name in the tables.
    pub fn name(&self) -> String {
        match &self.label {
            Some(label) => label.clone(),
            None if self.client.is_yardstick() => self.client.name().to_owned(),
            None => format!("{} → {}", self.client.name(), self.server.name()),
        }
    }

    /// Whether one end is konko.
    pub fn is_ours(&self) -> bool {
        self.client.is_konko() || self.server.is_konko()
    }

    /// The median of `figure`, if the cell was measured.
    pub fn median(&self, figure: impl Fn(&Run) -> f64) -> Option<f64> {
        let mut sorted: Vec<f64> = self.runs.iter().map(figure).collect();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        if sorted.len().is_multiple_of(2) {
            Some((sorted.get(middle.checked_sub(1)?)? + sorted.get(middle)?) / 2.0)
        } else {
            sorted.get(middle).copied()
        }
    }

    /// The median rate, if the cell was measured.
    pub fn rate(&self) -> Option<f64> {
        self.median(|run| run.rate)
    }

    /// The smallest and the largest rate.
    pub fn spread(&self) -> (f64, f64) {
        let rates = self.runs.iter().map(|run| run.rate);
        rates.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), rate| (low.min(rate), high.max(rate)))
    }
}

/// What the cells of a row are a share of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Yardstick {
    /// Nothing.
    None,
    /// The model; the spawned one for servers that spawn.
    Model,
    /// Raw TCP.
    Tcp,
    /// The first cell of the row.
    First,
}

impl Yardstick {
    /// The heading of its column.
    pub fn heading(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Model => "of the model",
            Self::Tcp => "of raw TCP",
            Self::First => "of the first",
        }
    }
}

/// What was measured in turn, and so may be compared.
#[derive(Debug, Clone)]
pub struct Row {
    /// What finds it: its name on the command line, and what distinguishes it from the others of that name.
    pub key: String,
    /// Its title.
    pub title: String,
    /// The unit of its rates.
    pub unit: &'static str,
    /// The unit of its CPU time.
    pub cpu_unit: &'static str,
    /// Whether servers that spawn a command for the data are apart from those that make it themselves.
    pub spawning_matters: bool,
    /// What its cells are a share of.
    pub yardstick: Yardstick,
    /// Its cells.
    pub cells: Vec<Cell>,
}

impl Row {
    /// The cell of a pair.
    pub fn cell(&self, client: Peer, server: Peer) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.client == client && cell.server == server)
    }

    /// The best cell in the same seat without konko: for a pair of konko's any other pair, for one end of konko's the
    /// cells with the same other end; and never one that spawns beside one that does not, where that matters.
    pub fn rival(&self, ours: &Cell) -> Option<&Cell> {
        let (our_client, our_server) = (ours.client.is_konko(), ours.server.is_konko());
        self.cells
            .iter()
            .filter(|cell| !cell.is_ours() && !cell.client.is_yardstick() && cell.rate().is_some())
            .filter(|cell| !self.spawning_matters || cell.server.spawns() == ours.server.spawns())
            .filter(|cell| our_client || cell.client == ours.client)
            .filter(|cell| our_server || cell.server == ours.server)
            .max_by(|a, b| a.rate().unwrap_or(0.0).total_cmp(&b.rate().unwrap_or(0.0)))
    }

    /// How many times as fast as the best in its seat a cell of ours is, and who that is.
    pub fn ratio(&self, ours: &Cell) -> Option<(f64, &Cell)> {
        let rival = self.rival(ours)?;
        Some((ours.rate()? / rival.rate()?, rival))
    }

    /// Which share of the yardstick a cell reaches.
    pub fn share(&self, cell: &Cell) -> Option<f64> {
        let yardstick = match self.yardstick {
            Yardstick::None => None,
            Yardstick::Model if cell.server.spawns() => self.cell(Peer::ModelSpawned, Peer::ModelSpawned),
            Yardstick::Model => self.cell(Peer::Model, Peer::Model),
            Yardstick::Tcp => self.cell(Peer::Tcp, Peer::Tcp),
            Yardstick::First => self.cells.first(),
        }?;
        Some(cell.rate()? / yardstick.rate()?)
    }
}

/// Memory of idle connections.
#[derive(Debug, Clone, Copy)]
pub struct IdleMemory {
    /// Whose, both ends.
    pub peer: Peer,
    /// How many connections.
    pub connections: u64,
    /// KiB each, of the client.
    pub client: f64,
    /// KiB each, of the server.
    pub server: f64,
}

/// All that was measured.
#[derive(Debug, Default)]
pub struct Results {
    /// The rows, in the order of their measuring.
    pub rows: Vec<Row>,
    /// Memory of idle connections.
    pub idle: Vec<IdleMemory>,
}

impl Results {
    /// The row of that key.
    pub fn row(&self, key: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.key == key)
    }
}

#[cfg(test)]
mod tests {
    use super::{Cell, Row, Run, Yardstick};
    use crate::peers::Peer::{self, Konko, KonkoServe, Model, ModelSpawned, OpenSsh, Russh};

    fn cell(client: Peer, server: Peer, rates: &[f64]) -> Cell {
        let runs = rates.iter().map(|rate| Run { rate: *rate, ..Run::default() }).collect();
        Cell { runs, ..Cell::new(client, server) }
    }

    fn row(spawning_matters: bool) -> Row {
        let cells = vec![
            cell(Model, Model, &[4000.0]),
            cell(ModelSpawned, ModelSpawned, &[2000.0]),
            cell(Konko, Konko, &[3000.0]),
            cell(Konko, KonkoServe, &[1000.0]),
            cell(Konko, OpenSsh, &[800.0]),
            cell(OpenSsh, Konko, &[2500.0]),
            cell(OpenSsh, KonkoServe, &[900.0]),
            cell(Russh, Russh, &[1200.0]),
            cell(OpenSsh, Russh, &[2000.0]),
            cell(Russh, OpenSsh, &[500.0]),
            cell(OpenSsh, OpenSsh, &[600.0]),
        ];
        let (key, title) = (String::new(), String::new());
        Row { key, title, unit: "", cpu_unit: "", spawning_matters, yardstick: Yardstick::Model, cells }
    }

    fn rival(row: &Row, client: Peer, server: Peer) -> Option<String> {
        Some(row.rival(row.cell(client, server)?)?.name())
    }

    #[test]
    fn a_rival_sits_in_the_same_seat_and_spawns_alike() {
        let row = row(true);
        for (client, server, expected) in [
            (Konko, Konko, "openssh → russh"),
            (Konko, KonkoServe, "openssh → openssh"),
            (Konko, OpenSsh, "openssh → openssh"),
            (OpenSsh, Konko, "openssh → russh"),
            (OpenSsh, KonkoServe, "openssh → openssh"),
        ] {
            assert_eq!(rival(&row, client, server).as_deref(), Some(expected), "{client:?} {server:?}");
        }
    }

    #[test]
    fn where_spawning_does_not_matter_all_servers_compete() {
        assert_eq!(rival(&row(false), Konko, KonkoServe).as_deref(), Some("openssh → russh"));
        assert_eq!(rival(&row(false), Konko, OpenSsh).as_deref(), Some("openssh → openssh"));
    }

    #[test]
    fn shares_are_of_the_model_that_spawns_alike() {
        let row = row(true);
        let share = |client, server| row.cell(client, server).and_then(|cell| row.share(cell));
        assert_eq!(share(Konko, Konko), Some(0.75));
        assert_eq!(share(Konko, KonkoServe), Some(0.5));
    }

    #[test]
    fn medians_are_in_the_middle() {
        assert_eq!(cell(Konko, Konko, &[3.0, 1.0, 2.0]).rate(), Some(2.0));
        assert_eq!(cell(Konko, Konko, &[4.0, 1.0, 2.0, 3.0]).rate(), Some(2.5));
        assert_eq!(cell(Konko, Konko, &[]).rate(), None);
        assert_eq!(cell(Konko, Konko, &[3.0, 1.0, 2.0]).spread(), (1.0, 3.0));
    }
}
