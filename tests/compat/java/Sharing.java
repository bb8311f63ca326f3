import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Share groups (KIP-932). */
final class Sharing {
    static void add() {
        Check.test("share/implicit", Sharing::implicit);
        Check.test("share/explicit", Sharing::explicit);
        Check.test("share/two-members", Sharing::twoMembers);
        Check.test("share/lock-times-out", Sharing::lockTimesOut);
        Check.test("share/offsets", Sharing::offsets);
    }

    static String group(String... settings) throws Exception {
        String group = Check.name("s");
        List<AlterConfigOp> changes = new ArrayList<>(List.of(set("share.auto.offset.reset", "earliest")));
        for (int i = 0; i < settings.length; i += 2) changes.add(set(settings[i], settings[i + 1]));
        try (Admin admin = Clients.admin()) {
            admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.GROUP, group), changes)).all().get();
        }
        return group;
    }

    private static AlterConfigOp set(String key, String value) {
        return new AlterConfigOp(new ConfigEntry(key, value), AlterConfigOp.OpType.SET);
    }

    static KafkaShareConsumer<String, String> member(String topic, String group, String mode) {
        KafkaShareConsumer<String, String> consumer = new KafkaShareConsumer<>(
            Clients.settings("group.id", group, "share.acknowledgement.mode", mode), new StringDeserializer(), new StringDeserializer());
        consumer.subscribe(List.of(topic));
        return consumer;
    }

    static List<ConsumerRecord<String, String>> take(KafkaShareConsumer<String, String> consumer, int n) {
        List<ConsumerRecord<String, String>> got = new ArrayList<>();
        long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (got.size() < n && System.nanoTime() < end) consumer.poll(Duration.ofMillis(200)).forEach(got::add);
        return got;
    }

    static void implicit() throws Exception {
        String topic = Clients.topic(1), group = group();
        Clients.fill(topic, 1, 10);
        try (KafkaShareConsumer<String, String> consumer = member(topic, group, "implicit")) {
            Check.equal(take(consumer, 10).size(), 10, "records");
            consumer.commitSync();
        }
        Clients.fill(topic, 1, 1);
        try (KafkaShareConsumer<String, String> consumer = member(topic, group, "implicit")) {
            Check.equal(take(consumer, 1).get(0).offset(), 10L, "next offset");
        }
    }

    static void explicit() throws Exception {
        String topic = Clients.topic(1), group = group();
        Clients.fill(topic, 1, 3);
        try (KafkaShareConsumer<String, String> consumer = member(topic, group, "explicit")) {
            List<ConsumerRecord<String, String>> got = take(consumer, 3);
            Check.equal(got.get(0).deliveryCount().get(), (short) 1, "delivery");
            consumer.acknowledge(got.get(0), AcknowledgeType.ACCEPT);
            consumer.acknowledge(got.get(1), AcknowledgeType.RELEASE);
            consumer.acknowledge(got.get(2), AcknowledgeType.REJECT);
            consumer.commitSync();
            List<ConsumerRecord<String, String>> again = take(consumer, 1);
            Check.equal(again.size(), 1, "records delivered again");
            Check.equal(List.of(again.get(0).offset(), (long) again.get(0).deliveryCount().get()), List.of(1L, 2L), "offset, delivery");
            consumer.acknowledge(again.get(0));
        }
    }

    static void twoMembers() throws Exception {
        String topic = Clients.topic(1), group = group();
        Set<String> values = new HashSet<>();
        int came = 0;
        try (KafkaShareConsumer<String, String> one = member(topic, group, "implicit"); KafkaShareConsumer<String, String> two = member(topic, group, "implicit")) {
            one.poll(Duration.ofMillis(200));
            two.poll(Duration.ofMillis(200));
            Clients.fill(topic, 1, 100);
            long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
            while (values.size() < 100 && System.nanoTime() < end)
                for (KafkaShareConsumer<String, String> consumer : List.of(one, two))
                    for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(100))) {
                        values.add(record.value());
                        came++;
                    }
        }
        Check.equal(List.of(values.size(), came), List.of(100, 100), "values, records");
    }

    static void lockTimesOut() throws Exception {
        String topic = Clients.topic(1), group = group("share.record.lock.duration.ms", "1000");
        Clients.fill(topic, 1, 1);
        try (KafkaShareConsumer<String, String> holder = member(topic, group, "explicit"); KafkaShareConsumer<String, String> other = member(topic, group, "implicit")) {
            Check.equal(take(holder, 1).size(), 1, "records");
            List<ConsumerRecord<String, String>> got = take(other, 1);
            Check.equal(got.size(), 1, "records of the other");
            Check.equal(got.get(0).deliveryCount().get(), (short) 2, "delivery");
        }
    }

    static void offsets() throws Exception {
        String topic = Clients.topic(1), group = group();
        Clients.fill(topic, 1, 5);
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaShareConsumer<String, String> consumer = member(topic, group, "implicit")) {
            take(consumer, 5);
            consumer.commitSync();
        }
        try (Admin admin = Clients.admin()) {
            Check.until("empty", () -> admin.describeShareGroups(List.of(group)).all().get().get(group).groupState() == GroupState.EMPTY);
            Check.until("no lag", () -> admin.listShareGroupOffsets(Map.of(group, new ListShareGroupOffsetsSpec()))
                .partitionsToOffsetInfo(group).get().get(partition).lag().equals(Optional.of(0L)));
            admin.alterShareGroupOffsets(group, Map.of(partition, 2L)).all().get();
        }
        try (KafkaShareConsumer<String, String> consumer = member(topic, group, "implicit")) {
            Check.equal(take(consumer, 3).get(0).offset(), 2L, "offset");
        }
    }
}
