// Java members of share groups, told line by line: values with the number of their delivery.
//
//   java -cp "$KT_KAFKA_HOME/libs/*" ShareGroups.java HOST:PORT life
//   java ... ShareGroups.java HOST:PORT begin TOPIC GROUP   writes a to d, accepts a, releases b, rejects c, accepts d
//   java ... ShareGroups.java HOST:PORT go-on TOPIC GROUP VALUE...   writes values, accepts all it gets until the last of them

import java.time.Duration;
import java.util.*;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.*;

public class ShareGroups {
    static String servers;

    static KafkaShareConsumer<String, String> member(String group, String topic, String mode) {
        Map<String, Object> config = Map.of("bootstrap.servers", servers, "group.id", group,
            "share.acknowledgement.mode", mode);
        KafkaShareConsumer<String, String> member =
            new KafkaShareConsumer<>(config, new StringDeserializer(), new StringDeserializer());
        member.subscribe(List.of(topic));
        return member;
    }

    // Polls until there is something.
    static List<ConsumerRecord<String, String>> some(KafkaShareConsumer<String, String> member) {
        long end = System.nanoTime() + 30_000_000_000L;
        while (System.nanoTime() < end) {
            List<ConsumerRecord<String, String>> records = new ArrayList<>();
            member.poll(Duration.ofMillis(200)).forEach(records::add);
            if (!records.isEmpty()) return records;
        }
        throw new IllegalStateException("no record in 30 s");
    }

    static String told(List<ConsumerRecord<String, String>> records) {
        return records.stream().map(r -> r.value() + "*" + r.deliveryCount().orElse((short) -1))
            .collect(Collectors.joining(" "));
    }

    // Sends what was acknowledged; how many partitions, and the errors.
    static String commit(KafkaShareConsumer<String, String> member) {
        Map<?, Optional<org.apache.kafka.common.KafkaException>> results = member.commitSync();
        return results.size() + " " + results.values().stream().flatMap(Optional::stream).toList();
    }

    // In one batch, so that they come together.
    static void write(String topic, String... values) {
        Map<String, Object> config = Map.of("bootstrap.servers", servers, "linger.ms", "200");
        try (KafkaProducer<String, String> producer =
                 new KafkaProducer<>(config, new StringSerializer(), new StringSerializer())) {
            for (String value : values) producer.send(new ProducerRecord<>(topic, value));
        }
    }

