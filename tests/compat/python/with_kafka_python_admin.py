"""kafka-python's admin client."""

from kafka import OffsetAndMetadata, TopicPartition
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ConfigResource,
    ConfigResourceType,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourcePattern,
    ResourceType,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)
from kafka.errors import KafkaError, TopicAlreadyExistsError, UnknownTopicOrPartitionError

from check import equal, name, raises, test, until
from with_kafka_python import admin, consumer, fill, producer, take, topic


@test
def topics():
    a = admin()
    made = name("t")
    a.create_topics([NewTopic(made, 3, 1, topic_configs={"retention.ms": "100000"})])
    raises(TopicAlreadyExistsError, "again", lambda: a.create_topics([NewTopic(made, 3, 1)]))
    until("it is listed", lambda: made in a.list_topics())
    described = a.describe_topics([made])
    equal(len(described[0]["partitions"]), 3, "partitions")
    a.create_partitions({made: NewPartitions(5)})
    until("five partitions", lambda: len(a.describe_topics([made])[0]["partitions"]) == 5)
    raises(KafkaError, "fewer", lambda: a.create_partitions({made: NewPartitions(2)}))
    a.delete_topics([made])
    until("it is gone", lambda: made not in a.list_topics())
    raises(UnknownTopicOrPartitionError, "again", lambda: a.delete_topics([made]))
    a.close()


@test
def cluster():
    a = admin()
    described = a.describe_cluster()
    equal(len(described["brokers"]), 1, "brokers")
    assert described["cluster_id"] and described["controller_id"] is not None, described
    assert a.api_versions()
    assert a.describe_features()
    a.close()


@test
def configs():
    a = admin()
    made = topic()
    resource = ConfigResource(ConfigResourceType.TOPIC, made)
    raw = a.describe_configs([resource])
    assert raw is not None
    a.alter_configs([ConfigResource(ConfigResourceType.TOPIC, made, configs={"retention.ms": "123456"})])
    until("the new value", lambda: "123456" in str(a.describe_configs([resource])))
    a.reset_configs([ConfigResource(ConfigResourceType.TOPIC, made, configs={"retention.ms": None})])
    until("the default", lambda: "123456" not in str(a.describe_configs([resource])))
    assert len(str(a.describe_configs([ConfigResource(ConfigResourceType.BROKER, "1")], config_filter="all"))) > 1000
    assert made in str(a.list_config_resources())
    a.close()


@test
def groups():
    a = admin()
    made, group = topic(2), name("g")
    fill(made, 2, 10)
    c = consumer(made, group_id=group, enable_auto_commit=False)
    take(c, 10)
    c.commit()
    assert group in str(a.list_groups())
    described = a.describe_groups([group])
    assert "Stable" in str(described) and made in str(described), described
    offsets = a.list_group_offsets([group])
    assert "5" in str(offsets), offsets
    raises(KafkaError, "with a member", lambda: _raise(a.delete_groups([group])))
    c.close()
    part = TopicPartition(made, 0)
    a.alter_group_offsets(group, {part: OffsetAndMetadata(2, "", -1)})
    again = consumer(group_id=group)
    equal(again.committed(part), 2, "altered")
    a.reset_group_offsets(group, {part: OffsetSpec.EARLIEST})
    equal(again.committed(part), 0, "reset")
    again.close()
    a.delete_group_offsets(group, [part])
    a.delete_groups([group])
    until("it is gone", lambda: group not in str(a.list_groups()))
    a.close()


def _raise(results):
    """Some versions give the errors instead of raising them."""
    text = str(results)
    if "Error" in text or "error" in text:
        raise KafkaError(text)


@test
def offsets_and_records():
    a = admin()
    made = topic(2)
    fill(made, 2, 20)
    one, two = TopicPartition(made, 0), TopicPartition(made, 1)
    listed = a.list_partition_offsets({one: OffsetSpec.LATEST, two: OffsetSpec.EARLIEST})
    equal((listed[one].offset, listed[two].offset), (10, 0), "latest and earliest")
    a.delete_records({one: 4})
    listed = a.list_partition_offsets({one: OffsetSpec.EARLIEST})
    equal(listed[one].offset, 4, "after delete records")
    a.close()


@test
def log_dirs():
    a = admin()
    made = topic()
    fill(made, 1, 10)
    assert made in str(a.describe_log_dirs())
    a.close()


@test
def acls():
    a = admin()
    made = name("t")
    acl = ACL("User:" + made, "*", ACLOperation.READ, ACLPermissionType.ALLOW, ResourcePattern(ResourceType.TOPIC, made))
    a.create_acls([acl])
    wanted = ACLFilter("User:" + made, "*", ACLOperation.ANY, ACLPermissionType.ANY, ResourcePattern(ResourceType.TOPIC, made))
    until("it is there", lambda: made in str(a.describe_acls(wanted)))
    a.delete_acls([wanted])
    until("it is gone", lambda: "READ" not in str(a.describe_acls(wanted)))
    a.close()


@test
def scram_users():
    a = admin()
    user = name("u")
    a.alter_user_scram_credentials([UserScramCredentialUpsertion(user, ScramMechanism.SCRAM_SHA_256, "secret", iterations=4096)])
    until("the user", lambda: "4096" in str(a.describe_user_scram_credentials([user])))
    a.alter_user_scram_credentials([UserScramCredentialDeletion(user, ScramMechanism.SCRAM_SHA_256)])
    a.close()


@test
def reassignments_and_elections():
    a = admin()
    made = topic()
    part = TopicPartition(made, 0)
    a.alter_partition_reassignments({part: [1]})
    assert made not in str(a.list_partition_reassignments())
    a.elect_leaders(0, {made: [0]}, raise_errors=False)
    a.close()


@test
def topic_partitions_and_quorum():
    a = admin()
    made = topic(3)
    assert made in str(a.describe_topic_partitions([made]))
    assert "leader_id" in str(a.describe_metadata_quorum())
    a.close()


@test
def transactions_described():
    a = admin()
    made, ident = topic(), name("x")
    p = producer(transactional_id=ident)
    p.init_transactions()
    p.begin_transaction()
    p.send(made, b"v").get(20)
    assert ident in str(a.list_transactions())
    assert made in str(a.describe_transactions([ident]))
    assert a.describe_producers([TopicPartition(made, 0)])
    p.commit_transaction()
    p.close()
    a.close()


@test
def feature_update_refused():
    a = admin()
    from kafka.admin import UpdateFeatureType

    raises(KafkaError, "an unknown feature", lambda: _raise(a.update_features({"no.such": (3, UpdateFeatureType.UPGRADE)}, validate_only=True)))
    a.close()


@test
def replica_log_dirs():
    a = admin()
    made = topic()
    fill(made, 1, 1)
    raises(KafkaError, "an unknown directory", lambda: _raise(a.alter_replica_log_dirs({_replica(made): "/no/such/dir"})))
    a.close()


def _replica(made):
    from kafka import structs

    kind = getattr(structs, "TopicPartitionReplica", None)
    return kind(made, 0, 1) if kind else (made, 0, 1)


@test
def members_removed():
    a = admin()
    from kafka.admin import MemberToRemove

    made, group = topic(), name("g")
    c = consumer(made, group_id=group, group_instance_id="it", session_timeout_ms=30000)
    until("it owns all", lambda: c.poll(100) is not None and len(c.assignment()) == 1)
    c.close()
    a.remove_group_members(group, [MemberToRemove(group_instance_id="it")])
    until("the group is empty", lambda: "Empty" in str(a.describe_groups([group])))
    a.close()
