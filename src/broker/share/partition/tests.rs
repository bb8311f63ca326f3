use super::*;
use crate::broker::share::coordinator::{ShareState, StateBatch};
use crate::wire::ErrorCode;

const LIMITS: Limits = Limits {
    lock_duration_ms: 1_000,
    max_delivery_count: 3,
    max_in_flight: 20,
};

fn state(start_offset: i64, batches: &[StateBatch]) -> ShareState {
    ShareState {
        state_epoch: 1,
        leader_epoch: 0,
        start_offset,
        delivery_complete_count: 0,
        batches: batches.to_vec(),
    }
}

fn fresh() -> SharePartition {
    SharePartition::new(&state(0, &[]), 0, 0)
}

fn batch(first: i64, last: i64) -> FetchedBatch {
    FetchedBatch {
        first,
        last,
        is_void: false,
    }
}

fn request(member: &str, max_records: i32, now_ms: i64) -> Acquire {
    Acquire {
        member_id: member.into(),
        max_records,
        batch_size: 100,
        is_strict: false,
        now_ms,
        limits: LIMITS,
    }
}

/// Acquires from where the partition says, as `first-last*count`.
fn acquire(partition: &mut SharePartition, request: &Acquire, batches: &[FetchedBatch]) -> String {
    let from = partition.next_fetch_offset();
    let batches: Vec<_> = batches.iter().copied().filter(|batch| batch.last >= from).collect();
    let acquired = partition.acquire(request, from, &batches);
    let shown = acquired
        .iter()
        .map(|a| format!("{}-{}*{}", a.first, a.last, a.delivery_count));
    shown.collect::<Vec<_>>().join(" ")
}

fn ack(first: i64, last: i64, types: &[i8]) -> AckBatch {
    AckBatch {
        first,
        last,
        types: types.to_vec(),
    }
}

/// Plans, keeps and applies; gives what was kept, as `state:first-last*count`.
fn acknowledge(partition: &mut SharePartition, member: &str, batches: &[AckBatch]) -> Result<String, ErrorCode> {
    let plan = partition
        .acknowledge(member, batches, 10, &LIMITS)
        .map_err(|e| e.code)?;
    Ok(settle(partition, plan))
}

fn settle(partition: &mut SharePartition, plan: Plan) -> String {
    let write = partition.write_of(&plan);
    partition.apply(plan);
    let batches = write.into_iter().flat_map(|write| write.batches);
    let shown = batches.map(|b| format!("{}:{}-{}*{}", b.state, b.first, b.last, b.delivery_count));
    shown.collect::<Vec<_>>().join(" ")
}

#[test]
fn whole_batches_are_handed_out_once() {
    let mut partition = fresh();
    let log = [batch(0, 4), batch(5, 9), batch(10, 14)];
    assert_eq!(acquire(&mut partition, &request("a", 7, 0), &log), "0-9*1");
    assert_eq!(acquire(&mut partition, &request("b", 7, 0), &log), "10-14*1");
    assert_eq!(acquire(&mut partition, &request("b", 7, 0), &log), "");
    assert_eq!(partition.next_fetch_offset(), 15);
}

#[test]
fn a_strict_limit_cuts_batches() {
    let mut partition = fresh();
    let strict = Acquire {
        is_strict: true,
        ..request("a", 3, 0)
    };
    assert_eq!(acquire(&mut partition, &strict, &[batch(0, 9)]), "0-2*1");
    assert_eq!(acquire(&mut partition, &strict, &[batch(0, 9)]), "3-5*1");
}

#[test]
fn ranges_are_about_as_large_as_wished() {
    let mut partition = fresh();
    let small = Acquire {
        batch_size: 4,
        ..request("a", 100, 0)
    };
    let log: Vec<_> = (0..6).map(|i| batch(i * 2, i * 2 + 1)).collect();
    assert_eq!(acquire(&mut partition, &small, &log), "0-3*1 4-7*1 8-11*1");
}

#[test]
fn the_start_moves_over_what_is_done() {
    let mut partition = fresh();
    acquire(&mut partition, &request("a", 10, 0), &[batch(0, 9)]);
    assert_eq!(acknowledge(&mut partition, "a", &[ack(3, 9, &[1])]).unwrap(), "2:3-9*1");
    assert_eq!(partition.start_offset(), 0);
    let plan = partition.acknowledge("a", &[ack(0, 2, &[3])], 0, &LIMITS).unwrap();
    let write = partition.write_of(&plan).unwrap();
    // As Kafka: the start as it was before, and how much from there on is done.
    assert_eq!((write.start_offset, write.delivery_complete_count), (0, 10));
    partition.apply(plan);
    assert_eq!((partition.start_offset(), partition.end_offset()), (10, 10));
}

