//! `RekeyLimit`, for a server.

use konko::client::SystemSource;
use konko::client::config::{Catalogue, ConfigErrors, Configuration, Keyword, Origin, Value};
use std::time::Duration;

/// After how many bytes keys are exchanged again, where `None` is the default, and after what time, where `None` is
/// never.
pub type RekeyLimit = (Option<u64>, Option<Duration>);

/// Reads it as ssh_config(5) writes it: an amount of data, and perhaps a time.
///
/// # Errors
///
/// What is wrong with it.
pub fn parse_rekey_limit(text: &str) -> Result<RekeyLimit, ConfigErrors> {
    let mut configuration = Configuration::new(SystemSource::local(""), Catalogue::default());
    let origin = Origin::command_line("--rekey-limit");
    configuration.set(&format!("RekeyLimit {text}"), origin, &mut SystemSource::default())?;
    Ok(match configuration.given(Keyword::RekeyLimit).map(|setting| &setting.value) {
        Some(Value::RekeyLimit { bytes, seconds }) => (
            Some(*bytes).filter(|bytes| *bytes != 0),
            seconds.filter(|seconds| *seconds != 0).map(|seconds| Duration::from_secs(seconds.into())),
        ),
        _ => (None, None),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_an_amount_and_perhaps_a_time() {
        let parse = |text| parse_rekey_limit(text).ok();
        assert_eq!(parse("1M"), Some((Some(1 << 20), None)));
        assert_eq!(parse("default 1h"), Some((None, Some(Duration::from_secs(3600)))));
        assert_eq!(parse("soon"), None);
    }
}
