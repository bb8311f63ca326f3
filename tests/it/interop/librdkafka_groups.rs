//! Consumer groups as librdkafka lives them: both protocols, eager and cooperative rebalances, static members.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use crate::support::broker::{AnyBroker, Broker, unique};

/// How long anything may take; the tests wait for what is to come about, so only a failing one takes so long.
const LIMIT: Duration = Duration::from_secs(40);

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < LIMIT, "in vain: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A topic with one record in each partition.
fn topic(bootstrap: &str, partitions: i32) -> String {
    let name = unique("groups");
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .create()
        .expect("an admin client");
    let new = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
    let made = tokio::runtime::Runtime::new()
        .expect("a runtime")
        .block_on(admin.create_topics([&new], &AdminOptions::new()))
        .expect("an answer");
    made.into_iter().for_each(|topic| drop(topic.expect("the topic")));
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .create()
        .expect("a producer");
    for partition in 0..partitions {
        let record = BaseRecord::<(), _>::to(&name).partition(partition).payload("x");
        producer
            .send(record)
            .map_err(|(error, _)| error)
            .expect("room in the queue");
    }
    producer.flush(LIMIT).expect("all are delivered");
    name
}

/// A consumer that polls in its own thread, as an application does.
struct Member {
    consumer: Arc<BaseConsumer>,
    stop: Arc<AtomicBool>,
    /// Partition and offset of what it has read.
    seen: Arc<parking_lot::Mutex<BTreeSet<(i32, i64)>>>,
    thread: Option<JoinHandle<()>>,
}

impl Member {
    fn start(bootstrap: &str, group: &str, topic: &str, more: &[(&str, &str)]) -> Self {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", bootstrap)
            .set("group.id", group)
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.commit", "false");
        for (key, value) in more {
            config.set(*key, *value);
        }
        let consumer: Arc<BaseConsumer> = Arc::new(config.create().expect("a consumer"));
        consumer.subscribe(&[topic]).expect("a subscription");
        let (stop, seen) = (
            Arc::new(AtomicBool::new(false)),
            Arc::<parking_lot::Mutex<BTreeSet<(i32, i64)>>>::default(),
        );
        let thread = thread::spawn({
            let (consumer, stop, seen) = (consumer.clone(), stop.clone(), seen.clone());
            move || {
                while !stop.load(Ordering::SeqCst) {
                    if let Some(Ok(message)) = consumer.poll(Duration::from_millis(50)) {
                        seen.lock().insert((message.partition(), message.offset()));
                    }
                }
            }
        });
        Self {
            consumer,
            stop,
            seen,
            thread: Some(thread),
        }
    }

    fn assigned(&self) -> BTreeSet<i32> {
        let assignment = self.consumer.assignment().expect("an assignment");
        assignment
            .elements()
            .iter()
            .map(|element| element.partition())
            .collect()
    }

    /// The state of a classic group; DescribeGroups knows no others, they are "Dead".
    fn state_of(&self, group: &str) -> String {
        let groups = self.consumer.fetch_group_list(Some(group), LIMIT).expect("an answer");
        groups.groups()[0].state().to_owned()
    }