#[test]
fn each_offset_may_end_differently() {
    let mut partition = fresh();
    acquire(&mut partition, &request("a", 10, 0), &[batch(0, 5)]);
    let kept = acknowledge(&mut partition, "a", &[ack(0, 5, &[1, 1, 2, 3, 0, 2])]);
    assert_eq!(kept.unwrap(), "2:0-1*1 0:2-2*1 4:3-4*1 0:5-5*1");
    assert_eq!(partition.start_offset(), 2);
    assert_eq!(
        acquire(&mut partition, &request("b", 10, 0), &[batch(0, 5)]),
        "2-2*2 5-5*2"
    );
}

#[test]
fn only_the_owner_of_an_acquired_record_may_acknowledge_it() {
    let mut partition = fresh();
    acquire(&mut partition, &request("a", 10, 0), &[batch(0, 5)]);
    let mut refused = |member, batch| acknowledge(&mut partition, member, &[batch]).unwrap_err();
    assert_eq!(refused("b", ack(0, 5, &[1])), ErrorCode::INVALID_RECORD_STATE);
    assert_eq!(refused("a", ack(0, 6, &[1])), ErrorCode::INVALID_REQUEST);
    acknowledge(&mut partition, "a", &[ack(2, 3, &[1])]).unwrap();
    // One bad offset, and nothing of it is done.
    let twice = acknowledge(&mut partition, "a", &[ack(0, 1, &[1]), ack(3, 4, &[1])]);
    assert_eq!(twice.unwrap_err(), ErrorCode::INVALID_RECORD_STATE);
    assert_eq!(partition.start_offset(), 0);
    assert_eq!(acknowledge(&mut partition, "a", &[ack(0, 1, &[1])]).unwrap(), "2:0-1*1");
    assert_eq!(acknowledge(&mut partition, "a", &[ack(4, 5, &[1])]).unwrap(), "2:4-5*1");
    let never = acknowledge(&mut partition, "a", &[ack(7, 7, &[1])]);
    assert_eq!(
        never.unwrap_err(),
        ErrorCode::INVALID_RECORD_STATE,
        "nobody has anything"
    );
}

#[test]
fn malformed_acknowledgements_are_refused() {
    let bad = [
        vec![ack(3, 2, &[1])],
        vec![ack(0, 2, &[])],
        vec![ack(0, 2, &[1, 1])],
        vec![ack(0, 2, &[5])],
        vec![ack(0, 2, &[-1])],
        vec![ack(0, 2, &[1]), ack(2, 3, &[1])],
        vec![ack(0, i64::MAX, &[1, 1, 1])],
    ];
    for batches in bad {
        let refused = AckBatch::validate_all(&batches, true).unwrap_err();
        assert_eq!(refused.code, ErrorCode::INVALID_REQUEST, "{batches:?}");
    }
    assert!(AckBatch::validate_all(&[ack(0, 2, &[4])], false).is_err());
    assert!(AckBatch::validate_all(&[ack(0, 2, &[4]), ack(3, 4, &[0, 1])], true).is_ok());
}

#[test]
fn a_record_is_delivered_so_many_times_and_no_more() {
    let mut partition = fresh();
    for count in 1..=3 {
        let got = acquire(&mut partition, &request("a", 10, 0), &[batch(0, 0)]);
        assert_eq!(got, format!("0-0*{count}"));
        let kept = acknowledge(&mut partition, "a", &[ack(0, 0, &[2])]).unwrap();
        assert_eq!(kept, format!("{}:0-0*{count}", if count < 3 { 0 } else { 4 }));
    }
    assert_eq!((partition.start_offset(), partition.next_fetch_offset()), (1, 1));
}

#[test]
fn a_record_nobody_can_stand_does_not_take_its_neighbours_along() {
    let limits = Limits {
        max_delivery_count: 5,
        ..LIMITS
    };
    let mut partition = fresh();
    let careful = Acquire {
        limits,
        ..request("a", 100, 0)
    };
    let mut deliveries = Vec::new();
    for _ in 0..5 {
        deliveries.push(acquire(&mut partition, &careful, &[batch(0, 15)]));
        let plan = partition.release("a", &limits);
        partition.apply(plan);
    }
    assert_eq!(deliveries, ["0-15*1", "0-15*2", "0-15*3", "0-7*4", "0-0*5"]);
    assert_eq!(partition.start_offset(), 1);
}

