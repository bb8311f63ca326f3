//! What `--add-config`, `--add-config-file` and `--delete-config` ask for (Kafka: `ConfigCommand.parseConfigsToBeAdded`).

use super::Failure;
use crate::cli::Parsed;
use crate::cli::compat::java_hash::hash_map_order;
use crate::client::admin::ScramMechanism;
use crate::client::props::Properties;

/// Iterations of a SCRAM credential that says none.
const DEFAULT_SCRAM_ITERATIONS: i32 = 4096;
/// The fewest iterations Kafka allows, for either mechanism.
const MIN_SCRAM_ITERATIONS: i32 = 4096;

/// Configurations to set, in the order in which Kafka has them (names are distinct), and to remove.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub added: Vec<(String, String)>,
    pub deleted: Vec<String>,
}

impl Changes {
    /// # Errors
    /// A pair without one `=`, a name with characters that no name has, or a file that cannot be read.
    pub fn read(p: &Parsed) -> Result<Self, Failure> {
        let mut props = Properties::new();
        if let Some(file) = p.value("add-config-file")? {
            props = Properties::load(file)?;
        }
        if let Some(list) = p.value("add-config")? {
            for (name, value) in split_pairs(list)? {
                props.set(name, value);
            }
        }
        let added: Vec<(String, String)> = props.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        let added = hash_map_order(added, |(name, _)| name.as_str());
        let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"$._-".contains(&b));
        if let Some((name, _)) = added.iter().find(|(name, _)| !is_name(name)) {
            return Err(Failure::terse(format!(
                "Invalid character found for config key: {name}"
            )));
        }
        Ok(Self {
            added,
            deleted: p.values("delete-config").flat_map(split_names).collect(),
        })
    }

    pub fn added_names(&self) -> impl Iterator<Item = &str> {
        self.added.iter().map(|(name, _)| name.as_str())
    }
}

/// `k1,k2`: empty names between commas are not there.
fn split_names(list: &str) -> Vec<String> {
    let names: Vec<String> = list
        .split(',')
        .filter(|n| !n.is_empty())
        .map(|n| n.trim().to_string())
        .collect();
    match names.is_empty() {
        true => vec![list.trim().to_string()],
        false => names,
    }
}

/// `k1=v1,k2=[v1,v2]`: commas and equals signs inside brackets belong to the value; the brackets do not.
fn split_pairs(list: &str) -> Result<Vec<(String, String)>, Failure> {
    let mut items = split_outside(list, ',');
    while items.len() > 1 && items.last().is_some_and(|item| item.is_empty()) {
        items.pop();
    }
    if list.chars().all(|c| c == ',') && !list.is_empty() {
        items.clear();
    }
    let mut pairs = Vec::new();
    for item in items {
        let [name, value] = split_outside(item, '=')[..] else {
            return Err(Failure::terse(
                "requirement failed: Invalid entity config: all configs to be added must be in the format \"key=val\" \
                 or  \"key=[val1,val2]\" to group values which contain commas.",
            ));
        };
        let value = value.replace(['[', ']'], "");
        pairs.push((name.trim().to_string(), value.trim().to_string()));
    }
    Ok(pairs)
}

/// Splits at each `sep` from which a `[` or the end can be reached without crossing a `]`, the item's own end included.
fn split_outside(text: &str, sep: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices(sep) {
        let rest = &text[at + sep.len_utf8()..];
        let inside = rest.find(']').is_some_and(|close| !rest[..close].contains('['));
        if !inside {
            parts.push(&text[start..at]);
            start = at + sep.len_utf8();
        }
    }
    parts.push(&text[start..]);
    parts
}

/// `[iterations=N,]password=P`: the iterations and the password.
///
/// # Errors
/// Another form, or too few iterations.
pub fn scram_credential(mechanism: ScramMechanism, text: &str) -> Result<(i32, String), Failure> {
    let name = mechanism.name();
    let invalid = || Failure::terse(format!("Invalid credential property {}={text}", name.replace('-', "_")));
    let (iterations, rest) = match text.strip_prefix("iterations=") {
        Some(tail) => {
            let (digits, rest) = tail.split_once(',').ok_or_else(invalid)?;
            let unsigned = digits.strip_prefix('-').unwrap_or(digits);
            if !unsigned.bytes().all(|b| b.is_ascii_digit()) {
                return Err(invalid());
            }
            (Some(digits), rest)
        }
        None => (None, text),
    };
    let password = rest
        .strip_prefix("password=")
        .filter(|p| !p.contains(['\n', '\r']))
        .ok_or_else(invalid)?;
    let iterations = match iterations {
        None | Some("-1") => DEFAULT_SCRAM_ITERATIONS,
        Some(digits) => crate::cli::compat::java::parse_int(digits).map_err(Failure::terse)?,
    };
    if iterations < MIN_SCRAM_ITERATIONS {
        return Err(Failure::terse(format!(
            "Iterations {iterations} is less than the minimum {MIN_SCRAM_ITERATIONS} required for {name}"
        )));
    }
    Ok((iterations, password.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn pairs(list: &str) -> Vec<(String, String)> {
        split_pairs(list).unwrap()
    }

    fn owned(all: &[(&str, &str)]) -> Vec<(String, String)> {
        all.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
    }

    #[test]
    fn brackets_keep_commas_together() {
        let got = pairs("cleanup.policy=[compact,delete],max.message.bytes=2000000, segment.ms = 600000");
        let want = [
            ("cleanup.policy", "compact,delete"),
            ("max.message.bytes", "2000000"),
            ("segment.ms", "600000"),
        ];
        assert_eq!(got, owned(&want));
        let got = pairs("interval.ms=1,match=[client_software_name=a,client_id=.*]");
        assert_eq!(
            got,
            owned(&[("interval.ms", "1"), ("match", "client_software_name=a,client_id=.*")])
        );
        assert_eq!(pairs("a=,"), owned(&[("a", "")]));
        assert!(pairs(",").is_empty());
    }

    #[test]
    fn other_forms_are_refused() {
        for bad in ["a", "", "a=b=c", "a=1,b"] {
            let Err(Failure::Terse(text)) = split_pairs(bad) else {
                panic!("{bad}")
            };
            assert!(text.starts_with("requirement failed: Invalid entity config"), "{bad}");
        }
        assert_eq!(split_names("a,,b ,"), ["a", "b"]);
        assert_eq!(split_names(""), [""]);
    }

    #[test]
    fn scram_credentials_have_a_password() {
        let read = |s: &str| {
            scram_credential(ScramMechanism::Sha256, s).map_err(|e| match e {
                Failure::Terse(text) => text,
                other => panic!("{other:?}"),
            })
        };
        assert_eq!(read("password=p=,x"), Ok((4096, "p=,x".to_string())));
        assert_eq!(read("iterations=8192,password=p"), Ok((8192, "p".to_string())));
        assert_eq!(read("iterations=-1,password=p"), Ok((4096, "p".to_string())));
        assert_eq!(
            read("iterations=8192").unwrap_err(),
            "Invalid credential property SCRAM_SHA_256=iterations=8192"
        );
        assert_eq!(read("iterations=,password=p").unwrap_err(), "For input string: \"\"");
        let few = "Iterations 100 is less than the minimum 4096 required for SCRAM-SHA-256";
        assert_eq!(read("iterations=100,password=p").unwrap_err(), few);
    }
}