    static void prepare(String topic, String... groups) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", servers))) {
            admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get();
        }
        for (String group : groups) set(group, "share.auto.offset.reset", "earliest");
    }

    static void set(String group, String name, String value) throws Exception {
        AlterConfigOp op = new AlterConfigOp(new ConfigEntry(name, value), AlterConfigOp.OpType.SET);
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", servers))) {
            admin.incrementalAlterConfigs(
                Map.of(new ConfigResource(ConfigResource.Type.GROUP, group), List.of(op))).all().get();
        }
    }

    static void life() throws Exception {
        prepare("shared", "implicit", "explicit", "limited", "closing");
        write("shared", "a", "b", "c");
        try (KafkaShareConsumer<String, String> member = member("implicit", "shared", "implicit")) {
            System.out.println("implicit " + told(some(member)));
            System.out.println("committed " + commit(member));
        }
        write("shared", "d");
        try (KafkaShareConsumer<String, String> member = member("implicit", "shared", "implicit")) {
            System.out.println("implicit " + told(some(member)));
        }
        try (KafkaShareConsumer<String, String> member = member("explicit", "shared", "explicit")) {
            Map<String, ConsumerRecord<String, String>> got = new HashMap<>();
            while (got.size() < 4) collect(member, got);
            System.out.println("explicit " + told(List.of(got.get("a"), got.get("b"), got.get("c"), got.get("d"))));
            member.acknowledge(got.get("a"), AcknowledgeType.ACCEPT);
            member.acknowledge(got.get("b"), AcknowledgeType.RELEASE);
            member.acknowledge(got.get("c"), AcknowledgeType.REJECT);
            try {
                member.poll(Duration.ofMillis(1));
            } catch (IllegalStateException e) {
                System.out.println("d is not acknowledged");
            }
            member.acknowledge(got.get("d"), AcknowledgeType.ACCEPT);
            System.out.println("committed " + commit(member));
            for (int round = 0; round < 2; round++) {
                List<ConsumerRecord<String, String>> again = some(member);
                System.out.println("again " + told(again));
                member.acknowledge(again.get(0), round == 0 ? AcknowledgeType.RELEASE : AcknowledgeType.ACCEPT);
                System.out.println("committed " + commit(member));
            }
        }
        limited();
        try (KafkaShareConsumer<String, String> member = member("closing", "shared", "explicit")) {
            some(member);
        }
        try (KafkaShareConsumer<String, String> member = member("closing", "shared", "implicit")) {
            System.out.println("after a close " + told(some(member).subList(0, 1)));
        }
    }

    // What is renewed stays the member's, and comes with the next poll; what was delivered twice comes no more.
    static void limited() throws Exception {
        set("limited", "share.delivery.count.limit", "2");
        try (KafkaShareConsumer<String, String> member = member("limited", "shared", "explicit")) {
            Map<String, ConsumerRecord<String, String>> got = new TreeMap<>();
            while (got.size() < 4) collect(member, got);
            Map<String, AcknowledgeType> types = Map.of("b", AcknowledgeType.RELEASE, "c", AcknowledgeType.RENEW);
            for (ConsumerRecord<String, String> record : got.values())
                member.acknowledge(record, types.getOrDefault(record.value(), AcknowledgeType.ACCEPT));
            System.out.println("committed " + commit(member));
            for (int round = 0; round < 2; round++) {
                List<ConsumerRecord<String, String>> again = some(member);
                System.out.println("limited " + told(again));
                for (ConsumerRecord<String, String> record : again)
                    member.acknowledge(record, types.get(record.value()) == AcknowledgeType.RELEASE
                        ? AcknowledgeType.RELEASE : AcknowledgeType.ACCEPT);
                System.out.println("committed " + commit(member));
            }
            write("shared", "e");
            List<ConsumerRecord<String, String>> next = some(member);
            System.out.println("limited " + told(next));
            member.acknowledge(next.get(0), AcknowledgeType.ACCEPT);
        }
    }

    // Takes in what comes, once each.
    static void collect(KafkaShareConsumer<String, String> member, Map<String, ConsumerRecord<String, String>> got) {
        for (ConsumerRecord<String, String> record : some(member)) got.put(record.value(), record);
    }

    static void begin(String topic, String group) throws Exception {
        prepare(topic, group);
        write(topic, "a", "b", "c", "d");
        try (KafkaShareConsumer<String, String> member = member(group, topic, "explicit")) {
            Map<String, AcknowledgeType> types =
                Map.of("b", AcknowledgeType.RELEASE, "c", AcknowledgeType.REJECT);
            List<ConsumerRecord<String, String>> records = some(member);
            System.out.println("begins " + told(records));
            for (ConsumerRecord<String, String> record : records)
                member.acknowledge(record, types.getOrDefault(record.value(), AcknowledgeType.ACCEPT));
            System.out.println("committed " + commit(member));
        }
    }

    static void goOn(String topic, String group, String[] values) {
        write(topic, values);
        List<ConsumerRecord<String, String>> records = new ArrayList<>();
        try (KafkaShareConsumer<String, String> member = member(group, topic, "implicit")) {
            while (records.isEmpty() || !records.get(records.size() - 1).value().equals(values[values.length - 1]))
                records.addAll(some(member));
            commit(member);
        }
        System.out.println("goes on " + told(records));
    }

    public static void main(String[] args) throws Exception {
        servers = args[0];
        switch (args[1]) {
            case "life" -> life();
            case "begin" -> begin(args[2], args[3]);
            case "go-on" -> goOn(args[2], args[3], Arrays.copyOfRange(args, 4, args.length));
            default -> throw new IllegalArgumentException(args[1]);
        }
    }
}