#[test]
fn locks_end_in_time_and_can_be_renewed() {
    let mut partition = fresh();
    acquire(&mut partition, &request("a", 2, 0), &[batch(0, 1)]);
    acquire(&mut partition, &request("b", 2, 500), &[batch(0, 1), batch(2, 3)]);
    assert_eq!(partition.next_deadline_ms(), Some(1_000));
    let renewal = partition.acknowledge("a", &[ack(0, 0, &[4])], 900, &LIMITS).unwrap();
    assert!(!renewal.frees_records());
    assert_eq!(settle(&mut partition, renewal), "");
    assert!(partition.expire(999, &LIMITS).is_empty());
    let late = partition.expire(1_000, &LIMITS);
    assert_eq!(settle(&mut partition, late), "0:1-1*1");
    assert_eq!(partition.next_deadline_ms(), Some(1_500));
    // Its former owner comes too late.
    assert!(acknowledge(&mut partition, "a", &[ack(0, 1, &[1])]).is_err());
    let late = partition.expire(5_000, &LIMITS);
    assert_eq!(settle(&mut partition, late), "0:0-0*1 0:2-3*1");
    assert_eq!(partition.next_deadline_ms(), None);
}

#[test]
fn a_lock_that_ends_on_the_last_delivery_gives_the_record_up() {
    let mut partition = fresh();
    let log = [batch(0, 0), batch(1, 1)];
    for now_ms in [0, 1_000] {
        acquire(&mut partition, &request("a", 1, now_ms), &log);
        let late = partition.expire(now_ms + 1_000, &LIMITS);
        assert!(late.frees_records());
        partition.apply(late);
    }
    assert_eq!(acquire(&mut partition, &request("a", 9, 2_000), &log), "0-0*3");
    assert_eq!(acquire(&mut partition, &request("a", 9, 2_000), &log), "1-1*1");
    let late = partition.expire(3_000, &LIMITS);
    assert_eq!(settle(&mut partition, late), "4:0-0*3 0:1-1*1");
    assert_eq!((partition.start_offset(), partition.next_deadline_ms()), (1, None));
}

#[test]
fn a_renewal_is_no_delivery_and_may_come_with_other_answers() {
    let mut partition = fresh();
    acquire(&mut partition, &request("a", 9, 0), &[batch(0, 3)]);
    for now_ms in [900, 1_800, 2_700] {
        let plan = partition.acknowledge("a", &[ack(0, 3, &[4])], now_ms, &LIMITS).unwrap();
        partition.apply(plan);
        assert!(partition.expire(now_ms + 999, &LIMITS).is_empty());
    }
    let others = partition.acknowledge("b", &[ack(0, 3, &[4])], 3_000, &LIMITS);
    assert_eq!(others.unwrap_err().code, ErrorCode::INVALID_RECORD_STATE);
    let mixed = partition
        .acknowledge("a", &[ack(0, 3, &[1, 4, 2, 3])], 3_000, &LIMITS)
        .unwrap();
    assert_eq!(settle(&mut partition, mixed), "2:0-0*1 0:2-2*1 4:3-3*1");
    assert_eq!(partition.next_deadline_ms(), Some(4_000));
    assert_eq!(
        acquire(&mut partition, &request("b", 9, 3_000), &[batch(0, 3)]),
        "2-2*2"
    );
    let late = partition.expire(4_000, &LIMITS);
    assert_eq!(settle(&mut partition, late), "0:1-1*1 0:2-2*2");
    let too_late = partition.acknowledge("a", &[ack(1, 1, &[4])], 4_000, &LIMITS);
    assert_eq!(too_late.unwrap_err().code, ErrorCode::INVALID_RECORD_STATE);
}

#[test]
fn a_lowered_limit_counts_from_the_next_answer_on() {
    let mut partition = fresh();
    for _ in 0..2 {
        acquire(&mut partition, &request("a", 9, 0), &[batch(0, 0)]);
        acknowledge(&mut partition, "a", &[ack(0, 0, &[2])]).unwrap();
    }
    let lowered = Limits {
        max_delivery_count: 2,
        ..LIMITS
    };
    let again = Acquire {
        limits: lowered,
        ..request("a", 9, 0)
    };
    assert_eq!(acquire(&mut partition, &again, &[batch(0, 0)]), "0-0*3");
    let plan = partition.release("a", &lowered);
    assert_eq!(settle(&mut partition, plan), "4:0-0*3");
}

