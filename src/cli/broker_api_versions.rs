//! `kafka-broker-api-versions.sh` (Kafka: `org.apache.kafka.tools.BrokerApiVersionsCommand`): which versions of which API
//! each broker speaks, and which of them Kafka 4.3.1's clients would use.
//!
//! `-o json|jsonl|csv|table` (as `kt broker-api-versions`): rows of [`COLUMNS`]; `usable_version` is null where there is
//! none, `min_version` and `max_version` where the broker lacks the API.

use std::time::Duration;

use super::compat::java_hash::{JavaHash, hash_map_order};
use super::connect::{Target, warn_unused};
use super::table::Sheet;
use super::tool::{Grammar, Line};
use super::ui::Format;
use super::{CliError, CliResult, Manner, Opt, Tool, Ui};
use crate::client::admin::{Admin, Node};
use crate::client::config::Address;
use crate::client::{AdminError, ClientConfig};
use crate::runs;
use crate::wire::api::VersionRange;

#[rustfmt::skip]
static OPTS: &[Opt] = &[
    Opt::value("bootstrap-server", "String: server(s) to use for bootstrapping").help("REQUIRED: the Kafka servers to connect to, host:port, comma-separated."),
    Opt::value("command-config", "String: command config property file").help("A properties file for the client."),
    Opt::flag("help").help("Show this help."),
    Opt::flag("version").help("Show Kafka's version."),
];

pub static TOOL: Tool = Tool {
    script: "kafka-broker-api-versions",
    names: &["broker-api-versions", "api-versions"],
    about: "This tool helps to retrieve broker version information.",
    opts: OPTS,
    bare: None,
    help_after_error: false,
    grammar: Grammar::JoptSimple,
    run: runs!(run),
};

const COLUMNS: &[&str] = &[
    "broker",
    "host",
    "port",
    "api_key",
    "api",
    "min_version",
    "max_version",
    "usable_version",
];

/// How long each step may take unless `request.timeout.ms` says otherwise: Kafka's tool is less patient than its Admin.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(5000);

/// An API of Kafka 4.3.1 (Kafka: `ApiKeys`). One that 4.x has dropped has no latest version.
struct Api {
    key: i16,
    name: &'static str,
    oldest: i16,
    latest: i16,
    /// Brokers are expected to offer it to clients.
    for_clients: bool,
}

const fn api(key: i16, name: &'static str, oldest: i16, latest: i16, for_clients: bool) -> Api {
    Api {
        key,
        name,
        oldest,
        latest,
        for_clients,
    }
}

