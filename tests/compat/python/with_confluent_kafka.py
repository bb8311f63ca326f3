"""confluent-kafka (librdkafka): producers, consumers of both group protocols, transactions, admin."""

from confluent_kafka import (
    OFFSET_END,
    Consumer,
    ConsumerGroupTopicPartitions,
    ElectionType,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from check import BROKER, equal, name, raises, test, until

BASE = {"bootstrap.servers": BROKER, "log_level": 0}


def admin():
    return AdminClient(BASE)


def topic(partitions=1, **configs):
    a = admin()
    made = name("t")
    a.create_topics([NewTopic(made, partitions, 1, config=configs)])[made].result(20)
    until("leaders", lambda: leaders(a, made) == partitions)
    return made


def leaders(a, made):
    return sum(p.leader >= 0 for p in a.list_topics(made, timeout=10).topics[made].partitions.values())


def send(made, values, partition=0, **options):
    errors = []
    p = Producer(BASE | {"linger.ms": 5} | {k.replace("_", "."): v for k, v in options.items()})
    for v in values:
        p.produce(made, v, key="k", partition=partition, on_delivery=lambda e, m: e and errors.append(e))
    equal(p.flush(20), 0, "left in the queue")
    return errors


def consumer(group=None, **options):
    base = {"group.id": group or name("g"), "auto.offset.reset": "earliest", "enable.auto.commit": False}
    return Consumer(BASE | base | {k.replace("_", "."): v for k, v in options.items()})


def take(c, count, seconds=30):
    got = []

    def enough():
        for m in c.consume(count - len(got), 0.5):
            assert not m.error(), m.error()
            got.append(m)
        return len(got) >= count

    until(f"{count} records", enough, seconds)
    return got


def codec(kind):
    def run():
        made = topic()
        equal(send(made, [b"x" * 1000] * 20, compression_codec=kind), [], "errors")
        c = consumer()
        c.subscribe([made])
        equal(take(c, 20)[19].offset(), 19, "offset")
        c.close()

    run.__name__ = f"codec_{kind}"
    return run


for kind in ("none", "gzip", "snappy", "lz4", "zstd"):
    test(codec(kind))


@test
def delivery_errors():
    made = topic(**{"max.message.bytes": "500"})
    errors = send(made, [b"x" * 2000])
    equal([e.code() for e in errors], [KafkaError.MSG_SIZE_TOO_LARGE], "errors")


def two_members(**options):
    made, group = topic(4), name("g")
    send(made, [b"v"] * 5)
    one, two = consumer(group, **options), consumer(group, **options)
    one.subscribe([made])
    until("the first owns all", lambda: (one.poll(0.1), len(one.assignment()) == 4)[1])
    two.subscribe([made])
    until("each owns two", lambda: (one.poll(0.1), two.poll(0.1), len(one.assignment()) == 2 and len(two.assignment()) == 2)[2])
    two.close()
    until("the first owns all again", lambda: (one.poll(0.1), len(one.assignment()) == 4)[1])
    one.close()


@test
def group_range():
    two_members()


@test
def group_cooperative():
    two_members(partition_assignment_strategy="cooperative-sticky")


@test
def group_next_gen():
    two_members(group_protocol="consumer")


@test
def group_next_gen_range():
    two_members(group_protocol="consumer", group_remote_assignor="range")


@test
def group_next_gen_regex():
    made = topic()
    send(made, [b"v"] * 3)
    c = consumer(group_protocol="consumer")
    c.subscribe(["^" + made[:-2] + ".*"])
    until("it comes", lambda: any(m.topic() == made for m in c.consume(10, 0.5)))
    c.close()


@test
def commit_and_committed():
    made, group = topic(), name("g")
    send(made, [b"v"] * 10)
    c = consumer(group)
    c.subscribe([made])
    got = take(c, 10)
    c.commit(message=got[3], asynchronous=False)
    equal(c.committed([TopicPartition(made, 0)], 10)[0].offset, 4, "committed")
    equal(c.get_watermark_offsets(TopicPartition(made, 0), 10), (0, 10), "watermarks")
    equal(c.position([TopicPartition(made, 0)])[0].offset, 10, "position")
    c.close()
    again = consumer(group)
    again.subscribe([made])
    equal(take(again, 6)[0].offset(), 4, "first after the commit")
    again.close()


@test
def seek_pause_times():
    made = topic()
    send(made, [b"v"] * 10)
    part = TopicPartition(made, 0)
    c = consumer()
    c.assign([TopicPartition(made, 0, 5)])
    equal(take(c, 5)[0].offset(), 5, "from 5")
    c.seek(TopicPartition(made, 0, 2))
    equal(take(c, 8)[0].offset(), 2, "from 2")
    c.pause([part])
    send(made, [b"v"])
    equal(c.consume(1, 1), [], "while paused")
    c.resume([part])
    take(c, 1)
    equal(c.offsets_for_times([TopicPartition(made, 0, 0)], 10)[0].offset, 0, "by time")
    c.assign([TopicPartition(made, 0, OFFSET_END)])
    equal(c.consume(1, 1), [], "at the end")
    c.close()


@test
def transactions():
    made, source, group = topic(), topic(), name("g")
    send(source, [b"v"] * 3)
    c = consumer(group)
    c.subscribe([source])
    take(c, 3)
    p = Producer(BASE | {"transactional.id": name("x")})
    p.init_transactions(20)
    p.begin_transaction()
    p.produce(made, b"no")
    p.flush(10)
    p.abort_transaction(20)
    p.begin_transaction()
    p.produce(made, b"yes")
    p.send_offsets_to_transaction(c.position(c.assignment()), c.consumer_group_metadata(), 20)
    p.commit_transaction(20)
    equal(c.committed([TopicPartition(source, 0)], 10)[0].offset, 3, "offset committed in the transaction")
    c.close()
    reader = consumer(isolation_level="read_committed")
    reader.subscribe([made])
    equal(take(reader, 1)[0].value(), b"yes", "committed")
    reader.close()


@test
def fenced_producer():
    made, ident = topic(), name("x")
    first, second = Producer(BASE | {"transactional.id": ident}), Producer(BASE | {"transactional.id": ident})
    first.init_transactions(20)
    first.begin_transaction()
    first.produce(made, b"zombie")
    first.flush(10)
    second.init_transactions(20)
    first.produce(made, b"zombie")
    error = raises(KafkaException, "a fenced producer", lambda: first.commit_transaction(20))
    assert error.args[0].fatal(), error


@test
def admin_topics():
    a, made = admin(), name("t")
    a.create_topics([NewTopic(made, 2, 1, config={"retention.ms": "100000"})])[made].result(20)
    error = raises(KafkaException, "again", lambda: a.create_topics([NewTopic(made, 2, 1)])[made].result(20))
    equal(error.args[0].code(), KafkaError.TOPIC_ALREADY_EXISTS, "code")
    a.create_partitions([NewPartitions(made, 4)])[made].result(20)
    described = until("it is described", lambda: a.describe_topics(TopicCollection([made]), include_authorized_operations=True)[made].result(20))
    assert described.authorized_operations, "no authorized operations"
    until("four partitions", lambda: len(a.describe_topics(TopicCollection([made]))[made].result(20).partitions) == 4)
    a.delete_topics([made])[made].result(20)
    until("it is gone", lambda: made not in a.list_topics(timeout=10).topics)


@test
def admin_cluster():
    a = admin()
    got = a.describe_cluster(include_authorized_operations=True).result(20)
    assert got.cluster_id and got.controller and len(got.nodes) == 1 and got.authorized_operations, vars(got)


@test
def admin_configs():
    a, made = admin(), topic()
    resource = ConfigResource(ResourceType.TOPIC, made)
    equal(a.describe_configs([resource])[resource].result(20)["retention.ms"].value, "604800000", "default")
    change = ConfigResource(ResourceType.TOPIC, made, incremental_configs=[ConfigEntry("retention.ms", "5000", incremental_operation=AlterConfigOpType.SET)])
    a.incremental_alter_configs([change])[change].result(20)
    until("the new value", lambda: a.describe_configs([resource])[resource].result(20)["retention.ms"].value == "5000")
    whole = ConfigResource(ResourceType.TOPIC, made, set_config={"segment.bytes": "2000000"})
    a.alter_configs([whole])[whole].result(20)
    until("the old value", lambda: a.describe_configs([resource])[resource].result(20)["retention.ms"].value == "604800000")
    broker = ConfigResource(ResourceType.BROKER, "1")
    assert len(a.describe_configs([broker])[broker].result(20)) > 100


@test
def admin_groups():
    a, made, group = admin(), topic(2), name("g")
    send(made, [b"v"] * 5)
    c = consumer(group)
    c.subscribe([made])
    take(c, 5)
    c.commit(asynchronous=False)
    listed = a.list_consumer_groups().result(20)
    assert group in [g.group_id for g in listed.valid] and not listed.errors
    described = a.describe_consumer_groups([group], include_authorized_operations=True)[group].result(20)
    equal((described.state.name, len(described.members)), ("STABLE", 1), "described")
    c.close()
    got = a.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result(20)
    equal({(t.partition, t.offset) for t in got.topic_partitions}, {(0, 5), (1, 0)} if len(got.topic_partitions) == 2 else {(0, 5)}, "offsets")
    a.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, [TopicPartition(made, 0, 2)])])[group].result(20)
    got = a.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, [TopicPartition(made, 0)])])[group].result(20)
    equal(got.topic_partitions[0].offset, 2, "altered")
    a.delete_consumer_groups([group])[group].result(20)
    error = raises(KafkaException, "again", lambda: a.delete_consumer_groups([group])[group].result(20))
    equal(error.args[0].code(), KafkaError.GROUP_ID_NOT_FOUND, "code")


