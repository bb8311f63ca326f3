//! Log levels that can be set while the broker runs (KIP-412). The loggers are those of Kafka's broker, so that tools
//! find what they know; levels are kept, and change nothing else.

use std::collections::BTreeMap;

use super::metadata::ApiError;
use super::metadata::configs::Op;
use crate::wire::ErrorCode;

const ROOT: &str = "root";
const LEVELS: &[&str] = &["DEBUG", "ERROR", "FATAL", "INFO", "TRACE", "WARN"];
const DEFAULT_LEVEL: &str = "INFO";

const LOGGERS: &[&str] = &[
    "kafka",
    "kafka.cluster.Partition",
    "kafka.coordinator.transaction.TransactionCoordinator",
    "kafka.log.LogCleaner",
    "kafka.log.LogManager",
    "kafka.network.RequestChannel$",
    "kafka.network.SocketServer",
    "kafka.request.logger",
    "kafka.server.BrokerServer",
    "kafka.server.ConfigAdminManager",
    "kafka.server.ControllerApis",
    "kafka.server.ControllerServer",
    "kafka.server.KafkaApis",
    "kafka.server.KafkaRaftServer",
    "kafka.server.KafkaRequestHandler",
    "kafka.server.ReplicaManager",
    "org.apache.kafka",
    "org.apache.kafka.clients.NetworkClient",
    "org.apache.kafka.controller",
    "org.apache.kafka.coordinator.group.GroupCoordinatorService",
    "org.apache.kafka.raft.KafkaRaftClient",
    "org.apache.kafka.storage.internals.log.UnifiedLog",
    ROOT,
    "state.change.logger",
];

/// Every logger with its level, by name.
pub fn all(set: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let root = set.get(ROOT).map_or(DEFAULT_LEVEL, String::as_str);
    LOGGERS
        .iter()
        .map(|name| {
            (
                (*name).to_owned(),
                set.get(*name).map_or(root, String::as_str).to_owned(),
            )
        })
        .collect()
}

/// Checks changes and makes them, all or none; with `validate_only` none.
pub fn alter(set: &mut BTreeMap<String, String>, ops: &[(String, Op)], validate_only: bool) -> Result<(), ApiError> {
    let invalid = |why: String| Err(ApiError::new(ErrorCode::INVALID_CONFIG, why));
    let refused = |why: String| Err(ApiError::new(ErrorCode::INVALID_REQUEST, why));
    for (name, op) in ops {
        let is_known = LOGGERS.contains(&name.as_str());
        match op {
            Op::Append(_) => {
                return refused("APPEND operation is not allowed for the BROKER_LOGGER resource".to_owned());
            }
            Op::Subtract(_) => {
                return refused("SUBTRACT operation is not allowed for the BROKER_LOGGER resource".to_owned());
            }
            _ if !is_known => return invalid(format!("Logger {name} does not exist!")),
            Op::Set(level) if !LEVELS.contains(&level.as_str()) => {
                return invalid(format!(
                    "Cannot set the log level of {name} to {level} as it is not a supported log level. Valid log \
                     levels are {}",
                    LEVELS.join(", ")
                ));
            }
            Op::Delete if name == ROOT => {
                return refused("Removing the log level of the root logger is not allowed".to_owned());
            }
            Op::Set(_) | Op::Delete => {}
        }
    }
    for (name, op) in ops.iter().filter(|_| !validate_only) {
        match op {
            Op::Set(level) => drop(set.insert(name.clone(), level.clone())),
            _ => drop(set.remove(name)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logger_without_a_level_has_that_of_the_root() {
        let mut set = BTreeMap::new();
        let op = |name: &str, op: Op| vec![(name.to_owned(), op)];
        alter(&mut set, &op("root", Op::Set("WARN".into())), false).unwrap();
        alter(&mut set, &op("kafka.server.KafkaApis", Op::Set("DEBUG".into())), false).unwrap();
        let level = |set: &_, name: &str| all(set).into_iter().find(|(n, _)| n == name).unwrap().1;
        assert_eq!(level(&set, "kafka.server.KafkaApis"), "DEBUG");
        assert_eq!(level(&set, "kafka.log.LogManager"), "WARN");
        alter(&mut set, &op("kafka.server.KafkaApis", Op::Delete), false).unwrap();
        assert_eq!(level(&set, "kafka.server.KafkaApis"), "WARN");
        assert!(alter(&mut set, &op("nope", Op::Set("DEBUG".into())), false).is_err());
    }
}