#[rustfmt::skip]
static APIS: &[Api] = &[
    api(0, "Produce", 3, 13, true),
    api(1, "Fetch", 4, 18, true),
    api(2, "ListOffsets", 1, 11, true),
    api(3, "Metadata", 0, 13, true),
    api(4, "LeaderAndIsr", 0, -1, false),
    api(5, "StopReplica", 0, -1, false),
    api(6, "UpdateMetadata", 0, -1, false),
    api(7, "ControlledShutdown", 0, -1, false),
    api(8, "OffsetCommit", 2, 10, true),
    api(9, "OffsetFetch", 1, 10, true),
    api(10, "FindCoordinator", 0, 6, true),
    api(11, "JoinGroup", 0, 9, true),
    api(12, "Heartbeat", 0, 4, true),
    api(13, "LeaveGroup", 0, 5, true),
    api(14, "SyncGroup", 0, 5, true),
    api(15, "DescribeGroups", 0, 6, true),
    api(16, "ListGroups", 0, 5, true),
    api(17, "SaslHandshake", 0, 1, true),
    api(18, "ApiVersions", 0, 4, true),
    api(19, "CreateTopics", 2, 7, true),
    api(20, "DeleteTopics", 1, 6, true),
    api(21, "DeleteRecords", 0, 2, true),
    api(22, "InitProducerId", 0, 6, true),
    api(23, "OffsetForLeaderEpoch", 2, 4, true),
    api(24, "AddPartitionsToTxn", 0, 5, true),
    api(25, "AddOffsetsToTxn", 0, 4, true),
    api(26, "EndTxn", 0, 5, true),
    api(27, "WriteTxnMarkers", 1, 2, true),
    api(28, "TxnOffsetCommit", 0, 5, true),
    api(29, "DescribeAcls", 1, 3, true),
    api(30, "CreateAcls", 1, 3, true),
    api(31, "DeleteAcls", 1, 3, true),
    api(32, "DescribeConfigs", 1, 4, true),
    api(33, "AlterConfigs", 0, 2, true),
    api(34, "AlterReplicaLogDirs", 1, 2, true),
    api(35, "DescribeLogDirs", 1, 5, true),
    api(36, "SaslAuthenticate", 0, 2, true),
    api(37, "CreatePartitions", 0, 3, true),
    api(38, "CreateDelegationToken", 1, 3, true),
    api(39, "RenewDelegationToken", 1, 2, true),
    api(40, "ExpireDelegationToken", 1, 2, true),
    api(41, "DescribeDelegationToken", 1, 3, true),
    api(42, "DeleteGroups", 0, 2, true),
    api(43, "ElectLeaders", 0, 2, true),
    api(44, "IncrementalAlterConfigs", 0, 1, true),
    api(45, "AlterPartitionReassignments", 0, 1, true),
    api(46, "ListPartitionReassignments", 0, 0, true),
    api(47, "OffsetDelete", 0, 0, true),
    api(48, "DescribeClientQuotas", 0, 1, true),
    api(49, "AlterClientQuotas", 0, 1, true),
    api(50, "DescribeUserScramCredentials", 0, 0, true),
    api(51, "AlterUserScramCredentials", 0, 0, true),
    api(52, "Vote", 0, 2, false),
    api(53, "BeginQuorumEpoch", 0, 1, false),
    api(54, "EndQuorumEpoch", 0, 1, false),
    api(55, "DescribeQuorum", 0, 2, true),
    api(56, "AlterPartition", 2, 3, false),
    api(57, "UpdateFeatures", 0, 2, true),
    api(58, "Envelope", 0, 0, false),
    api(59, "FetchSnapshot", 0, 1, false),
    api(60, "DescribeCluster", 0, 2, true),
    api(61, "DescribeProducers", 0, 0, true),
    api(62, "BrokerRegistration", 0, 4, false),
    api(63, "BrokerHeartbeat", 0, 2, false),
    api(64, "UnregisterBroker", 0, 0, true),
    api(65, "DescribeTransactions", 0, 0, true),
    api(66, "ListTransactions", 0, 2, true),
    api(67, "AllocateProducerIds", 0, 0, false),
    api(68, "ConsumerGroupHeartbeat", 0, 1, true),
    api(69, "ConsumerGroupDescribe", 0, 1, true),
    api(70, "ControllerRegistration", 0, 0, false),
    api(71, "GetTelemetrySubscriptions", 0, 0, true),
    api(72, "PushTelemetry", 0, 0, true),
    api(73, "AssignReplicasToDirs", 0, 0, false),
    api(74, "ListConfigResources", 0, 1, true),
    api(75, "DescribeTopicPartitions", 0, 0, true),
    api(76, "ShareGroupHeartbeat", 1, 1, true),
    api(77, "ShareGroupDescribe", 1, 1, true),
    api(78, "ShareFetch", 1, 2, true),
    api(79, "ShareAcknowledge", 1, 2, true),
    api(80, "AddRaftVoter", 0, 1, true),
    api(81, "RemoveRaftVoter", 0, 0, true),
    api(82, "UpdateRaftVoter", 0, 0, false),
    api(83, "InitializeShareGroupState", 0, 0, true),
    api(84, "ReadShareGroupState", 0, 0, true),
    api(85, "WriteShareGroupState", 0, 1, true),
    api(86, "DeleteShareGroupState", 0, 0, true),
    api(87, "ReadShareGroupStateSummary", 0, 1, true),
    api(88, "StreamsGroupHeartbeat", 0, 0, true),
    api(89, "StreamsGroupDescribe", 0, 0, true),
    api(90, "DescribeShareGroupOffsets", 0, 1, true),
    api(91, "AlterShareGroupOffsets", 0, 0, true),
    api(92, "DeleteShareGroupOffsets", 0, 0, true),
];

