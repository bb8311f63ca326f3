//! The APIs of transactions: InitProducerId (22), AddPartitionsToTxn (24), AddOffsetsToTxn (25), EndTxn (26),
//! WriteTxnMarkers (27), TxnOffsetCommit (28), DescribeProducers (61), DescribeTransactions (65), ListTransactions (66), and
//! what they mean for Produce (0), Fetch (1), ListOffsets (2) and OffsetFetch (9). Error codes are given as numbers, with
//! their names beside.

mod offsets;
mod states;
mod writes;

use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use kafka_protocol::messages::describe_transactions_response::TransactionState;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData as FetchedPartition;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::*;
use kt::record::{BatchOptions, RecordBatchBuilder};

use crate::support::broker::{AnyBroker, unique};
use crate::support::rdkafka::create_topic;
use crate::support::wire::{Wire, text};

const CONCURRENT_TRANSACTIONS: i16 = 51;
/// How long a coordinator may take to be found, or markers to be written.
const LIMIT: Duration = Duration::from_secs(20);

fn id(id: &str) -> TransactionalId {
    TransactionalId(text(id))
}

fn topic(name: &str) -> TopicName {
    TopicName(text(name))
}

/// Asks until the answer is none of those that say "not yet".
fn patiently(mut ask: impl FnMut() -> i16) -> i16 {
    let start = Instant::now();
    loop {
        // COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR.
        match ask() {
            14..=16 | CONCURRENT_TRANSACTIONS if start.elapsed() < LIMIT => thread::sleep(Duration::from_millis(20)),
            code => return code,
        }
    }
}

/// A producer that says everything itself.
struct Producer {
    wire: Wire,
    topic: String,
    id: String,
    producer_id: i64,
    epoch: i16,
    sequence: i32,
}

impl Producer {
    /// With a topic of two partitions and a transactional id of its own.
    fn start(broker: &AnyBroker) -> Self {
        let name = unique("txn");
        create_topic(broker.bootstrap(), &name, 2);
        let mut producer = Self {
            wire: Wire::connect(broker.bootstrap()),
            topic: name,
            id: unique("id"),
            producer_id: -1,
            epoch: -1,
            sequence: 0,
        };
        let key = text(&producer.id);
        let find = FindCoordinatorRequest::default()
            .with_key_type(1)
            .with_coordinator_keys(vec![key]);
        assert_eq!(patiently(|| producer.wire.call(&find, 4).coordinators[0].error_code), 0);
        assert_eq!(producer.init(), 0);
        producer
    }

    /// Another connection of the same producer.
    fn again(&self, broker: &AnyBroker) -> Self {
        Self {
            wire: Wire::connect(broker.bootstrap()),
            topic: self.topic.clone(),
            id: self.id.clone(),
            ..*self
        }
    }

