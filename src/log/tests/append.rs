//! What an append answers, and what it leaves in the log.

use bytes::{Bytes, BytesMut};

use super::support::*;
use crate::log::{AppendOrigin, LogConfig, LogError};
use crate::record::control::EndTxnMarker;
use crate::record::{BatchOptions, Compression, RecordBatchBuilder, TimestampType};

#[test]
fn records_come_back_at_their_offsets_also_after_a_restart() {
    let mut t = TestLog::new(LogConfig::default());
    assert_eq!(t.append(batch(&["a", "b"])).unwrap().first_offset, 0);
    let info = t.append(batch(&["c"])).unwrap();
    assert_eq!((info.first_offset, info.last_offset, info.records), (2, 2, 1));
    let all = [(0, "a".into()), (1, "b".into()), (2, "c".into())];
    assert_eq!(t.values(0), all);
    assert_eq!(t.values(1), all[1..]);
    for clean in [true, false] {
        t.reopen(clean);
        assert_eq!(t.log().log_end_offset(), 3);
        assert_eq!(t.values(0), all);
    }
}

#[test]
fn what_stands_in_the_file_is_what_was_sent_but_for_offset_and_epoch() {
    let mut t = TestLog::new(LogConfig::default());
    t.append(batch(&["a"])).unwrap();
    let sent = batch_with(
        BatchOptions {
            compression: Compression::Lz4,
            ..Default::default()
        },
        NOW,
        &["x"; 50],
    );
    t.log()
        .append_as_leader(sent.clone(), 9, AppendOrigin::Client, NOW)
        .unwrap();
    let file = std::fs::read(t.dir().join("00000000000000000000.log")).unwrap();
    let mut expected = BytesMut::from(&sent[..]);
    expected[..8].copy_from_slice(&1i64.to_be_bytes());
    expected[12..16].copy_from_slice(&9i32.to_be_bytes());
    assert_eq!(&file[file.len() - sent.len()..], &expected[..]);
    assert_eq!(t.log().latest_epoch(), Some(9));
}

#[test]
fn bad_batches_are_refused_with_kafkas_codes() {
    let mut t = TestLog::new(LogConfig {
        max_message_bytes: 200,
        ..Default::default()
    });
    let good = batch(&["a"]);
    let broken = |at: usize, with: u8| {
        let mut bytes = BytesMut::from(&good[..]);
        bytes[at] ^= with;
        bytes.freeze()
    };
    assert_eq!(code(t.append(broken(68, 1))), 2, "a changed record");
    assert_eq!(code(t.append(broken(16, 3))), 87, "magic 1");
    assert_eq!(code(t.append(Bytes::new())), 87, "nothing");
    assert_eq!(code(t.append(good.slice(..good.len() - 1))), 87, "a cut batch");
    assert_eq!(code(t.append(batch(&["x".repeat(300).as_str()]))), 10, "too large");
    assert_eq!(
        code(t.append(Bytes::from([&good[..], &good[..]].concat()))),
        87,
        "two batches"
    );
    let based = batch_with(
        BatchOptions {
            base_offset: 5,
            ..Default::default()
        },
        NOW,
        &["a"],
    );
    assert_eq!(code(t.append(based)), 87, "a base offset");
    assert_eq!(
        code(t.append(RecordBatchBuilder::new(Default::default()).build())),
        87,
        "no records"
    );
    let marker = EndTxnMarker {
        committed: true,
        coordinator_epoch: 0,
    }
    .to_batch(1, 0, NOW);
    assert_eq!(code(t.append(marker)), 87, "a control batch of a client");
    assert_eq!(
        code(t.append(produced(1, 0, -1, &["a"]))),
        87,
        "a producer without a sequence"
    );
    assert_eq!(code(t.append(batch_at(NOW + 3_600_001, &["a"]))), 32, "too far ahead");
    assert_eq!(t.log().log_end_offset(), 0);
    assert_eq!(t.log().size_bytes(), 0);
}

#[test]
fn a_compacted_topic_names_the_record_without_a_key() {
    let mut t = TestLog::new(LogConfig {
        compact: true,
        delete: false,
        ..Default::default()
    });
    let mut builder = RecordBatchBuilder::new(BatchOptions {
        compression: Compression::Zstd,
        ..Default::default()
    });
    builder.append(NOW, Some(b"k"), Some(b"v"));
    builder.append(NOW, None, Some(b"v"));
    let Err(LogError::Api {
        code,
        message,
        batch_errors,
    }) = t.append(builder.build())
    else {
        panic!("accepted");
    };
    let text = "Compacted topic cannot accept message without key in topic partition t-0";
    assert_eq!((code, batch_errors), (87, vec![(1, text.to_owned())]));
    assert_eq!(
        message,
        format!(
            "One or more records have been rejected due to 1 record errors in total, and only showing the first three \
             errors at most: [RecordError(batchIndex=1, message='{text}')]"
        )
    );
}

