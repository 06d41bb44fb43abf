//! Figures of several runs, and their medians.

/// One run of one cell.
#[derive(Debug, Clone, Copy, Default)]
pub struct Run {
    /// What was measured, in the row's unit.
    pub rate: f64,
    /// CPU seconds of the client.
    pub client_cpu: f64,
    /// CPU seconds of the server and what it spawned.
    pub server_cpu: f64,
    /// Largest memory of the client process, in KiB.
    pub client_memory: u64,
    /// Largest memory of the server process, in KiB.
    pub server_memory: u64,
}

/// The middle of `values` by `key`.
pub fn median(values: &[Run], key: impl Fn(&Run) -> f64) -> f64 {
    let mut sorted: Vec<f64> = values.iter().map(key).collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The smallest and largest of `values` by `key`.
pub fn spread(values: &[Run], key: impl Fn(&Run) -> f64) -> (f64, f64) {
    let figures = values.iter().map(key);
    figures.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
}
