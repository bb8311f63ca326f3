import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.*;
import org.apache.kafka.common.acl.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.quota.*;
import org.apache.kafka.common.resource.*;

/** What Admin can do. */
final class Administering {
    interface Body {
        void run(Admin admin) throws Exception;
    }

    private static void test(String name, Body body) {
        Check.test("admin/" + name, () -> {
            try (Admin admin = Clients.admin()) {
                body.run(admin);
            }
        });
    }

    static void add() {
        test("topics", Administering::topics);
        test("topic-errors", Administering::topicErrors);
        test("topic-configs", Administering::topicConfigs);
        test("broker-configs", Administering::brokerConfigs);
        test("delete-records", Administering::deleteRecords);
        test("group-offsets", Administering::groupOffsets);
        test("cluster", Administering::cluster);
        test("features", Administering::features);
        test("log-dirs", Administering::logDirs);
        test("acls", Administering::acls);
        test("scram-users", Administering::scramUsers);
        test("quotas", Administering::quotas);
        test("elections-and-moves", Administering::electionsAndMoves);
        test("groups-of-all-types", Administering::groups);
        test("config-resources", Administering::configResources);
    }

    static void topics(Admin admin) throws Exception {
        String name = Check.name("t");
        CreateTopicsResult made = admin.createTopics(List.of(new NewTopic(name, 3, (short) 1)));
        Check.equal(made.numPartitions(name).get(), 3, "partitions");
        Uuid id = made.topicId(name).get();
        Check.until("described", () -> admin.listTopics().names().get().contains(name));
        Check.equal(admin.describeTopics(TopicCollection.ofTopicIds(List.of(id))).allTopicIds().get().get(id).name(), name, "name");
        admin.deleteTopics(TopicCollection.ofTopicIds(List.of(id))).all().get();
        Check.until("gone", () -> !admin.listTopics().names().get().contains(name));
    }

