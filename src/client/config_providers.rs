//! `${provider:path:key}` in property values, resolved by the providers that `config.providers` names (KIP-297,
//! KIP-421, KIP-887): environment variables, properties files, directories with a file for each key.
//!
//! As in Kafka, what cannot be resolved stays as it is written.

use std::path::{Path, PathBuf};

use super::config_def;
use super::error::ApiError;
use super::props::Properties;

/// Kafka's own providers, and what `config.providers.NAME.param.*` tells them.
enum Provider {
    /// `EnvVarConfigProvider`, with `allowlist.pattern`.
    Environment(Option<fancy_regex::Regex>),
    /// `FileConfigProvider`, with `allowed.paths`, as the next.
    File(Vec<PathBuf>),
    /// `DirectoryConfigProvider`
    Directory(Vec<PathBuf>),
}

impl Provider {
    fn new(name: &str, props: &Properties) -> Result<Self, ApiError> {
        let class_key = format!("config.providers.{name}.class");
        let class = props.get(&class_key).unwrap_or_default().trim();
        let param = |key: &str| props.get(&format!("config.providers.{name}.param.{key}"));
        let allowed = || {
            config_def::list(param("allowed.paths").unwrap_or_default())
                .iter()
                .map(PathBuf::from)
                .collect()
        };
        match class {
            "org.apache.kafka.common.config.provider.EnvVarConfigProvider" => {
                let pattern = |p: &str| fancy_regex::Regex::new(&format!("^(?:{p})$"));
                let pattern = param("allowlist.pattern").map(pattern).transpose();
                Ok(Self::Environment(pattern.map_err(|e| ApiError::config(e.to_string()))?))
            }
            "org.apache.kafka.common.config.provider.FileConfigProvider" => Ok(Self::File(allowed())),
            "org.apache.kafka.common.config.provider.DirectoryConfigProvider" => Ok(Self::Directory(allowed())),
            _ => Err(config_def::invalid(
                &class_key,
                class,
                &format!("Class {class} could not be found."),
            )),
        }
    }

    fn get(&self, path: &str, key: &str) -> Result<Option<String>, ApiError> {
        match self {
            Self::Environment(allowed) => {
                let is_allowed = allowed.as_ref().is_none_or(|p| p.is_match(key).unwrap_or(false));
                Ok(std::env::var(key).ok().filter(|_| path.is_empty() && is_allowed))
            }
            Self::File(allowed) if is_within(Path::new(path), allowed) => {
                let unreadable =
                    |e: ApiError| ApiError::config(format!("Could not read properties from file {path}")).caused_by(e);
                Ok(Properties::load(path).map_err(unreadable)?.get(key).map(str::to_string))
            }
            Self::Directory(allowed) if is_within(Path::new(path), allowed) && is_file_name(key) => {
                let file = Path::new(path).join(key);
                match std::fs::read_to_string(&file) {
                    Ok(text) => Ok(Some(text)),
                    Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
                    Err(e) => Err(ApiError::config(format!("Could not read file {}: {e}", file.display()))),
                }
            }
            _ => Ok(None),
        }
    }
}

/// Whether a path may be read. Paths with `..` are not followed out of what is allowed.
fn is_within(path: &Path, allowed: &[PathBuf]) -> bool {
    let climbs = path.components().any(|c| c == std::path::Component::ParentDir);
    !path.as_os_str().is_empty() && (allowed.is_empty() || (!climbs && allowed.iter().any(|a| path.starts_with(a))))
}

fn is_file_name(key: &str) -> bool {
    Path::new(key).file_name().is_some_and(|name| name == key)
}

/// The properties with their variables resolved; as they are unless `config.providers` names a provider.
///
/// # Errors
/// A provider class that only a JVM could load, or a file that cannot be read.
pub fn resolve(props: &Properties) -> Result<Properties, ApiError> {
    let names = config_def::list(props.get("config.providers").unwrap_or_default());
    if names.is_empty() {
        return Ok(props.clone());
    }
    let providers: Vec<(String, Provider)> = names
        .into_iter()
        .map(|name| Provider::new(&name, props).map(|p| (name, p)))
        .collect::<Result<_, _>>()?;
    props
        .iter()
        .map(|(key, value)| match key.starts_with("config.providers") {
            true => Ok((key.to_string(), value.to_string())),
            false => Ok((key.to_string(), replace(value, &providers)?)),
        })
        .collect()
}

fn replace(value: &str, providers: &[(String, Provider)]) -> Result<String, ApiError> {
    let mut out = String::new();
    let mut rest = value;
    while let Some(start) = rest.find("${") {
        let Some(end) = rest[start..].find('}').map(|n| start + n) else {
            break;
        };
        let (before, variable) = (&rest[..start], &rest[start..=end]);
        out.push_str(before);
        match look_up(&rest[start + 2..end], providers)? {
            Some(found) => out.push_str(&found),
            None => out.push_str(variable),
        }
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

/// `provider:key` or `provider:path:key`.
fn look_up(variable: &str, providers: &[(String, Provider)]) -> Result<Option<String>, ApiError> {
    let Some((name, rest)) = variable.split_once(':') else {
        return Ok(None);
    };
    let (path, key) = rest.split_once(':').unwrap_or(("", rest));
    match providers.iter().find(|(n, _)| n == name) {
        Some((_, provider)) => provider.get(path, key),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKAGE: &str = "org.apache.kafka.common.config.provider";

    #[test]
    fn variables_come_from_environment_files_and_directories() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("secrets.properties"), "password=p\\u0040ss\n").unwrap();
        std::fs::write(dir.path().join("token"), "t0k").unwrap();
        let path = dir.path().display();
        let props: Properties = [
            ("config.providers".to_string(), "env,file, dir".to_string()),
            (
                "config.providers.env.class".into(),
                format!("{PACKAGE}.EnvVarConfigProvider"),
            ),
            (
                "config.providers.file.class".into(),
                format!("{PACKAGE}.FileConfigProvider"),
            ),
            (
                "config.providers.dir.class".into(),
                format!("{PACKAGE}.DirectoryConfigProvider"),
            ),
            ("config.providers.dir.param.allowed.paths".into(), path.to_string()),
            (
                "a".into(),
                format!("x-${{file:{path}/secrets.properties:password}}-${{dir:{path}:token}}-y"),
            ),
            (
                "b".into(),
                "${env:CARGO_PKG_NAME} ${env:KT_NO_SUCH_VARIABLE} ${other:x} ${".into(),
            ),
            ("c".into(), format!("${{dir:{path}/..:token}}${{dir:/:etc}}")),
        ]
        .into_iter()
        .collect();
        let resolved = resolve(&props).unwrap();
        assert_eq!(resolved.get("a"), Some("x-p@ss-t0k-y"));
        assert_eq!(resolved.get("b"), Some("kt ${env:KT_NO_SUCH_VARIABLE} ${other:x} ${"));
        assert_eq!(resolved.get("c"), props.get("c"), "not allowed, so not resolved");
    }

    #[test]
    fn without_providers_nothing_is_touched_and_foreign_ones_are_refused() {
        let props: Properties = [("a", "${env:HOME}")].into_iter().collect();
        assert_eq!(resolve(&props).unwrap(), props);
        let props: Properties = [("config.providers", "v"), ("config.providers.v.class", "a.Vault")]
            .into_iter()
            .collect();
        let e = resolve(&props).unwrap_err();
        assert!(e.text().ends_with("Class a.Vault could not be found."), "{e}");
    }
}
