package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"compat/check"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func pollFor(t *check.T, cl *kgo.Client, wait time.Duration) []*kgo.Record {
	ctx, cancel := context.WithTimeout(t.Ctx, wait)
	defer cancel()
	return cl.PollFetches(ctx).Records()
}

var codecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
	"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

var produceTests = []check.Test{
	{Name: "produce/codec/none", Run: codec("none")},
	{Name: "produce/codec/gzip", Run: codec("gzip")},
	{Name: "produce/codec/snappy", Run: codec("snappy")},
	{Name: "produce/codec/lz4", Run: codec("lz4")},
	{Name: "produce/codec/zstd", Run: codec("zstd")},
	{Name: "produce/topic-recompresses", Run: topicRecompresses},
	{Name: "produce/acks/none", Run: acks(kgo.NoAck())},
	{Name: "produce/acks/leader", Run: acks(kgo.LeaderAck())},
	{Name: "produce/acks/all", Run: acks(kgo.AllISRAcks())},
	{Name: "produce/linger", Run: linger},
	{Name: "produce/headers-and-nulls", Run: headersAndNulls},
	{Name: "produce/timestamps", Run: timestamps},
	{Name: "produce/log-append-time", Run: logAppendTime},
	{Name: "produce/too-large-for-topic", Run: tooLarge},
	{Name: "produce/unknown-topic", Run: unknownTopic},
	{Name: "produce/auto-create", Run: autoCreate},
	{Name: "produce/compacted-needs-key", Run: compactedNeedsKey},
	{Name: "produce/idempotent-many", Run: idempotentMany},
	{Name: "produce/min-insync-replicas", Run: minInsyncReplicas},
	{Name: "produce/big-batch", Run: bigBatch},
}

