//! The walk over batches, on bytes; leaders that move, epochs and offsets that end, against scripted brokers.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use crate::wire::api::ApiKey;
use bytes::Bytes;
use kafka_protocol::messages::fetch_response::{EpochEndOffset, FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    BrokerId, FetchRequest, FetchResponse, ListOffsetsRequest, ListOffsetsResponse, MetadataResponse, TopicName,
};
use kafka_protocol::protocol::{Decodable, StrBytes};
use parking_lot::Mutex;
use uuid::Uuid;

use super::data::end_of;
use super::{Aborted, FetchSettings, Fetched, Fetcher, Start};
use crate::TopicPartition;
use crate::client::props::Properties;
use crate::client::testing::{Asked, Reply, Script, serve, versions};
use crate::client::{Bootstrap, ConnectConfig};
use crate::record::control::EndTxnMarker;
use crate::record::{BatchHeader, BatchOptions, Compression, RecordBatchBuilder, RecordError};
use crate::wire::ErrorCode;

fn partition() -> TopicPartition {
    TopicPartition {
        topic: "t".into(),
        partition: 0,
    }
}

fn fetched(records: Vec<u8>, from: i64, aborted: Option<Vec<Aborted>>) -> Fetched {
    Fetched {
        partition: partition(),
        from,
        next_offset: end_of(&records).unwrap().map_or(from, |end| end.offset),
        high_watermark: 0,
        records: Bytes::from(records),
        aborted,
        check_crcs: true,
        _share: None,
    }
}

/// A batch of `count` records, the value of each its offset.
fn batch(options: BatchOptions, count: i64) -> Vec<u8> {
    let first = options.base_offset;
    let mut builder = RecordBatchBuilder::new(options);
    for offset in first..first + count {
        builder.append(1000, Some(b"key"), Some(offset.to_string().as_bytes()));
    }
    builder.build().to_vec()
}

fn plain(base_offset: i64, count: i64) -> Vec<u8> {
    batch(
        BatchOptions {
            base_offset,
            ..Default::default()
        },
        count,
    )
}

/// The offsets shown, which are the values, too.
fn offsets(of: &Fetched) -> Result<Vec<i64>, RecordError> {
    let mut seen = Vec::new();
    of.visit(|record| {
        assert_eq!(record.value, Some(record.offset.to_string().as_bytes()));
        seen.push(record.offset);
        ControlFlow::Continue(())
    })?;
    Ok(seen)
}

#[test]
fn records_of_every_codec_are_shown_from_the_offset_wanted() {
    let mut bytes = Vec::new();
    for (n, compression) in (0..).zip(Compression::ALL) {
        let options = BatchOptions {
            base_offset: n * 10,
            compression,
            ..Default::default()
        };
        bytes.extend(batch(options, 10));
    }
    let all = fetched(bytes.clone(), 13, None);
    assert_eq!(offsets(&all).unwrap(), (13..50).collect::<Vec<_>>());
    assert_eq!(all.next_offset, 50);
    // The last batch is cut off, as brokers do.
    let torn = fetched(bytes[..bytes.len() - 5].to_vec(), 0, None);
    assert_eq!(offsets(&torn).unwrap(), (0..40).collect::<Vec<_>>());
    assert_eq!(torn.next_offset, 40);
}

