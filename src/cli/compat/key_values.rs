//! `key=value` options (Kafka: `CommandLineUtils.parseKeyValueArgs` and `maybeMergeOptions`).

use super::opts::{OptError, Parsed};
use crate::client::props::Properties;

/// Each word is cut at its first `=`; without one the value is empty.
pub fn parse<'a>(words: impl Iterator<Item = &'a str>) -> Properties {
    words.map(|w| w.split_once('=').unwrap_or((w, ""))).collect()
}

/// Puts the option's value under `key` if the option was given, or its default if nothing stands there yet. `T` is the
/// option's type: what does not parse is refused.
///
/// # Errors
/// The option was given twice, or its value is no `T`.
pub fn merge<T: std::str::FromStr>(
    props: &mut Properties,
    key: &str,
    options: &Parsed,
    name: &str,
) -> Result<(), OptError> {
    if options.has(name) || !props.contains_key(key) {
        options.parsed::<T>(name)?;
        match options.value(name)? {
            Some(v) => props.set(key, v),
            None => {
                props.remove(key);
            }
        }
    }
    Ok(())
}