func readAll(t *check.T, topic string, n int) []*kgo.Record {
	cl := client(t, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer cl.Close()
	return take(t, cl, n)
}

func codec(name string) func(*check.T) {
	return func(t *check.T) {
		topic := topic(t, 1, nil)
		cl := client(t, kgo.ProducerBatchCompression(codecs[name]), kgo.ProducerLinger(50*time.Millisecond))
		defer cl.Close()
		var records []*kgo.Record
		for i := range 200 {
			records = append(records, record(topic, 0, fmt.Sprintf("value %d %s", i, bytes.Repeat([]byte("x"), 100))))
		}
		t.Ok(cl.ProduceSync(t.Ctx, records...).FirstErr(), "produce")
		got := readAll(t, topic, 200)
		for i, r := range got {
			t.Equal(r.Offset, int64(i), "offset")
			t.Equal(string(r.Value), string(records[i].Value), "value")
		}
		want := map[string]uint8{"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}[name]
		t.Equal(got[0].Attrs.CompressionType(), want, "codec of the batch as read")
	}
}

func topicRecompresses(t *check.T) {
	for name, want := range map[string]uint8{"gzip": 1, "zstd": 4, "lz4": 3, "snappy": 2, "uncompressed": 0} {
		topic := topic(t, 1, map[string]string{"compression.type": name})
		cl := client(t, kgo.ProducerBatchCompression(kgo.Lz4Compression()))
		t.Ok(cl.ProduceSync(t.Ctx, record(topic, 0, string(bytes.Repeat([]byte("a"), 2000)))).FirstErr(), "produce")
		cl.Close()
		t.Equal(readAll(t, topic, 1)[0].Attrs.CompressionType(), want, "codec in a topic of "+name)
	}
}

func acks(acks kgo.Acks) func(*check.T) {
	return func(t *check.T) {
		topic := topic(t, 1, nil)
		cl := client(t, kgo.RequiredAcks(acks), kgo.DisableIdempotentWrite())
		defer cl.Close()
		for i := range 10 {
			t.Ok(cl.ProduceSync(t.Ctx, record(topic, 0, fmt.Sprint(i))).FirstErr(), "produce")
		}
		t.Equal(len(readAll(t, topic, 10)), 10, "records")
	}
}

func linger(t *check.T) {
	topic := topic(t, 3, nil)
	cl := client(t, kgo.ProducerLinger(100*time.Millisecond), kgo.DefaultProduceTopic(topic), kgo.ProducerBatchMaxBytes(4096))
	defer cl.Close()
	failed := make(chan error, 5000)
	for i := range 5000 {
		cl.Produce(t.Ctx, kgo.StringRecord(fmt.Sprint(i)), func(_ *kgo.Record, err error) {
			if err != nil {
				failed <- err
			}
		})
	}
	t.Ok(cl.Flush(t.Ctx), "flush")
	t.Equal(len(failed), 0, "failures")
	seen := map[string]bool{}
	for _, r := range readAll(t, topic, 5000) {
		seen[string(r.Value)] = true
	}
	t.Equal(len(seen), 5000, "distinct values")
}

func headersAndNulls(t *check.T) {
	topic := topic(t, 1, nil)
	cl := client(t)
	defer cl.Close()
	sent := []*kgo.Record{
		{Topic: topic, Value: nil, Key: []byte("tombstone")},
		{Topic: topic, Value: []byte{}, Key: []byte{}},
		{Topic: topic, Value: []byte("v"), Headers: []kgo.RecordHeader{{Key: "a", Value: []byte("1")}, {Key: "a", Value: nil}, {Key: "", Value: []byte{}}}},
	}
	t.Ok(cl.ProduceSync(t.Ctx, sent...).FirstErr(), "produce")
	got := readAll(t, topic, 3)
	t.That(got[0].Value == nil, "a null value came back as %v", got[0].Value)
	t.That(got[1].Value != nil && got[1].Key != nil, "empty bytes came back as null")
	t.Equal(len(got[2].Headers), 3, "headers")
	t.That(got[2].Headers[1].Value == nil, "a null header value came back as %v", got[2].Headers[1].Value)
}

func timestamps(t *check.T) {
	topic := topic(t, 1, nil)
	cl := client(t)
	defer cl.Close()
	at := time.UnixMilli(1_600_000_000_000)
	t.Ok(cl.ProduceSync(t.Ctx, &kgo.Record{Topic: topic, Value: []byte("v"), Timestamp: at}).FirstErr(), "produce")
	got := readAll(t, topic, 1)[0]
	t.Equal(got.Timestamp.UnixMilli(), at.UnixMilli(), "timestamp")
	t.Equal(got.Attrs.TimestampType(), int8(0), "timestamp type")
}

func logAppendTime(t *check.T) {
	topic := topic(t, 1, map[string]string{"message.timestamp.type": "LogAppendTime"})
	cl := client(t)
	defer cl.Close()
	sent := &kgo.Record{Topic: topic, Value: []byte("v"), Timestamp: time.UnixMilli(1_600_000_000_000)}
	t.Ok(cl.ProduceSync(t.Ctx, sent).FirstErr(), "produce")
	got := readAll(t, topic, 1)[0]
	t.That(time.Since(got.Timestamp).Abs() < time.Minute, "timestamp %v", got.Timestamp)
	t.Equal(got.Attrs.TimestampType(), int8(1), "timestamp type")
}

func tooLarge(t *check.T) {
	topic := topic(t, 1, map[string]string{"max.message.bytes": "1000"})
	cl := client(t, kgo.ProducerBatchCompression(kgo.NoCompression()))
	defer cl.Close()
	err := cl.ProduceSync(t.Ctx, record(topic, 0, string(bytes.Repeat([]byte("a"), 2000)))).FirstErr()
	t.That(errors.Is(err, kerr.MessageTooLarge), "got %v", err)
	t.Ok(cl.ProduceSync(t.Ctx, record(topic, 0, "small")).FirstErr(), "a small one after it")
}

func unknownTopic(t *check.T) {
	cl := client(t, kgo.UnknownTopicRetries(1))
	defer cl.Close()
	err := cl.ProduceSync(t.Ctx, record(t.Name("nowhere"), 0, "v")).FirstErr()
	t.That(errors.Is(err, kerr.UnknownTopicOrPartition), "got %v", err)
}

func autoCreate(t *check.T) {
	cl := client(t, kgo.AllowAutoTopicCreation())
	defer cl.Close()
	topic := t.Name("auto")
	t.Ok(cl.ProduceSync(t.Ctx, record(topic, 0, "v")).FirstErr(), "produce")
	adm := admin(t)
	defer adm.Close()
	topics, err := adm.ListTopics(t.Ctx, topic)
	t.Ok(err, "list topics")
	t.Equal(len(topics[topic].Partitions), 4, "partitions (num.partitions)")
}

func compactedNeedsKey(t *check.T) {
	topic := topic(t, 1, map[string]string{"cleanup.policy": "compact"})
	cl := client(t)
	defer cl.Close()
	err := cl.ProduceSync(t.Ctx, &kgo.Record{Topic: topic, Value: []byte("v")}).FirstErr()
	t.That(errors.Is(err, kerr.InvalidRecord), "got %v", err)
	t.Ok(cl.ProduceSync(t.Ctx, record(topic, 0, "v")).FirstErr(), "with a key")
}

func idempotentMany(t *check.T) {
	topic := topic(t, 2, nil)
	cl := client(t, kgo.DefaultProduceTopic(topic), kgo.ProducerBatchMaxBytes(2048))
	defer cl.Close()
	for range 5 {
		for i := range 2000 {
			cl.Produce(t.Ctx, kgo.KeyStringRecord(fmt.Sprint(i%7), fmt.Sprint(i)), nil)
		}
		t.Ok(cl.Flush(t.Ctx), "flush")
	}
	id, _, err := cl.ProducerID(t.Ctx)
	t.Ok(err, "producer id")
	for _, r := range readAll(t, topic, 10000) {
		t.Equal(r.ProducerID, id, "producer id of a record")
	}
}

// minInsyncReplicas: more than there are replicas counts as all replicas.
func minInsyncReplicas(t *check.T) {
	topic := topic(t, 1, map[string]string{"min.insync.replicas": "2"})
	cl := client(t, kgo.RecordRetries(1), kgo.RecordDeliveryTimeout(3*time.Second))
	defer cl.Close()
	t.Ok(cl.ProduceSync(t.Ctx, record(topic, 0, "v")).FirstErr(), "acks=all")
}

func bigBatch(t *check.T) {
	topic := topic(t, 1, map[string]string{"max.message.bytes": "10000000"})
	cl := client(t, kgo.ProducerBatchMaxBytes(9_000_000), kgo.ProducerBatchCompression(kgo.NoCompression()))
	defer cl.Close()
	value := make([]byte, 8_000_000)
	_, _ = rand.Read(value)
	t.Ok(cl.ProduceSync(t.Ctx, &kgo.Record{Topic: topic, Value: value}).FirstErr(), "produce")
	t.That(bytes.Equal(readAll(t, topic, 1)[0].Value, value), "another value came back")
}
