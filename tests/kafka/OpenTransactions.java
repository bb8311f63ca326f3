// Leaves transactions in every state that kafka-transactions.sh can tell of, and is gone.
//
//   java -cp "$KT_KAFKA_HOME/libs/*" OpenTransactions.java HOST:PORT TOPIC
//
// On partition 0 of TOPIC one transaction is committed and one is aborted, on partition 1 one stays open, and on partition
// 2 two batches belong to transactions that no coordinator knows: a broker that does not verify takes them
// (transaction.partition.verification.enable=false), and they hang for ever.

import java.io.*;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.record.internal.*;
import org.apache.kafka.common.requests.*;
import org.apache.kafka.common.serialization.StringSerializer;

public class OpenTransactions {
    /** The last version whose transactional writes do not add the partition to the transaction (KIP-890). */
    static final short VERSION = 11;
    static String servers;
    static String topic;

    static KafkaProducer<String, String> producer(String id) {
        Map<String, Object> config = Map.of("bootstrap.servers", servers, "transactional.id", id, "transaction.timeout.ms", "600000");
        KafkaProducer<String, String> producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer());
        producer.initTransactions();
        return producer;
    }

    static KafkaProducer<String, String> begun(String id, int partition) throws Exception {
        KafkaProducer<String, String> producer = producer(id);
        producer.beginTransaction();
        producer.send(new ProducerRecord<>(topic, partition, null, id)).get();
        return producer;
    }

    static void hang(long producerId, long timestamp) throws Exception {
        MemoryRecords records = MemoryRecords.withTransactionalRecords(Compression.NONE, producerId, (short) 3, 0,
            new SimpleRecord(timestamp, "hangs".getBytes()));
        ProduceRequestData data = new ProduceRequestData().setTransactionalId("hanging").setAcks((short) -1).setTimeoutMs(5000);
        data.topicData().add(new ProduceRequestData.TopicProduceData().setName(topic).setPartitionData(List.of(
            new ProduceRequestData.PartitionProduceData().setIndex(2).setRecords(records))));
        RequestHeader header = new RequestHeader(ApiKeys.PRODUCE, VERSION, "hanging", 1);
        ByteBuffer request = ProduceRequest.builder(data).build(VERSION).serializeWithHeader(header);
        String[] address = servers.split(":");
        try (Socket socket = new Socket(address[0], Integer.parseInt(address[1]))) {
            DataOutputStream out = new DataOutputStream(socket.getOutputStream());
            out.writeInt(request.remaining());
            out.write(request.array(), request.position(), request.remaining());
            out.flush();
            DataInputStream in = new DataInputStream(socket.getInputStream());
            ByteBuffer reply = ByteBuffer.wrap(in.readNBytes(in.readInt()));
            System.out.println(AbstractResponse.parseResponse(reply, header).errorCounts());
        }
    }

    public static void main(String[] args) throws Exception {
        servers = args[0];
        topic = args[1];
        begun("committed", 0).commitTransaction();
        begun("aborted", 0).abortTransaction();
        producer("empty");
        begun("open", 1);
        hang(4711, System.currentTimeMillis());
        hang(4712, 1_700_000_000_000L);
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }
}
