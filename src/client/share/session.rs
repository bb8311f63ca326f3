//! What a leader is asked and told (Kafka: `ShareSessionHandler`). No sockets here.
//!
//! A session begins with epoch 0 and all partitions; later requests name only partitions that are new, that have
//! acknowledgements, or that are forgotten. Epoch -1 ends it. In the first request nothing can be acknowledged.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::messages::GroupId;
use kafka_protocol::messages::share_fetch_request::ForgottenTopic;
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::{AcknowledgeType, Place, ShareSettings};
use crate::wire::share::{
    AcknowledgementBatch, ShareAcknowledgeRequest, ShareFetchRequest, SharePartition, ShareTopic,
};

const INITIAL_EPOCH: i32 = 0;
const FINAL_EPOCH: i32 = -1;

/// A topic id and a partition.
type Key = (Uuid, i32);

/// First and last offset, and what became of the records between.
type Acknowledged = (i64, i64, AcknowledgeType);

/// The session with one leader.
#[derive(Debug)]
pub(super) struct Session {
    epoch: i32,
    wanted: BTreeSet<Key>,
    /// What the leader knows of.
    known: BTreeSet<Key>,
    pending: BTreeMap<Key, Vec<Acknowledged>>,
}

impl Session {
    pub fn new() -> Self {
        Self {
            epoch: INITIAL_EPOCH,
            wanted: BTreeSet::new(),
            known: BTreeSet::new(),
            pending: BTreeMap::new(),
        }
    }

    /// These are the partitions to read, all of them.
    pub fn want(&mut self, places: &[Place]) {
        self.wanted = places.iter().map(|p| (p.topic_id, p.partition.partition)).collect();
    }

    pub fn acknowledge(&mut self, place: &Place, ranges: &[(i64, i64)], kind: AcknowledgeType) {
        let list = self
            .pending
            .entry((place.topic_id, place.partition.partition))
            .or_default();
        list.extend(ranges.iter().map(|(first, last)| (*first, *last, kind)));
    }

    /// Whether there is something to ask or to tell.
    pub fn is_busy(&self) -> bool {
        !self.wanted.is_empty() || !self.known.is_empty() || !self.pending.is_empty()
    }

    /// The next ShareFetch. What it acknowledges is no longer pending.
    pub fn fetch(&mut self, settings: &ShareSettings, member_id: &StrBytes) -> ShareFetchRequest {
        let mut named: BTreeMap<Key, Vec<Acknowledged>> = BTreeMap::new();
        if self.epoch == INITIAL_EPOCH {
            // A new session knows nothing of records that an older one lent: the leader has taken them back.
            self.pending.clear();
            self.known.clear();
        }
        named.extend(self.wanted.difference(&self.known).map(|key| (*key, Vec::new())));
        named.append(&mut self.pending);
        let forgotten: Vec<Key> = self.known.difference(&self.wanted).copied().collect();
        self.known.clone_from(&self.wanted);
        ShareFetchRequest {
            group_id: Some(GroupId(StrBytes::from_string(settings.group.clone()))),
            member_id: Some(member_id.clone()),
            share_session_epoch: self.epoch,
            max_wait_ms: settings.max_wait_ms,
            min_bytes: settings.min_bytes,
            max_bytes: settings.max_bytes,
            max_records: settings.max_records,
            batch_size: settings.max_records,
            topics: topics_of(named),
            forgotten_topics_data: forgotten_topics(&forgotten),
            ..ShareFetchRequest::default()
        }
    }

    /// The leader has answered the last request.
    pub fn answered(&mut self) {
        self.epoch = if self.epoch == i32::MAX { 1 } else { self.epoch + 1 };
    }

    /// The leader does not know the session (any more): the next request begins a new one.
    pub fn reset(&mut self) {
        self.epoch = INITIAL_EPOCH;
    }

    /// The request that ends the session, with what is still to be told; `None` if there is no session.
    pub fn finish(&mut self, settings: &ShareSettings, member_id: &StrBytes) -> Option<ShareAcknowledgeRequest> {
        if self.epoch == INITIAL_EPOCH {
            return None;
        }
        Some(ShareAcknowledgeRequest {
            group_id: Some(GroupId(StrBytes::from_string(settings.group.clone()))),
            member_id: Some(member_id.clone()),
            share_session_epoch: FINAL_EPOCH,
            topics: topics_of(std::mem::take(&mut self.pending)),
            ..ShareAcknowledgeRequest::default()
        })
    }
}

