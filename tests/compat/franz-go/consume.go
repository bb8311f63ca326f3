package main

import (
	"errors"
	"fmt"
	"time"

	"compat/check"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"
)

var consumeTests = []check.Test{
	{Name: "consume/from-offset", Run: fromOffset},
	{Name: "consume/relative-to-end", Run: relativeToEnd},
	{Name: "consume/after-time", Run: afterTime},
	{Name: "consume/end-then-new", Run: endThenNew},
	{Name: "consume/regex-new-topic", Run: regexNewTopic},
	{Name: "consume/out-of-range-resets", Run: outOfRangeResets},
	{Name: "consume/out-of-range-no-reset", Run: outOfRangeNoReset},
	{Name: "consume/pause-resume", Run: pauseResume},
	{Name: "consume/seek-back", Run: seekBack},
	{Name: "consume/add-remove-topics", Run: addPurge},
	{Name: "consume/max-bytes", Run: maxBytes},
	{Name: "consume/no-sessions", Run: noSessions},
	{Name: "consume/many-partitions", Run: manyPartitions},
	{Name: "consume/new-partitions-seen", Run: newPartitions},
	{Name: "consume/topic-deleted", Run: topicDeleted},
	{Name: "consume/as-v0.11.0", Run: asVersion("v0.11.0")},
	{Name: "consume/as-v1.0", Run: asVersion("v1.0")},
	{Name: "consume/as-v2.0", Run: asVersion("v2.0")},
	{Name: "consume/as-v2.4", Run: asVersion("v2.4")},
	{Name: "consume/as-v2.8", Run: asVersion("v2.8")},
	{Name: "consume/as-v3.3", Run: asVersion("v3.3")},
	{Name: "consume/as-v3.9", Run: asVersion("v3.9")},
	{Name: "consume/as-v4.0", Run: asVersion("v4.0")},
}

func direct(t *check.T, topic string, offset kgo.Offset, opts ...kgo.Opt) *kgo.Client {
	return client(t, append(opts, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(offset))...)
}

func fromOffset(t *check.T) {
	topic := topic(t, 2, nil)
	fill(t, topic, 2, 20)
	at := map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(4), 1: kgo.NewOffset().At(10)}}
	cl := client(t, kgo.ConsumePartitions(at))
	defer cl.Close()
	got := take(t, cl, 6)
	t.Equal(got[0].Offset, int64(4), "first offset")
	quiet(t, cl, "after the end")
}

func relativeToEnd(t *check.T) {
	topic := topic(t, 1, nil)
	fill(t, topic, 1, 20)
	cl := direct(t, topic, kgo.NewOffset().AtEnd().Relative(-3))
	defer cl.Close()
	t.Equal(values(take(t, cl, 3)), []string{"17", "18", "19"}, "the last three")
}

func afterTime(t *check.T) {
	topic := topic(t, 1, nil)
	producer := client(t)
	defer producer.Close()
	base := time.Now().Add(-time.Hour)
	for i := range 10 {
		r := record(topic, 0, fmt.Sprint(i))
		r.Timestamp = base.Add(time.Duration(i) * time.Minute)
		t.Ok(producer.ProduceSync(t.Ctx, r).FirstErr(), "produce")
	}
	cl := direct(t, topic, kgo.NewOffset().AfterMilli(base.Add(6*time.Minute).UnixMilli()))
	defer cl.Close()
	t.Equal(values(take(t, cl, 4)), []string{"6", "7", "8", "9"}, "after a time")
}

func endThenNew(t *check.T) {
	topic := topic(t, 1, nil)
	fill(t, topic, 1, 5)
	cl := direct(t, topic, kgo.NewOffset().AtEnd())
	defer cl.Close()
	quiet(t, cl, "at the end")
	fill(t, topic, 1, 3)
	t.Equal(take(t, cl, 3)[0].Offset, int64(5), "the first new offset")
}

