// Everyday paths of a segmentio/kafka-go user.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"compat/check"

	"github.com/segmentio/kafka-go"
)

func main() {
	var tests []check.Test
	for name, codec := range map[string]kafka.Compression{"none": 0, "gzip": kafka.Gzip, "snappy": kafka.Snappy, "lz4": kafka.Lz4, "zstd": kafka.Zstd} {
		tests = append(tests, check.Test{Name: "writer/" + name, Run: func(t *check.T) { writer(t, codec) }})
	}
	check.Main(append(tests, []check.Test{
		{Name: "writer/acks", Run: acks},
		{Name: "writer/many-topics-async", Run: manyTopics},
		{Name: "writer/auto-create", Run: autoCreate},
		{Name: "writer/unknown-topic", Run: unknownTopic},
		{Name: "reader/offsets", Run: readerOffsets},
		{Name: "reader/group", Run: group},
		{Name: "reader/group-of-two", Run: groupOfTwo},
		{Name: "reader/group-many-topics", Run: groupManyTopics},
		{Name: "reader/commit-interval", Run: commitInterval},
		{Name: "reader/lag", Run: readerLag},
		{Name: "conn/leader", Run: connLeader},
		{Name: "conn/topics", Run: connTopics},
		{Name: "client/produce-fetch", Run: produceFetch},
		{Name: "client/configs", Run: configs},
		{Name: "client/groups", Run: clientGroups},
		{Name: "client/offsets", Run: clientOffsets},
		{Name: "client/transaction", Run: transaction},
		{Name: "client/acls-quotas-scram", Run: security},
		{Name: "client/partitions", Run: partitions},
	}...))
}

func client(t *check.T) *kafka.Client {
	return &kafka.Client{Addr: kafka.TCP(t.Broker), Timeout: 10 * time.Second, Transport: &kafka.Transport{}}
}

func topic(t *check.T, partitions int, configs ...kafka.ConfigEntry) string {
	name := t.Name("t")
	made, err := client(t).CreateTopics(t.Ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{
		{Topic: name, NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: configs}}})
	t.Ok(err, "create topic")
	t.Ok(made.Errors[name], "create "+name)
	t.Until("leaders of "+name, func() bool {
		meta, err := client(t).Metadata(t.Ctx, &kafka.MetadataRequest{Topics: []string{name}})
		if err != nil || meta.Topics[0].Error != nil || len(meta.Topics[0].Partitions) != partitions {
			return false
		}
		for _, p := range meta.Topics[0].Partitions {
			if p.Error != nil || p.Leader.Host == "" {
				return false
			}
		}
		return true
	})
	return name
}

func fill(t *check.T, topic string, partition, n int) {
	conn, err := kafka.DialLeader(t.Ctx, "tcp", t.Broker, topic, partition)
	t.Ok(err, "dial leader")
	defer conn.Close()
	for i := range n {
		_, err = conn.WriteMessages(kafka.Message{Key: []byte("k"), Value: []byte(fmt.Sprint(i))})
		t.Ok(err, "write")
	}
}

func take(t *check.T, r *kafka.Reader, n int) []kafka.Message {
	var got []kafka.Message
	for range n {
		m, err := r.ReadMessage(t.Ctx)
		t.Ok(err, fmt.Sprintf("read after %d", len(got)))
		got = append(got, m)
	}
	return got
}

func reader(t *check.T, topic string, partition int) *kafka.Reader {
	return kafka.NewReader(kafka.ReaderConfig{Brokers: []string{t.Broker}, Topic: topic, Partition: partition, MaxWait: 500 * time.Millisecond})
}

func member(t *check.T, group, topic string) *kafka.Reader {
	return kafka.NewReader(kafka.ReaderConfig{Brokers: []string{t.Broker}, GroupID: group, Topic: topic, MaxWait: 500 * time.Millisecond,
		HeartbeatInterval: 300 * time.Millisecond, StartOffset: kafka.FirstOffset, JoinGroupBackoff: 200 * time.Millisecond})
}

func writer(t *check.T, codec kafka.Compression) {
	topic := topic(t, 1)
	w := &kafka.Writer{Addr: kafka.TCP(t.Broker), Transport: &kafka.Transport{}, Topic: topic, Compression: codec, BatchTimeout: 10 * time.Millisecond}
	defer w.Close()
	var messages []kafka.Message
	for i := range 50 {
		messages = append(messages, kafka.Message{Key: []byte("k"), Value: []byte(fmt.Sprint("value ", i)), Headers: []kafka.Header{{Key: "h", Value: []byte("1")}}})
	}
	t.Ok(w.WriteMessages(t.Ctx, messages...), "write")
	r := reader(t, topic, 0)
	defer r.Close()
	got := take(t, r, 50)
	t.Equal(string(got[49].Value), "value 49", "value")
	t.Equal(got[49].Offset, int64(49), "offset")
	t.Equal(got[0].Headers[0].Key, "h", "header")
}

