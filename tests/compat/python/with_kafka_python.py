"""kafka-python: producers, consumers, groups, transactions."""

import time

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import KafkaError, MessageSizeTooLargeError

from check import BROKER, equal, name, raises, test, until


def admin(**options):
    return KafkaAdminClient(bootstrap_servers=BROKER, **options)


def producer(**options):
    return KafkaProducer(bootstrap_servers=BROKER, **options)


def consumer(*topics, **options):
    settings = dict(bootstrap_servers=BROKER, auto_offset_reset="earliest", consumer_timeout_ms=20000, heartbeat_interval_ms=300)
    settings.update(options)
    return KafkaConsumer(*topics, **settings)


def topic(partitions=1, **configs):
    """A topic whose partitions have leaders."""
    made = name("t")
    a = admin()
    a.create_topics([NewTopic(made, partitions, 1, topic_configs={k.replace("_", "."): v for k, v in configs.items()})])
    p = producer()
    until("leaders", lambda: len(p.partitions_for(made) or []) == partitions)
    p.close()
    a.close()
    return made


def fill(made, partitions, count):
    p = producer()
    futures = [p.send(made, value=str(i).encode(), key=b"k%d" % i, partition=i % partitions) for i in range(count)]
    for f in futures:
        f.get(20)
    p.close()


def take(c, count):
    """That many records, by poll."""
    got = []
    end = time.monotonic() + 30
    while len(got) < count and time.monotonic() < end:
        for records in c.poll(timeout_ms=500).values():
            got += records
    assert len(got) >= count, f"{len(got)} of {count} records came"
    return got


def codec(kind):
    def run():
        made = topic()
        p = producer(compression_type=kind, linger_ms=20)
        futures = [p.send(made, value=b"x" * 500, key=b"k", headers=[("h", b"1")], timestamp_ms=1_700_000_000_000 + i) for i in range(50)]
        for i, f in enumerate(futures):
            equal(f.get(20).offset, i, "offset")
        p.close()
        c = consumer(made)
        got = take(c, 50)
        equal(got[49].value, b"x" * 500, "value")
        equal(got[0].timestamp, 1_700_000_000_000, "timestamp")
        equal(list(got[0].headers), [("h", b"1")], "headers")
        c.close()

    run.__name__ = f"codec_{kind}"
    return run


for kind in (None, "gzip"):
    test(codec(kind))


def as_version(*version):
    """A client that was told the release of the broker, and speaks as that release did."""

    def run():
        made, group = topic(2), name("g")
        p = producer(api_version=version, enable_idempotence=False, acks=1)
        for i in range(10):
            p.send(made, value=b"v", partition=i % 2).get(20)
        p.close()
        c = consumer(made, group_id=group, api_version=version, enable_auto_commit=False)
        take(c, 10)
        c.commit()
        equal(c.committed(TopicPartition(made, 0)), 5, "committed")
        equal(c.end_offsets([TopicPartition(made, 1)])[TopicPartition(made, 1)], 5, "end")
        c.close()

    run.__name__ = "as_" + ".".join(map(str, version))
    return run


for version in ((0, 11), (1, 0), (2, 0), (2, 6), (3, 5), (4, 0)):
    test(as_version(*version))


@test
def acks_all_idempotent():
    made = topic()
    p = producer(acks="all", enable_idempotence=True)
    for i in range(100):
        p.send(made, b"%d" % i)
    p.flush(20)
    p.close()
    c = consumer(made)
    equal([r.value for r in take(c, 100)], [b"%d" % i for i in range(100)], "order")
    c.close()


@test
def no_acks():
    made = topic()
    p = producer(acks=0, enable_idempotence=False)
    for _ in range(10):
        p.send(made, b"v").get(20)
    p.close()
    c = consumer(made)
    take(c, 10)
    c.close()


@test
def too_large():
    made = topic(max_message_bytes="500")
    p = producer()
    raises(MessageSizeTooLargeError, "too large", lambda: p.send(made, b"x" * 2000).get(20))
    p.close(timeout=1)


@test
def null_key_and_value():
    made = topic()
    p = producer()
    p.send(made, key=b"k", value=None).get(20)
    p.send(made, key=None, value=b"").get(20)
    p.close()
    c = consumer(made)
    got = take(c, 2)
    equal([(r.key, r.value) for r in got], [(b"k", None), (None, b"")], "records")
    c.close()


@test
def auto_created_topic():
    made = name("auto")
    p = producer()
    p.send(made, b"v").get(20)
    equal(len(p.partitions_for(made)), 4, "partitions")
    p.close()


@test
def seek_and_offsets():
    made = topic(2)
    fill(made, 2, 20)
    one, two = TopicPartition(made, 0), TopicPartition(made, 1)
    c = consumer()
    c.assign([one, two])
    equal(c.beginning_offsets([one, two]), {one: 0, two: 0}, "beginning")
    equal(c.end_offsets([one, two]), {one: 10, two: 10}, "end")
    c.seek(one, 8)
    c.seek_to_end(two)
    equal([r.offset for r in take(c, 2)], [8, 9], "from 8")
    equal(c.position(two), 10, "position at the end")
    c.seek_to_beginning(two)
    take(c, 10)
    found = c.offsets_for_times({one: int(time.time() * 1000) - 60000, two: int(time.time() * 1000) + 60000})
    equal(found[one].offset, 0, "by time")
    equal(found[two], None, "by a time to come")
    assert made in c.topics()
    equal(c.partitions_for_topic(made), {0, 1}, "partitions")
    c.close()