    /// Leaves the group.
    fn close(mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.thread
            .take()
            .expect("it was not closed before")
            .join()
            .expect("the thread did not panic");
        self.consumer.unsubscribe();
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

/// Two members share four partitions, each is read once; when one leaves the other has them all.
fn two_members_share(more: &[(&str, &str)]) {
    let broker = AnyBroker::get();
    let topic = topic(broker.bootstrap(), 4);
    let group = unique("g");
    let first = Member::start(broker.bootstrap(), &group, &topic, more);
    until("the first member has all partitions", || first.assigned().len() == 4);
    until("the first member reads all partitions", || first.seen.lock().len() == 4);
    let second = Member::start(broker.bootstrap(), &group, &topic, more);
    until("both have two partitions", || {
        first.assigned().len() == 2 && second.assigned().len() == 2
    });
    assert!(first.assigned().is_disjoint(&second.assigned()));
    first.close();
    until("the second member has all partitions", || second.assigned().len() == 4);
    second.close();
}

#[test]
fn members_share_with_range() {
    two_members_share(&[]);
}

#[test]
fn members_share_with_cooperative_sticky() {
    two_members_share(&[("partition.assignment.strategy", "cooperative-sticky")]);
}

#[test]
fn members_share_in_the_consumer_protocol() {
    two_members_share(&[("group.protocol", "consumer")]);
}

#[test]
fn a_static_member_comes_back_without_a_rebalance() {
    let broker = AnyBroker::get();
    let topic = topic(broker.bootstrap(), 4);
    let group = unique("g");
    let stays = Member::start(broker.bootstrap(), &group, &topic, &[("group.instance.id", "stays")]);
    until("it has all partitions", || stays.assigned().len() == 4);
    let goes = Member::start(broker.bootstrap(), &group, &topic, &[("group.instance.id", "goes")]);
    until("both have two partitions", || {
        stays.assigned().len() == 2 && goes.assigned().len() == 2
    });
    let (staying, going) = (stays.assigned(), goes.assigned());
    drop(goes);
    let back = Member::start(broker.bootstrap(), &group, &topic, &[("group.instance.id", "goes")]);
    until("it has what it had", || back.assigned() == going);
    assert_eq!(stays.assigned(), staying);
    stays.close();
    back.close();
}

/// Writes records to the partitions in turn until it is told to stop.
fn write_until(bootstrap: &str, topic: &str, stop: &Arc<AtomicBool>) -> JoinHandle<()> {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .create()
        .expect("a producer");
    let (topic, stop) = (topic.to_owned(), stop.clone());
    thread::spawn(move || {
        for partition in (0..4).cycle() {
            if stop.load(Ordering::SeqCst) {
                break;
            }
            let record = BaseRecord::<(), _>::to(&topic).partition(partition).payload("x");
            producer
                .send(record)
                .map_err(|(error, _)| error)
                .expect("room in the queue");
            producer.poll(Duration::from_millis(2));
        }
        producer.flush(LIMIT).expect("all are delivered");
    })
}

/// A classic group takes up the consumer protocol when a member of it comes, and is classic again when that one has left;
/// what is written all the while is read.
#[test]
fn a_group_changes_its_protocol_and_back_while_it_works() {
    let broker = AnyBroker::get();
    let bootstrap = broker.bootstrap();
    let topic = topic(bootstrap, 4);
    let group = unique("g");
    let stop = Arc::new(AtomicBool::new(false));
    let writer = write_until(bootstrap, &topic, &stop);
    let commits = ("enable.auto.commit", "true");
    let classic = Member::start(bootstrap, &group, &topic, &[commits]);
    until("the classic member has all partitions", || {
        classic.assigned().len() == 4
    });
    let state = || classic.state_of(&group);
    assert_eq!(state(), "Stable");

    let next = Member::start(bootstrap, &group, &topic, &[commits, ("group.protocol", "consumer")]);
    until("both have two partitions", || {
        classic.assigned().len() == 2 && next.assigned().len() == 2
    });
    assert!(classic.assigned().is_disjoint(&next.assigned()));
    assert_eq!(state(), "Dead");
    let seen_by_next = next.seen.clone();
    until("the member of the consumer protocol reads", || {
        !seen_by_next.lock().is_empty()
    });

    next.close();
    until("the classic member has all partitions again", || {
        classic.assigned().len() == 4
    });
    until("the group is stable", || state() == "Stable");
    stop.store(true, Ordering::SeqCst);
    writer.join().expect("the writer did not panic");
    for partition in 0..4 {
        let (_, end) = classic
            .consumer
            .fetch_watermarks(&topic, partition, LIMIT)
            .expect("an answer");
        until("everything is read", || {
            let (one, other) = (classic.seen.lock(), seen_by_next.lock());
            (0..end).all(|offset| one.contains(&(partition, offset)) || other.contains(&(partition, offset)))
        });
    }
    classic.close();
}

/// The last member of the consumer protocol comes back as a classic one, and nobody has to rebalance.
#[test]
fn a_static_member_takes_the_group_back_to_the_classic_protocol() {
    let broker = AnyBroker::get();
    let bootstrap = broker.bootstrap();
    let (topic, group) = (topic(bootstrap, 4), unique("g"));
    let stays = Member::start(bootstrap, &group, &topic, &[]);
    until("it has all partitions", || stays.assigned().len() == 4);
    let (is_static, is_next) = (("group.instance.id", "goes"), ("group.protocol", "consumer"));
    let goes = Member::start(bootstrap, &group, &topic, &[is_static, is_next]);
    until("both have two partitions", || {
        stays.assigned().len() == 2 && goes.assigned().len() == 2
    });
    let (staying, going) = (stays.assigned(), goes.assigned());
    assert_eq!(stays.state_of(&group), "Dead");
    drop(goes);
    let back = Member::start(bootstrap, &group, &topic, &[is_static]);
    until("it has what it had", || back.assigned() == going);
    assert_eq!((stays.state_of(&group).as_str(), stays.assigned()), ("Stable", staying));
    stays.close();
    back.close();
}

/// What a consumer has committed is there after the broker was killed and started again.
#[test]
fn commits_survive_a_killed_broker() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let data = dir.path().join("data");
    let broker = Broker::on(&data, &[]).expect("a broker");
    let topic = topic(broker.bootstrap(), 2);
    for protocol in ["classic", "consumer"] {
        let member = Member::start(broker.bootstrap(), protocol, &topic, &[("group.protocol", protocol)]);
        until("it reads both partitions", || member.seen.lock().len() == 2);
        let mut offsets = TopicPartitionList::new();
        offsets
            .add_partition_offset(&topic, 0, Offset::Offset(1))
            .expect("a partition");
        member.consumer.commit(&offsets, CommitMode::Sync).expect("the commit");
        member.close();
    }
    broker.kill();

    let broker = Broker::on(&data, &[]).expect("the broker again");
    for protocol in ["classic", "consumer"] {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", broker.bootstrap())
            .set("group.id", protocol)
            .create()
            .expect("a consumer");
        let mut asked = TopicPartitionList::new();
        asked.add_partition(&topic, 0);
        asked.add_partition(&topic, 1);
        let committed = consumer.committed_offsets(asked, LIMIT).expect("an answer");
        let offset = |partition| {
            committed
                .find_partition(&topic, partition)
                .expect("it was asked for")
                .offset()
        };
        assert_eq!(
            (offset(0), offset(1)),
            (Offset::Offset(1), Offset::Invalid),
            "{protocol}"
        );
    }
}