func acks(t *check.T) {
	for _, acks := range []kafka.RequiredAcks{kafka.RequireNone, kafka.RequireOne, kafka.RequireAll} {
		topic := topic(t, 1)
		w := &kafka.Writer{Addr: kafka.TCP(t.Broker), Transport: &kafka.Transport{}, Topic: topic, RequiredAcks: acks, BatchTimeout: 10 * time.Millisecond}
		t.Ok(w.WriteMessages(t.Ctx, kafka.Message{Value: []byte("v")}), "write")
		t.Ok(w.Close(), "close")
		r := reader(t, topic, 0)
		take(t, r, 1)
		r.Close()
	}
}

func manyTopics(t *check.T) {
	one, two := topic(t, 3), topic(t, 2)
	done := make(chan error, 100)
	w := &kafka.Writer{Addr: kafka.TCP(t.Broker), Transport: &kafka.Transport{}, Async: true, Balancer: &kafka.LeastBytes{}, BatchTimeout: 10 * time.Millisecond,
		Completion: func(m []kafka.Message, err error) {
			for range m {
				done <- err
			}
		}}
	for i := range 20 {
		t.Ok(w.WriteMessages(t.Ctx, kafka.Message{Topic: one, Value: []byte(fmt.Sprint(i))}, kafka.Message{Topic: two, Value: []byte("v")}), "write")
	}
	for range 40 {
		t.Ok(<-done, "completion")
	}
	t.Ok(w.Close(), "close")
}

func autoCreate(t *check.T) {
	name := t.Name("auto")
	w := &kafka.Writer{Addr: kafka.TCP(t.Broker), Transport: &kafka.Transport{}, Topic: name, AllowAutoTopicCreation: true, BatchTimeout: 10 * time.Millisecond}
	defer w.Close()
	t.Until("it can be written to", func() bool { return w.WriteMessages(t.Ctx, kafka.Message{Value: []byte("v")}) == nil })
}

func unknownTopic(t *check.T) {
	w := &kafka.Writer{Addr: kafka.TCP(t.Broker), Transport: &kafka.Transport{}, Topic: t.Name("none"), MaxAttempts: 1, BatchTimeout: 10 * time.Millisecond}
	defer w.Close()
	err := w.WriteMessages(t.Ctx, kafka.Message{Value: []byte("v")})
	t.That(errors.Is(err, kafka.UnknownTopicOrPartition), "got %v", err)
}

func readerOffsets(t *check.T) {
	topic := topic(t, 1)
	fill(t, topic, 0, 10)
	r := reader(t, topic, 0)
	defer r.Close()
	t.Ok(r.SetOffset(7), "set offset")
	t.Equal(take(t, r, 3)[0].Offset, int64(7), "from 7")
	t.Ok(r.SetOffsetAt(t.Ctx, time.Now().Add(-time.Hour)), "set offset at")
	t.Equal(take(t, r, 10)[0].Offset, int64(0), "an hour ago")
	t.Ok(r.SetOffset(kafka.LastOffset), "set last")
	ctx, cancel := context.WithTimeout(t.Ctx, 2*time.Second)
	defer cancel()
	_, err := r.ReadMessage(ctx)
	t.That(errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.EOF), "at the end: %v", err)
}

func group(t *check.T) {
	topic, group := topic(t, 2), t.Name("g")
	fill(t, topic, 0, 10)
	fill(t, topic, 1, 10)
	r := member(t, group, topic)
	for range 20 {
		m, err := r.FetchMessage(t.Ctx)
		t.Ok(err, "fetch")
		if m.Partition == 0 && m.Offset < 4 {
			t.Ok(r.CommitMessages(t.Ctx, m), "commit")
		}
	}
	t.Ok(r.Close(), "close")
	again := member(t, group, topic)
	defer again.Close()
	first := map[int]int64{}
	for _, m := range take(t, again, 16) {
		if _, there := first[m.Partition]; !there {
			first[m.Partition] = m.Offset
		}
	}
	t.Equal(first, map[int]int64{0: 4, 1: 0}, "first offsets after the commit")
}

func groupOfTwo(t *check.T) {
	topic, group := topic(t, 4), t.Name("g")
	one, two := member(t, group, topic), member(t, group, topic)
	defer one.Close()
	seen := make(chan string, 1000)
	ctx, cancel := context.WithCancel(t.Ctx)
	defer cancel()
	for who, r := range map[string]*kafka.Reader{"one": one, "two": two} {
		go func() {
			for {
				if _, err := r.ReadMessage(ctx); err != nil {
					return
				}
				seen <- who
			}
		}()
	}
	stableWith(t, group, 2)
	for partition := range 4 {
		fill(t, topic, partition, 5)
	}
	count := map[string]int{}
	for range 20 {
		select {
		case who := <-seen:
			count[who]++
		case <-t.Ctx.Done():
			t.Fail("only %v came", count)
		}
	}
	t.Equal(count, map[string]int{"one": 10, "two": 10}, "records by member")
	t.Ok(two.Close(), "close")
	stableWith(t, group, 1)
}