fn topics_of(named: BTreeMap<Key, Vec<Acknowledged>>) -> Vec<ShareTopic> {
    let mut topics: Vec<ShareTopic> = Vec::new();
    for ((topic_id, partition_index), list) in named {
        let batch = |(first_offset, last_offset, kind): Acknowledged| AcknowledgementBatch {
            first_offset,
            last_offset,
            acknowledge_types: vec![kind as i8],
        };
        let partition = SharePartition {
            partition_index,
            acknowledgement_batches: list.into_iter().map(batch).collect(),
        };
        match topics.last_mut().filter(|t| t.topic_id == topic_id) {
            Some(topic) => topic.partitions.push(partition),
            None => topics.push(ShareTopic {
                topic_id,
                partitions: vec![partition],
            }),
        }
    }
    topics
}

fn forgotten_topics(keys: &[Key]) -> Vec<ForgottenTopic> {
    let mut topics: Vec<ForgottenTopic> = Vec::new();
    for (topic_id, partition) in keys {
        match topics.last_mut().filter(|t| t.topic_id == *topic_id) {
            Some(topic) => topic.partitions.push(*partition),
            None => topics.push(
                ForgottenTopic::default()
                    .with_topic_id(*topic_id)
                    .with_partitions(vec![*partition]),
            ),
        }
    }
    topics
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TopicPartition;
    use crate::client::props::Properties;

    fn place(partition: i32) -> Place {
        let topic = "t".into();
        Place {
            topic_id: Uuid::from_u128(7),
            partition: TopicPartition { topic, partition },
        }
    }

    fn ask(session: &mut Session) -> ShareFetchRequest {
        let settings = ShareSettings::from_props("g", &Properties::new());
        session.fetch(&settings, &StrBytes::from_static_str("m"))
    }

    /// Partitions named, with the number of batches acknowledged.
    fn named(request: &ShareFetchRequest) -> Vec<(i32, usize)> {
        let partitions = request.topics.iter().flat_map(|t| &t.partitions);
        partitions
            .map(|p| (p.partition_index, p.acknowledgement_batches.len()))
            .collect()
    }

    #[test]
    fn a_session_names_what_is_new_what_is_acknowledged_and_what_is_forgotten() {
        let mut session = Session::new();
        session.want(&[place(0), place(1)]);
        let first = ask(&mut session);
        assert_eq!((first.share_session_epoch, named(&first)), (0, vec![(0, 0), (1, 0)]));
        session.answered();
        assert!(named(&ask(&mut session)).is_empty());
        session.answered();
        session.acknowledge(&place(1), &[(3, 5), (8, 8)], AcknowledgeType::Accept);
        session.want(&[place(0), place(2)]);
        let third = ask(&mut session);
        assert_eq!((third.share_session_epoch, named(&third)), (2, vec![(1, 2), (2, 0)]));
        assert_eq!(third.forgotten_topics_data[0].partitions, [1]);
        session.answered();
        assert!(named(&ask(&mut session)).is_empty(), "told once");
    }

    #[test]
    fn a_new_session_begins_with_everything_and_acknowledges_nothing() {
        let settings = ShareSettings::from_props("g", &Properties::new());
        let member = StrBytes::from_static_str("m");
        let mut session = Session::new();
        session.want(&[place(0)]);
        assert!(session.finish(&settings, &member).is_none(), "there is no session yet");
        ask(&mut session);
        session.answered();
        session.acknowledge(&place(0), &[(0, 9)], AcknowledgeType::Release);
        session.reset();
        let again = ask(&mut session);
        assert_eq!((again.share_session_epoch, named(&again)), (0, vec![(0, 0)]));
        session.answered();
        session.acknowledge(&place(0), &[(0, 9)], AcknowledgeType::Release);
        let last = session.finish(&settings, &member).expect("a session");
        assert_eq!(last.share_session_epoch, -1);
        assert_eq!(
            last.topics[0].partitions[0].acknowledgement_batches[0].acknowledge_types,
            [2]
        );
    }
}