    fn init(&mut self) -> i16 {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(id(&self.id)))
            .with_transaction_timeout_ms(60_000)
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1);
        patiently(|| {
            let answer = self.wire.call(&request, 5);
            if answer.error_code == 0 {
                (self.producer_id, self.epoch) = (answer.producer_id.0, answer.producer_epoch);
                self.sequence = 0;
            }
            answer.error_code
        })
    }

    /// AddPartitionsToTxn.
    fn add(&mut self, partitions: &[i32], version: i16) -> i16 {
        let topics = AddPartitionsToTxnTopic::default()
            .with_name(topic(&self.topic))
            .with_partitions(partitions.to_vec());
        let request = AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(id(&self.id))
            .with_v3_and_below_producer_id(ProducerId(self.producer_id))
            .with_v3_and_below_producer_epoch(self.epoch)
            .with_v3_and_below_topics(vec![topics]);
        patiently(|| {
            let answer = self.wire.call(&request, version);
            answer.results_by_topic_v3_and_below[0].results_by_partition[0].partition_error_code
        })
    }

    fn batch(&self, values: &[&str]) -> Bytes {
        let mut batch = RecordBatchBuilder::new(BatchOptions {
            producer_id: self.producer_id,
            producer_epoch: self.epoch,
            base_sequence: self.sequence,
            transactional: true,
            ..BatchOptions::default()
        });
        for value in values {
            batch.append(1_000, None, Some(value.as_bytes()));
        }
        batch.build()
    }

    /// Produce to partition 0: error code and base offset. The sequence goes on if it is taken.
    fn produce(&mut self, values: &[&str], version: i16) -> (i16, i64) {
        let batch = self.batch(values);
        let result = send(&mut self.wire, &self.topic, Some(&self.id), batch, version);
        if result.0 == 0 {
            self.sequence += i32::try_from(values.len()).expect("few values");
        }
        result
    }

    /// EndTxn; with v5 the producer goes on with the epoch of the answer.
    fn end(&mut self, committed: bool, version: i16) -> i16 {
        let request = self.end_request(committed);
        patiently(|| {
            let answer = self.wire.call(&request, version);
            if answer.error_code == 0 && version >= 5 {
                (self.producer_id, self.epoch) = (answer.producer_id.0, answer.producer_epoch);
                self.sequence = 0;
            }
            answer.error_code
        })
    }

    fn end_request(&self, committed: bool) -> EndTxnRequest {
        EndTxnRequest::default()
            .with_transactional_id(id(&self.id))
            .with_producer_id(ProducerId(self.producer_id))
            .with_producer_epoch(self.epoch)
            .with_committed(committed)
    }

    fn describe(&mut self) -> TransactionState {
        let request = DescribeTransactionsRequest::default().with_transactional_ids(vec![id(&self.id)]);
        self.wire.call(&request, 0).transaction_states.remove(0)
    }

    /// Waits until the markers of a transaction are written.
    fn wait_complete(&mut self) -> TransactionState {
        let start = Instant::now();
        loop {
            let state = self.describe();
            if state.transaction_state.starts_with("Complete") {
                return state;
            }
            assert!(start.elapsed() < LIMIT, "still {}", state.transaction_state.as_str());
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn fetch(&mut self, isolation_level: i8) -> FetchedPartition {
        self.fetch_from(0, isolation_level)
    }

    fn fetch_from(&mut self, offset: i64, isolation_level: i8) -> FetchedPartition {
        let partition = FetchPartition::default()
            .with_fetch_offset(offset)
            .with_partition_max_bytes(1 << 20);
        let topics = FetchTopic::default()
            .with_topic(topic(&self.topic))
            .with_partitions(vec![partition]);
        let request = FetchRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_max_bytes(1 << 20)
            .with_isolation_level(isolation_level)
            .with_topics(vec![topics]);
        self.wire.call(&request, 11).responses.remove(0).partitions.remove(0)
    }

    fn end_offset(&mut self, isolation_level: i8) -> i64 {
        self.offset_at(-1, isolation_level)
    }

    /// ListOffsets: -1 is the end, -3 the largest timestamp, others are times.
    fn offset_at(&mut self, timestamp: i64, isolation_level: i8) -> i64 {
        let partition = ListOffsetsPartition::default().with_timestamp(timestamp);
        let topics = ListOffsetsTopic::default()
            .with_name(topic(&self.topic))
            .with_partitions(vec![partition]);
        let request = ListOffsetsRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_isolation_level(isolation_level)
            .with_topics(vec![topics]);
        self.wire.call(&request, 7).topics[0].partitions[0].offset
    }
}

/// Produce to partition 0: error code and base offset.
fn send(wire: &mut Wire, name: &str, id: Option<&str>, records: Bytes, version: i16) -> (i16, i64) {
    let data = PartitionProduceData::default().with_records(Some(records));
    let topics = TopicProduceData::default()
        .with_name(topic(name))
        .with_partition_data(vec![data]);
    let request = ProduceRequest::default()
        .with_transactional_id(id.map(self::id))
        .with_acks(-1)
        .with_timeout_ms(10_000)
        .with_topic_data(vec![topics]);
    let answer = wire.call(&request, version);
    let partition = &answer.responses[0].partition_responses[0];
    (partition.error_code, partition.base_offset)
}