func stableWith(t *check.T, group string, members int) {
	t.Until(fmt.Sprintf("%s is stable with %d members", group, members), func() bool {
		got, err := client(t).DescribeGroups(t.Ctx, &kafka.DescribeGroupsRequest{GroupIDs: []string{group}})
		return err == nil && got.Groups[0].GroupState == "Stable" && len(got.Groups[0].Members) == members
	})
}

func groupManyTopics(t *check.T) {
	one, two := topic(t, 1), topic(t, 1)
	fill(t, one, 0, 2)
	fill(t, two, 0, 2)
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{t.Broker}, GroupID: t.Name("g"), GroupTopics: []string{one, two}, StartOffset: kafka.FirstOffset,
		MaxWait: 500 * time.Millisecond, GroupBalancers: []kafka.GroupBalancer{kafka.RoundRobinGroupBalancer{}}})
	defer r.Close()
	count := map[string]int{}
	for _, m := range take(t, r, 4) {
		count[m.Topic]++
	}
	t.Equal(count, map[string]int{one: 2, two: 2}, "records by topic")
}

func commitInterval(t *check.T) {
	topic, group := topic(t, 1), t.Name("g")
	fill(t, topic, 0, 5)
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{t.Broker}, GroupID: group, Topic: topic, StartOffset: kafka.FirstOffset,
		MaxWait: 500 * time.Millisecond, CommitInterval: 100 * time.Millisecond})
	take(t, r, 5)
	t.Ok(r.Close(), "close")
	t.Equal(committed(t, group, topic), int64(5), "committed")
}

func committed(t *check.T, group, topic string) int64 {
	got, err := client(t).OffsetFetch(t.Ctx, &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: {0}}})
	t.Ok(err, "offset fetch")
	t.Ok(got.Error, "offset fetch's error")
	return got.Topics[topic][0].CommittedOffset
}

func readerLag(t *check.T) {
	topic := topic(t, 1)
	fill(t, topic, 0, 10)
	r := reader(t, topic, 0)
	defer r.Close()
	take(t, r, 4)
	lag, err := r.ReadLag(t.Ctx)
	t.Ok(err, "lag")
	t.Equal(lag, int64(6), "lag")
}

func connLeader(t *check.T) {
	topic := topic(t, 1)
	fill(t, topic, 0, 10)
	conn, err := kafka.DialLeader(t.Ctx, "tcp", t.Broker, topic, 0)
	t.Ok(err, "dial leader")
	defer conn.Close()
	first, last, err := conn.ReadOffsets()
	t.Ok(err, "offsets")
	t.Equal([2]int64{first, last}, [2]int64{0, 10}, "offsets")
	at, err := conn.ReadOffset(time.Now().Add(-time.Hour))
	t.Ok(err, "offset by time")
	t.Equal(at, int64(0), "offset by time")
	_, err = conn.Seek(3, kafka.SeekAbsolute)
	t.Ok(err, "seek")
	t.Ok(conn.SetReadDeadline(time.Now().Add(10*time.Second)), "deadline")
	batch := conn.ReadBatch(1, 1e6)
	for offset := int64(3); offset < 10; offset++ {
		m, err := batch.ReadMessage()
		t.Ok(err, "read")
		t.Equal(m.Offset, offset, "offset")
	}
	t.Ok(batch.Close(), "close batch")
	versions, err := conn.ApiVersions()
	t.Ok(err, "api versions")
	t.That(len(versions) > 40, "%d APIs", len(versions))
}

func connTopics(t *check.T) {
	conn, err := kafka.DialContext(t.Ctx, "tcp", t.Broker)
	t.Ok(err, "dial")
	defer conn.Close()
	controller, err := conn.Controller()
	t.Ok(err, "controller")
	t.Equal(net.JoinHostPort(controller.Host, fmt.Sprint(controller.Port)), t.Broker, "controller")
	brokers, err := conn.Brokers()
	t.Ok(err, "brokers")
	t.Equal(len(brokers), 1, "brokers")
	name := t.Name("t")
	t.Ok(conn.CreateTopics(kafka.TopicConfig{Topic: name, NumPartitions: 3, ReplicationFactor: 1}), "create")
	t.Until("three partitions", func() bool { got, err := conn.ReadPartitions(name); return err == nil && len(got) == 3 })
	t.Ok(conn.DeleteTopics(name), "delete")
}
