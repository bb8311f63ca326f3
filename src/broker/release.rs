//! `--as-version`: to clients this broker is an older Kafka, as far as ApiVersions tells. For tests of old clients, and of
//! what new ones do when a broker is old.

use std::fmt;
use std::str::FromStr;

use crate::wire::api::ApiKey;
use kafka_protocol::protocol::VersionRange;

/// A release of Kafka, its first two numbers: `3.9`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    major: u8,
    minor: u8,
}

const OLDEST: Release = Release { major: 2, minor: 3 };
const NEWEST: Release = Release { major: 4, minor: 3 };

/// The highest version of each API from which release on, by the message definitions in the kafka-clients of 2.3 to 4.3.
const HISTORY: &str = "
    Produce 2.3:7 2.4:8 2.8:9 3.7:10 3.8:11 4.0:12 4.1:13
    Fetch 2.3:11 2.7:12 3.1:13 3.5:15 3.7:16 3.9:17 4.1:18
    ListOffsets 2.3:5 2.8:6 3.0:7 3.5:8 3.9:9 4.0:10 4.2:11
    Metadata 2.3:8 2.4:9 2.8:11 3.1:12 4.0:13
    OffsetCommit 2.3:7 2.4:8 3.7:9 4.2:10
    OffsetFetch 2.3:5 2.4:6 2.5:7 3.0:8 3.7:9 4.2:10
    FindCoordinator 2.3:2 2.4:3 3.0:4 3.8:5 3.9:6
    JoinGroup 2.3:5 2.4:6 2.5:7 3.2:9
    Heartbeat 2.3:3 2.4:4
    LeaveGroup 2.3:2 2.4:4 3.2:5
    SyncGroup 2.3:3 2.4:4 2.5:5
    DescribeGroups 2.3:3 2.4:5 4.0:6
    ListGroups 2.3:2 2.4:3 2.6:4 3.8:5
    SaslHandshake 2.3:1
    ApiVersions 2.3:2 2.4:3 3.9:4
    CreateTopics 2.3:3 2.4:5 2.7:6 2.8:7
    DeleteTopics 2.3:3 2.4:4 2.7:5 2.8:6
    DeleteRecords 2.3:1 2.6:2
    InitProducerId 2.3:1 2.4:2 2.5:3 2.7:4 3.8:5
    OffsetForLeaderEpoch 2.3:3 2.8:4
    AddPartitionsToTxn 2.3:1 2.7:2 2.8:3 3.6:4 3.8:5
    AddOffsetsToTxn 2.3:1 2.7:2 2.8:3 3.8:4
    EndTxn 2.3:1 2.7:2 2.8:3 3.8:4 4.0:5
    WriteTxnMarkers 2.3:0 2.8:1 4.2:2
    TxnOffsetCommit 2.3:2 2.5:3 3.8:4 4.0:5
    DescribeAcls 2.3:1 2.5:2 3.3:3
    CreateAcls 2.3:1 2.5:2 3.3:3
    DeleteAcls 2.3:1 2.5:2 3.3:3
    DescribeConfigs 2.3:2 2.6:3 2.8:4
    AlterConfigs 2.3:1 2.8:2
    AlterReplicaLogDirs 2.3:1 2.8:2
    DescribeLogDirs 2.3:1 2.6:2 3.2:3 3.3:4 4.3:5
    SaslAuthenticate 2.3:1 2.5:2
    CreatePartitions 2.3:1 2.5:2 2.7:3
    CreateDelegationToken 2.3:1 2.4:2 3.3:3
    RenewDelegationToken 2.3:1 2.5:2
    ExpireDelegationToken 2.3:1 2.5:2
    DescribeDelegationToken 2.3:1 2.5:2 3.3:3
    DeleteGroups 2.3:1 2.4:2
    ElectLeaders 2.3:0 2.4:2
    IncrementalAlterConfigs 2.3:0 2.4:1
    AlterPartitionReassignments 2.4:0 4.1:1
    ListPartitionReassignments 2.4:0
    OffsetDelete 2.4:0
    DescribeClientQuotas 2.6:0 2.8:1
    AlterClientQuotas 2.6:0 2.8:1
    DescribeUserScramCredentials 2.7:0
    AlterUserScramCredentials 2.7:0
    DescribeQuorum 2.7:0 3.3:1 3.9:2
    UpdateFeatures 2.7:0 3.3:1 4.0:2
    DescribeCluster 2.8:0 3.7:1 4.0:2
    DescribeProducers 2.8:0
    UnregisterBroker 2.8:0
    DescribeTransactions 3.0:0
    ListTransactions 3.0:0 3.8:1 4.1:2
    ConsumerGroupHeartbeat 3.7:0 4.0:1
    ConsumerGroupDescribe 3.8:0 4.0:1
    GetTelemetrySubscriptions 3.7:0
    PushTelemetry 3.7:0
    ListConfigResources 3.7:0 4.1:1
    DescribeTopicPartitions 3.8:0
    ShareGroupHeartbeat 4.1:1
    ShareGroupDescribe 4.1:1
    ShareFetch 4.1:1 4.2:2
    ShareAcknowledge 4.1:1 4.2:2
    AddRaftVoter 3.9:0 4.2:1
    RemoveRaftVoter 3.9:0
    InitializeShareGroupState 4.1:0
    ReadShareGroupState 4.1:0
    WriteShareGroupState 4.1:0 4.2:1
    DeleteShareGroupState 4.1:0
    ReadShareGroupStateSummary 4.1:0 4.2:1
    StreamsGroupHeartbeat 4.2:0
    StreamsGroupDescribe 4.2:0
    DescribeShareGroupOffsets 4.1:0 4.2:1
    AlterShareGroupOffsets 4.1:0
    DeleteShareGroupOffsets 4.1:0
