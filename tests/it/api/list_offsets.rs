//! ListOffsets (2): the special timestamps, each from the version on that knows it.

use kafka_protocol::messages::TopicName;

use crate::support::broker::{AnyBroker, unique};
use crate::support::rdkafka;
use crate::support::wire::{Wire, list_offsets};

#[test]
fn special_timestamps_are_known_from_their_version_on() {
    let broker = AnyBroker::get();
    let topic = unique("it-list-offsets");
    rdkafka::create_topic(broker.bootstrap(), &topic, 1);
    let values: [&[u8]; 3] = [b"a", b"b", b"c"];
    rdkafka::produce(broker.bootstrap(), &topic, &[], values.iter().map(|v| (*v, *v)));
    let mut wire = Wire::connect(broker.bootstrap());
    let name = TopicName(topic.into());
    // Timestamp, the first version that knows it, and the offset it stands for.
    for (timestamp, since, offset) in [
        (-1, 1, 3),
        (-2, 1, 0),
        (-3, 7, 2),
        (-4, 8, 0),
        (-5, 9, -1),
        (-6, 11, -1),
    ] {
        for version in 1..=11 {
            let found = list_offsets(&mut wire, &name, timestamp, version);
            if version < since {
                assert_eq!(found.error_code, 35, "timestamp {timestamp} in version {version}");
            } else {
                let got = (found.error_code, found.offset);
                assert!(
                    got == (0, offset) || timestamp == -3 && got.0 == 0 && got.1 >= 0,
                    "timestamp {timestamp} in version {version}: {got:?}"
                );
            }
        }
    }
}
