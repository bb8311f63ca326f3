// Kafka Streams that counts words exactly once. Words are written to APP-in; says the counts in APP-out once all are in,
// and how many records have told of them: one for each word.
//
//   java -cp "$KT_KAFKA_HOME/libs/*" WordCount.java HOST:PORT APP classic|streams STATE_DIR WORD...

import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.kstream.*;

public class WordCount {
    static String servers;

    static Topology topology(String app) {
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(app + "-in", Consumed.with(Serdes.String(), Serdes.String()))
            .groupBy((key, word) -> word, Grouped.with(Serdes.String(), Serdes.String()))
            .count(Materialized.as("counts"))
            .toStream()
            .to(app + "-out", Produced.with(Serdes.String(), Serdes.Long()));
        return builder.build();
    }

    static void prepare(String app, List<String> words) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", servers))) {
            if (!admin.listTopics().names().get().contains(app + "-in"))
                admin.createTopics(List.of(new NewTopic(app + "-in", 2, (short) 1),
                    new NewTopic(app + "-out", 2, (short) 1))).all().get();
        }
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(
                 Map.of("bootstrap.servers", servers), new StringSerializer(), new StringSerializer())) {
            for (int n = 0; n < words.size(); n++)
                producer.send(new ProducerRecord<>(app + "-in", n % 2, null, words.get(n)));
        }
    }

    static List<TopicPartition> both(String topic) {
        return List.of(new TopicPartition(topic, 0), new TopicPartition(topic, 1));
    }

    static void tell(String app) {
        Map<String, Object> config = Map.of("bootstrap.servers", servers, "isolation.level", "read_committed",
            "auto.offset.reset", "earliest");
        try (KafkaConsumer<String, Long> consumer =
                 new KafkaConsumer<>(config, new StringDeserializer(), new LongDeserializer())) {
            long words = consumer.endOffsets(both(app + "-in")).values().stream().mapToLong(Long::longValue).sum();
            consumer.assign(both(app + "-out"));
            Map<String, Long> counts = new TreeMap<>();
            int records = 0;
            long end = System.nanoTime() + 45_000_000_000L;
            while (counts.values().stream().mapToLong(Long::longValue).sum() < words) {
                if (System.nanoTime() > end) throw new IllegalStateException("after 45 s only " + counts);
                for (ConsumerRecord<String, Long> record : consumer.poll(Duration.ofMillis(100))) {
                    counts.put(record.key(), record.value());
                    records++;
                }
            }
            System.out.println(counts + " by " + records);
        }
    }

    public static void main(String[] args) throws Exception {
        servers = args[0];
        String app = args[1];
        prepare(app, List.of(args).subList(4, args.length));
        Properties config = new Properties();
        config.putAll(Map.of("bootstrap.servers", servers, "application.id", app, "group.protocol", args[2],
            "state.dir", args[3], "processing.guarantee", "exactly_once_v2", "commit.interval.ms", "100",
            "statestore.cache.max.bytes", "0", "replication.factor", "1"));
        config.put("auto.offset.reset", "earliest");
        KafkaStreams streams = new KafkaStreams(topology(app), config);
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            return org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.start();
        try {
            tell(app);
        } finally {
            streams.close(CloseOptions.timeout(Duration.ofSeconds(10))
                .withGroupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP));
        }
    }
}
