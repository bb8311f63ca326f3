import java.time.Duration;
import java.util.*;
import java.util.regex.Pattern;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.errors.*;

/** Consumers, in groups of both protocols and without one. */
final class Consuming {
    static void add() {
        for (String protocol : List.of("classic", "consumer")) {
            String prefix = "consumer-" + protocol + "/";
            Check.test(prefix + "commit-and-resume", () -> commitAndResume(protocol));
            Check.test(prefix + "two-members", () -> twoMembers(protocol));
            Check.test(prefix + "static-member", () -> staticMember(protocol));
            Check.test(prefix + "pattern", () -> pattern(protocol));
            Check.test(prefix + "new-partitions", () -> newPartitions(protocol));
            Check.test(prefix + "pause-and-seek", () -> pauseAndSeek(protocol));
            Check.test(prefix + "fenced-commit", () -> fencedCommit(protocol));
            Check.test(prefix + "described", () -> described(protocol));
        }
        Check.test("consumer-consumer/re2j-pattern", Consuming::re2jPattern);
        Check.test("consumer-consumer/remote-assignor", Consuming::remoteAssignor);
        Check.test("consumer/cooperative", Consuming::cooperative);
        Check.test("consumer/manual", Consuming::manual);
        Check.test("consumer/reset", Consuming::reset);
        Check.test("consumer/bytes-limits", Consuming::bytesLimits);
        Check.test("consumer/lag", Consuming::lag);
    }

    static KafkaConsumer<String, String> member(String group, String protocol, Object... pairs) {
        Object[] all = Arrays.copyOf(pairs, pairs.length + 4);
        System.arraycopy(new Object[] {"group.id", group, "group.protocol", protocol}, 0, all, pairs.length, 4);
        return Clients.consumer(all);
    }

