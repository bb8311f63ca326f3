//! The cluster itself: UpdateFeatures (57), DescribeQuorum (55), UnregisterBroker (64), AlterReplicaLogDirs (34).

use kafka_protocol::messages::alter_replica_log_dirs_request::{AlterReplicaLogDir, AlterReplicaLogDirTopic};
use kafka_protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use kafka_protocol::messages::update_features_request::FeatureUpdateKey;
use kafka_protocol::messages::{
    AlterReplicaLogDirsRequest, ApiVersionsRequest, BrokerId, DescribeQuorumRequest, TopicName,
    UnregisterBrokerRequest, UpdateFeaturesRequest, UpdateFeaturesResponse,
};

use crate::support::broker::{AnyBroker, Broker};
use crate::support::rdkafka as client;
use crate::support::wire::Wire;

const UPGRADE: i8 = 1;
const SAFE_DOWNGRADE: i8 = 2;
const INVALID_UPDATE_VERSION: i16 = 95;

fn update(wire: &mut Wire, feature: &'static str, level: i16, kind: i8, validate_only: bool) -> UpdateFeaturesResponse {
    let update = FeatureUpdateKey::default()
        .with_feature(feature.into())
        .with_max_version_level(level)
        .with_upgrade_type(kind);
    let request = UpdateFeaturesRequest::default()
        .with_timeout_ms(10_000)
        .with_validate_only(validate_only)
        .with_feature_updates(vec![update]);
    wire.call(&request, 2)
}

/// The finalized level of a feature; 0 if it has none.
fn level(wire: &mut Wire, feature: &str) -> i16 {
    let request = ApiVersionsRequest::default()
        .with_client_software_name("kt-it".into())
        .with_client_software_version("1".into());
    let answer = wire.call(&request, 4);
    let found = answer.finalized_features.iter().find(|f| &*f.name == feature);
    found.map_or(0, |f| f.max_version_level)
}

#[test]
fn updates_that_cannot_be_are_refused_in_kafka_s_words() {
    let broker = AnyBroker::get();
    let mut wire = Wire::connect(broker.bootstrap());
    let refused = [
        ("no.such.feature", 1, UPGRADE, "does not support this feature."),
        ("share.version", 5, UPGRADE, "only supports versions 0-1"),
        (
            "transaction.version",
            1,
            UPGRADE,
            "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade.",
        ),
        (
            "metadata.version",
            21,
            SAFE_DOWNGRADE,
            "Unsupported metadata.version downgrade from 30 to 21. Refusing to perform the requested downgrade because it \
             might delete metadata information.",
        ),
    ];
    for (feature, wanted, kind, why) in refused {
        let answer = update(&mut wire, feature, wanted, kind, true);
        assert_eq!(answer.error_code, INVALID_UPDATE_VERSION, "{feature}");
        let text = answer.error_message.unwrap_or_default();
        assert!(
            text.starts_with("The update failed for all features since the following feature had an error: ")
                && text.ends_with(why),
            "{text}"
        );
    }
}

#[test]
fn levels_go_down_and_up_and_stay_after_a_restart() {
    let temp = tempfile::tempdir().expect("a temp dir");
    let data = temp.path().join("data");
    let broker = Broker::on(&data, &[]).expect("a broker");
    let mut wire = Wire::connect(broker.bootstrap());
    assert_eq!(level(&mut wire, "transaction.version"), 2);
    let only_asked = update(&mut wire, "transaction.version", 1, SAFE_DOWNGRADE, true);
    assert_eq!((only_asked.error_code, level(&mut wire, "transaction.version")), (0, 2));
    let done = update(&mut wire, "transaction.version", 1, SAFE_DOWNGRADE, false);
    assert_eq!((done.error_code, level(&mut wire, "transaction.version")), (0, 1));
    broker.kill();
    let broker = Broker::on(&data, &[]).expect("a broker");
    let mut wire = Wire::connect(broker.bootstrap());
    assert_eq!(level(&mut wire, "transaction.version"), 1);
    let done = update(&mut wire, "transaction.version", 2, UPGRADE, false);
    assert_eq!((done.error_code, level(&mut wire, "transaction.version")), (0, 2));
}

#[test]
fn the_quorum_is_one_node_that_leads() {
    let broker = AnyBroker::get();
    let mut wire = Wire::connect(broker.bootstrap());
    let topic = |name: &'static str| {
        TopicData::default()
            .with_topic_name(TopicName(name.into()))
            .with_partitions(vec![PartitionData::default()])
    };
    let request = DescribeQuorumRequest::default().with_topics(vec![topic("__cluster_metadata")]);
    let answer = wire.call(&request, 2);
    let quorum = &answer.topics[0].partitions[0];
    assert_eq!((answer.error_code, quorum.error_code), (0, 0));
    let voters: Vec<_> = quorum.current_voters.iter().map(|v| v.replica_id).collect();
    assert_eq!(voters, [quorum.leader_id]);
    assert!(quorum.high_watermark > 0 && quorum.leader_epoch > 0, "{quorum:?}");
}

#[test]
fn a_broker_that_is_not_registered_cannot_be_unregistered() {
    let broker = AnyBroker::get();
    let mut wire = Wire::connect(broker.bootstrap());
    let answer = wire.call(&UnregisterBrokerRequest::default().with_broker_id(BrokerId(9999)), 0);
    assert_eq!(answer.error_code, 102);
    assert_eq!(
        answer.error_message.as_deref(),
        Some("Broker ID 9999 is not currently registered")
    );
}

#[test]
fn a_replica_stays_in_its_directory_and_goes_to_none_that_is_not_there() {
    let broker = Broker::start();
    client::create_topic(broker.bootstrap(), "t", 1);
    let mut wire = Wire::connect(broker.bootstrap());
    let mut place = |dir: &str| {
        let topic = AlterReplicaLogDirTopic::default()
            .with_name(TopicName("t".into()))
            .with_partitions(vec![0]);
        let dir = AlterReplicaLogDir::default()
            .with_path(dir.to_owned().into())
            .with_topics(vec![topic]);
        let answer = wire.call(&AlterReplicaLogDirsRequest::default().with_dirs(vec![dir]), 2);
        answer.results[0].partitions[0].error_code
    };
    let own = broker.data_dir().to_str().expect("a temp dir in UTF-8").to_owned();
    assert_eq!(place(&own), 0);
    assert_eq!(place("/no/such/dir"), 57);
}
