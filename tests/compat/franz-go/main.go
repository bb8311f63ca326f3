// Everyday paths of a franz-go user: producing, consuming, groups, transactions and administration.
package main

import (
	"fmt"
	"slices"
	"time"

	"compat/check"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	check.Main(slices.Concat(produceTests, consumeTests, groupTests, transactionTests, topicTests, clusterTests))
}

func client(t *check.T, opts ...kgo.Opt) *kgo.Client {
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(t.Broker)}, opts...)...)
	t.Ok(err, "new client")
	return cl
}

func admin(t *check.T) *kadm.Client {
	return kadm.NewClient(client(t))
}

// topic makes a topic and waits until its partitions have leaders.
func topic(t *check.T, partitions int32, configs map[string]string) string {
	name := t.Name("t")
	adm := admin(t)
	defer adm.Close()
	settings := map[string]*string{}
	for key, value := range configs {
		settings[key] = kadm.StringPtr(value)
	}
	_, err := adm.CreateTopic(t.Ctx, partitions, 1, settings, name)
	t.Ok(err, "create topic")
	return ready(t, adm, name, partitions)
}

func ready(t *check.T, adm *kadm.Client, name string, partitions int32) string {
	t.Until("leaders of "+name, func() bool {
		topics, err := adm.ListTopics(t.Ctx, name)
		if err != nil || topics[name].Err != nil || len(topics[name].Partitions) != int(partitions) {
			return false
		}
		for _, p := range topics[name].Partitions {
			if p.Err != nil || p.Leader < 0 {
				return false
			}
		}
		return true
	})
	return name
}

func record(topic string, partition int32, value string) *kgo.Record {
	return &kgo.Record{Topic: topic, Partition: partition, Key: []byte("k" + value), Value: []byte(value)}
}

// fill produces n records, the i-th (its value is i) to partition i % partitions.
func fill(t *check.T, topic string, partitions, n int) {
	cl := client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer cl.Close()
	var records []*kgo.Record
	for i := range n {
		records = append(records, record(topic, int32(i%partitions), fmt.Sprint(i)))
	}
	t.Ok(cl.ProduceSync(t.Ctx, records...).FirstErr(), "fill "+topic)
}

// take polls n records.
func take(t *check.T, cl *kgo.Client, n int) []*kgo.Record {
	var got []*kgo.Record
	for len(got) < n {
		fetches := cl.PollFetches(t.Ctx)
		if t.Ctx.Err() != nil {
			t.Fail("%d of %d records came", len(got), n)
		}
		for _, e := range fetches.Errors() {
			t.Fail("poll %s-%d: %v", e.Topic, e.Partition, e.Err)
		}
		got = append(got, fetches.Records()...)
	}
	return got
}

// quiet fails when a record comes within a second.
func quiet(t *check.T, cl *kgo.Client, why string) {
	select {
	case <-t.Ctx.Done():
	default:
	}
	got := pollFor(t, cl, time.Second)
	t.That(len(got) == 0, "%s: %d records came", why, len(got))
}

func values(records []*kgo.Record) []string {
	var all []string
	for _, r := range records {
		all = append(all, string(r.Value))
	}
	return all
}