";

/// Features, and the release that had them first, with the highest level of each release that raised it.
const FEATURES: &str = "
    metadata.version 3.3:7 3.4:8 3.5:11 3.6:14 3.7:19 3.8:20 3.9:21 4.0:25 4.1:27 4.2:29 4.3:30
    kraft.version 3.9:1
    transaction.version 4.0:2
    group.version 4.0:1
    eligible.leader.replicas.version 4.0:1
    share.version 4.1:1
    streams.version 4.2:1
";

impl Release {
    /// The versions of an API that a broker of this release answers, of those that this one does; `None` if it did not
    /// have the API.
    pub fn versions(self, key: ApiKey, ours: VersionRange) -> Option<VersionRange> {
        let VersionRange { min, max } = ours;
        let max = self.highest(HISTORY, &format!("{key:?}"))?.min(max);
        (max >= min).then_some(VersionRange { min, max })
    }

    /// The highest level of a feature that a broker of this release knows.
    pub fn feature_level(self, feature: &str) -> Option<i16> {
        self.highest(FEATURES, feature)
    }

    /// The last number of a row that this release has come to.
    fn highest(self, table: &str, name: &str) -> Option<i16> {
        let row = rows(table).find_map(|(row, steps)| (row == name).then_some(steps))?;
        let reached = steps(row).take_while(|(release, _)| *release <= self);
        reached.last().map(|(_, number)| number)
    }
}

fn rows(table: &str) -> impl Iterator<Item = (&str, &str)> {
    table.lines().filter_map(|line| line.trim().split_once(' '))
}

fn steps(row: &str) -> impl Iterator<Item = (Release, i16)> {
    let step = |step: &str| {
        let (release, number) = step.split_once(':')?;
        Some((numbers(release)?, number.parse().ok()?))
    };
    row.split(' ').filter_map(step)
}

fn numbers(text: &str) -> Option<Release> {
    let mut parts = text.split('.').map(str::parse);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor)), None | Some(Ok(_)), None) => Some(Release { major, minor }),
        _ => None,
    }
}

impl FromStr for Release {
    type Err = String;

    /// `3.9` or `3.9.1`.
    fn from_str(text: &str) -> Result<Self, String> {
        match numbers(text) {
            Some(release) if (OLDEST..=NEWEST).contains(&release) => Ok(release),
            Some(_) => Err(format!("{text} is not between {OLDEST} and {NEWEST}")),
            None => Err(format!("{text:?} is no release of Kafka, such as 3.9")),
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::api::{TABLE, find};

    fn highest(release: &str, key: ApiKey) -> Option<i16> {
        let release: Release = release.parse().unwrap();
        let ours = find(key).unwrap().versions;
        release.versions(key, ours).map(|v| v.max)
    }

    #[test]
    fn an_old_release_has_what_it_had() {
        assert_eq!(highest("2.3", ApiKey::Produce), Some(7));
        assert_eq!(highest("2.8.2", ApiKey::Produce), Some(9));
        assert_eq!(highest("3.9", ApiKey::Fetch), Some(17));
        assert_eq!(highest("3.6", ApiKey::ConsumerGroupHeartbeat), None);
        assert_eq!(highest("2.3", ApiKey::AlterPartitionReassignments), None);
    }

    #[test]
    fn the_newest_release_has_all_there_is() {
        for api in TABLE {
            assert_eq!(NEWEST.versions(api.key, api.versions), Some(api.versions), "{api:?}");
        }
        for (feature, _, max, _) in crate::broker::metadata::bootstrap::FEATURES {
            assert_eq!(NEWEST.feature_level(feature), Some(*max), "{feature}");
        }
    }

    #[test]
    fn steps_go_up_and_are_all_read() {
        for (name, row) in rows(HISTORY).chain(rows(FEATURES)) {
            let all: Vec<_> = steps(row).collect();
            assert_eq!(all.len(), row.split(' ').count(), "{name}");
            assert!(all.is_sorted_by(|a, b| a.0 < b.0 && a.1 < b.1), "{name} {all:?}");
        }
    }

    #[test]
    fn what_is_no_release_is_refused() {
        for text in ["", "3", "x.y", "3.9.1.2", "2.2", "4.4", "3.-1"] {
            assert!(text.parse::<Release>().is_err(), "{text}");
        }
    }
}
