//! `kt broker --tls --sasl --acls`: a secured broker without a configuration file, and the client.properties for it.

use std::path::{Path, PathBuf};

use super::certificates::{Certificates, STORE_PASSWORD};
use crate::cli::CliError;
use crate::wire::sasl::ScramMechanism;

/// How the broker is secured. Help for users, so no Rust types are named.
#[derive(Debug, Default, clap::Args)]
pub struct SecurityArgs {
    /// Listen with TLS: makes an authority and certificates, as PEM and PKCS12 (password `changeit`), in the data folder
    /// or a temporary one, and says where. Clients may present the certificate `tls-client`, as `User:CN=client`.
    #[arg(long)]
    tls: bool,
    /// Have clients log in; MECHANISM is plain, scram-sha-256 or scram-sha-512. Repeatable.
    #[arg(long, value_name = "MECHANISM:USER:PASSWORD")]
    sasl: Vec<String>,
    /// Refuse what no ACL allows. The first user of --sasl may do everything; without --sasl, whoever has no certificate.
    #[arg(long)]
    acls: bool,
}

/// A user of `--sasl`.
struct User {
    mechanism: String,
    name: String,
    password: String,
}

/// What the options come to.
#[derive(Default)]
pub struct Security {
    /// The listener's protocol.
    pub protocol: &'static str,
    /// Keys of server.properties.
    pub settings: Vec<(String, String)>,
    pub scram_users: Vec<(ScramMechanism, String, String)>,
    /// What client.properties needs beside the address.
    pub client_lines: Vec<String>,
    certificates: Option<Certificates>,
    /// Holds certificates of a broker without a data folder.
    _temporary: Option<tempfile::TempDir>,
}

impl SecurityArgs {
    /// Whether anything here asks for a listener other than the configuration's.
    pub fn changes_listener(&self) -> bool {
        self.tls || !self.sasl.is_empty()
    }

    /// Reads the options and makes the certificates.
    pub fn prepare(&self, host: &str, data_dir: Option<&Path>) -> Result<Security, CliError> {
        let users = self
            .sasl
            .iter()
            .map(|word| parse_user(word))
            .collect::<Result<Vec<_>, _>>()?;
        let mut security = Security {
            protocol: match (self.tls, users.is_empty()) {
                (false, true) => "PLAINTEXT",
                (true, true) => "SSL",
                (false, false) => "SASL_PLAINTEXT",
                (true, false) => "SASL_SSL",
            },
            ..Security::default()
        };
        if security.protocol != "PLAINTEXT" {
            security.tell_client("security.protocol", security.protocol);
        }
        if self.tls {
            security.add_tls(host, data_dir)?;
        }
        if !users.is_empty() {
            security.add_users(&users);
        }
        if self.acls {
            let first = users.first().map_or("ANONYMOUS", |u| u.name.as_str());
            security.set(
                "authorizer.class.name",
                "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            );
            security.set("super.users", &format!("User:{first}"));
        }
        Ok(security)
    }
}

impl Security {
    fn set(&mut self, key: &str, value: &str) {
        self.settings.push((key.to_owned(), value.to_owned()));
    }

    fn tell_client(&mut self, key: &str, value: &str) {
        self.client_lines.push(format!("{key}={}", escaped(value)));
    }

    /// The folder of the certificates, if there are any.
    pub fn certificates_dir(&self) -> Option<&Path> {
        self.certificates.as_ref().map(Certificates::dir)
    }

    fn add_tls(&mut self, host: &str, data_dir: Option<&Path>) -> Result<(), CliError> {
        let dir: PathBuf = match data_dir {
            Some(dir) => dir.to_owned(),
            None => {
                let made = tempfile::Builder::new().prefix("kt-broker-tls-").tempdir()?;
                let path = made.path().to_owned();
                self._temporary = Some(made);
                path
            }
        };
        let dir = std::path::absolute(dir)?;
        let made = Certificates::make(&dir, host).map_err(|e| CliError::failed(format!("{}: {e}", dir.display())))?;
        let text = |name: &str| made.path(name).display().to_string();
        for (key, value) in [
            ("ssl.keystore.type", "PEM".to_owned()),
            ("ssl.keystore.location", text("tls-server.pem")),
            ("ssl.truststore.type", "PEM".to_owned()),
            ("ssl.truststore.location", text("tls-ca.pem")),
            ("ssl.client.auth", "requested".to_owned()),
        ] {
            self.set(key, &value);
        }
        self.tell_client("ssl.truststore.type", "PEM");
        self.tell_client("ssl.truststore.location", &text("tls-ca.pem"));
        self.client_lines.push("# To be User:CN=client:".to_owned());
        self.client_lines.push("# ssl.keystore.type=PKCS12".to_owned());
        let commented = |key: &str, value: &str| format!("# {key}={}", escaped(value));
        self.client_lines
            .push(commented("ssl.keystore.location", &text("tls-client.p12")));
        self.client_lines
            .push(commented("ssl.keystore.password", STORE_PASSWORD));
        self.certificates = Some(made);
        Ok(())
    }

