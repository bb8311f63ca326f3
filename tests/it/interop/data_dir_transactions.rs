//! Open transactions in a data directory that goes from Apache Kafka to `kt broker` and back: each knows where the other
//! stopped.

use kt::client::admin::Admin;
use kt::client::{Bootstrap, ConnectConfig};
use rdkafka::consumer::Consumer;
use rdkafka::producer::Producer;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::librdkafka_transactions::{LIMIT, consumer, producer, send, values};
use crate::support::broker::Broker;
use crate::support::copy_dir;
use crate::support::kafka::{self, Kafka};
use crate::support::rdkafka::create_topic;

const SETTINGS: [(&str, &str); 6] = [
    ("transaction.state.log.num.partitions", "2"),
    ("transaction.state.log.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
    ("offsets.topic.num.partitions", "2"),
    ("offsets.topic.replication.factor", "1"),
    ("group.initial.rebalance.delay.ms", "0"),
];
const TOPIC: &str = "moved";
const ID: &str = "mover";
const GROUP: &str = "movers";

/// Commits one transaction with an offset, and leaves another open, with another offset.
fn work(bootstrap: &str, round: i64) {
    let reader = consumer(bootstrap, GROUP, "read_committed", &[]);
    let producer = producer(bootstrap, ID, &[]);
    let write = |value: String, offset: i64| {
        producer.begin_transaction().expect("no transaction before");
        send(&producer, TOPIC, 0, &value);
        let mut offsets = TopicPartitionList::new();
        offsets
            .add_partition_offset(TOPIC, 0, Offset::Offset(offset))
            .expect("an offset");
        let member = reader.group_metadata().expect("a member");
        producer
            .send_offsets_to_transaction(&offsets, &member, LIMIT)
            .expect("the offset");
        producer.flush(LIMIT).expect("all written");
    };
    write(format!("committed {round}"), 10 * round);
    producer.commit_transaction(LIMIT).expect("the commit");
    write(format!("open {round}"), 10 * round + 1);
    // A producer that is dropped says no goodbye to its coordinator.
}

async fn state(bootstrap: &str) -> String {
    let connect = ConnectConfig {
        bootstrap: Bootstrap::Servers(bootstrap.to_owned()),
        ..ConnectConfig::default()
    };
    let admin = Admin::connect(&connect).await.expect("a broker");
    let described = admin.describe_transactions(&[ID.to_owned()]).await.remove(0).1;
    described.expect("the id is known").state
}

/// What the next broker must know after so many rounds of [`work`].
fn check(bootstrap: &str, rounds: i64) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    assert_eq!(runtime.block_on(state(bootstrap)), "Ongoing");
    let committed: Vec<_> = (1..=rounds).map(|round| format!("committed {round}")).collect();
    assert_eq!(values(bootstrap, TOPIC, 0, "read_committed"), committed);
    let all = values(bootstrap, TOPIC, 0, "read_uncommitted");
    assert_eq!(all.len(), 2 * committed.len());
    // The open transaction has a pending offset; it is aborted when its producer comes back.
    drop(producer(bootstrap, ID, &[]));
    assert_eq!(runtime.block_on(state(bootstrap)), "Empty");
    let mut asked = TopicPartitionList::new();
    asked.add_partition(TOPIC, 0);
    let found = consumer(bootstrap, GROUP, "read_committed", &[]).committed_offsets(asked, LIMIT);
    let offset = found.expect("an offset").elements()[0].offset();
    assert_eq!(offset, Offset::Offset(10 * rounds));
}

#[test]
fn open_transactions_move_from_kafka_to_kt_and_back() {
    if !kafka::available() {
        return;
    }
    let folder = tempfile::tempdir().expect("a temp dir");
    let data = folder.path().join("data");
    let settings: Vec<String> = SETTINGS.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let kafka = Kafka::start(1, &settings);
    create_topic(&kafka.brokers[0], TOPIC, 1);
    work(&kafka.brokers[0], 1);
    kafka.kill_nodes();
    copy_dir(&kafka.data_dir(1), &data);
    drop(kafka);

    let kt = Broker::on(&data, &SETTINGS).expect("kt broker on Kafka's data");
    check(kt.bootstrap(), 1);
    work(kt.bootstrap(), 2);
    kt.kill();

    let kafka = Kafka::on(&data, &settings);
    check(&kafka.brokers[0], 2);
}
