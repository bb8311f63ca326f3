package main

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"compat/check"

	"github.com/IBM/sarama"
)

var codecs = map[string]sarama.CompressionCodec{
	"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP, "snappy": sarama.CompressionSnappy,
	"lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD,
}

func produceWith(codec sarama.CompressionCodec) func(*check.T, *sarama.Config) {
	return func(t *check.T, c *sarama.Config) {
		topic := topic(t, c, 1, nil)
		c.Producer.Compression = codec
		p, err := sarama.NewSyncProducer([]string{t.Broker}, c)
		t.Ok(err, "new producer")
		defer p.Close()
		value := bytes.Repeat([]byte("abc"), 500)
		for i := range int64(5) {
			partition, offset, err := p.SendMessage(&sarama.ProducerMessage{Topic: topic, Value: sarama.ByteEncoder(value),
				Headers: []sarama.RecordHeader{{Key: []byte("h"), Value: []byte("1")}}})
			t.Ok(err, "send")
			t.Equal(partition, int32(0), "partition")
			t.Equal(offset, i, "offset")
		}
		got := take(t, c, topic, 0, sarama.OffsetOldest, 5)
		t.That(bytes.Equal(got[4].Value, value) && got[4].Offset == 4, "another value came back")
		t.Equal(string(got[0].Headers[0].Key), "h", "header")
	}
}

func asyncProducer(t *check.T, c *sarama.Config) {
	topic := topic(t, c, 3, nil)
	c.Producer.Flush.Frequency, c.Producer.Flush.Messages = 50*time.Millisecond, 100
	c.Producer.RequiredAcks = sarama.WaitForAll
	p, err := sarama.NewAsyncProducer([]string{t.Broker}, c)
	t.Ok(err, "new producer")
	go func() {
		for i := range 2000 {
			p.Input() <- message(topic, 0, fmt.Sprint(i))
		}
	}()
	for range 2000 {
		select {
		case <-p.Successes():
		case err := <-p.Errors():
			t.Fail("produce: %v", err)
		case <-t.Ctx.Done():
			t.Fail("no end")
		}
	}
	t.Ok(p.Close(), "close")
}

func idempotent(t *check.T, c *sarama.Config) {
	topic := topic(t, c, 1, nil)
	c.Producer.Idempotent, c.Net.MaxOpenRequests, c.Producer.RequiredAcks = true, 1, sarama.WaitForAll
	fill(t, c, topic, 1, 500)
	got := take(t, c, topic, 0, sarama.OffsetOldest, 500)
	t.Equal(got[499].Offset, int64(499), "last offset")
}

func noAcks(t *check.T, c *sarama.Config) {
	topic := topic(t, c, 1, nil)
	c.Producer.RequiredAcks = sarama.NoResponse
	fill(t, c, topic, 1, 50)
	take(t, c, topic, 0, sarama.OffsetOldest, 50)
}

func produceErrors(t *check.T, c *sarama.Config) {
	small := "500"
	topic := topic(t, c, 1, map[string]*string{"max.message.bytes": &small})
	c.Producer.Retry.Max, c.Metadata.Retry.Max, c.Metadata.AllowAutoTopicCreation = 0, 0, false
	p, err := sarama.NewSyncProducer([]string{t.Broker}, c)
	t.Ok(err, "new producer")
	defer p.Close()
	_, _, err = p.SendMessage(&sarama.ProducerMessage{Topic: topic, Value: sarama.ByteEncoder(make([]byte, 1000))})
	t.That(errors.Is(err, sarama.ErrMessageSizeTooLarge), "too large: %v", err)
	_, _, err = p.SendMessage(&sarama.ProducerMessage{Topic: t.Name("none"), Value: sarama.StringEncoder("v")})
	t.That(errors.Is(err, sarama.ErrUnknownTopicOrPartition), "unknown topic: %v", err)
}

