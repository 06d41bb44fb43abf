//! The goals, and whether the run met them.

use crate::outcome::{Cell, Results, Row};
use crate::peers::{KEX, Peer};
use crate::sessions::{AT_ONCE, KEXES};

const AES128: &str = "aes128-gcm@openssh.com";
const AES256: &str = "aes256-gcm@openssh.com";
const CHACHA: &str = "chacha20-poly1305@openssh.com";
const CTR: &str = "aes256-ctr";
const MLKEM: &str = KEXES[1];

/// What a figure has to be.
#[derive(Debug, Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// One goal and the figure that was measured, if it was.
struct Goal {
    what: String,
    bound: Bound,
    unit: &'static str,
    figure: Option<f64>,
}

/// The goals of which something was measured, as a table.
pub fn goals_table(results: &Results) -> String {
    let mut goals = Vec::new();
    bulk(results, &mut goals);
    files(results, &mut goals);
    far(results, &mut goals);
    sessions(results, &mut goals);
    many(results, &mut goals);
    goals.retain(|goal| goal.figure.is_some());
    if goals.is_empty() {
        return String::new();
    }
    let met = goals.iter().filter(|goal| goal.is_met()).count();
    let lines: String = goals.iter().map(Goal::line).collect();
    format!(
        "\n## Goals\n\n{met} of {} met in this run. A figure with × is the ratio to the best in the same seat without \
         konko.\n\n| goal | figure | met |\n|---|---|---|\n{lines}",
        goals.len()
    )
}

impl Goal {
    fn is_met(&self) -> bool {
        self.figure.is_some_and(|figure| match self.bound {
            Bound::AtLeast(least) => figure >= least,
            Bound::AtMost(most) => figure <= most,
        })
    }

    fn line(&self) -> String {
        let (sign, bound) = match self.bound {
            Bound::AtLeast(least) => ("≥", least),
            Bound::AtMost(most) => ("≤", most),
        };
        let unit = self.unit;
        let figure = self.figure.unwrap_or(f64::NAN);
        let figure = if bound >= 100.0 { format!("{figure:.0}") } else { format!("{figure:.2}") };
        let met = if self.is_met() { "yes" } else { "**no**" };
        format!("| {}: {sign} {bound}{unit} | {figure}{unit} | {met} |\n", self.what)
    }
}

fn goal(goals: &mut Vec<Goal>, what: String, bound: Bound, unit: &'static str, figure: Option<f64>) {
    goals.push(Goal { what, bound, unit, figure });
}

/// A figure of the cell of a pair in the row of that key.
fn of(
    results: &Results,
    key: &str,
    pair: (Peer, Peer),
    figure: impl Fn(&Row, &Cell) -> Option<f64>,
) -> Option<f64> {
    let row = results.row(key)?;
    figure(row, row.cell(pair.0, pair.1)?)
}

fn ratio(row: &Row, cell: &Cell) -> Option<f64> {
    row.ratio(cell).map(|(ratio, _)| ratio)
}

fn rate(_: &Row, cell: &Cell) -> Option<f64> {
    cell.rate()
}

fn cpu(_: &Row, cell: &Cell) -> Option<f64> {
    cell.median(|run| run.client_cpu + run.server_cpu)
}

fn bulk(results: &Results, goals: &mut Vec<Goal>) {
    use Bound::{AtLeast, AtMost};
    use Peer::{Konko, KonkoServe, OpenSsh};
    let (pair, spawned) = ((Konko, Konko), (Konko, KonkoServe));
    for direction in ["down", "up"] {
        for (cipher, least) in [(AES128, 0.85), (AES256, 0.85), (CHACHA, 0.9), (CTR, 0.9)] {
            let key = format!("{direction} {cipher}");
            let what = format!("bulk {direction}, our pair, {cipher}");
            let share = of(results, &key, pair, Row::share);
            goal(goals, format!("{what}, of the model"), AtLeast(least), "", share);
            if [AES128, AES256].contains(&cipher) {
                let spent = of(results, &key, pair, cpu);
                goal(goals, format!("{what}, CPU of both ends"), AtMost(0.55), " s/GB", spent);
                let share = of(results, &key, spawned, Row::share);
                goal(goals, format!("{what}, spawned, of the spawned model"), AtLeast(0.85), "", share);
            }
            if cipher == CHACHA {
                goal(goals, what, AtLeast(1.2), " ×", of(results, &key, pair, ratio));
            }
            for (seat, pair) in [
                ("our client with OpenSSH's server", (Konko, OpenSsh)),
                ("OpenSSH's client with our server, in-process", (OpenSsh, Konko)),
                ("OpenSSH's client with our server, spawned", (OpenSsh, KonkoServe)),
            ] {
                let what = format!("bulk {direction}, {seat}, {cipher}");
                goal(goals, what, AtLeast(1.1), " ×", of(results, &key, pair, ratio));
            }
        }
    }
}