#[test]
fn log_append_time_is_stamped_and_the_checksum_holds() {
    let config = LogConfig {
        message_timestamp_type: TimestampType::LogAppendTime,
        ..Default::default()
    };
    let mut t = TestLog::new(config);
    let info = t.append(batch_at(5, &["a"])).unwrap();
    assert_eq!(info.log_append_time_ms, NOW);
    assert_eq!(t.values(0).len(), 1);
    let found = t.log().offset_for_timestamp(NOW, 1).unwrap().unwrap();
    assert_eq!((found.offset, found.timestamp), (0, NOW));
}

#[test]
fn a_topics_codec_wins_over_the_producers() {
    for target in Compression::ALL {
        let mut t = TestLog::new(LogConfig {
            compression_type: Some(target),
            ..Default::default()
        });
        for source in Compression::ALL {
            t.append(batch_with(
                BatchOptions {
                    compression: source,
                    ..Default::default()
                },
                NOW,
                &["a", "b"],
            ))
            .unwrap();
        }
        assert_eq!(t.values(0).len(), 10);
        let bytes = t.log().read(0, 1 << 20, 10, true).unwrap().records().unwrap();
        for batch in crate::record::Batches::new(&bytes) {
            assert_eq!(batch.unwrap().header.compression().unwrap(), target);
        }
    }
}

#[test]
fn idempotent_producers_are_held_to_their_sequences() {
    let mut t = TestLog::new(LogConfig::default());
    t.append(produced(1, 0, 0, &["a", "b"])).unwrap();
    let second = t.append(produced(1, 0, 2, &["c"])).unwrap();
    for clean in [true, false] {
        let again = t.append(produced(1, 0, 2, &["c"])).unwrap();
        assert!(again.duplicate);
        assert_eq!(
            (again.first_offset, again.last_offset),
            (second.first_offset, second.last_offset)
        );
        assert_eq!(code(t.append(produced(1, 0, 5, &["x"]))), 45, "a gap");
        assert_eq!(code(t.append(produced(1, 1, 5, &["x"]))), 45, "a new epoch not at 0");
        t.reopen(clean);
    }
    t.append(produced(1, 1, 0, &["d"])).unwrap();
    assert_eq!(code(t.append(produced(1, 0, 3, &["x"]))), 47, "the old epoch");
    t.append(produced(77, 5, 1000, &["an unknown producer may begin anywhere"]))
        .unwrap();
    assert_eq!(t.log().log_end_offset(), 5);
}

#[test]
fn transactions_hold_back_the_stable_offset_and_leave_their_abort_in_the_index() {
    let mut t = TestLog::new(LogConfig::default());
    t.append(batch(&["plain"])).unwrap();
    t.append(transactional(1, 0, 0, &["a"])).unwrap();
    t.append(transactional(2, 0, 0, &["b"])).unwrap();
    assert_eq!(
        code(t.append(produced(1, 0, 1, &["x"]))),
        48,
        "not transactional within one"
    );
    assert_eq!(t.log().last_stable_offset(), 1);
    let end = |committed, epoch| EndTxnMarker {
        committed,
        coordinator_epoch: epoch,
    };
    t.append_from(end(false, 3).to_batch(1, 0, NOW), AppendOrigin::Coordinator)
        .unwrap();
    assert_eq!(t.log().last_stable_offset(), 2);
    assert_eq!(
        code(t.append_from(end(true, 2).to_batch(1, 0, NOW), AppendOrigin::Coordinator)),
        52,
        "a zombie"
    );
    t.append_from(end(true, 3).to_batch(2, 0, NOW), AppendOrigin::Coordinator)
        .unwrap();
    for clean in [true, false, true] {
        assert_eq!(t.log().last_stable_offset(), 5);
        let aborted = t.log().aborted_transactions(0, 5);
        assert_eq!(aborted.len(), 1);
        assert_eq!(
            (aborted[0].producer_id, aborted[0].first_offset, aborted[0].last_offset),
            (1, 1, 3)
        );
        assert!(t.log().aborted_transactions(4, 5).is_empty());
        t.reopen(clean);
    }
}

#[test]
fn followers_take_offsets_and_epochs_as_they_are() {
    let mut leader = TestLog::new(LogConfig::default());
    leader.append(batch(&["a", "b"])).unwrap();
    leader
        .log()
        .append_as_leader(batch(&["c"]), 4, AppendOrigin::Client, NOW)
        .unwrap();
    let bytes = leader.log().read(0, 1 << 20, 3, true).unwrap().records().unwrap();
    let mut follower = TestLog::new(LogConfig::default());
    let info = follower
        .log()
        .append_as_follower(&bytes.slice(..bytes.len() - 1), NOW)
        .unwrap();
    assert_eq!((info.first_offset, info.last_offset), (0, 1), "a cut batch is left out");
    assert!(
        follower.log().append_as_follower(&bytes, NOW).is_err(),
        "offsets that are there already"
    );
    let rest = leader.log().read(2, 1 << 20, 3, true).unwrap().records().unwrap();
    follower.log().append_as_follower(&rest, NOW).unwrap();
    assert_eq!(follower.values(0), leader.values(0));
    assert_eq!(follower.log().epoch_end_offset(0), (0, 2));
    let file = |t: &TestLog| std::fs::read(t.dir().join("00000000000000000000.log")).unwrap();
    assert_eq!(file(&follower), file(&leader));
}