func regexNewTopic(t *check.T) {
	first := topic(t, 1, nil)
	fill(t, first, 1, 3)
	cl := client(t, kgo.ConsumeRegex(), kgo.ConsumeTopics("^consume-regex-new-topic-.*"), kgo.MetadataMinAge(100*time.Millisecond),
		kgo.MetadataMaxAge(500*time.Millisecond), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer cl.Close()
	second := topic(t, 1, nil)
	fill(t, second, 1, 3)
	seen := map[string]int{}
	for seen[first] < 3 || seen[second] < 3 {
		for _, r := range take(t, cl, 1) {
			seen[r.Topic]++
		}
	}
}

func outOfRangeResets(t *check.T) {
	topic := topic(t, 1, nil)
	fill(t, topic, 1, 5)
	at := map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(100)}}
	cl := client(t, kgo.ConsumePartitions(at), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer cl.Close()
	t.Equal(len(take(t, cl, 5)), 5, "records")
}

func outOfRangeNoReset(t *check.T) {
	topic := topic(t, 1, nil)
	fill(t, topic, 1, 5)
	at := map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(100)}}
	cl := client(t, kgo.ConsumePartitions(at), kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	defer cl.Close()
	err := cl.PollFetches(t.Ctx).Err0()
	if err == nil {
		err = cl.PollFetches(t.Ctx).Err()
	}
	t.That(errors.Is(err, kerr.OffsetOutOfRange), "got %v", err)
}

func pauseResume(t *check.T) {
	topic := topic(t, 2, nil)
	cl := direct(t, topic, kgo.NewOffset().AtStart())
	defer cl.Close()
	fill(t, topic, 2, 4)
	take(t, cl, 4)
	cl.PauseFetchPartitions(map[string][]int32{topic: {1}})
	fill(t, topic, 2, 4)
	for _, r := range take(t, cl, 2) {
		t.Equal(r.Partition, int32(0), "partition while 1 is paused")
	}
	cl.ResumeFetchPartitions(map[string][]int32{topic: {1}})
	take(t, cl, 2)
}

func seekBack(t *check.T) {
	topic := topic(t, 1, nil)
	fill(t, topic, 1, 6)
	cl := direct(t, topic, kgo.NewOffset().AtStart())
	defer cl.Close()
	take(t, cl, 6)
	cl.SetOffsets(map[string]map[int32]kgo.EpochOffset{topic: {0: {Epoch: -1, Offset: 2}}})
	t.Equal(values(take(t, cl, 4)), []string{"2", "3", "4", "5"}, "again")
}

func addPurge(t *check.T) {
	first, second := topic(t, 1, nil), topic(t, 1, nil)
	cl := direct(t, first, kgo.NewOffset().AtStart())
	defer cl.Close()
	fill(t, first, 1, 2)
	take(t, cl, 2)
	cl.AddConsumeTopics(second)
	fill(t, second, 1, 2)
	t.Equal(take(t, cl, 2)[0].Topic, second, "topic")
	cl.PurgeTopicsFromClient(first)
	fill(t, first, 1, 2)
	quiet(t, cl, "purged topic")
}

func maxBytes(t *check.T) {
	topic := topic(t, 1, nil)
	fill(t, topic, 1, 100)
	cl := direct(t, topic, kgo.NewOffset().AtStart(), kgo.FetchMaxBytes(1), kgo.FetchMaxPartitionBytes(1))
	defer cl.Close()
	take(t, cl, 100)
}

func noSessions(t *check.T) {
	topic := topic(t, 3, nil)
	fill(t, topic, 3, 30)
	cl := direct(t, topic, kgo.NewOffset().AtStart(), kgo.DisableFetchSessions(), kgo.FetchMinBytes(1000), kgo.FetchMaxWait(200*time.Millisecond))
	defer cl.Close()
	take(t, cl, 30)
	fill(t, topic, 3, 30)
	take(t, cl, 30)
}