func consumerOffsets(t *check.T, c *sarama.Config) {
	topic := topic(t, c, 1, nil)
	start := time.Now().Add(-time.Second)
	fill(t, c, topic, 1, 10)
	client, err := sarama.NewClient([]string{t.Broker}, c)
	t.Ok(err, "new client")
	defer client.Close()
	for what, ask := range map[string]struct{ at, want int64 }{
		"oldest": {sarama.OffsetOldest, 0}, "newest": {sarama.OffsetNewest, 10}, "by time": {start.UnixMilli(), 0},
	} {
		offset, err := client.GetOffset(topic, 0, ask.at)
		t.Ok(err, what)
		t.Equal(offset, ask.want, what)
	}
	t.Equal(string(take(t, c, topic, 0, 7, 3)[0].Value), "7", "from an offset")
	consumer, err := sarama.NewConsumer([]string{t.Broker}, c)
	t.Ok(err, "new consumer")
	defer consumer.Close()
	_, err = consumer.ConsumePartition(topic, 0, 100)
	t.That(errors.Is(err, sarama.ErrOffsetOutOfRange), "beyond the end: %v", err)
	partitions, err := consumer.Partitions(topic)
	t.Ok(err, "partitions")
	t.Equal(partitions, []int32{0}, "partitions")
	topics, err := consumer.Topics()
	t.Ok(err, "topics")
	t.That(len(topics) > 0, "no topics")
}

func pausePartition(t *check.T, c *sarama.Config) {
	topic := topic(t, c, 1, nil)
	fill(t, c, topic, 1, 3)
	consumer, err := sarama.NewConsumer([]string{t.Broker}, c)
	t.Ok(err, "new consumer")
	defer consumer.Close()
	p, err := consumer.ConsumePartition(topic, 0, sarama.OffsetNewest)
	t.Ok(err, "consume")
	defer p.Close()
	p.Pause()
	time.Sleep(600 * time.Millisecond) // a fetch may be on its way
	fill(t, c, topic, 1, 3)
	p.Resume()
	for i := range 3 {
		select {
		case m := <-p.Messages():
			t.Equal(m.Offset, int64(3+i), "offset")
		case <-t.Ctx.Done():
			t.Fail("nothing after resume")
		}
	}
}

func offsetManager(t *check.T, c *sarama.Config) {
	topic, group := topic(t, c, 1, nil), t.Name("g")
	client, err := sarama.NewClient([]string{t.Broker}, c)
	t.Ok(err, "new client")
	defer client.Close()
	for round := range int64(2) {
		m, err := sarama.NewOffsetManagerFromClient(group, client)
		t.Ok(err, "new offset manager")
		p, err := m.ManagePartition(topic, 0)
		t.Ok(err, "manage partition")
		next, note := p.NextOffset()
		if round == 1 {
			t.Equal(next, int64(5), "offset kept")
			t.Equal(note, "note", "metadata kept")
		}
		p.MarkOffset(5, "note")
		m.Commit()
		t.Ok(p.Close(), "close partition")
		t.Ok(m.Close(), "close manager")
	}
}

func group(strategy sarama.BalanceStrategy) func(*check.T, *sarama.Config) {
	return func(t *check.T, c *sarama.Config) {
		topic, name := topic(t, c, 4, nil), t.Name("g")
		c.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{strategy}
		one, leave1 := join(t, c, name, topic)
		t.Until("the first owns all", func() bool { return one.owned() == 4 })
		fill(t, c, topic, 4, 40)
		t.Until("the first saw all", func() bool { return one.count() == 40 })
		two, leave2 := join(t, c, name, topic)
		t.Until("each owns two", func() bool { return one.owned() == 2 && two.owned() == 2 })
		fill(t, c, topic, 4, 40)
		t.Until("both saw all", func() bool { return one.count()+two.count() >= 80 })
		leave2()
		t.Until("the first owns all again", func() bool { return one.owned() == 4 })
		leave1()
		again, leave3 := join(t, c, name, topic)
		t.Until("the third owns all", func() bool { return again.owned() == 4 })
		fill(t, c, topic, 4, 4)
		t.Until("the third saw the new ones", func() bool { return again.count() >= 4 })
		t.Equal(again.count(), 4, "records after the committed offsets")
		leave3()
	}
}