#[test]
fn a_break_tells_where_to_go_on() {
    let all = fetched([plain(0, 5), plain(5, 5)].concat(), 0, None);
    let mut seen = 0;
    let next = all.visit(|_| {
        seen += 1;
        if seen < 7 {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    assert_eq!((next.unwrap(), seen), (7, 7));
}

#[test]
fn gaps_that_compaction_left_are_passed() {
    let full = plain(0, 9);
    let mut builder = RecordBatchBuilder::new(BatchOptions::default());
    fetched(full, 0, None)
        .visit(|record| {
            if [1, 4].contains(&record.offset) {
                builder.append_record_with_offset(record);
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    let mut kept = builder.build().to_vec();
    // The cleaner keeps a batch's last offset although its record is gone.
    kept[23..27].copy_from_slice(&8i32.to_be_bytes());
    let mut header = BatchHeader::parse(kept.first_chunk().unwrap());
    header.update_crc(&kept[61..]);
    kept[17..21].copy_from_slice(&header.crc.to_be_bytes());
    let kept = fetched([kept, plain(20, 2)].concat(), 0, None);
    assert_eq!(offsets(&kept).unwrap(), [1, 4, 20, 21]);
    assert_eq!(kept.next_offset, 22);
    let only = fetched(
        kept.records[..kept.records.len() - plain(20, 2).len()].to_vec(),
        5,
        None,
    );
    assert_eq!((offsets(&only).unwrap(), only.next_offset), (vec![], 9));
}

fn transactional(base_offset: i64, producer_id: i64) -> Vec<u8> {
    let options = BatchOptions {
        base_offset,
        producer_id,
        producer_epoch: 0,
        base_sequence: 0,
        transactional: true,
        ..Default::default()
    };
    batch(options, 1)
}

fn marker(offset: i64, producer_id: i64, committed: bool) -> Vec<u8> {
    let end = EndTxnMarker {
        committed,
        coordinator_epoch: 0,
    };
    let mut bytes = end.to_batch(producer_id, 0, 1000).to_vec();
    bytes[..8].copy_from_slice(&offset.to_be_bytes());
    bytes
}

#[test]
fn aborted_transactions_are_left_out_for_read_committed_only() {
    let log = [
        transactional(0, 1),
        transactional(1, 2),
        plain(2, 1),
        transactional(3, 1),
        marker(4, 1, false),
        transactional(5, 1),
        marker(6, 1, true),
        marker(7, 2, true),
        transactional(8, 2),
        marker(9, 2, false),
    ]
    .concat();
    let aborted = |producer_id, first_offset| Aborted {
        producer_id,
        first_offset,
    };
    let committed = fetched(log.clone(), 0, Some(vec![aborted(2, 8), aborted(1, 0)]));
    assert_eq!(offsets(&committed).unwrap(), [1, 2, 5]);
    assert_eq!(committed.next_offset, 10);
    let all = fetched(log, 0, None);
    assert_eq!(offsets(&all).unwrap(), [0, 1, 2, 3, 5, 8]);
}

#[test]
fn damage_is_an_error_behind_what_was_whole() {
    let mut bytes = [plain(0, 2), plain(2, 2)].concat();
    let last = bytes.len() - 2;
    bytes[last] ^= 1;
    let mut damaged = fetched(bytes, 0, None);
    let mut seen = Vec::new();
    let end = damaged.visit(|record| {
        seen.push(record.offset);
        ControlFlow::Continue(())
    });
    assert!(end.is_err());
    assert_eq!(seen, [0, 1]);
    damaged.check_crcs = false;
    let mut count = 0;
    let end = damaged.visit(|_| {
        count += 1;
        ControlFlow::Continue(())
    });
    assert_eq!((end.unwrap(), count), (4, 4));
}

#[test]
fn messages_of_magic_1_are_shown_as_records() {
    let mut message = 7i64.to_be_bytes().to_vec();
    message.extend_from_slice(&(4 + 1 + 1 + 8 + 4 + 4 + 1i32).to_be_bytes());
    message.extend_from_slice(&[0, 0, 0, 0, 1, 0]);
    message.extend_from_slice(&55i64.to_be_bytes());
    message.extend_from_slice(&(-1i32).to_be_bytes());
    message.extend_from_slice(&1i32.to_be_bytes());
    message.push(b'7');
    let old = fetched([message, plain(8, 1)].concat(), 0, None);
    assert_eq!(offsets(&old).unwrap(), [7, 8]);
}

/// What the scripted brokers agree on.
struct World {
    ports: Vec<u16>,
    /// Index into `ports`; the node's id is one more.
    leader: usize,
    epoch: i32,
    log_start: i64,
    log: Vec<u8>,
    /// What happens before the next fetch is answered.
    next: Vec<Event>,
    fetches: Vec<(usize, i64, i32)>,
}

enum Event {
    /// The other broker leads from now on, in a new epoch.
    Moves,
    /// The same broker, in a new epoch.
    Epoch,
    HangsUp,
    Nothing,
    /// The other broker leads from now on, in a new epoch, without ever having had all of the log.
    Truncates(Vec<u8>),
}

const TOPIC_ID: Uuid = Uuid::from_u128(7);

fn topic_name() -> TopicName {
    TopicName(StrBytes::from_static_str("t"))
}

impl World {
    fn metadata(&self) -> MetadataResponse {
        let broker = |(at, port): (usize, &u16)| {
            MetadataResponseBroker::default()
                .with_node_id(BrokerId(at as i32 + 1))
                .with_host(StrBytes::from_static_str("127.0.0.1"))
                .with_port(i32::from(*port))
        };
        let partition = MetadataResponsePartition::default()
            .with_leader_id(BrokerId(self.leader as i32 + 1))
            .with_leader_epoch(self.epoch);
        let topic = MetadataResponseTopic::default()
            .with_name(Some(topic_name()))
            .with_topic_id(TOPIC_ID)
            .with_partitions(vec![partition]);
        MetadataResponse::default()
            .with_brokers(self.ports.iter().enumerate().map(broker).collect())
            .with_controller_id(BrokerId(1))
            .with_topics(vec![topic])
    }

    fn fetch(&mut self, node: usize, request: &FetchRequest) -> Option<FetchResponse> {
        let asked = &request.topics[0].partitions[0];
        self.fetches
            .push((node, asked.fetch_offset, asked.current_leader_epoch));
        match self.next.pop() {
            Some(Event::Moves) => {
                self.leader = 1 - self.leader;
                self.epoch += 1;
            }
            Some(Event::Epoch) => self.epoch += 1,
            Some(Event::HangsUp) => return None,
            Some(Event::Truncates(log)) => {
                self.leader = 1 - self.leader;
                self.epoch += 1;
                self.log = log;
            }
            Some(Event::Nothing) | None => {}
        }
        let code = if node != self.leader {
            ErrorCode::NOT_LEADER_OR_FOLLOWER
        } else if asked.current_leader_epoch < self.epoch {
            ErrorCode::FENCED_LEADER_EPOCH
        } else if asked.fetch_offset < self.log_start {
            ErrorCode::OFFSET_OUT_OF_RANGE
        } else {
            ErrorCode::NONE
        };
        // One batch a fetch, the one that holds the offset.
        let mut rest = &self.log[..];
        let mut found: &[u8] = &[];
        let mut same = EpochEndOffset::default();
        while code == ErrorCode::NONE && !rest.is_empty() {
            let size = crate::record::batch::batch_size(rest).unwrap().unwrap();
            let header = BatchHeader::parse(rest.first_chunk().unwrap());
            if found.is_empty() && header.last_offset() >= asked.fetch_offset {
                found = &rest[..size];
            }
            if header.partition_leader_epoch <= asked.last_fetched_epoch {
                same.epoch = header.partition_leader_epoch;
                same.end_offset = header.last_offset() + 1;
            }
            rest = &rest[size..];
        }
        let is_same = same.epoch == asked.last_fetched_epoch && same.end_offset >= asked.fetch_offset;
        let data = PartitionData::default().with_error_code(code.code());
        let data = match code == ErrorCode::NONE && asked.last_fetched_epoch >= 0 && !is_same {
            true => data.with_diverging_epoch(same),
            false => data.with_records(Some(Bytes::copy_from_slice(found))),
        };
        let topic = FetchableTopicResponse::default()
            .with_topic_id(request.topics[0].topic_id)
            .with_partitions(vec![data]);
        Some(FetchResponse::default().with_responses(vec![topic]))
    }

    fn list_offsets(&self, request: &ListOffsetsRequest) -> ListOffsetsResponse {
        let offset = match request.topics[0].partitions[0].timestamp {
            -2 => self.log_start,
            _ => end_of(&self.log).unwrap().unwrap().offset,
        };
        let partition = ListOffsetsPartitionResponse::default().with_offset(offset);
        let topic = ListOffsetsTopicResponse::default()
            .with_name(topic_name())
            .with_partitions(vec![partition]);
        ListOffsetsResponse::default().with_topics(vec![topic])
    }
}

fn script(world: Arc<Mutex<World>>, node: usize) -> Script {
    Arc::new(move |asked: &Asked| {
        let mut world = world.lock();
        let mut body = asked.body.clone();
        match asked.key {
            ApiKey::ApiVersions => asked.answer(&versions()),
            ApiKey::Metadata => asked.answer(&world.metadata()),
            ApiKey::Fetch => {
                let request = FetchRequest::decode(&mut body, asked.version).unwrap();
                match world.fetch(node, &request) {
                    Some(answer) => asked.answer(&answer),
                    None => Reply::HangUp,
                }
            }
            ApiKey::ListOffsets => {
                let request = ListOffsetsRequest::decode(&mut body, asked.version).unwrap();
                asked.answer(&world.list_offsets(&request))
            }
            _ => Reply::HangUp,
        }
    })
}

async fn two_brokers(log: Vec<u8>, log_start: i64, mut next: Vec<Event>) -> (Arc<Mutex<World>>, ConnectConfig) {
    next.reverse();
    let world = Arc::new(Mutex::new(World {
        ports: Vec::new(),
        leader: 0,
        epoch: 3,
        log_start,
        log,
        next,
        fetches: Vec::new(),
    }));
    for node in 0..2 {
        let port = serve(None, script(world.clone(), node)).await;
        world.lock().ports.push(port);
    }
    let bootstrap = Bootstrap::Servers(format!("127.0.0.1:{}", world.lock().ports[0]));
    let connect = ConnectConfig {
        bootstrap,
        props: Properties::new(),
    };
    (world, connect)
}

/// Reads up to an offset and tells the offsets seen.
async fn read_to(fetcher: &mut Fetcher, end: i64) -> Vec<i64> {
    let mut seen = Vec::new();
    while seen.last().is_none_or(|last| last + 1 < end) {
        let next = tokio::time::timeout(Duration::from_secs(20), fetcher.next()).await;
        let fetched = next.expect("records in time").expect("records").expect("no error");
        seen.extend(offsets(&fetched).unwrap());
    }
    seen
}

#[tokio::test]
async fn a_partition_is_followed_to_its_new_leader_and_through_its_epochs() {
    let log: Vec<u8> = (0..6).flat_map(|n| plain(n * 10, 10)).collect();
    let events = vec![Event::Moves, Event::Epoch, Event::HangsUp, Event::Moves];
    let (world, connect) = two_brokers(log, 0, events).await;
    let mut fetcher = Fetcher::start(
        &connect,
        FetchSettings::default(),
        vec![(partition(), Start::Offset(7))],
    )
    .unwrap();
    // Each record once, in order, whatever happened on the way.
    assert_eq!(read_to(&mut fetcher, 60).await, (7..60).collect::<Vec<_>>());
    let world = world.lock();
    assert_eq!((world.leader, world.epoch), (0, 6));
    let nodes: Vec<usize> = world.fetches.iter().map(|(node, ..)| *node).collect();
    assert!(nodes.starts_with(&[0, 1, 1, 1, 0]), "{nodes:?}");
}

#[tokio::test]
async fn an_offset_out_of_range_is_reset_as_the_policy_says() {
    let log = [plain(40, 10), plain(50, 10)].concat();
    let settings = |reset| FetchSettings {
        reset,
        ..Default::default()
    };
    let (_, connect) = two_brokers(log.clone(), 40, Vec::new()).await;
    let from = |start, reset| Fetcher::start(&connect, settings(reset), vec![(partition(), start)]).unwrap();
    let mut earliest = from(Start::Offset(3), Some(Start::Earliest));
    assert_eq!(read_to(&mut earliest, 60).await, (40..60).collect::<Vec<_>>());
    let mut resolved = from(Start::Earliest, None);
    assert_eq!(read_to(&mut resolved, 60).await, (40..60).collect::<Vec<_>>());
    let mut none = from(Start::Offset(3), None);
    let error = none.next().await.expect("an answer").expect_err("an error");
    assert!(
        error
            .text()
            .contains("Fetch position 3 is out of range for partition t-0"),
        "{error}"
    );
    assert!(none.next().await.is_none());
}

fn in_epoch(partition_leader_epoch: i32, base_offset: i64) -> Vec<u8> {
    let options = BatchOptions {
        base_offset,
        partition_leader_epoch,
        ..Default::default()
    };
    batch(options, 10)
}

#[tokio::test]
async fn a_log_that_lost_what_was_read_is_gone_on_with_where_it_differs() {
    let whole = (0..6).flat_map(|n| in_epoch(3, n * 10)).collect::<Vec<_>>();
    let shorter = [in_epoch(3, 0), in_epoch(3, 10), in_epoch(4, 20), in_epoch(4, 30)].concat();
    let events = || {
        vec![
            Event::Nothing,
            Event::Nothing,
            Event::Nothing,
            Event::Truncates(shorter.clone()),
        ]
    };
    let start = |connect: &ConnectConfig, reset| {
        let settings = FetchSettings {
            reset,
            ..Default::default()
        };
        Fetcher::start(connect, settings, vec![(partition(), Start::Earliest)]).unwrap()
    };
    let (_, connect) = two_brokers(whole.clone(), 0, events()).await;
    let seen = read_to(&mut start(&connect, Some(Start::Latest)), 40).await;
    assert_eq!(seen, (0..30).chain(20..40).collect::<Vec<_>>());

    let (_, connect) = two_brokers(whole, 0, events()).await;
    let mut fetcher = start(&connect, None);
    assert_eq!(read_to(&mut fetcher, 30).await, (0..30).collect::<Vec<_>>());
    let error = fetcher.next().await.expect("an answer").expect_err("an error");
    let said = "Truncated partitions detected with divergent offsets {t-0=OffsetAndMetadata{offset=20, leaderEpoch=3, metadata=''}}";
    assert!(error.text().contains(said), "{error}");
}

#[tokio::test]
async fn what_the_caller_does_not_take_is_not_fetched_without_end() {
    let log: Vec<u8> = (0..200).flat_map(|n| plain(n * 100, 100)).collect();
    let one = plain(0, 100).len();
    let (world, connect) = two_brokers(log, 0, Vec::new()).await;
    let settings = FetchSettings {
        buffer_bytes: 4096,
        ..Default::default()
    };
    let mut fetcher = Fetcher::start(&connect, settings, vec![(partition(), Start::Earliest)]).unwrap();
    let first = fetcher.next().await.unwrap().unwrap();
    // The first is held and takes its share; a few more fit, and one response waits for room.
    let most = 4096 / one + 3;
    for _ in 0..100 {
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let fetches = world.lock().fetches.len();
    assert!(fetches <= most, "{fetches} fetches, {most} at most");
    drop(first);
    assert_eq!(read_to(&mut fetcher, 20_000).await.len(), 19_900);
}