    static void commitAndResume(String protocol) throws Exception {
        String topic = Clients.topic(1), group = Check.name("g");
        Clients.fill(topic, 1, 10);
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaConsumer<String, String> consumer = member(group, protocol, "enable.auto.commit", "false", "max.poll.records", "4")) {
            consumer.subscribe(List.of(topic));
            Check.equal(Clients.take(consumer, 4).size(), 4, "records");
            consumer.commitSync(Map.of(partition, new OffsetAndMetadata(4, "note")));
            Check.equal(consumer.committed(Set.of(partition)).get(partition).metadata(), "note", "metadata");
        }
        try (KafkaConsumer<String, String> consumer = member(group, protocol)) {
            consumer.subscribe(List.of(topic));
            Check.equal(Clients.take(consumer, 6).get(0).offset(), 4L, "first offset");
        }
    }

    /** Polls all until the assignments are of these sizes, in some order. */
    static void settle(List<Integer> sizes, List<KafkaConsumer<String, String>> consumers) throws Exception {
        Check.until("assignments of " + sizes, () -> {
            List<Integer> now = new ArrayList<>();
            for (KafkaConsumer<String, String> consumer : consumers) {
                consumer.poll(Duration.ofMillis(50));
                now.add(consumer.assignment().size());
            }
            Collections.sort(now);
            return now.equals(sizes);
        });
    }

    static void twoMembers(String protocol) throws Exception {
        String topic = Clients.topic(4), group = Check.name("g");
        KafkaConsumer<String, String> first = member(group, protocol);
        try (KafkaConsumer<String, String> second = member(group, protocol)) {
            first.subscribe(List.of(topic));
            settle(List.of(4), List.of(first));
            second.subscribe(List.of(topic));
            settle(List.of(2, 2), List.of(first, second));
            first.close();
            settle(List.of(4), List.of(second));
        }
    }

    static void staticMember(String protocol) throws Exception {
        String topic = Clients.topic(2), group = Check.name("g");
        int[] rebalances = {0};
        try (KafkaConsumer<String, String> other = member(group, protocol)) {
            KafkaConsumer<String, String> first = member(group, protocol, "group.instance.id", "a");
            first.subscribe(List.of(topic));
            other.subscribe(List.of(topic), new ConsumerRebalanceListener() {
                @Override
                public void onPartitionsRevoked(Collection<TopicPartition> partitions) { }

                @Override
                public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
                    rebalances[0]++;
                }
            });
            settle(List.of(1, 1), List.of(first, other));
            Set<TopicPartition> had = first.assignment();
            int before = rebalances[0];
            first.close();
            try (KafkaConsumer<String, String> again = member(group, protocol, "group.instance.id", "a")) {
                again.subscribe(List.of(topic));
                settle(List.of(1, 1), List.of(again, other));
                Check.equal(again.assignment(), had, "assignment");
                Check.equal(rebalances[0], before, "rebalances of the other");
            }
        }
    }

    static void pattern(String protocol) throws Exception {
        String one = Clients.topic(1), two = Clients.topic(1);
        try (KafkaConsumer<String, String> consumer = member(Check.name("g"), protocol, "metadata.max.age.ms", "500")) {
            consumer.subscribe(Pattern.compile(one + "|" + two + "|" + one + "-later"));
            settle(List.of(2), List.of(consumer));
            try (Admin admin = Clients.admin()) {
                admin.createTopics(List.of(new NewTopic(one + "-later", 1, (short) 1))).all().get();
            }
            settle(List.of(3), List.of(consumer));
        }
    }

    static void re2jPattern() throws Exception {
        String one = Clients.topic(1), two = Clients.topic(1);
        try (KafkaConsumer<String, String> consumer = member(Check.name("g"), "consumer")) {
            consumer.subscribe(new SubscriptionPattern("(" + one + "|" + two + ")"));
            settle(List.of(2), List.of(consumer));
        }
        try (KafkaConsumer<String, String> consumer = member(Check.name("g"), "consumer")) {
            consumer.subscribe(new SubscriptionPattern("("));
            Check.raises(InvalidRegularExpression.class, "a bad pattern", () -> Clients.take(consumer, 1));
        }
    }

    static void remoteAssignor() throws Exception {
        String topic = Clients.topic(3);
        for (String assignor : List.of("uniform", "range")) {
            try (KafkaConsumer<String, String> consumer = member(Check.name("g"), "consumer", "group.remote.assignor", assignor)) {
                consumer.subscribe(List.of(topic));
                settle(List.of(3), List.of(consumer));
            }
        }
        try (KafkaConsumer<String, String> consumer = member(Check.name("g"), "consumer", "group.remote.assignor", "nope")) {
            consumer.subscribe(List.of(topic));
            Check.raises(UnsupportedAssignorException.class, "nope", () -> Clients.take(consumer, 1));
        }
    }

    static void newPartitions(String protocol) throws Exception {
        String topic = Clients.topic(1);
        try (KafkaConsumer<String, String> consumer = member(Check.name("g"), protocol, "metadata.max.age.ms", "500"); Admin admin = Clients.admin()) {
            consumer.subscribe(List.of(topic));
            settle(List.of(1), List.of(consumer));
            admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(3))).all().get();
            settle(List.of(3), List.of(consumer));
        }
    }

    static void pauseAndSeek(String protocol) throws Exception {
        String topic = Clients.topic(2);
        Clients.fill(topic, 2, 20);
        TopicPartition zero = new TopicPartition(topic, 0), one = new TopicPartition(topic, 1);
        try (KafkaConsumer<String, String> consumer = member(Check.name("g"), protocol)) {
            consumer.subscribe(List.of(topic));
            Clients.take(consumer, 20);
            consumer.pause(List.of(one));
            consumer.seekToBeginning(List.of(zero, one));
            List<ConsumerRecord<String, String>> got = Clients.take(consumer, 10);
            Check.that(got.stream().allMatch(r -> r.partition() == 0), "a record of the paused partition came");
            consumer.resume(List.of(one));
            consumer.seek(one, 7);
            Check.equal(Clients.take(consumer, 3).get(0).offset(), 7L, "offset");
        }
    }

    static void fencedCommit(String protocol) throws Exception {
        String topic = Clients.topic(1), group = Check.name("g");
        Clients.fill(topic, 1, 1);
        try (KafkaConsumer<String, String> consumer = member(group, protocol, "enable.auto.commit", "false"); Admin admin = Clients.admin()) {
            consumer.subscribe(List.of(topic));
            Clients.take(consumer, 1);
            Map<TopicPartition, OffsetAndMetadata> offsets = Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(1));
            Check.raises(UnknownMemberIdException.class, "commit of a stranger", () -> admin.alterConsumerGroupOffsets(group, offsets).all().get());
            consumer.commitSync(offsets);
        }
    }

    static void described(String protocol) throws Exception {
        String topic = Clients.topic(2), group = Check.name("g");
        try (KafkaConsumer<String, String> consumer = member(group, protocol, "client.id", "me"); Admin admin = Clients.admin()) {
            consumer.subscribe(List.of(topic));
            settle(List.of(2), List.of(consumer));
            Check.until("stable", () -> admin.describeConsumerGroups(List.of(group)).all().get().get(group).groupState() == GroupState.STABLE);
            ConsumerGroupDescription described = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
            Check.equal(described.type().toString().toLowerCase(), protocol, "type");
            MemberDescription member = described.members().iterator().next();
            Check.equal(member.clientId(), "me", "client id");
            Check.equal(member.assignment().topicPartitions().size(), 2, "assignment");
            Check.raises(GroupNotEmptyException.class, "delete", () -> admin.deleteConsumerGroups(List.of(group)).all().get());
        }
        try (Admin admin = Clients.admin()) {
            Check.until("empty", () -> admin.describeConsumerGroups(List.of(group)).all().get().get(group).groupState() == GroupState.EMPTY);
            admin.deleteConsumerGroups(List.of(group)).all().get();
        }
    }

    static void cooperative() throws Exception {
        String topic = Clients.topic(4), group = Check.name("g"), strategy = "partition.assignment.strategy";
        Set<TopicPartition> lost = new HashSet<>();
        try (KafkaConsumer<String, String> first = member(group, "classic", strategy, CooperativeStickyAssignor.class.getName());
             KafkaConsumer<String, String> second = member(group, "classic", strategy, CooperativeStickyAssignor.class.getName())) {
            first.subscribe(List.of(topic), new ConsumerRebalanceListener() {
                @Override
                public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
                    lost.addAll(partitions);
                }

                @Override
                public void onPartitionsAssigned(Collection<TopicPartition> partitions) { }
            });
            settle(List.of(4), List.of(first));
            second.subscribe(List.of(topic));
            settle(List.of(2, 2), List.of(first, second));
            Check.equal(lost.size(), 2, "partitions taken away");
        }
    }

    static void manual() throws Exception {
        String topic = Clients.topic(2);
        Clients.fill(topic, 2, 10);
        TopicPartition one = new TopicPartition(topic, 1);
        try (KafkaConsumer<String, String> consumer = Clients.consumer()) {
            consumer.assign(List.of(one));
            consumer.seek(one, 2);
            Check.equal(Clients.take(consumer, 3).stream().map(ConsumerRecord::value).toList(), List.of("5", "7", "9"), "values");
            Check.equal(consumer.beginningOffsets(List.of(one)).get(one), 0L, "begin");
            Check.equal(consumer.endOffsets(List.of(one)).get(one), 5L, "end");
        }
    }

    static void reset() throws Exception {
        String topic = Clients.topic(1);
        Clients.fill(topic, 1, 5);
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaConsumer<String, String> none = Clients.consumer("auto.offset.reset", "none");
             KafkaConsumer<String, String> duration = Clients.consumer("auto.offset.reset", "by_duration:PT1H")) {
            none.assign(List.of(partition));
            none.seek(partition, 99);
            Check.raises(org.apache.kafka.clients.consumer.OffsetOutOfRangeException.class, "out of range", () -> Clients.take(none, 1));
            duration.assign(List.of(partition));
            Check.equal(Clients.take(duration, 5).size(), 5, "records of the last hour");
        }
    }

    static void bytesLimits() throws Exception {
        String topic = Clients.topic(1);
        try (KafkaProducer<String, String> producer = Clients.producer("batch.size", 0)) {
            for (int i = 0; i < 20; i++) producer.send(new ProducerRecord<>(topic, "x".repeat(10_000)));
        }
        Check.equal(Clients.values(topic, 20, "max.partition.fetch.bytes", "1000").size(), 20, "one at a time");
        Check.equal(Clients.values(topic, 20, "fetch.min.bytes", "100000", "fetch.max.wait.ms", "300").size(), 20, "many at once");
    }

    static void lag() throws Exception {
        String topic = Clients.topic(1);
        Clients.fill(topic, 1, 10);
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaConsumer<String, String> consumer = Clients.consumer("max.poll.records", "4")) {
            consumer.assign(List.of(partition));
            Clients.take(consumer, 4);
            Check.equal(consumer.currentLag(partition), OptionalLong.of(6), "lag");
        }
    }
}