func groupStatic(t *check.T, c *sarama.Config) {
	topic, name := topic(t, c, 2, nil), t.Name("g")
	c.Consumer.Group.InstanceId = "it"
	one, leave := join(t, c, name, topic)
	t.Until("it owns all", func() bool { return one.owned() == 2 })
	leave()
	a := admin(t, c)
	defer a.Close()
	described, err := a.DescribeConsumerGroups([]string{name})
	t.Ok(err, "describe")
	t.Equal(len(described[0].Members), 1, "members after it left")
	_, err = a.RemoveMemberFromConsumerGroup(name, []string{"it"})
	t.Ok(err, "remove")
	described, err = a.DescribeConsumerGroups([]string{name})
	t.Ok(err, "describe")
	t.Equal(described[0].State, "Empty", "state")
}

func transactional(t *check.T, c *sarama.Config) sarama.AsyncProducer {
	c.Producer.Idempotent, c.Net.MaxOpenRequests, c.Producer.RequiredAcks = true, 1, sarama.WaitForAll
	c.Producer.Transaction.ID = t.Name("x")
	c.Producer.Partitioner = sarama.NewManualPartitioner
	c.Consumer.IsolationLevel = sarama.ReadCommitted
	p, err := sarama.NewAsyncProducer([]string{t.Broker}, c)
	t.Ok(err, "new producer")
	return p
}

func within(t *check.T, p sarama.AsyncProducer, end func() error, messages ...*sarama.ProducerMessage) {
	t.Ok(p.BeginTxn(), "begin")
	for _, m := range messages {
		p.Input() <- m
	}
	for range messages {
		select {
		case <-p.Successes():
		case err := <-p.Errors():
			t.Fail("produce: %v", err)
		}
	}
	t.Ok(end(), "end")
}

func transactionCommit(t *check.T, c *sarama.Config) {
	topic := topic(t, c, 2, nil)
	plain := *c
	p := transactional(t, c)
	defer p.Close()
	for i := range 3 {
		within(t, p, p.CommitTxn, message(topic, 0, fmt.Sprint(i)), message(topic, 1, fmt.Sprint(i)))
	}
	c.Producer.Transaction.ID = ""
	take(t, c, topic, 0, sarama.OffsetOldest, 3)
	take(t, &plain, topic, 1, sarama.OffsetOldest, 3)
}

func transactionAbort(t *check.T, c *sarama.Config) {
	topic := topic(t, c, 1, nil)
	p := transactional(t, c)
	defer p.Close()
	within(t, p, p.AbortTxn, message(topic, 0, "no"))
	within(t, p, p.CommitTxn, message(topic, 0, "yes"))
	t.Equal(string(take(t, c, topic, 0, sarama.OffsetOldest, 1)[0].Value), "yes", "the first committed")
}

func transactionOffsets(t *check.T, c *sarama.Config) {
	from, to, group := topic(t, c, 1, nil), topic(t, c, 1, nil), t.Name("g")
	fill(t, c, from, 1, 5)
	p := transactional(t, c)
	defer p.Close()
	offsets := map[string][]*sarama.PartitionOffsetMetadata{from: {{Partition: 0, Offset: 5}}}
	within(t, p, func() error {
		if err := p.AddOffsetsToTxn(offsets, group); err != nil {
			return err
		}
		return p.CommitTxn()
	}, message(to, 0, "copy"))
	a := admin(t, c)
	defer a.Close()
	t.Until("the offset is committed", func() bool {
		got, err := a.ListConsumerGroupOffsets(group, map[string][]int32{from: {0}})
		return err == nil && got.GetBlock(from, 0).Offset == 5
	})
}
