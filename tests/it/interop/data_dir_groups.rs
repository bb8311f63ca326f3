//! Every kind of state that coordinators keep, in a data directory that goes from `kt broker` to Apache Kafka and back:
//! transactions, groups of each type, rights. Kafka's own tools tell of it, and read every file.

use std::path::Path;
use std::time::Instant;

use kt::client::admin::{AclBinding, AclBindingFilter, Admin};
use kt::client::{Bootstrap, ConnectConfig};
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::producer::Producer;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::java_groups::{count_words, run};
use super::librdkafka_transactions::{LIMIT, consumer, producer, send, values};
use crate::support::broker::Broker;
use crate::support::copy_dir;
use crate::support::kafka::{self, Kafka};
use crate::support::rdkafka::create_topic;
use crate::support::tools::Tools;

/// Members hear of their assignments soon.
const SETTINGS: [(&str, &str); 16] = [
    ("group.initial.rebalance.delay.ms", "0"),
    ("group.share.min.heartbeat.interval.ms", "200"),
    ("group.share.heartbeat.interval.ms", "300"),
    ("group.streams.min.heartbeat.interval.ms", "200"),
    ("group.streams.heartbeat.interval.ms", "300"),
    ("group.streams.initial.rebalance.delay.ms", "0"),
    ("transaction.state.log.num.partitions", "2"),
    ("transaction.state.log.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
    ("offsets.topic.num.partitions", "2"),
    ("offsets.topic.replication.factor", "1"),
    ("share.coordinator.state.topic.num.partitions", "2"),
    ("share.coordinator.state.topic.replication.factor", "1"),
    ("share.coordinator.state.topic.min.isr", "1"),
    (
        "authorizer.class.name",
        "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    ),
    ("super.users", "User:ANONYMOUS"),
];
const DEALS: &str = "deals";
/// A group's name, which is its protocol's.
const READERS: [&str; 2] = ["classic", "consumer"];

/// What tools and clients see of the coordinators' state.
#[derive(Debug, PartialEq)]
struct Seen {
    committed: Vec<String>,
    all: Vec<String>,
    offsets: Vec<Offset>,
    acls: Vec<AclBinding>,
    /// Of the share group and of the streams group.
    described: [String; 2],
}

fn acls() -> Vec<AclBinding> {
    let acl = |pattern_type, operation, permission_type| AclBinding {
        resource_type: 2,
        resource_name: DEALS.to_owned(),
        pattern_type,
        principal: "User:alice".to_owned(),
        host: "*".to_owned(),
        operation,
        permission_type,
    };
    vec![acl(3, 3, 3), acl(4, 4, 2)]
}

async fn admin(bootstrap: &str) -> Admin {
    let connect = ConnectConfig {
        bootstrap: Bootstrap::Servers(bootstrap.to_owned()),
        ..ConnectConfig::default()
    };
    Admin::connect(&connect).await.expect("a broker")
}

fn blocking<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(future)
}

fn fill(bootstrap: &str) {
    blocking(async {
        for (_, made) in admin(bootstrap).await.create_acls(&acls()).await.expect("an answer") {
            made.expect("a right");
        }
    });
    create_topic(bootstrap, DEALS, 1);
    let trader = producer(bootstrap, "trader", &[]);
    for what in ["committed", "aborted", "open"] {
        trader.begin_transaction().expect("no transaction before");
        send(&trader, DEALS, 0, what);
        trader.flush(LIMIT).expect("all written");
        match what {
            "committed" => trader.commit_transaction(LIMIT).expect("the commit"),
            "aborted" => trader.abort_transaction(LIMIT).expect("the abort"),
            _ => {} // A producer that is dropped says no goodbye to its coordinator.
        }
    }
    drop(trader);
    READERS.iter().for_each(|protocol| read_one(bootstrap, protocol));
    let began = run("ShareGroups.java", &[bootstrap, "begin", "shared", "sharers"]);
    assert_eq!(began, "begins a*1 b*1 c*1 d*1\ncommitted 1 []\n");
    let counted = count_words(bootstrap, "words", "streams", &["a", "b", "a"]);
    assert_eq!(counted, "{a=2, b=1} by 3\n");
}

/// A member that reads a record, commits that, and leaves.
fn read_one(bootstrap: &str, protocol: &str) {
    let member = consumer(bootstrap, protocol, "read_committed", &[("group.protocol", protocol)]);
    member.subscribe(&[DEALS]).expect("a subscription");
    let started = Instant::now();
    while !matches!(member.poll(LIMIT), Some(Ok(_))) {
        assert!(started.elapsed() < LIMIT, "nothing to read");
    }
    member.commit_consumer_state(CommitMode::Sync).expect("the commit");
    member.unsubscribe();
}

/// What a tool of Kafka's says; its standard error must be empty.
fn tell(kafkas: &Tools, script: &str, argv: &[&str]) -> String {
    let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
    let told = kafkas.run(script, &argv, b"");
    assert_eq!((told.exit, told.err().as_str()), (0, ""), "{script} {argv:?}");
    told.out()
}

/// A description of a group without where its coordinator is, and without the blanks that make columns of it.
fn describe(kafkas: &Tools, script: &str, bootstrap: &str, what: &[&str]) -> String {
    let told = tell(
        kafkas,
        script,
        &[&["--bootstrap-server", bootstrap, "--describe"], what].concat(),
    );
    let words = told.split_whitespace().filter(|word| *word != bootstrap);
    words.collect::<Vec<_>>().join(" ")
}

fn look(kafkas: &Tools, bootstrap: &str) -> Seen {
    let offset = |group: &&str| {
        let mut asked = TopicPartitionList::new();
        asked.add_partition(DEALS, 0);
        let found = consumer(bootstrap, group, "read_committed", &[]).committed_offsets(asked, LIMIT);
        found.expect("an answer").elements()[0].offset()
    };
    let acls = blocking(async { admin(bootstrap).await.describe_acls(&AclBindingFilter::ANY).await });
    let mut acls = acls.expect("an answer");
    acls.sort();
    Seen {
        committed: values(bootstrap, DEALS, 0, "read_committed"),
        all: values(bootstrap, DEALS, 0, "read_uncommitted"),
        offsets: READERS.iter().map(offset).collect(),
        acls,
        described: [
            describe(
                kafkas,
                "kafka-share-groups.sh",
                bootstrap,
                &["--group", "sharers", "--offsets"],
            ),
            describe(
                kafkas,
                "kafka-streams-groups.sh",
                bootstrap,
                &["--group", "words", "--state", "--verbose"],
            ),
        ],
    }
}

/// Everybody goes on where they were with the other broker. The released record comes again, then what is new.
fn go_on(bootstrap: &str, value: &str, expected: [&str; 2]) {
    let shared = run("ShareGroups.java", &[bootstrap, "go-on", "shared", "sharers", value]);
    let counted = count_words(bootstrap, "words", "streams", &["b"]);
    assert_eq!([shared.trim_end(), counted.trim_end()], expected);
    let trader = producer(bootstrap, "trader", &[]);
    trader.begin_transaction().expect("the open transaction is aborted");
    send(&trader, DEALS, 0, value);
    trader.commit_transaction(LIMIT).expect("the commit");
    READERS.iter().for_each(|protocol| read_one(bootstrap, protocol));
}

/// Kafka's dump tool reads every log, each in the words of its topic.
fn dump(kafkas: &Tools, data: &Path) {
    let decoders = [
        ("__consumer_offsets-", Some("--offsets-decoder")),
        ("__transaction_state-", Some("--transaction-log-decoder")),
        ("__share_group_state-", Some("--share-group-state-decoder")),
        ("__cluster_metadata-", Some("--cluster-metadata-decoder")),
        ("", None),
    ];
    let mut files: Vec<Vec<String>> = vec![Vec::new(); decoders.len()];
    for partition in std::fs::read_dir(data).expect("a folder") {
        let partition = partition.expect("an entry");
        let name = partition.file_name().to_string_lossy().into_owned();
        let kind = decoders.iter().position(|(prefix, _)| name.starts_with(prefix));
        let inside = std::fs::read_dir(partition.path()).into_iter().flatten().flatten();
        let logs = inside.map(|file| file.path()).filter(|file| {
            file.extension().is_some_and(|extension| {
                ["log", "index", "timeindex", "txnindex", "snapshot"]
                    .iter()
                    .any(|e| extension == *e)
            })
        });
        let logs = logs.map(|file| file.to_string_lossy().into_owned());
        files[kind.expect("the last prefix fits all")].extend(logs);
    }
    for ((prefix, decoder), files) in decoders.iter().zip(files) {
        assert!(!files.is_empty(), "no file of {prefix}");
        let list = files.join(",");
        let mut argv = vec!["--deep-iteration", "--print-data-log", "--files", &list];
        argv.extend(decoder);
        let told = tell(kafkas, "kafka-dump-log.sh", &argv);
        let complaint = |line: &&str| {
            let line = line.to_lowercase();
            [
                "isvalid: false",
                "mismatch",
                "corrupt",
                "exception",
                "could not",
                "unknown",
            ]
            .iter()
            .any(|word| line.contains(word))
        };
        assert_eq!(told.lines().find(complaint), None, "{prefix}");
    }
}

#[test]
fn the_state_of_all_coordinators_moves_to_kafka_and_back() {
    if !kafka::available() {
        return;
    }
    let folder = tempfile::tempdir().expect("a temp dir");
    let (data, kafkas) = (folder.path().join("data"), Tools::kafka(folder.path()));
    let settings: Vec<String> = SETTINGS.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let kt = Broker::on(&data, &SETTINGS).expect("a broker");
    fill(kt.bootstrap());
    let filled = look(&kafkas, kt.bootstrap());
    assert_eq!((filled.committed.len(), filled.all.len()), (1, 3));
    assert_eq!(filled.offsets.len(), 2);
    assert_eq!(filled.acls, acls());
    assert_eq!(kt.stop(), Some(0));
    dump(&kafkas, &data);

    let kafka = Kafka::on(&data, &settings);
    assert_eq!(look(&kafkas, &kafka.brokers[0]), filled);
    go_on(&kafka.brokers[0], "e", ["goes on b*2 e*1", "{a=2, b=2} by 4"]);
    let grown = look(&kafkas, &kafka.brokers[0]);
    kafka.stop_nodes();
    copy_dir(&kafka.data_dir(1), &data);
    drop(kafka);

    let kt = Broker::on(&data, &SETTINGS).expect("kt broker on Kafka's data");
    assert_eq!(look(&kafkas, kt.bootstrap()), grown);
    go_on(kt.bootstrap(), "f", ["goes on f*1", "{a=2, b=3} by 5"]);
    assert_eq!(kt.stop(), Some(0));
    dump(&kafkas, &data);
}
