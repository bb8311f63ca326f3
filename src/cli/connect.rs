//! Which cluster a command talks to, and with which client properties.

use super::compat::opts::Parsed;
use super::context::{Context, Contexts};
use super::{CliError, CliResult, Manner, Ui};
use crate::client::config::Address;
use crate::client::props::Properties;
use crate::client::{AdminError, Bootstrap, ClientConfig, ConnectConfig};

/// Where `kt TOOL` goes when nothing names a cluster.
pub const DEFAULT_BOOTSTRAP_SERVER: &str = "localhost:9092";

/// The cluster a command line leads to.
#[derive(Clone, Debug)]
pub struct Target {
    pub connect: ConnectConfig,
    /// The name of the context it came from, if that context is protected.
    protected_by: Option<String>,
}

/// What a tool's own options say of its cluster. Each tool fills in what it has.
#[derive(Clone, Debug, Default)]
pub struct Given<'a> {
    /// `--bootstrap-server`
    pub servers: Option<&'a str>,
    /// `--bootstrap-controller`
    pub controllers: Option<&'a str>,
    /// The file of `--command-config` or one of its older spellings.
    pub config_file: Option<&'a str>,
    /// `--command-property` and its older spellings: `key=value`, stronger than the file.
    pub overrides: Properties,
}

impl Target {
    /// From `--bootstrap-server`, `--bootstrap-controller` and `--command-config`, where the tool has them.
    ///
    /// # Errors
    /// An option given twice, a file that cannot be read, or (by the script's name) no server at all.
    pub fn of(options: &Parsed) -> CliResult<Given<'_>> {
        let value = |name: &str| {
            if options.knows(name) {
                options.value(name).map_err(CliError::from)
            } else {
                Ok(None)
            }
        };
        Ok(Given {
            servers: value("bootstrap-server")?,
            controllers: value("bootstrap-controller")?,
            config_file: value("command-config")?,
            overrides: Properties::new(),
        })
    }

    /// Settles servers and properties. By the script's name only the options count; as `kt TOOL` the order is: the option,
    /// `bootstrap.servers` in the properties, the context, `KT_BOOTSTRAP_SERVER`, `localhost:9092`.
    ///
    /// # Errors
    /// The properties file cannot be read, or there is no such context.
    pub fn resolve(ui: &Ui, options: &Parsed, given: Given<'_>) -> CliResult<Self> {
        let named = if ui.manner == Manner::Kt {
            options.value("context")?
        } else {
            None
        };
        Self::resolve_named(ui, named, given)
    }

    /// As [`Target::resolve`], with the context's name at hand.
    ///
    /// # Errors
    /// As [`Target::resolve`].
    pub fn resolve_named(ui: &Ui, named: Option<&str>, given: Given<'_>) -> CliResult<Self> {
        let mut props = Properties::new();
        let mut context = None;
        if ui.manner == Manner::Kt {
            let explicit = given.servers.is_some() || given.controllers.is_some() || given.config_file.is_some();
            if named.is_some() || (!explicit && std::env::var_os(BOOTSTRAP_VARIABLE).is_none()) {
                context = Contexts::load()?.pick(named)?;
            }
        }
        if let Some((_, c)) = &context {
            props.override_with(&context_properties(c)?);
        }
        if let Some(file) = given.config_file {
            props.override_with(&Properties::load(file).map_err(|e| CliError::failed(e.text()))?);
        }
        props.override_with(&given.overrides);
        let bootstrap = match (given.servers, given.controllers) {
            (Some(s), _) => Bootstrap::Servers(s.to_string()),
            (None, Some(c)) => Bootstrap::Controllers(c.to_string()),
            (None, None) => {
                let from_context = context.as_ref().and_then(|(_, c)| c.bootstrap_server.clone());
                let variable = || std::env::var(BOOTSTRAP_VARIABLE).ok();
                let found = props
                    .get("bootstrap.servers")
                    .map(str::to_string)
                    .or(from_context)
                    .or_else(variable);
                Bootstrap::Servers(found.unwrap_or_else(|| DEFAULT_BOOTSTRAP_SERVER.to_string()))
            }
        };
        let protected_by = context.filter(|(_, c)| c.protected).map(|(name, _)| name);
        Ok(Self {
            connect: ConnectConfig { bootstrap, props },
            protected_by,
        })
    }

    /// The servers as one word, as clients' properties have them.
    pub fn bootstrap_servers(&self) -> &str {
        match &self.connect.bootstrap {
            Bootstrap::Servers(s) | Bootstrap::Controllers(s) => s,
            Bootstrap::FromProps => self.connect.props.get("bootstrap.servers").unwrap_or_default(),
        }
    }

    /// Refuses a change of a cluster whose context is protected, unless `--yes` was given.
    ///
    /// # Errors
    /// The context is protected.
    pub fn allow_change(&self, options: &Parsed) -> CliResult {
        match &self.protected_by {
            Some(name) if !options.has("yes") => Err(CliError::failed(format!(
                "context '{name}' is protected: nothing was changed; --yes changes it"
            ))),
            _ => Ok(()),
        }
    }
}

/// The variable that names a cluster for every `kt` tool.
pub const BOOTSTRAP_VARIABLE: &str = "KT_BOOTSTRAP_SERVER";

fn context_properties(c: &Context) -> CliResult<Properties> {
    let mut props = Properties::new();
    if let Some(file) = &c.command_config {
        let base = Contexts::path().and_then(|p| p.parent().map(|d| d.join(file)));
        let file = base.unwrap_or_else(|| file.clone());
        props.override_with(&Properties::load(&file).map_err(|e: AdminError| CliError::failed(e.text()))?);
    }
    for (k, v) in &c.properties {
        props.set(k, v);
    }
    Ok(props)
}

/// Names once each property that the client has no use for, as Kafka's clients do (`AbstractConfig.logUnused`).
pub fn warn_unused(ui: &mut Ui, unused: &[String], class: &str) -> CliResult {
    if unused.is_empty() {
        return Ok(());
    }
    let names = unused.join(", ");
    ui.log(
        "WARN",
        &format!("These configurations '[{names}]' were supplied but are not used yet."),
        class,
    )
}

/// Says what Kafka's network client logs when a broker refuses the credentials; nothing for any other error.
pub fn log_authentication(ui: &mut Ui, connect: &ConnectConfig, e: &AdminError) -> CliResult {
    if !e.is_authentication() {
        return Ok(());
    }
    let Ok(config) = ClientConfig::for_admin(connect) else {
        return Ok(());
    };
    let (id, node) = (
        &config.client_id,
        config.bootstrap.first().map_or(String::new(), socket_text),
    );
    let text = format!(
        "[AdminClient clientId={id}] Connection to node -1 ({node}) failed authentication due to: {}",
        e.text()
    );
    ui.log("ERROR", &text, "org.apache.kafka.clients.NetworkClient")
}

/// An address as Java's `InetSocketAddress` prints it once its name has been looked up: `name/ip:port`.
fn socket_text(address: &Address) -> String {
    use std::net::{IpAddr, ToSocketAddrs};
    let (host, port) = (address.host.as_str(), address.port);
    match host.parse::<IpAddr>() {
        Ok(ip) if ip.is_loopback() => format!("localhost/{ip}:{port}"),
        Ok(ip) => format!("{ip}/{ip}:{port}"),
        Err(_) => {
            let found = (host, port).to_socket_addrs().ok().and_then(|mut all| all.next());
            let ip = found.map_or("<unresolved>".to_string(), |a| a.ip().to_string());
            format!("{host}/{ip}:{port}")
        }
    }
}