#[test]
fn the_log_start_takes_locks_away() {
    let mut partition = fresh();
    acquire(&mut partition, &request("a", 4, 0), &[batch(0, 3)]);
    acquire(&mut partition, &request("b", 4, 500), &[batch(0, 3), batch(4, 7)]);
    partition.log_start_moved(4);
    assert_eq!(partition.next_deadline_ms(), Some(1_500));
    assert!(partition.release("a", &LIMITS).is_empty());
    partition.log_start_moved(9);
    assert_eq!(partition.next_deadline_ms(), None);
    assert!(partition.expire(9_000, &LIMITS).is_empty());
}

#[test]
fn a_session_that_ends_gives_its_records_back() {
    let mut partition = fresh();
    acquire(&mut partition, &request("a", 2, 0), &[batch(0, 1)]);
    acquire(&mut partition, &request("b", 2, 0), &[batch(0, 1), batch(2, 3)]);
    let plan = partition.release("a", &LIMITS);
    assert_eq!(settle(&mut partition, plan), "0:0-1*1");
    assert!(partition.release("a", &LIMITS).is_empty());
    assert_eq!(acquire(&mut partition, &request("b", 9, 0), &[batch(0, 3)]), "0-1*2");
}

#[test]
fn only_so_many_records_are_in_flight() {
    let mut partition = fresh();
    let log: Vec<_> = (0..10).map(|i| batch(i * 5, i * 5 + 4)).collect();
    assert_eq!(acquire(&mut partition, &request("a", 100, 0), &log), "0-19*1");
    assert!(!partition.can_acquire(&LIMITS));
    assert_eq!(acquire(&mut partition, &request("a", 100, 0), &log), "");
    acknowledge(&mut partition, "a", &[ack(10, 12, &[2])]).unwrap();
    assert!(partition.can_acquire(&LIMITS));
    assert_eq!(acquire(&mut partition, &request("b", 100, 0), &log), "10-12*2");
    acknowledge(&mut partition, "a", &[ack(0, 4, &[1])]).unwrap();
    assert_eq!(acquire(&mut partition, &request("b", 100, 0), &log), "20-24*1");
}

#[test]
fn what_the_log_does_not_have_counts_as_done() {
    let mut partition = fresh();
    let void = FetchedBatch {
        is_void: true,
        ..batch(6, 7)
    };
    let log = [batch(2, 3), batch(5, 5), void, batch(9, 9)];
    assert_eq!(
        acquire(&mut partition, &request("a", 100, 0), &log),
        "2-3*1 5-5*1 9-9*1"
    );
    assert_eq!(partition.start_offset(), 2);
    for (first, last) in [(2, 3), (5, 5), (9, 9)] {
        acknowledge(&mut partition, "a", &[ack(first, last, &[1])]).unwrap();
    }
    assert_eq!((partition.start_offset(), partition.end_offset()), (10, 10));
}

#[test]
fn the_log_start_takes_records_away() {
    let mut partition = fresh();
    acquire(&mut partition, &request("a", 100, 0), &[batch(0, 9)]);
    partition.log_start_moved(4);
    assert_eq!(partition.start_offset(), 4);
    assert_eq!(acknowledge(&mut partition, "a", &[ack(0, 5, &[1])]).unwrap(), "2:4-5*1");
    assert_eq!(partition.start_offset(), 6);
    partition.log_start_moved(50);
    assert_eq!((partition.start_offset(), partition.next_fetch_offset()), (50, 50));
    assert_eq!(acknowledge(&mut partition, "a", &[ack(6, 9, &[1])]).unwrap(), "");
}

#[test]
fn after_a_restart_it_goes_on() {
    let kept = |first, last, state, delivery_count| StateBatch {
        first,
        last,
        state,
        delivery_count,
    };
    let batches = [kept(0, 1, 2, 1), kept(4, 5, 0, 2), kept(8, 9, 4, 1)];
    let mut partition = SharePartition::new(&state(0, &batches), 0, 0);
    // 2 and 3, 6 and 7 were acquired, or do not exist.
    assert_eq!((partition.start_offset(), partition.next_fetch_offset()), (2, 2));
    let log = [batch(0, 5), batch(8, 12)];
    // The third delivery is the last, of one record at a time.
    assert_eq!(acquire(&mut partition, &request("a", 100, 0), &log), "2-3*1 4-4*3");
    assert_eq!(acquire(&mut partition, &request("a", 100, 0), &log), "5-5*3");
    assert_eq!(acquire(&mut partition, &request("a", 100, 0), &log), "10-12*1");
    let plan = partition.acknowledge("a", &[ack(2, 5, &[1])], 0, &LIMITS).unwrap();
    assert_eq!(partition.write_of(&plan).unwrap().delivery_complete_count, 8);
    partition.apply(plan);
    assert_eq!(partition.start_offset(), 10);
}
