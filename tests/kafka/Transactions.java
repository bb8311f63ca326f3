// A Java producer's life in transactions, told line by line; tests/it/interop/java_transactions.rs knows what it should say.
//
//   java -cp "$KT_KAFKA_HOME/libs/*" Transactions.java HOST:PORT

import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.serialization.*;

public class Transactions {
    static String servers;

    static KafkaProducer<String, String> producer(String id) {
        Map<String, Object> config = Map.of("bootstrap.servers", servers, "transactional.id", id);
        KafkaProducer<String, String> producer =
            new KafkaProducer<>(config, new StringSerializer(), new StringSerializer());
        producer.initTransactions();
        return producer;
    }

    static KafkaConsumer<String, String> consumer(String group, String isolation) {
        Map<String, Object> config = Map.of("bootstrap.servers", servers, "group.id", group,
            "isolation.level", isolation, "enable.auto.commit", "false", "auto.offset.reset", "earliest",
            "max.poll.records", "1");
        return new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer());
    }

    static List<String> values(String topic, String isolation) {
        try (KafkaConsumer<String, String> consumer = consumer("values", isolation)) {
            TopicPartition partition = new TopicPartition(topic, 0);
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            long end = consumer.endOffsets(List.of(partition)).get(partition);
            List<String> values = new ArrayList<>();
            while (consumer.position(partition) < end)
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(100)))
                    values.add(record.value());
            return values;
        }
    }

    static void copy(String from, String to, String group) {
        try (KafkaConsumer<String, String> consumer = consumer(group, "read_committed");
             KafkaProducer<String, String> producer = producer("copier")) {
            consumer.subscribe(List.of(from));
            int turn = 0;
            for (int done = 0; done < 4; ) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(100))) {
                    TopicPartition partition = new TopicPartition(record.topic(), record.partition());
                    producer.beginTransaction();
                    producer.send(new ProducerRecord<>(to, 0, null, record.value()));
                    producer.sendOffsetsToTransaction(
                        Map.of(partition, new OffsetAndMetadata(record.offset() + 1)), consumer.groupMetadata());
                    if (++turn % 2 == 1) {
                        producer.abortTransaction();
                        consumer.seek(partition, record.offset());
                    } else {
                        producer.commitTransaction();
                        done++;
                    }
                }
            }
        }
    }

    public static void main(String[] args) throws Exception {
        servers = args[0];
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", servers))) {
            admin.createTopics(List.of(new NewTopic("from", 1, (short) 1), new NewTopic("to", 1, (short) 1))).all().get();
            try (KafkaProducer<String, String> producer = producer("source")) {
                for (int n = 0; n < 6; n++) {
                    producer.beginTransaction();
                    producer.send(new ProducerRecord<>("from", 0, null, "" + n));
                    producer.flush(); // or an abort throws away what is not sent yet
                    if (n % 3 == 1) producer.abortTransaction();
                    else producer.commitTransaction();
                }
            }
            System.out.println("committed " + values("from", "read_committed"));
            System.out.println("all " + values("from", "read_uncommitted").size());
            copy("from", "to", "copy");
            System.out.println("copied " + values("to", "read_committed"));
            long offset = admin.listConsumerGroupOffsets("copy").partitionsToOffsetAndMetadata().get()
                .get(new TopicPartition("from", 0)).offset();
            System.out.println("offset " + offset);
            KafkaProducer<String, String> first = producer("twice");
            first.beginTransaction();
            first.send(new ProducerRecord<>("from", 0, null, "fenced")).get();
            TransactionDescription open = admin.describeTransactions(List.of("twice")).description("twice").get();
            System.out.println(open.state() + " " + open.topicPartitions());
            try (KafkaProducer<String, String> second = producer("twice")) {
                first.commitTransaction();
            } catch (ProducerFencedException e) {
                System.out.println("fenced");
            }
            first.close(Duration.ZERO);
            System.out.println("epoch " + admin.describeTransactions(List.of("twice")).description("twice").get().producerEpoch());
            System.out.println("committed " + values("from", "read_committed"));
            Map<String, String> states = new TreeMap<>();
            for (TransactionListing listing : admin.listTransactions().all().get())
                if (List.of("source", "copier", "twice").contains(listing.transactionalId()))
                    states.put(listing.transactionalId(), listing.state().toString());
            System.out.println(states);
        }
    }
}
