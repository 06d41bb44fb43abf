//! The cells of a row in turn, round after round, so that a busy moment of the machine hits all of them alike.

use crate::outcome::{Cell, Run};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Measures every cell in every round; `once` gives nothing where a cell sits a round out. A cell that fails is told and
/// given up, and the others go on.
pub fn measure(
    row: &str,
    rounds: usize,
    mut cells: Vec<Cell>,
    once: impl Fn(&Cell, usize) -> Option<Result<Run, Failure>>,
) -> Vec<Cell> {
    for round in 0..rounds {
        for cell in cells.iter_mut().filter(|cell| cell.failure.is_none()) {
            match once(cell, round) {
                None => {}
                Some(Ok(run)) => {
                    eprintln!("{row}, round {}: {}: {:.1}", round + 1, cell.name(), run.rate);
                    cell.runs.push(run);
                }
                Some(Err(error)) => {
                    eprintln!("{row}, round {}: {}: {error}", round + 1, cell.name());
                    cell.failure = Some(error.to_string());
                }
            }
        }
    }
    cells
}
