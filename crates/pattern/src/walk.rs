//! How a pattern is held against a text, whatever its steps are: wildcards and patterns of the shell share it.

/// Whether the steps of `pattern` stand for all of `text`. Those that are a run stand for any number of symbols,
/// others for one that fits.
///
/// The time is bounded by the product of the two lengths whatever the pattern is: only the last run is ever taken up
/// again, because what a run before it could leave to the steps between them, the last one can leave as well.
pub(crate) fn matches<P, S>(
    pattern: &[P],
    text: &[S],
    is_run: impl Fn(&P) -> bool,
    fits: impl Fn(&P, &S) -> bool,
) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut resume: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(p), text.get(t)) {
            (Some(step), _) if is_run(step) => {
                p += 1;
                resume = Some((p, t));
                continue;
            }
            (Some(step), Some(symbol)) if fits(step, symbol) => {
                (p, t) = (p + 1, t + 1);
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        // The last run swallows one symbol more.
        match resume {
            Some((after, start)) if start < text.len() => {
                (p, t) = (after, start + 1);
                resume = Some((p, t));
            }
            _ => return false,
        }
    }
}

/// Every word over an alphabet that is at most so long.
#[cfg(test)]
pub(crate) fn words(alphabet: &[u8], longest: usize) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    let mut last = all.clone();
    for _ in 0..longest {
        let grown = |word: &Vec<u8>| {
            alphabet.iter().map(|byte| [word.as_slice(), &[*byte]].concat()).collect::<Vec<_>>()
        };
        last = last.iter().flat_map(grown).collect();
        all.extend(last.iter().cloned());
    }
    all
}