func manyPartitions(t *check.T) {
	topic := topic(t, 60, nil)
	cl := direct(t, topic, kgo.NewOffset().AtStart())
	defer cl.Close()
	for range 5 {
		fill(t, topic, 60, 120)
		take(t, cl, 120)
	}
}

func newPartitions(t *check.T) {
	topic := topic(t, 1, nil)
	cl := direct(t, topic, kgo.NewOffset().AtStart(), kgo.MetadataMaxAge(300*time.Millisecond), kgo.MetadataMinAge(100*time.Millisecond))
	defer cl.Close()
	fill(t, topic, 1, 1)
	take(t, cl, 1)
	adm := admin(t)
	defer adm.Close()
	_, err := adm.UpdatePartitions(t.Ctx, 3, topic)
	t.Ok(err, "update partitions")
	ready(t, adm, topic, 3)
	fill(t, topic, 3, 3)
	take(t, cl, 3)
}

func topicDeleted(t *check.T) {
	topic := topic(t, 1, nil)
	fill(t, topic, 1, 3)
	cl := direct(t, topic, kgo.NewOffset().AtStart(), kgo.MetadataMaxAge(300*time.Millisecond), kgo.MetadataMinAge(100*time.Millisecond),
		kgo.ConsiderMissingTopicDeletedAfter(time.Second), kgo.UnknownTopicRetries(-1))
	defer cl.Close()
	take(t, cl, 3)
	adm := admin(t)
	defer adm.Close()
	_, err := adm.DeleteTopic(t.Ctx, topic)
	t.Ok(err, "delete topic")
	t.Until("the topic is gone", func() bool {
		topics, err := adm.ListTopics(t.Ctx, topic)
		return err == nil && errors.Is(topics[topic].Err, kerr.UnknownTopicOrPartition)
	})
	quiet(t, cl, "after the topic was deleted")
}

// asVersion speaks only what a client of that release of Kafka knew.
func asVersion(release string) func(*check.T) {
	return func(t *check.T) {
		versions := kversion.FromString(release)
		t.That(versions != nil, "no release %s", release)
		old := kgo.MaxVersions(versions)
		topic, group := topic(t, 2, nil), t.Name("g")
		adm := kadm.NewClient(client(t, old))
		defer adm.Close()
		made := t.Name("made")
		_, err := adm.CreateTopic(t.Ctx, 1, 1, nil, made)
		t.Ok(err, "create topic")
		producer := client(t, old, kgo.DefaultProduceTopic(topic))
		defer producer.Close()
		for i := range 10 {
			t.Ok(producer.ProduceSync(t.Ctx, kgo.KeyStringRecord(fmt.Sprint(i), fmt.Sprint(i))).FirstErr(), "produce")
		}
		reader := member(t, group, topic, false, old, kgo.Balancers(kgo.RangeBalancer()))
		records := take(t, reader, 10)
		t.Ok(reader.CommitRecords(t.Ctx, records...), "commit")
		described, err := adm.DescribeGroups(t.Ctx, group)
		t.Ok(err, "describe groups")
		t.Equal(described[group].State, "Stable", "state")
		reader.Close()
		offsets, err := adm.FetchOffsets(t.Ctx, group)
		t.Ok(err, "fetch offsets")
		t.Equal(offsets[topic][0].At+offsets[topic][1].At, int64(10), "sum of the committed offsets")
		ends, err := adm.ListEndOffsets(t.Ctx, topic)
		t.Ok(err, "list end offsets")
		t.Equal(ends[topic][0].Offset+ends[topic][1].Offset, int64(10), "sum of the end offsets")
		if highest, _ := versions.LookupMaxKeyVersion(32); highest >= 1 { // Kafka 4 takes no DescribeConfigs 0
			_, err = adm.DescribeTopicConfigs(t.Ctx, topic)
			t.Ok(err, "describe configs")
		}
		_, err = adm.DeleteTopic(t.Ctx, made)
		t.Ok(err, "delete topic")
	}
}
