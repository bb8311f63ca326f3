// Everyday paths of a sarama user, as clients of several releases of Kafka.
package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"compat/check"

	"github.com/IBM/sarama"
)

var releases = []struct {
	name    string
	version sarama.KafkaVersion
}{
	{"0.11", sarama.V0_11_0_0}, {"1.0", sarama.V1_0_0_0}, {"2.1", sarama.V2_1_0_0}, {"2.8", sarama.V2_8_0_0}, {"3.6", sarama.V3_6_0_0}, {"4.0", sarama.V4_0_0_0},
}

func main() {
	var tests []check.Test
	for _, release := range releases {
		add := func(name string, run func(*check.T, *sarama.Config)) {
			tests = append(tests, check.Test{Name: release.name + "/" + name, Run: func(t *check.T) { run(t, config(release.version)) }})
		}
		for name, codec := range codecs {
			if codec != sarama.CompressionZSTD || release.version.IsAtLeast(sarama.V2_1_0_0) {
				add("produce-"+name, produceWith(codec))
			}
		}
		add("async-producer", asyncProducer)
		add("idempotent-producer", idempotent)
		add("no-acks", noAcks)
		add("errors", produceErrors)
		add("consumer-offsets", consumerOffsets)
		add("pause", pausePartition)
		add("offset-manager", offsetManager)
		add("group-range", group(sarama.NewBalanceStrategyRange()))
		add("group-roundrobin", group(sarama.NewBalanceStrategyRoundRobin()))
		add("group-sticky", group(sarama.NewBalanceStrategySticky()))
		add("transaction-commit", transactionCommit)
		add("transaction-abort", transactionAbort)
		add("transaction-offsets", transactionOffsets)
		add("admin-groups", adminGroups)
		if release.version.IsAtLeast(sarama.V2_0_0_0) { // before, sarama asks in versions that Kafka 4 no longer takes
			add("admin-topics", adminTopics)
			add("admin-acls", adminACLs)
			add("admin-log-dirs", adminLogDirs)
		}
		if release.version.IsAtLeast(sarama.V2_8_0_0) {
			add("group-static", groupStatic)
			add("admin-configs", adminConfigs)
			add("admin-scram", adminScram)
			add("admin-quotas", adminQuotas)
			add("admin-partitions", adminPartitions)
		}
	}
	check.Main(tests)
}

func config(version sarama.KafkaVersion) *sarama.Config {
	c := sarama.NewConfig()
	c.Version = version
	c.Producer.Return.Successes = true
	c.Consumer.Return.Errors = true
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Group.Heartbeat.Interval = 300 * time.Millisecond
	c.Consumer.Group.Session.Timeout = 10 * time.Second
	c.Consumer.Offsets.AutoCommit.Interval = 200 * time.Millisecond
	return c
}

func admin(t *check.T, c *sarama.Config) sarama.ClusterAdmin {
	a, err := sarama.NewClusterAdmin([]string{t.Broker}, c)
	t.Ok(err, "new admin")
	return a
}

func topic(t *check.T, c *sarama.Config, partitions int32, configs map[string]*string) string {
	a := admin(t, c)
	defer a.Close()
	name := t.Name("t")
	t.Ok(a.CreateTopic(name, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: configs}, false), "create topic")
	t.Until("leaders of "+name, func() bool {
		described, err := a.DescribeTopics([]string{name})
		if err != nil || described[0].Err != sarama.ErrNoError || len(described[0].Partitions) != int(partitions) {
			return false
		}
		for _, p := range described[0].Partitions {
			if p.Err != sarama.ErrNoError {
				return false
			}
		}
		return true
	})
	return name
}

// fill produces n records, the i-th to partition i % partitions.
func fill(t *check.T, c *sarama.Config, topic string, partitions, n int) {
	mine := *c
	mine.Producer.Partitioner = sarama.NewManualPartitioner
	p, err := sarama.NewSyncProducer([]string{t.Broker}, &mine)
	t.Ok(err, "new producer")
	defer p.Close()
	var messages []*sarama.ProducerMessage
	for i := range n {
		messages = append(messages, message(topic, int32(i%partitions), fmt.Sprint(i)))
	}
	t.Ok(p.SendMessages(messages), "send")
}

func message(topic string, partition int32, value string) *sarama.ProducerMessage {
	return &sarama.ProducerMessage{Topic: topic, Partition: partition, Key: sarama.StringEncoder("k" + value), Value: sarama.StringEncoder(value)}
}

// take reads n records of a partition from an offset.
func take(t *check.T, c *sarama.Config, topic string, partition int32, offset int64, n int) []*sarama.ConsumerMessage {
	consumer, err := sarama.NewConsumer([]string{t.Broker}, c)
	t.Ok(err, "new consumer")
	defer consumer.Close()
	p, err := consumer.ConsumePartition(topic, partition, offset)
	t.Ok(err, "consume partition")
	defer p.Close()
	var got []*sarama.ConsumerMessage
	for len(got) < n {
		select {
		case m := <-p.Messages():
			got = append(got, m)
		case err := <-p.Errors():
			t.Fail("consume: %v", err)
		case <-t.Ctx.Done():
			t.Fail("%d of %d records came", len(got), n)
		}
	}
	return got
}

// handler is a member of a group that counts.
type handler struct {
	lock   sync.Mutex
	seen   map[string]int
	claims map[string][]int32
	mark   bool
}

func (h *handler) Setup(s sarama.ConsumerGroupSession) error {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.claims = s.Claims()
	return nil
}

func (h *handler) Cleanup(sarama.ConsumerGroupSession) error {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.claims = nil
	return nil
}

func (h *handler) ConsumeClaim(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case m, open := <-claim.Messages():
			if !open {
				return nil
			}
			h.lock.Lock()
			h.seen[fmt.Sprint(m.Topic, m.Partition, "/", m.Offset)]++
			h.lock.Unlock()
			s.MarkMessage(m, "done")
		case <-s.Context().Done():
			return nil
		}
	}
}

func (h *handler) owned() (n int) {
	h.lock.Lock()
	defer h.lock.Unlock()
	for _, partitions := range h.claims {
		n += len(partitions)
	}
	return n
}

func (h *handler) count() int {
	h.lock.Lock()
	defer h.lock.Unlock()
	return len(h.seen)
}

// join runs a member until it is told to stop.
func join(t *check.T, c *sarama.Config, group, topic string) (*handler, func()) {
	g, err := sarama.NewConsumerGroup([]string{t.Broker}, group, c)
	t.Ok(err, "new group")
	h := &handler{seen: map[string]int{}}
	ctx, cancel := context.WithCancel(t.Ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			if err := g.Consume(ctx, []string{topic}, h); errors.Is(err, sarama.ErrClosedConsumerGroup) {
				return
			}
		}
	}()
	go func() {
		for range g.Errors() {
		}
	}()
	return h, func() { cancel(); <-ended; _ = g.Close() }
}
