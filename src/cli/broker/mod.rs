//! `kt broker`: the embedded cluster, in the foreground.

mod certificates;
mod security;

use std::io::Write;
use std::path::{Path, PathBuf};

use security::{Security, SecurityArgs};

use super::{CliError, CliResult, Ui, argv};
use crate::broker::config::{BROKER_CONFIGS, ConfigKey, properties};
use crate::broker::{Cluster, ClusterBuilder, NewTopic, Release};

/// The `kt broker` command line. Help for users, so no Rust types are named.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The port to listen on; 0 takes any free one. Given twice, the last one counts.
    #[arg(long, default_value_t = 9092, overrides_with = "port")]
    port: u16,
    /// The address to listen on, which clients are also told.
    #[arg(long, default_value = "127.0.0.1", overrides_with = "host")]
    host: String,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    security: SecurityArgs,
    /// Once ready, write a properties file with which every tool and Java client finds this broker.
    #[arg(long, value_name = "FILE")]
    client_config: Option<PathBuf>,
}

/// What the cluster is made of: shared by `kt broker`, `kt dev` and `kt tour`.
#[derive(Debug, Default, clap::Args)]
pub struct ClusterArgs {
    /// Read this server.properties; its listeners count unless a port, a host, --tls or --sasl is given.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Set a key of server.properties.
    #[arg(long = "override", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Keep the data here; without it, it goes to a temporary folder that is removed at the end.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Pass for a broker of this release of Kafka (2.3 to 4.3): no later versions of its APIs are told or answered.
    #[arg(long, value_name = "RELEASE")]
    as_version: Option<Release>,
    /// Create a topic.
    #[arg(long = "topic", value_name = "NAME[:PARTITIONS[:RF]]")]
    topics: Vec<String>,
}

impl ClusterArgs {
    /// A cluster that keeps its data in `dir`, all else by default.
    pub fn in_dir(dir: &Path) -> Self {
        Self {
            data_dir: Some(dir.to_path_buf()),
            ..Self::default()
        }
    }

    /// The cluster to start. It listens on `listener` when that is given or the configuration names no listeners.
    fn builder(&self, listener: &str, is_given: bool, settings: &[(String, String)]) -> CliResult<ClusterBuilder> {
        let mut builder = Cluster::builder();
        let mut has_listeners = false;
        if let Some(path) = &self.config {
            let props = read_properties(path)?;
            has_listeners = props.contains_key("listeners");
            builder = builder.configs(props);
        }
        if !has_listeners || is_given {
            builder = builder.config("listeners", listener);
        }
        builder = builder.configs(settings.iter().cloned());
        builder = builder.configs(parse_overrides(&self.overrides)?);
        if let Some(dir) = &self.data_dir {
            builder = builder.data_dir(dir);
        }
        if let Some(release) = self.as_version {
            builder = builder.as_version(release);
        }
        for topic in &self.topics {
            builder = builder.topic_with(parse_topic(topic)?);
        }
        Ok(builder)
    }
}

/// Runs until a signal ends it.
pub fn run(ui: &mut Ui, args: &Args, is_given: impl Fn(&str) -> bool) -> CliResult {
    let host = if args.host.contains(':') {
        format!("[{}]", args.host)
    } else {
        args.host.clone()
    };
    let security = args.security.prepare(&args.host, args.cluster.data_dir.as_deref())?;
    let given = is_given("port") || is_given("host") || args.security.changes_listener();
    let listener = format!("{}://{host}:{}", security.protocol, args.port);
    let mut builder = args.cluster.builder(&listener, given, &security.settings)?;
    for (mechanism, user, password) in &security.scram_users {
        builder = builder.scram_user(*mechanism, user.as_str(), password.as_str());
    }
    let client_config = ClientConfig {
        path: args.client_config.as_deref(),
        security,
    };
    serve(ui, builder.log_to_stderr(), &client_config)
}

/// The client.properties to write.
#[derive(Default)]
pub struct ClientConfig<'a> {
    path: Option<&'a Path>,
    security: Security,
}

impl std::fmt::Debug for ClientConfig<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The rest holds passwords.
        f.debug_struct("ClientConfig")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl ClientConfig<'_> {
    /// Writes it where it was asked for, beside certificates also where it was not, and tells where what is.
    fn write(&self, ui: &mut Ui, bootstrap: &str) -> CliResult {
        let certificates = self.security.certificates_dir();
        if let Some(dir) = certificates {
            writeln!(ui.out(), "tls.dir={}", dir.display())?;
        }
        let beside = certificates.map(|dir| dir.join("client.properties"));
        let Some(path) = self.path.or(beside.as_deref()) else {
            return Ok(());
        };
        let text = format!("{bootstrap}{}", self.security.client_lines.join("\n"));
        let text = format!("{}\n", text.trim_end());
        write_atomically(path, &text).map_err(|e| CliError::failed(format!("{}: {e}", path.display())))?;
        if self.path.is_none() {
            writeln!(ui.out(), "client.config={}", path.display())?;
        }
        Ok(())
    }
}

