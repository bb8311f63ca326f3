import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.Stores;

/** Kafka Streams, with both protocols of its groups. */
final class Streaming {
    static void add() {
        for (String protocol : List.of("classic", "streams"))
            for (String guarantee : List.of("at_least_once", "exactly_once_v2"))
                Check.test("streams-" + protocol + "/" + guarantee.replace('_', '-'), () -> counts(protocol, guarantee));
    }

    static void counts(String protocol, String guarantee) throws Exception {
        String from = Clients.topic(2), to = Clients.topic(1);
        try (KafkaProducer<String, String> producer = Clients.producer()) {
            for (int i = 0; i < 30; i++) producer.send(new ProducerRecord<>(from, i % 2, null, "word" + i % 3));
        }
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(from, Consumed.with(Serdes.String(), Serdes.String()))
            .groupBy((key, value) -> value, Grouped.with(Serdes.String(), Serdes.String()))
            .count(Materialized.<String, Long>as(Stores.inMemoryKeyValueStore("counts")).withKeySerde(Serdes.String()).withValueSerde(Serdes.Long()))
            .toStream().map((word, n) -> KeyValue.pair(word, word + "=" + n)).to(to, Produced.with(Serdes.String(), Serdes.String()));
        Properties settings = new Properties();
        settings.putAll(Clients.settings("application.id", Check.name("app"), "group.protocol", protocol, "processing.guarantee", guarantee,
            "commit.interval.ms", "100", "state.dir", "streams"));
        Set<String> got = new HashSet<>();
        try (KafkaStreams streams = new KafkaStreams(builder.build(), settings);
             var consumer = Clients.consumer("group.id", Check.name("g"), "isolation.level", "read_committed")) {
            streams.start();
            consumer.subscribe(List.of(to));
            Check.until("three words ten times", () -> {
                consumer.poll(Duration.ofMillis(200)).forEach(record -> got.add(record.value()));
                return got.containsAll(List.of("word0=10", "word1=10", "word2=10"));
            });
        }
    }
}