async fn run(ui: &mut Ui, line: Line) -> CliResult {
    let p = &line.options;
    if ui.manner == Manner::Script {
        p.require(&["bootstrap-server"]).map_err(CliError::usage_with_help)?;
    }
    let target = Target::resolve(ui, p, Target::of(p)?)?;
    if target.bootstrap_servers().trim().is_empty() {
        return Err(CliError::failed(
            "Configuration 'bootstrap.servers' must not be empty. Valid values include: any non-empty value",
        ));
    }
    // Kafka's tool makes a client of its own: what is wrong with its configuration is not wrapped
    let unwrapped = |e: AdminError| CliError::failed(e.cause().unwrap_or(&e).text().to_string());
    let config = ClientConfig::for_admin(&target.connect).map_err(unwrapped)?;
    let patience = match target.connect.props.contains_key("request.timeout.ms") {
        true => config.request_timeout,
        false => REQUEST_TIMEOUT,
    };
    let admin = Admin::connect(&target.connect)
        .await
        .map_err(unwrapped)?
        .with_timeout(patience);
    warn_unused(
        ui,
        admin.unknown_keys(),
        "org.apache.kafka.clients.admin.AdminClientConfig",
    )?;
    let failed = || {
        CliError::failed(format!(
            "Request METADATA failed on brokers [{}]",
            bootstrap_nodes(&config)
        ))
    };
    if !is_reachable(&config.bootstrap, patience).await {
        return Err(failed());
    }
    let found = admin.api_versions().await.map_err(|e| match e.is_authentication() {
        true => CliError::failed(e.text().to_string()),
        false => failed(),
    })?;
    let found = hash_map_order(
        found.into_iter().map(|(node, v)| (node_hash(&node), node, v)).collect(),
        |(h, ..)| h,
    );
    let mut sheet = Sheet::new(COLUMNS);
    let mut all_answered = true;
    for (_, node, outcome) in found {
        match (outcome, ui.format()) {
            (Ok(versions), Format::Kafka) => {
                let lines: Vec<String> = rows(&versions).iter().map(Row::text).collect();
                writeln!(ui.out(), "{} -> (\n\t{}\n)", node_text(&node), lines.join(",\n\t"))?;
            }
            (Ok(versions), _) => rows(&versions).iter().for_each(|row| sheet.push(row.values(&node))),
            (Err(e), format) => {
                all_answered = false;
                let text = format!("{} -> ERROR: {e}", node_text(&node));
                match format {
                    Format::Kafka => writeln!(ui.out(), "{text}")?,
                    _ => ui.say_err(&text)?,
                }
            }
        }
    }
    if ui.format() != Format::Kafka {
        sheet.print(ui)?;
    }
    if all_answered {
        Ok(())
    } else {
        Err(CliError::told_quietly())
    }
}

/// Whether one of the addresses takes connections: Kafka's tool asks each once and does not wait for brokers to come up.
async fn is_reachable(addresses: &[Address], patience: Duration) -> bool {
    for address in addresses {
        let connecting = tokio::net::TcpStream::connect((address.host.as_str(), address.port));
        if matches!(tokio::time::timeout(patience, connecting).await, Ok(Ok(_))) {
            return true;
        }
    }
    false
}

/// The servers that were named, as Kafka prints nodes: numbered from -1 downwards.
fn bootstrap_nodes(config: &ClientConfig) -> String {
    let node = |(i, a): (i32, &Address)| format!("{a} (id: {} rack: null isFenced: false)", -i);
    (1..).zip(&config.bootstrap).map(node).collect::<Vec<_>>().join(", ")
}

fn node_text(node: &Node) -> String {
    let rack = node.rack.as_deref().unwrap_or("null");
    format!(
        "{}:{} (id: {} rack: {rack} isFenced: {})",
        node.host, node.port, node.id, node.is_fenced
    )
}

/// `Node.hashCode`.
fn node_hash(node: &Node) -> i32 {
    let fenced = if node.is_fenced { 1231 } else { 1237 };
    let rack = node.rack.as_ref().map_or(0, |r| r.java_hash());
    [node.host.java_hash(), node.id, i32::from(node.port), rack, fenced]
        .into_iter()
        .fold(1i32, |h, part| h.wrapping_mul(31).wrapping_add(part))
}

/// An API as one broker has it.
struct Row<'a> {
    key: i16,
    api: Option<&'a Api>,
    offered: Option<VersionRange>,
}