    fn add_users(&mut self, users: &[User]) {
        let mut mechanisms: Vec<&str> = users.iter().map(|u| u.mechanism.as_str()).collect();
        mechanisms.sort_unstable();
        mechanisms.dedup();
        self.set("sasl.enabled.mechanisms", &mechanisms.join(","));
        let mut plain = String::from("org.apache.kafka.common.security.plain.PlainLoginModule required");
        for user in users {
            match ScramMechanism::by_name(&user.mechanism) {
                Some(mechanism) => {
                    let credential = (mechanism, user.name.clone(), user.password.clone());
                    self.scram_users.push(credential);
                }
                None => plain += &format!(" user_{}={}", user.name, quoted(&user.password)),
            }
        }
        if mechanisms.contains(&"PLAIN") {
            let key = format!(
                "listener.name.{}.plain.sasl.jaas.config",
                self.protocol.to_ascii_lowercase()
            );
            self.set(&key, &format!("{plain};"));
        }
        if let Some(first) = users.first() {
            let module = match first.mechanism.as_str() {
                "PLAIN" => "plain.PlainLoginModule",
                _ => "scram.ScramLoginModule",
            };
            let jaas = format!(
                "org.apache.kafka.common.security.{module} required username={} password={};",
                quoted(&first.name),
                quoted(&first.password)
            );
            self.tell_client("sasl.mechanism", &first.mechanism);
            self.tell_client("sasl.jaas.config", &jaas);
        }
    }
}

/// The errors do not repeat the word: it ends with a password.
fn parse_user(word: &str) -> Result<User, CliError> {
    let bad = |why: &str| CliError::usage(format!("--sasl: {why}, as in scram-sha-512:alice:secret"));
    let mut parts = word.splitn(3, ':');
    let (Some(mechanism), Some(name), Some(password)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(bad("not MECHANISM:USER:PASSWORD"));
    };
    let mechanism = mechanism.to_ascii_uppercase();
    if mechanism != "PLAIN" && ScramMechanism::by_name(&mechanism).is_none() {
        return Err(bad("MECHANISM is plain, scram-sha-256 or scram-sha-512"));
    }
    if name.is_empty() || password.is_empty() {
        return Err(bad("USER and PASSWORD must not be empty"));
    }
    if name.contains(|c: char| c.is_whitespace() || c == '=' || c == ';') {
        return Err(bad("USER must not hold spaces, = or ;"));
    }
    Ok(User {
        mechanism,
        name: name.to_owned(),
        password: password.to_owned(),
    })
}

/// As a JAAS option's value.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// As a value of a properties file.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(tls: bool, sasl: &[&str], acls: bool) -> Security {
        let args = SecurityArgs {
            tls,
            sasl: sasl.iter().map(|s| s.to_string()).collect(),
            acls,
        };
        args.prepare("127.0.0.1", None).unwrap_or_else(|e| panic!("{e}"))
    }

    fn setting<'a>(security: &'a Security, key: &str) -> Option<&'a str> {
        let found = security.settings.iter().find(|(k, _)| k == key);
        found.map(|(_, v)| v.as_str())
    }

    #[test]
    fn options_become_settings() {
        let open = prepared(false, &[], true);
        assert_eq!(
            (open.protocol, setting(&open, "super.users")),
            ("PLAINTEXT", Some("User:ANONYMOUS"))
        );
        let users = ["scram-sha-512:alice:a:b", "plain:bob:x\"y"];
        let both = prepared(false, &users, true);
        assert_eq!(both.protocol, "SASL_PLAINTEXT");
        assert_eq!(setting(&both, "super.users"), Some("User:alice"));
        assert_eq!(setting(&both, "sasl.enabled.mechanisms"), Some("PLAIN,SCRAM-SHA-512"));
        assert_eq!(
            setting(&both, "listener.name.sasl_plaintext.plain.sasl.jaas.config"),
            Some(r#"org.apache.kafka.common.security.plain.PlainLoginModule required user_bob="x\"y";"#)
        );
        assert_eq!(both.scram_users.len(), 1);
        assert_eq!(
            (both.scram_users[0].1.as_str(), both.scram_users[0].2.as_str()),
            ("alice", "a:b")
        );
    }

    #[test]
    fn certificates_go_to_a_folder_that_is_named() {
        let tls = prepared(true, &[], false);
        let dir = tls.certificates_dir().unwrap().to_owned();
        for file in [
            "tls-ca.pem",
            "tls-ca.p12",
            "tls-server.pem",
            "tls-server.p12",
            "tls-client.pem",
            "tls-client.p12",
        ] {
            assert!(dir.join(file).exists(), "{file}");
        }
        drop(tls);
        assert!(!dir.exists(), "a temporary folder goes with the broker");
    }

    #[test]
    fn what_is_wrong_is_told_without_the_password() {
        for word in ["gssapi:alice:hunter2", "plain::hunter2", "hunter2", "plain:a b:hunter2"] {
            let said = parse_user(word).err().map(|e| e.to_string()).unwrap_or_default();
            assert!(!said.is_empty() && !said.contains("hunter2"), "{word}: {said}");
        }
    }
}