@test
def admin_offsets_and_records():
    a, made = admin(), topic()
    send(made, [b"v"] * 10)
    part = TopicPartition(made, 0)
    for spec, want in ((OffsetSpec.earliest(), 0), (OffsetSpec.latest(), 10), (OffsetSpec.for_timestamp(0), 0)):
        equal(a.list_offsets({part: spec}, isolation_level=IsolationLevel.READ_COMMITTED)[part].result(20).offset, want, str(spec))
    assert a.list_offsets({part: OffsetSpec.max_timestamp()})[part].result(20).offset >= 0
    upto = TopicPartition(made, 0, 4)
    equal(a.delete_records([upto])[upto].result(20).low_watermark, 4, "low watermark")


@test
def admin_acls():
    a, made = admin(), name("t")
    acl = AclBinding(ResourceType.TOPIC, made, ResourcePatternType.LITERAL, "User:" + made, "*", AclOperation.READ, AclPermissionType.ALLOW)
    a.create_acls([acl])[acl].result(20)
    wanted = AclBindingFilter(ResourceType.TOPIC, made, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY)
    until("it is there", lambda: a.describe_acls(wanted).result(20) == [acl])
    equal(a.delete_acls([wanted])[wanted].result(20), [acl], "deleted")


@test
def admin_scram():
    a, user = admin(), name("u")
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    a.alter_user_scram_credentials([UserScramCredentialUpsertion(user, info, b"secret")])[user].result(20)
    until("the user", lambda: a.describe_user_scram_credentials([user])[user].result(20).scram_credential_infos[0].iterations == 4096)
    a.alter_user_scram_credentials([UserScramCredentialDeletion(user, ScramMechanism.SCRAM_SHA_512)])[user].result(20)
    error = raises(KafkaException, "gone", lambda: until("gone", lambda: not a.describe_user_scram_credentials([user])[user].result(20)))
    equal(error.args[0].code(), KafkaError.RESOURCE_NOT_FOUND, "code")


@test
def admin_elect():
    a, made = admin(), topic()
    got = a.elect_leaders(ElectionType.PREFERRED, [TopicPartition(made, 0)]).result(20)
    equal([e.code() for e in got.values()], [KafkaError.ELECTION_NOT_NEEDED], "election")