@test
def pause_and_resume():
    made = topic(2)
    one, two = TopicPartition(made, 0), TopicPartition(made, 1)
    c = consumer()
    c.assign([one, two])
    c.pause(two)
    fill(made, 2, 10)
    equal({r.partition for r in take(c, 5)}, {0}, "partitions while paused")
    c.resume(two)
    equal({r.partition for r in take(c, 5)}, {1}, "partitions after")
    c.close()


@test
def iterate_a_group():
    made, group = topic(), name("g")
    fill(made, 1, 10)
    c = consumer(made, group_id=group, consumer_timeout_ms=8000)
    got = []
    for record in c:
        got.append(record.offset)
        if len(got) == 10:
            break
    equal(got, list(range(10)), "offsets")
    c.close()


@test
def commit_with_metadata():
    made, group = topic(), name("g")
    fill(made, 1, 10)
    part = TopicPartition(made, 0)
    c = consumer(made, group_id=group, enable_auto_commit=False)
    take(c, 10)
    c.commit({part: OffsetAndMetadata(4, "note", -1)})
    equal(c.committed(part), 4, "committed")
    equal(c.committed(part, metadata=True).metadata, "note", "metadata")
    c.close()
    again = consumer(made, group_id=group, enable_auto_commit=False)
    equal(take(again, 6)[0].offset, 4, "first after the commit")
    again.close()


@test
def auto_commit_on_close():
    made, group = topic(), name("g")
    fill(made, 1, 10)
    c = consumer(made, group_id=group)
    take(c, 10)
    c.close()
    again = consumer(group_id=group)
    equal(again.committed(TopicPartition(made, 0)), 10, "committed")
    again.close()


def two_members(**options):
    made, group = topic(4), name("g")
    one = consumer(made, group_id=group, **options)
    until("the first owns all", lambda: one.poll(100) is not None and len(one.assignment()) == 4)
    two = consumer(made, group_id=group, **options)
    until("each owns two", lambda: (one.poll(100), two.poll(100)) and len(one.assignment()) == len(two.assignment()) == 2)
    fill(made, 4, 40)
    seen = set()

    def all_seen():
        for c in (one, two):
            for records in c.poll(100).values():
                seen.update((r.partition, r.offset) for r in records)
        return len(seen) == 40

    until("all records", all_seen)
    two.close()
    until("the first owns all again", lambda: one.poll(100) is not None and len(one.assignment()) == 4)
    one.close()


@test
def group_of_two():
    two_members()


@test
def group_of_two_roundrobin():
    from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

    two_members(partition_assignment_strategy=[RoundRobinPartitionAssignor])


@test
def static_member():
    made, group = topic(2), name("g")
    one = consumer(made, group_id=group, group_instance_id="it")
    until("it owns all", lambda: one.poll(100) is not None and len(one.assignment()) == 2)
    one.close()
    again = consumer(made, group_id=group, group_instance_id="it")
    until("it owns all again", lambda: again.poll(100) is not None and len(again.assignment()) == 2)
    again.close()


@test
def pattern_subscription():
    first = topic()
    fill(first, 1, 2)
    c = consumer(group_id=name("g"), metadata_max_age_ms=500)
    c.subscribe(pattern="^" + first + "(-more)?$")
    take(c, 2)
    a = admin()
    a.create_topics([NewTopic(first + "-more", 1, 1)])
    fill(first + "-more", 1, 2)
    equal(take(c, 2)[0].topic, first + "-more", "topic")
    a.close()
    c.close()


@test
def transactions():
    made, source, group = topic(), topic(), name("g")
    fill(source, 1, 3)
    c = consumer(source, group_id=group, enable_auto_commit=False)
    take(c, 3)
    p = producer(transactional_id=name("x"))
    p.init_transactions()
    p.begin_transaction()
    p.send(made, b"no")
    p.flush(20)
    p.abort_transaction()
    p.begin_transaction()
    p.send(made, b"yes")
    p.send_offsets_to_transaction({TopicPartition(source, 0): OffsetAndMetadata(3, "", -1)}, c.group_metadata())
    p.commit_transaction()
    until("the offset", lambda: c.committed(TopicPartition(source, 0)) == 3)
    reader = consumer(made, isolation_level="read_committed")
    equal(take(reader, 1)[0].value, b"yes", "committed")
    dirty = consumer(made)
    equal([r.value for r in take(dirty, 2)], [b"no", b"yes"], "everything")
    for client in (p, c, reader, dirty):
        client.close()


@test
def fenced_producer():
    made, ident = topic(), name("x")
    first = producer(transactional_id=ident)
    first.init_transactions()
    first.begin_transaction()
    first.send(made, b"zombie").get(20)
    second = producer(transactional_id=ident)
    second.init_transactions()

    def go_on():
        first.send(made, b"zombie").get(20)
        first.commit_transaction()

    raises(KafkaError, "a fenced producer", go_on)
    second.begin_transaction()
    second.send(made, b"heir")
    second.commit_transaction()
    second.close()
    first.close(timeout=1)