/// Starts a cluster on a free port of 127.0.0.1, for commands that run beside it.
pub async fn start(args: &ClusterArgs) -> CliResult<Cluster> {
    argv::hide_secrets(secret_at);
    let builder = args.builder("PLAINTEXT://127.0.0.1:0", false, &[])?;
    raise_open_files_limit();
    builder.start().await.map_err(|e| CliError::failed(e.to_string()))
}

/// Starts the cluster, says where it is, and stops it in order at SIGINT or SIGTERM.
pub fn serve(ui: &mut Ui, builder: ClusterBuilder, client_config: &ClientConfig<'_>) -> CliResult {
    argv::hide_secrets(secret_at);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    raise_open_files_limit();
    runtime.block_on(async {
        let mut signals = Signals::new()?;
        let cluster = builder.start().await.map_err(|e| CliError::failed(e.to_string()))?;
        for (kind, names) in cluster.ignored_configs() {
            ui.say_err(&format!("{kind}: {}", names.join(", ")))?;
        }
        let line = format!("bootstrap.servers={}\n", cluster.bootstrap_servers());
        ui.out().write_all(line.as_bytes())?;
        client_config.write(ui, &line)?;
        ui.flush()?;
        signals.wait().await;
        cluster.stop().await;
        Ok(())
    })
}

/// Where the value of `--sasl` or `--override` is not to be seen by others. Of settings: passwords as in DescribeConfigs, and
/// what nobody knows, which may be one.
fn secret_at(option: &str, value: &str) -> Option<usize> {
    match option {
        "sasl" => value.match_indices(':').nth(1).map(|(at, _)| at + 1),
        "override" => {
            let (key, _) = value.split_once('=')?;
            let bare = key.strip_prefix("listener.name.").and_then(|rest| rest.split_once('.'));
            let known = BROKER_CONFIGS.get(bare.map_or(key, |(_, bare)| bare));
            known.is_none_or(ConfigKey::is_sensitive).then_some(key.len() + 1)
        }
        _ => None,
    }
}

/// Takes as many open files as the system allows: every segment has three, and shells often start with a thousand.
fn raise_open_files_limit() {
    let mut limit = std::mem::MaybeUninit::<libc::rlimit>::zeroed();
    // SAFETY: `limit` is room for one struct, which the first call fills if it returns 0; both take valid pointers.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, limit.as_mut_ptr()) == 0 {
            let mut limit = limit.assume_init();
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        }
    }
}

/// SIGINT and SIGTERM, caught from the moment this is made.
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Reads a server.properties.
pub fn read_properties(path: &Path) -> Result<std::collections::BTreeMap<String, String>, CliError> {
    let text = std::fs::read(path).map_err(|e| CliError::failed(format!("{}: {e}", path.display())))?;
    Ok(properties::parse(&String::from_utf8_lossy(&text)))
}

/// Reads `KEY=VALUE` words.
pub fn parse_overrides(words: &[String]) -> Result<Vec<(String, String)>, CliError> {
    let pair = |word: &String| match word.split_once('=') {
        Some((key, value)) => Ok((key.trim().to_owned(), value.trim().to_owned())),
        None => Err(CliError::usage(format!("--override {word}: not KEY=VALUE"))),
    };
    words.iter().map(pair).collect()
}

fn parse_topic(word: &str) -> Result<NewTopic, CliError> {
    let bad = || CliError::usage(format!("--topic {word}: not NAME[:PARTITIONS[:RF]]"));
    let mut parts = word.split(':');
    let name = parts.next().filter(|n| !n.is_empty()).ok_or_else(bad)?.to_owned();
    let partitions = parts.next().map_or(Ok(-1), |n| n.parse()).map_err(|_| bad())?;
    let replication_factor = parts.next().map_or(Ok(-1), |n| n.parse()).map_err(|_| bad())?;
    if parts.next().is_some() {
        return Err(bad());
    }
    Ok(NewTopic {
        name,
        partitions,
        replication_factor,
        ..NewTopic::default()
    })
}

/// Whoever waits for the file sees all of it or none.
fn write_atomically(path: &Path, text: &str) -> std::io::Result<()> {
    let dir = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_on_the_command_line() {
        assert_eq!(secret_at("sasl", "plain:alice:pw:2"), Some(12));
        assert_eq!(secret_at("sasl", "plain"), None);
        assert_eq!(secret_at("override", "ssl.key.password=abc"), Some(17));
        assert_eq!(secret_at("override", "listener.name.a.ssl.key.password=abc"), Some(33));
        assert_eq!(secret_at("override", "my.plugin=abc"), Some(10));
        assert_eq!(secret_at("override", "num.partitions=3"), None);
        assert_eq!(secret_at("port", "ssl.key.password=abc"), None);
    }

    #[test]
    fn topics_on_the_command_line() {
        let t = parse_topic("orders:3:1").unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((t.name.as_str(), t.partitions, t.replication_factor), ("orders", 3, 1));
        assert_eq!(parse_topic("orders").map(|t| t.partitions).ok(), Some(-1));
        for bad in ["", ":3", "a:x", "a:1:1:1"] {
            assert!(parse_topic(bad).is_err(), "{bad}");
        }
    }
}
