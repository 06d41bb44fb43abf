//! The tables, as Markdown.

use crate::outcome::{Cell, IdleMemory, Row, Yardstick};

/// One row of the comparison as a table.
pub fn table(row: &Row) -> String {
    let rivals = row.cells.iter().any(|cell| cell.is_ours() && row.rival(cell).is_some());
    let amounts = row.cells.iter().any(|cell| cell.amount.is_some());
    let mut headings = vec!["client → server".to_owned(), format!("{} (min–max)", row.unit)];
    if rivals {
        headings.push("to the best in the seat without konko".to_owned());
    }
    if row.yardstick != Yardstick::None {
        headings.push(row.yardstick.heading().to_owned());
    }
    headings.push(format!("{} client + server", row.cpu_unit));
    headings.push("peak MiB client / server".to_owned());
    if amounts {
        headings.push("moved".to_owned());
    }
    let rule = "|---".repeat(headings.len());
    let lines = row.cells.iter().map(|cell| {
        let mut fields = vec![cell.name(), rate(cell)];
        if rivals {
            fields.push(ratio(row, cell));
        }
        if row.yardstick != Yardstick::None {
            fields.push(row.share(cell).map_or_else(dash, |share| format!("{share:.2}")));
        }
        fields.push(cpu(cell));
        fields.push(memory(cell));
        if amounts {
            fields.push(cell.amount.clone().unwrap_or_else(dash));
        }
        format!("| {} |\n", fields.join(" | "))
    });
    let lines: String = lines.collect();
    format!("\n### {}\n\n| {} |\n{rule}|\n{lines}", row.title, headings.join(" | "))
}

/// Memory of idle connections as a table.
pub fn idle_table(idle: &[IdleMemory]) -> String {
    let mut text =
        "\n### Memory per idle, logged-in connection\n\n| pair | connections | client KiB | server KiB |\n\
                    |---|---|---|---|\n"
            .to_owned();
    for figure in idle {
        let IdleMemory { peer, connections, client, server } = figure;
        text.push_str(&format!("| {} | {connections} | {client:.1} | {server:.1} |\n", peer.name()));
    }
    text
}

fn dash() -> String {
    "–".to_owned()
}

fn rate(cell: &Cell) -> String {
    match (cell.rate(), &cell.failure) {
        (_, Some(failure)) => format!("failed: {failure}"),
        (None, None) => dash(),
        (Some(rate), None) if cell.runs.len() == 1 => format!("{rate:.0}"),
        (Some(rate), None) => {
            let (low, high) = cell.spread();
            format!("{rate:.0} ({low:.0}–{high:.0})")
        }
    }
}

/// Of ours, the ratio and the name of whom they are compared with.
fn ratio(row: &Row, cell: &Cell) -> String {
    if !cell.is_ours() {
        return dash();
    }
    row.ratio(cell).map_or_else(dash, |(ratio, rival)| format!("{ratio:.2} × {}", rival.name()))
}

fn cpu(cell: &Cell) -> String {
    let client = cell.median(|run| run.client_cpu);
    let server = cell.median(|run| run.server_cpu);
    match (client, server) {
        (Some(client), Some(server)) => format!("{client:.3} + {server:.3}"),
        _ => dash(),
    }
}

/// What OpenSSH uses is spread over processes that come and go, and is not known.
fn memory(cell: &Cell) -> String {
    let mebibytes = |known: bool, kibibytes: Option<f64>| match kibibytes {
        Some(kibibytes) if known && kibibytes > 0.0 => format!("{:.1}", kibibytes / 1024.0),
        _ => dash(),
    };
    let openssh = crate::peers::Peer::OpenSsh;
    format!(
        "{} / {}",
        mebibytes(cell.client != openssh, cell.median(|run| run.client_memory as f64)),
        mebibytes(cell.server != openssh, cell.median(|run| run.server_memory as f64)),
    )
}
