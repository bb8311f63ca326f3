import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.*;

/** Clients with the settings that the tests share. */
final class Clients {
    static Map<String, Object> settings(Object... pairs) {
        Map<String, Object> settings = new HashMap<>(Map.of("bootstrap.servers", Check.broker));
        for (int i = 0; i < pairs.length; i += 2) settings.put((String) pairs[i], pairs[i + 1]);
        return settings;
    }

    static Admin admin() {
        return Admin.create(settings());
    }

    static String topic(int partitions, String... configs) throws Exception {
        Map<String, String> told = new HashMap<>();
        for (int i = 0; i < configs.length; i += 2) told.put(configs[i], configs[i + 1]);
        String name = Check.name("t");
        try (Admin admin = admin()) {
            admin.createTopics(List.of(new NewTopic(name, partitions, (short) 1).configs(told))).all().get();
            Check.until("leaders", () -> {
                try {
                    return admin.describeTopics(List.of(name)).allTopicNames().get().get(name).partitions().stream()
                        .allMatch(p -> p.leader() != null);
                } catch (java.util.concurrent.ExecutionException e) {
                    return false; // no broker has heard of it yet
                }
            });
        }
        return name;
    }

    static KafkaProducer<String, String> producer(Object... pairs) {
        return new KafkaProducer<>(settings(pairs), new StringSerializer(), new StringSerializer());
    }

    static KafkaProducer<String, String> transactional(String id, Object... pairs) {
        Map<String, Object> settings = settings(pairs);
        settings.put("transactional.id", id);
        KafkaProducer<String, String> producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer());
        producer.initTransactions();
        return producer;
    }

    static KafkaConsumer<String, String> consumer(Object... pairs) {
        Map<String, Object> settings = settings(pairs);
        settings.putIfAbsent("auto.offset.reset", "earliest");
        if (!"consumer".equals(settings.get("group.protocol"))) settings.putIfAbsent("heartbeat.interval.ms", "300");
        return new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
    }

    /** Sends the values 0 to n - 1, i to partition i % partitions. */
    static void fill(String topic, int partitions, int n) throws Exception {
        try (KafkaProducer<String, String> producer = producer()) {
            for (int i = 0; i < n; i++) producer.send(new ProducerRecord<>(topic, i % partitions, "k" + i, "" + i));
        }
    }

    /** That many records, or all that came in half a minute. */
    static List<ConsumerRecord<String, String>> take(Consumer<String, String> consumer, int n) {
        List<ConsumerRecord<String, String>> got = new ArrayList<>();
        long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (got.size() < n && System.nanoTime() < end) consumer.poll(Duration.ofMillis(200)).forEach(got::add);
        return got;
    }

    static List<String> values(String topic, int n, Object... pairs) {
        Object[] all = Arrays.copyOf(pairs, pairs.length + 2);
        all[pairs.length] = "group.id";
        all[pairs.length + 1] = Check.name("g");
        try (KafkaConsumer<String, String> consumer = consumer(all)) {
            consumer.subscribe(List.of(topic));
            return take(consumer, n).stream().map(ConsumerRecord::value).toList();
        }
    }
}
