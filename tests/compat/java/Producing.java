import java.util.*;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.*;

/** Producers, idempotent and in transactions. */
final class Producing {
    static void add() {
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) Check.test("producer/codec-" + codec, () -> codec(codec));
        for (String acks : List.of("0", "1", "all")) Check.test("producer/acks-" + acks, () -> acks(acks));
        Check.test("producer/order", Producing::order);
        Check.test("producer/headers-and-nulls", Producing::headersAndNulls);
        Check.test("producer/timestamps", Producing::timestamps);
        Check.test("producer/log-append-time", Producing::logAppendTime);
        Check.test("producer/too-large", Producing::tooLarge);
        Check.test("producer/bad-timestamp", Producing::badTimestamp);
        Check.test("producer/compacted-needs-keys", Producing::compactedNeedsKeys);
        Check.test("producer/unknown-partition", Producing::unknownPartition);
        Check.test("transactions/commit-and-abort", Producing::commitAndAbort);
        Check.test("transactions/fencing", Producing::fencing);
        Check.test("transactions/offsets", () -> offsets("classic"));
        Check.test("transactions/offsets-consumer-protocol", () -> offsets("consumer"));
        Check.test("transactions/timeout", Producing::timeout);
        Check.test("transactions/last-stable-offset", Producing::lastStableOffset);
        Check.test("transactions/listed", Producing::listed);
        Check.test("transactions/force-terminate", Producing::forceTerminate);
    }

    static void codec(String codec) throws Exception {
        String topic = Clients.topic(1), value = "abc".repeat(5000);
        try (KafkaProducer<String, String> producer = Clients.producer("compression.type", codec)) {
            Future<RecordMetadata> sent = null;
            for (int i = 0; i < 20; i++) sent = producer.send(new ProducerRecord<>(topic, value));
            Check.equal(sent.get().offset(), 19L, "offset");
        }
        Check.equal(Clients.values(topic, 20), Collections.nCopies(20, value), "values");
    }

    static void acks(String acks) throws Exception {
        String topic = Clients.topic(1);
        try (KafkaProducer<String, String> producer = Clients.producer("acks", acks, "enable.idempotence", "all".equals(acks))) {
            RecordMetadata sent = producer.send(new ProducerRecord<>(topic, "x")).get();
            Check.equal(sent.hasOffset(), !"0".equals(acks), "has an offset");
        }
        Check.equal(Clients.values(topic, 1), List.of("x"), "values");
    }

    static void order() throws Exception {
        String topic = Clients.topic(1);
        Clients.fill(topic, 1, 5000);
        List<String> want = new ArrayList<>();
        for (int i = 0; i < 5000; i++) want.add("" + i);
        Check.equal(Clients.values(topic, 5000), want, "order");
    }

    static void headersAndNulls() throws Exception {
        String topic = Clients.topic(1);
        try (KafkaProducer<String, String> producer = Clients.producer()) {
            ProducerRecord<String, String> record = new ProducerRecord<>(topic, null, null);
            record.headers().add("a", new byte[] {1}).add("a", null).add("", new byte[0]);
            producer.send(record).get();
        }
        try (KafkaConsumer<String, String> consumer = Clients.consumer("group.id", Check.name("g"))) {
            consumer.subscribe(List.of(topic));
            ConsumerRecord<String, String> got = Clients.take(consumer, 1).get(0);
            Check.that(got.key() == null && got.value() == null, "nulls");
            List<String> headers = new ArrayList<>();
            got.headers().forEach(h -> headers.add(h.key() + Arrays.toString(h.value())));
            Check.equal(headers, List.of("a[1]", "anull", "[]"), "headers");
        }
    }

    static void timestamps() throws Exception {
        String topic = Clients.topic(1);
        try (KafkaProducer<String, String> producer = Clients.producer()) {
            for (long at : new long[] {1000, 3000, 2000}) producer.send(new ProducerRecord<>(topic, 0, at, null, "" + at)).get();
        }
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaConsumer<String, String> consumer = Clients.consumer(); Admin admin = Clients.admin()) {
            OffsetAndTimestamp found = consumer.offsetsForTimes(Map.of(partition, 1500L)).get(partition);
            Check.equal(List.of(found.offset(), found.timestamp()), List.of(1L, 3000L), "offset for time");
            Check.equal(consumer.offsetsForTimes(Map.of(partition, 9000L)).get(partition), null, "none is later");
            Check.equal(admin.listOffsets(Map.of(partition, OffsetSpec.maxTimestamp())).partitionResult(partition).get().offset(), 1L, "of the latest time");
        }
    }

    static void logAppendTime() throws Exception {
        String topic = Clients.topic(1, "message.timestamp.type", "LogAppendTime");
        long before = System.currentTimeMillis();
        try (KafkaProducer<String, String> producer = Clients.producer()) {
            RecordMetadata sent = producer.send(new ProducerRecord<>(topic, 0, 1000L, null, "x")).get();
            Check.that(sent.timestamp() >= before, "the time of the producer counts");
        }
        try (KafkaConsumer<String, String> consumer = Clients.consumer("group.id", Check.name("g"))) {
            consumer.subscribe(List.of(topic));
            ConsumerRecord<String, String> got = Clients.take(consumer, 1).get(0);
            Check.equal(got.timestampType().toString(), "LogAppendTime", "type");
        }
    }

    static void tooLarge() throws Exception {
        String topic = Clients.topic(1, "max.message.bytes", "500");
        try (KafkaProducer<String, String> producer = Clients.producer()) {
            Check.raises(RecordTooLargeException.class, "2000 bytes", () -> producer.send(new ProducerRecord<>(topic, "x".repeat(2000))).get());
            Check.equal(producer.send(new ProducerRecord<>(topic, "small")).get().offset(), 0L, "offset");
        }
    }

    static void badTimestamp() throws Exception {
        String topic = Clients.topic(1, "message.timestamp.after.max.ms", "1000");
        long late = System.currentTimeMillis() + 3_600_000;
        try (KafkaProducer<String, String> producer = Clients.producer()) {
            Check.raises(InvalidTimestampException.class, "an hour ahead", () -> producer.send(new ProducerRecord<>(topic, 0, late, null, "x")).get());
        }
    }

    static void compactedNeedsKeys() throws Exception {
        String topic = Clients.topic(1, "cleanup.policy", "compact");
        try (KafkaProducer<String, String> producer = Clients.producer()) {
            Check.raises(InvalidRecordException.class, "no key", () -> producer.send(new ProducerRecord<>(topic, "x")).get());
        }
    }

    static void unknownPartition() throws Exception {
        String topic = Clients.topic(1);
        try (KafkaProducer<String, String> producer = Clients.producer("max.block.ms", "1000")) {
            Check.raises(TimeoutException.class, "partition 7", () -> producer.send(new ProducerRecord<>(topic, 7, null, "x")).get());
        }
    }

    static void commitAndAbort() throws Exception {
        String topic = Clients.topic(2);
        try (KafkaProducer<String, String> producer = Clients.transactional(Check.name("x"))) {
            for (int i = 0; i < 6; i++) {
                producer.beginTransaction();
                for (int p = 0; p < 2; p++) producer.send(new ProducerRecord<>(topic, p, null, i + "/" + p));
                producer.flush();
                if (i % 2 == 0) producer.commitTransaction();
                else producer.abortTransaction();
            }
        }
        List<String> got = new ArrayList<>(Clients.values(topic, 6, "isolation.level", "read_committed"));
        Collections.sort(got);
        Check.equal(got, List.of("0/0", "0/1", "2/0", "2/1", "4/0", "4/1"), "committed");
        Check.equal(Clients.values(topic, 12).size(), 12, "all");
    }

    static void fencing() throws Exception {
        String topic = Clients.topic(1), id = Check.name("x");
        try (KafkaProducer<String, String> first = Clients.transactional(id)) {
            first.beginTransaction();
            first.send(new ProducerRecord<>(topic, "lost")).get();
            try (KafkaProducer<String, String> second = Clients.transactional(id)) {
                Check.raises(ProducerFencedException.class, "commit", first::commitTransaction);
                second.beginTransaction();
                second.send(new ProducerRecord<>(topic, "kept"));
                second.commitTransaction();
            }
        }
        Check.equal(Clients.values(topic, 1, "isolation.level", "read_committed"), List.of("kept"), "values");
    }

    static void offsets(String protocol) throws Exception {
        String from = Clients.topic(1), to = Clients.topic(1), group = Check.name("g");
        Clients.fill(from, 1, 10);
        TopicPartition partition = new TopicPartition(from, 0);
        try (KafkaConsumer<String, String> consumer = Clients.consumer("group.id", group, "group.protocol", protocol, "enable.auto.commit", "false");
             KafkaProducer<String, String> producer = Clients.transactional(Check.name("x"));
             Admin admin = Clients.admin()) {
            consumer.subscribe(List.of(from));
            List<ConsumerRecord<String, String>> records = Clients.take(consumer, 10);
            for (boolean commit : new boolean[] {false, true}) {
                producer.beginTransaction();
                records.forEach(r -> producer.send(new ProducerRecord<>(to, r.value())));
                producer.sendOffsetsToTransaction(Map.of(partition, new OffsetAndMetadata(10)), consumer.groupMetadata());
                producer.flush();
                if (commit) producer.commitTransaction();
                else producer.abortTransaction();
                // The end of the transaction reaches the group's coordinator a little later.
                Check.until(commit ? "the offset" : "no offset", () -> {
                    OffsetAndMetadata kept = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(partition);
                    return commit ? kept != null && kept.offset() == 10 : kept == null;
                });
            }
        }
        Check.equal(Clients.values(to, 10, "isolation.level", "read_committed").size(), 10, "copied");
    }

    static void timeout() throws Exception {
        String topic = Clients.topic(1);
        try (KafkaProducer<String, String> producer = Clients.transactional(Check.name("x"), "transaction.timeout.ms", 1000)) {
            producer.beginTransaction();
            producer.send(new ProducerRecord<>(topic, "late")).get();
            Clients.fill(topic, 1, 1);
            Check.equal(Clients.values(topic, 1, "isolation.level", "read_committed"), List.of("0"), "what is behind the open transaction");
            Check.raises(org.apache.kafka.common.KafkaException.class, "commit", producer::commitTransaction);
        }
    }

    static void lastStableOffset() throws Exception {
        String topic = Clients.topic(1);
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaProducer<String, String> producer = Clients.transactional(Check.name("x"));
             KafkaConsumer<String, String> committed = Clients.consumer("isolation.level", "read_committed");
             KafkaConsumer<String, String> all = Clients.consumer()) {
            Clients.fill(topic, 1, 3);
            producer.beginTransaction();
            producer.send(new ProducerRecord<>(topic, "open")).get();
            Check.equal(committed.endOffsets(List.of(partition)).get(partition), 3L, "end for read_committed");
            Check.equal(all.endOffsets(List.of(partition)).get(partition), 4L, "end");
            producer.commitTransaction();
            Check.until("the marker", () -> committed.endOffsets(List.of(partition)).get(partition) == 5);
        }
    }

    static void listed() throws Exception {
        String topic = Clients.topic(1), id = Check.name("x");
        try (KafkaProducer<String, String> producer = Clients.transactional(id); Admin admin = Clients.admin()) {
            producer.beginTransaction();
            producer.send(new ProducerRecord<>(topic, "open")).get();
            TransactionDescription described = admin.describeTransactions(List.of(id)).description(id).get();
            Check.equal(described.state(), TransactionState.ONGOING, "state");
            Check.equal(described.topicPartitions(), Set.of(new TopicPartition(topic, 0)), "partitions");
            Check.equal(admin.listTransactions(new ListTransactionsOptions().filterOnTransactionalIdPattern(id)).all().get().size(), 1, "listed");
            Check.equal(admin.describeProducers(List.of(new TopicPartition(topic, 0))).all().get().values().iterator().next()
                .activeProducers().get(0).currentTransactionStartOffset(), OptionalLong.of(0), "start");
            producer.abortTransaction();
        }
    }

    static void forceTerminate() throws Exception {
        String topic = Clients.topic(1), id = Check.name("x");
        try (KafkaProducer<String, String> producer = Clients.transactional(id); Admin admin = Clients.admin()) {
            producer.beginTransaction();
            producer.send(new ProducerRecord<>(topic, "open")).get();
            admin.forceTerminateTransaction(id).result().get();
            Check.raises(ProducerFencedException.class, "commit", producer::commitTransaction);
        }
    }
}