    static void topicErrors(Admin admin) throws Exception {
        String topic = Clients.topic(1);
        Check.raises(TopicExistsException.class, "again", () -> admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get());
        Check.raises(InvalidTopicException.class, "a bad name", () -> admin.createTopics(List.of(new NewTopic("a/b", 1, (short) 1))).all().get());
        Check.raises(InvalidReplicationFactorException.class, "99 replicas", () -> admin.createTopics(List.of(new NewTopic(Check.name("t"), 1, (short) 99))).all().get());
        Check.raises(InvalidPartitionsException.class, "fewer partitions", () -> admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(1))).all().get());
        Check.raises(UnknownTopicOrPartitionException.class, "unknown", () -> admin.deleteTopics(List.of(Check.name("t"))).all().get());
        Check.raises(InvalidConfigurationException.class, "a bad config",
            () -> admin.createTopics(List.of(new NewTopic(Check.name("t"), 1, (short) 1).configs(Map.of("retention.ms", "x")))).all().get());
    }

    private static AlterConfigOp op(String key, String value, AlterConfigOp.OpType type) {
        return new AlterConfigOp(new ConfigEntry(key, value), type);
    }

    static void topicConfigs(Admin admin) throws Exception {
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, Clients.topic(1));
        admin.incrementalAlterConfigs(Map.of(topic, List.of(op("retention.ms", "1000", AlterConfigOp.OpType.SET), op("cleanup.policy", "compact", AlterConfigOp.OpType.APPEND)))).all().get();
        Check.until("set", () -> admin.describeConfigs(List.of(topic)).all().get().get(topic).get("retention.ms").value().equals("1000"));
        Config config = admin.describeConfigs(List.of(topic)).all().get().get(topic);
        Check.equal(config.get("cleanup.policy").value(), "delete,compact", "list");
        Check.equal(config.get("retention.ms").source(), ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, "source");
        admin.incrementalAlterConfigs(Map.of(topic, List.of(op("retention.ms", null, AlterConfigOp.OpType.DELETE)))).all().get();
        Check.until("deleted", () -> admin.describeConfigs(List.of(topic)).all().get().get(topic).get("retention.ms").isDefault());
    }

    static void brokerConfigs(Admin admin) throws Exception {
        String node = "" + admin.describeCluster().controller().get().id();
        ConfigResource broker = new ConfigResource(ConfigResource.Type.BROKER, node);
        Config config = admin.describeConfigs(List.of(broker), new DescribeConfigsOptions().includeDocumentation(true)).all().get().get(broker);
        Check.equal(config.get("num.partitions").type(), ConfigEntry.ConfigType.INT, "type");
        Check.that(!config.get("num.partitions").documentation().isEmpty(), "no documentation");
        Check.raises(InvalidRequestException.class, "read only",
            () -> admin.incrementalAlterConfigs(Map.of(broker, List.of(op("node.id", "9", AlterConfigOp.OpType.SET)))).all().get());
    }

    static void deleteRecords(Admin admin) throws Exception {
        String topic = Clients.topic(1);
        Clients.fill(topic, 1, 10);
        TopicPartition partition = new TopicPartition(topic, 0);
        Check.equal(admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(4))).lowWatermarks().get(partition).get().lowWatermark(), 4L, "low watermark");
        Check.equal(admin.listOffsets(Map.of(partition, OffsetSpec.earliest())).partitionResult(partition).get().offset(), 4L, "earliest");
        Check.raises(OffsetOutOfRangeException.class, "99", () -> admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(99))).all().get());
    }

    static void groupOffsets(Admin admin) throws Exception {
        String topic = Clients.topic(2), group = Check.name("g");
        TopicPartition zero = new TopicPartition(topic, 0), one = new TopicPartition(topic, 1);
        admin.alterConsumerGroupOffsets(group, Map.of(zero, new OffsetAndMetadata(3), one, new OffsetAndMetadata(4))).all().get();
        admin.deleteConsumerGroupOffsets(group, Set.of(one)).all().get();
        Check.equal(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().keySet(), Set.of(zero), "kept");
        admin.deleteConsumerGroups(List.of(group)).all().get();
        Check.raises(GroupIdNotFoundException.class, "delete again", () -> admin.deleteConsumerGroups(List.of(group)).all().get());
    }

    static void cluster(Admin admin) throws Exception {
        DescribeClusterResult cluster = admin.describeCluster(new DescribeClusterOptions().includeAuthorizedOperations(true));
        Check.equal(cluster.nodes().get().size(), 1, "nodes");
        Check.that(cluster.authorizedOperations().get().contains(AclOperation.ALTER), "may alter");
        Check.equal(admin.describeMetadataQuorum().quorumInfo().get().leaderId(), cluster.controller().get().id(), "leader");
    }

    static void features(Admin admin) throws Exception {
        FeatureMetadata features = admin.describeFeatures().featureMetadata().get();
        Check.that(features.finalizedFeatures().containsKey("metadata.version"), "metadata.version");
        Check.raises(InvalidUpdateVersionException.class, "too high", () -> admin.updateFeatures(
            Map.of("group.version", new FeatureUpdate((short) 9, FeatureUpdate.UpgradeType.UPGRADE)), new UpdateFeaturesOptions()).all().get());
    }

    static void logDirs(Admin admin) throws Exception {
        String topic = Clients.topic(1);
        Clients.fill(topic, 1, 10);
        int node = admin.describeCluster().controller().get().id();
        Map<String, LogDirDescription> dirs = admin.describeLogDirs(List.of(node)).allDescriptions().get().get(node);
        long size = dirs.values().stream().map(d -> d.replicaInfos().get(new TopicPartition(topic, 0))).filter(Objects::nonNull).mapToLong(ReplicaInfo::size).sum();
        Check.that(size > 0, "no bytes");
    }

    static void acls(Admin admin) throws Exception {
        String name = Check.name("acl");
        AclBinding binding = new AclBinding(new ResourcePattern(ResourceType.TOPIC, name, PatternType.PREFIXED),
            new AccessControlEntry("User:ann", "*", AclOperation.READ, AclPermissionType.ALLOW));
        admin.createAcls(List.of(binding)).all().get();
        AclBindingFilter matching = new AclBindingFilter(new ResourcePatternFilter(ResourceType.TOPIC, name + "-more", PatternType.MATCH), AccessControlEntryFilter.ANY);
        Check.until("described", () -> admin.describeAcls(matching).values().get().contains(binding));
        Check.equal(admin.deleteAcls(List.of(binding.toFilter())).all().get().size(), 1, "deleted");
    }

    static void scramUsers(Admin admin) throws Exception {
        String user = Check.name("u");
        ScramCredentialInfo info = new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 8192);
        admin.alterUserScramCredentials(List.of(new UserScramCredentialUpsertion(user, info, "secret"))).all().get();
        Check.until("described", () -> admin.describeUserScramCredentials().users().get().contains(user));
        Check.equal(admin.describeUserScramCredentials(List.of(user)).description(user).get().credentialInfos(), List.of(info), "credentials");
        admin.alterUserScramCredentials(List.of(new UserScramCredentialDeletion(user, ScramMechanism.SCRAM_SHA_512))).all().get();
        Check.raises(ResourceNotFoundException.class, "delete again",
            () -> admin.alterUserScramCredentials(List.of(new UserScramCredentialDeletion(user, ScramMechanism.SCRAM_SHA_512))).all().get());
    }

    static void quotas(Admin admin) throws Exception {
        ClientQuotaEntity entity = new ClientQuotaEntity(Map.of(ClientQuotaEntity.USER, Check.name("u"), ClientQuotaEntity.CLIENT_ID, "c"));
        admin.alterClientQuotas(List.of(new ClientQuotaAlteration(entity, List.of(new ClientQuotaAlteration.Op("producer_byte_rate", 1000.0))))).all().get();
        Check.until("described", () -> Map.of("producer_byte_rate", 1000.0).equals(admin.describeClientQuotas(ClientQuotaFilter.all()).entities().get().get(entity)));
        Check.raises(InvalidRequestException.class, "unknown key",
            () -> admin.alterClientQuotas(List.of(new ClientQuotaAlteration(entity, List.of(new ClientQuotaAlteration.Op("frobs", 1.0))))).all().get());
    }

    static void electionsAndMoves(Admin admin) throws Exception {
        TopicPartition partition = new TopicPartition(Clients.topic(1), 0);
        Check.raises(ElectionNotNeededException.class, "elect", () -> {
            Optional<Throwable> error = admin.electLeaders(ElectionType.PREFERRED, Set.of(partition)).partitions().get().get(partition);
            if (error.isPresent()) throw new Exception(error.get());
        });
        Check.raises(NoReassignmentInProgressException.class, "cancel", () -> admin.alterPartitionReassignments(Map.of(partition, Optional.empty())).all().get());
        Check.equal(admin.listPartitionReassignments(Set.of(partition)).reassignments().get().size(), 0, "moves");
    }

    static void groups(Admin admin) throws Exception {
        String group = Check.name("g");
        admin.alterConsumerGroupOffsets(group, Map.of(new TopicPartition(Clients.topic(1), 0), new OffsetAndMetadata(0))).all().get();
        Check.that(admin.listGroups(ListGroupsOptions.forConsumerGroups()).all().get().stream().anyMatch(g -> g.groupId().equals(group)), "not listed");
        Check.that(admin.listGroups(ListGroupsOptions.forShareGroups()).all().get().stream().noneMatch(g -> g.groupId().equals(group)), "listed among share groups");
    }

    static void configResources(Admin admin) throws Exception {
        ConfigResource metrics = new ConfigResource(ConfigResource.Type.CLIENT_METRICS, Check.name("m"));
        admin.incrementalAlterConfigs(Map.of(metrics, List.of(op("interval.ms", "5000", AlterConfigOp.OpType.SET)))).all().get();
        Check.until("listed", () -> admin.listConfigResources(Set.of(ConfigResource.Type.CLIENT_METRICS), new ListConfigResourcesOptions()).all().get().contains(metrics));
    }
}
