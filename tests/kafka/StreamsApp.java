// A Kafka Streams application that counts words by their key, until it is told to end.
//
//   java -cp "$KT_KAFKA_HOME/libs/*" StreamsApp.java HOST:PORT APPLICATION_ID INPUT OUTPUT
//
// It has one topic of each kind: a source, a repartition topic, a changelog and a sink. Its group is one of KIP-1071.

import java.time.Duration;
import java.util.*;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.*;

public class StreamsApp {
    public static void main(String[] args) {
        StreamsBuilder builder = new StreamsBuilder();
        KeyValueBytesStoreSupplier store = Stores.inMemoryKeyValueStore("counts");
        builder.stream(args[2], Consumed.with(Serdes.String(), Serdes.String()))
            .selectKey((key, value) -> value)
            .groupByKey(Grouped.with("count", Serdes.String(), Serdes.String()))
            .count(Materialized.<String, Long>as(store).withKeySerde(Serdes.String()).withValueSerde(Serdes.Long()))
            .toStream()
            .to(args[3], Produced.with(Serdes.String(), Serdes.Long()));
        Properties config = new Properties();
        config.put("bootstrap.servers", args[0]);
        config.put("application.id", args[1]);
        config.put("group.protocol", "streams");
        config.put("client.id", "st");
        config.put("commit.interval.ms", "100");
        config.put("state.dir", "streams-state");
        KafkaStreams streams = new KafkaStreams(builder.build(), config);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(
            new KafkaStreams.CloseOptions().timeout(Duration.ofSeconds(20)).leaveGroup(true))));
        streams.start();
    }
}