fn files(results: &Results, goals: &mut Vec<Goal>) {
    use Bound::AtLeast;
    use Peer::{Konko, KonkoServe, OpenSsh};
    for (verb, many, times) in [("get", 10_000.0, 2.0), ("put", 16_000.0, 1.2)] {
        for (seat, pair, least) in [
            ("our pair", (Konko, KonkoServe), 1.6),
            ("our client with OpenSSH's server", (Konko, OpenSsh), 1.1),
            ("OpenSSH's client with our server", (OpenSsh, KonkoServe), 1.1),
        ] {
            let figure = of(results, &format!("{verb} file"), pair, ratio);
            goal(goals, format!("SFTP {verb} of one file, {seat}"), AtLeast(least), " ×", figure);
        }
        let (key, pair) = (format!("{verb} tree"), (Konko, KonkoServe));
        let what = format!("SFTP {verb} of small files, our pair");
        goal(goals, what.clone(), AtLeast(many), " files/s", of(results, &key, pair, rate));
        goal(goals, what, AtLeast(times), " ×", of(results, &key, pair, ratio));
    }
}

fn far(results: &Results, goals: &mut Vec<Goal>) {
    use Bound::AtLeast;
    use Peer::{Konko, KonkoServe, OpenSsh};
    for (milliseconds, least) in [(20, 5.0), (100, 15.0)] {
        for (what, key) in
            [("bulk", format!("far-down {milliseconds}")), ("SFTP", format!("far-get file {milliseconds}"))]
        {
            let what = format!("{what} down from OpenSSH's server, {milliseconds} ms away");
            goal(goals, what, AtLeast(least), " ×", of(results, &key, (Konko, OpenSsh), ratio));
        }
    }
    for (what, key, pair) in [
        ("bulk down", "far-down 100", (Konko, Konko)),
        ("bulk up", "far-up 100", (Konko, Konko)),
        ("SFTP get", "far-get file 100", (Konko, KonkoServe)),
        ("SFTP put", "far-put file 100", (Konko, KonkoServe)),
    ] {
        let what = format!("{what}, our pair, 100 ms away");
        goal(goals, what, AtLeast(800.0), " MB/s", of(results, key, pair, rate));
    }
    for verb in ["get", "put"] {
        // Four times what the best of seven implementations reached.
        for (milliseconds, least) in [(20, 968.0), (100, 136.0)] {
            let key = format!("far-{verb} tree {milliseconds}");
            let what = format!("SFTP {verb} of small files, our pair, {milliseconds} ms away");
            let figure = of(results, &key, (Konko, KonkoServe), rate);
            goal(goals, what.clone(), AtLeast(least), " files/s", figure);
            goal(goals, what, AtLeast(4.0), " ×", of(results, &key, (Konko, KonkoServe), ratio));
        }
    }
}

fn sessions(results: &Results, goals: &mut Vec<Goal>) {
    use Bound::AtLeast;
    let pair = (Peer::Konko, Peer::Konko);
    for at_once in AT_ONCE {
        for kex in KEXES {
            let figure = of(results, &format!("logins {kex} {at_once}"), pair, ratio);
            goal(goals, format!("logins, our pair, {at_once} at once, {kex}"), AtLeast(1.25), " ×", figure);
        }
        let logins = |kex: &str| of(results, &format!("logins {kex} {at_once}"), pair, rate);
        let share = logins(MLKEM).zip(logins(KEX)).map(|(mlkem, curve)| mlkem / curve);
        goal(
            goals,
            format!("logins, our pair, {at_once} at once, {MLKEM} of {KEX}"),
            AtLeast(0.85),
            "",
            share,
        );
    }
    let what = "one-byte round trips, our pair, of raw TCP".to_owned();
    goal(goals, what, AtLeast(0.75), "", of(results, "echo", pair, Row::share));
}

fn many(results: &Results, goals: &mut Vec<Goal>) {
    use Bound::{AtLeast, AtMost};
    for figure in results.idle.iter().filter(|figure| figure.peer.is_konko()) {
        for (end, kibibytes) in [("client", figure.client), ("server", figure.server)] {
            let what = format!("an idle connection of {}, {end}", figure.connections);
            goal(goals, what, AtMost(12.0), " KiB", Some(kibibytes));
        }
    }
    for (key, least) in [("growth channels", 0.85), ("growth idle", 0.95)] {
        let Some(row) = results.row(key) else { continue };
        for cell in row.cells.iter().skip(1) {
            let share = row.share(cell);
            goal(goals, format!("growth: {}, of the first", cell.name()), AtLeast(least), "", share);
        }
    }
}