/// What the broker offers and what it should, by number.
fn rows(versions: &[(i16, VersionRange)]) -> Vec<Row<'static>> {
    let known = |key: i16| APIS.iter().find(|api| api.key == key);
    let offered = versions.iter().map(|(key, range)| Row {
        key: *key,
        api: known(*key),
        offered: Some(*range),
    });
    let missing = APIS
        .iter()
        .filter(|api| api.for_clients && !versions.iter().any(|(key, _)| *key == api.key));
    let mut all: Vec<Row<'static>> = offered
        .chain(missing.map(|api| Row {
            key: api.key,
            api: Some(api),
            offered: None,
        }))
        .collect();
    all.sort_by_key(|row| row.key);
    all
}

impl Row<'_> {
    fn name(&self) -> &str {
        self.api.map_or("UNKNOWN", |api| api.name)
    }

    /// The version to speak, or why there is none.
    fn usable(api: &Api, offered: VersionRange) -> Result<i16, &'static str> {
        if api.latest < offered.min {
            Err("node too new")
        } else if offered.max < api.oldest {
            Err("node too old")
        } else {
            Ok(api.latest.min(offered.max))
        }
    }

    /// `Produce(0): 0 to 13 [usable: 13]`
    fn text(&self) -> String {
        let Some(offered) = self.offered else {
            return format!("{}({}): UNSUPPORTED", self.name(), self.key);
        };
        let range = match offered.min == offered.max {
            true => offered.min.to_string(),
            false => format!("{} to {}", offered.min, offered.max),
        };
        let usable = match self.api.map(|api| Self::usable(api, offered)) {
            None => String::new(),
            Some(Ok(version)) => format!(" [usable: {version}]"),
            Some(Err(why)) => format!(" [unusable: {why}]"),
        };
        format!("{}({}): {range}{usable}", self.name(), self.key)
    }

    fn values(&self, node: &Node) -> Vec<serde_json::Value> {
        let usable = self
            .api
            .zip(self.offered)
            .and_then(|(api, offered)| Self::usable(api, offered).ok());
        vec![
            node.id.into(),
            node.host.as_str().into(),
            node.port.into(),
            self.key.into(),
            self.name().into(),
            self.offered.map(|r| r.min).into(),
            self.offered.map(|r| r.max).into(),
            usable.into(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: i32, port: u16, rack: &str) -> Node {
        Node {
            id,
            host: "127.0.0.1".to_string(),
            port,
            rack: Some(rack.to_string()),
            is_fenced: false,
        }
    }

    #[test]
    fn versions_read_as_in_kafka() {
        let range = |min, max| VersionRange { min, max };
        let all = rows(&[
            (0, range(0, 13)),
            (4, range(0, 7)),
            (46, range(0, 0)),
            (99, range(0, 1)),
            (2, range(0, 0)),
        ]);
        let texts: Vec<String> = all.iter().filter(|r| r.offered.is_some()).map(Row::text).collect();
        let want = [
            "Produce(0): 0 to 13 [usable: 13]",
            "ListOffsets(2): 0 [unusable: node too old]",
            "LeaderAndIsr(4): 0 to 7 [unusable: node too new]",
            "ListPartitionReassignments(46): 0 [usable: 0]",
            "UNKNOWN(99): 0 to 1",
        ];
        assert_eq!(texts, want);
        assert!(all.iter().any(|r| r.text() == "PushTelemetry(72): UNSUPPORTED"));
        assert!(!all.iter().any(|r| r.name() == "Vote"));
    }

    #[test]
    fn brokers_come_in_kafkas_order() {
        // as recorded: broker-api-versions
        let nodes = [
            node(1, 19092, "rack1"),
            node(2, 19093, "rack1"),
            node(3, 19094, "rack2"),
        ];
        let hashed: Vec<(i32, i32)> = nodes.iter().map(|n| (node_hash(n), n.id)).collect();
        let ids: Vec<i32> = hash_map_order(hashed, |(h, _)| h)
            .into_iter()
            .map(|(_, id)| id)
            .collect();
        assert_eq!(ids, [2, 1, 3]);
        let text = "127.0.0.1:19093 (id: 2 rack: rack1 isFenced: false)";
        assert_eq!(node_text(&nodes[1]), text);
    }
}
