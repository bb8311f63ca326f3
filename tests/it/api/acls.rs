//! Rights. Every API, in every version it is answered in, asked by a principal that has none: the error is Kafka's, and
//! nothing is told that must not be. With `KT_TEST_DENIED=HOST:PORT,TOPIC_ID` the same is asked of a real Kafka that has
//! a topic `denied` and an authorizer, and gives `User:ANONYMOUS` no rights (beyond CLUSTER_ACTION, which its controller
//! needs, and for which it answers OffsetForLeaderEpoch).

mod denied;
mod granted;
mod moved;
mod regex;
mod transactions;

use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::{CreateTopicsRequest, TopicName};
use uuid::Uuid;

use crate::support::broker::Broker;
use crate::support::wire::{Wire, text};

pub(super) const AUTHORIZER: (&str, &str) = (
    "authorizer.class.name",
    "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
);
/// A topic that is there, and that nobody may know of.
pub(super) const TOPIC: &str = "denied";

pub(super) const TOPIC_DENIED: i16 = 29;
pub(super) const GROUP_DENIED: i16 = 30;
pub(super) const CLUSTER_DENIED: i16 = 31;
pub(super) const TRANSACTION_DENIED: i16 = 53;

pub(super) fn topic_name(s: &str) -> TopicName {
    TopicName(text(s))
}

/// A broker with a topic, on which everybody may do everything, or nobody anything.
pub(super) struct Guarded {
    temp: tempfile::TempDir,
    pub broker: Broker,
    pub topic_id: Uuid,
}

impl Guarded {
    pub fn open() -> Self {
        let temp = tempfile::tempdir().expect("a temp dir");
        let broker = start(temp.path(), true);
        let new = CreatableTopic::default()
            .with_name(topic_name(TOPIC))
            .with_num_partitions(1)
            .with_replication_factor(1);
        let request = CreateTopicsRequest::default()
            .with_topics(vec![new])
            .with_timeout_ms(10_000);
        let topic_id = Wire::connect(broker.bootstrap()).call(&request, 7).topics[0].topic_id;
        assert!(!topic_id.is_nil());
        Self { temp, broker, topic_id }
    }

    /// The same data, and nobody is a super user any more.
    pub fn close(self) -> Self {
        let Self { temp, broker, topic_id } = self;
        broker.stop();
        let broker = start(temp.path(), false);
        Self { temp, broker, topic_id }
    }
}

fn start(dir: &std::path::Path, is_open: bool) -> Broker {
    let mut settings = vec![AUTHORIZER];
    if is_open {
        settings.push(("super.users", "User:admin;User:ANONYMOUS"));
    }
    Broker::on(&dir.join("data"), &settings).unwrap_or_else(|said| panic!("{said}"))
}
