package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"compat/check"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var topicTests = []check.Test{
	{Name: "topics/create-list-delete", Run: createListDelete},
	{Name: "topics/create-errors", Run: createErrors},
	{Name: "topics/validate-only", Run: validateOnly},
	{Name: "topics/defaults", Run: defaults},
	{Name: "topics/partitions", Run: partitions},
	{Name: "topics/configs", Run: topicConfigs},
	{Name: "topics/configs-append-subtract", Run: appendSubtract},
	{Name: "topics/configs-set-all", Run: setAll},
	{Name: "topics/configs-errors", Run: configErrors},
	{Name: "topics/offsets-by-time", Run: offsetsByTime},
	{Name: "topics/offset-for-epoch", Run: offsetForEpoch},
	{Name: "topics/delete-records", Run: deleteRecords},
	{Name: "topics/elect-leaders", Run: electLeaders},
	{Name: "topics/reassign", Run: reassign},
	{Name: "topics/log-dirs", Run: logDirs},
	{Name: "topics/recreate", Run: recreate},
	{Name: "topics/authorized-operations", Run: authorizedOperations},
}

func createListDelete(t *check.T) {
	adm := admin(t)
	defer adm.Close()
	names := []string{t.Name("a"), t.Name("b")}
	made, err := adm.CreateTopics(t.Ctx, 3, 1, nil, names...)
	t.Ok(err, "create")
	for _, name := range names {
		t.Ok(made[name].Err, "create "+name)
		t.Equal(made[name].NumPartitions, int32(3), "partitions told")
		t.Equal(made[name].ReplicationFactor, int16(1), "replication factor told")
		t.That(made[name].ID != kadm.TopicID{}, "no topic id")
		ready(t, adm, name, 3)
	}
	listed, err := adm.ListTopics(t.Ctx)
	t.Ok(err, "list")
	t.That(listed.Has(names[0]) && listed.Has(names[1]), "not listed")
	t.Equal(listed[names[0]].ID, made[names[0]].ID, "topic id")
	gone, err := adm.DeleteTopics(t.Ctx, names...)
	t.Ok(err, "delete")
	t.Ok(gone.Error(), "delete of one")
	t.Until("they are gone", func() bool {
		listed, err = adm.ListTopics(t.Ctx)
		return err == nil && !listed.Has(names[0]) && !listed.Has(names[1])
	})
	_, err = adm.DeleteTopic(t.Ctx, names[0])
	t.That(errors.Is(err, kerr.UnknownTopicOrPartition), "delete again: %v", err)
}

func createErrors(t *check.T) {
	adm := admin(t)
	defer adm.Close()
	name := topic(t, 1, nil)
	for what, attempt := range map[string]struct {
		run  func() error
		want error
	}{
		"exists":             {func() error { _, err := adm.CreateTopic(t.Ctx, 1, 1, nil, name); return err }, kerr.TopicAlreadyExists},
		"name":               {func() error { _, err := adm.CreateTopic(t.Ctx, 1, 1, nil, "no such/name"); return err }, kerr.InvalidTopicException},
		"partitions":         {func() error { _, err := adm.CreateTopic(t.Ctx, 0, 1, nil, t.Name("x")); return err }, kerr.InvalidPartitions},
		"replication factor": {func() error { _, err := adm.CreateTopic(t.Ctx, 1, 5, nil, t.Name("x")); return err }, kerr.InvalidReplicationFactor},
		"config": {func() error {
			_, err := adm.CreateTopic(t.Ctx, 1, 1, map[string]*string{"no.such": kadm.StringPtr("1")}, t.Name("x"))
			return err
		}, kerr.InvalidConfig},
	} {
		err := attempt.run()
		t.That(errors.Is(err, attempt.want), "%s: %v", what, err)
	}
}

func validateOnly(t *check.T) {
	adm := admin(t)
	defer adm.Close()
	name := t.Name("x")
	made, err := adm.ValidateCreateTopics(t.Ctx, 2, 1, nil, name)
	t.Ok(err, "validate")
	t.Ok(made[name].Err, "validate one")
	listed, err := adm.ListTopics(t.Ctx)
	t.Ok(err, "list")
	t.That(!listed.Has(name), "it was made")
}

func defaults(t *check.T) {
	adm := admin(t)
	defer adm.Close()
	made, err := adm.CreateTopic(t.Ctx, -1, -1, nil, t.Name("x"))
	t.Ok(err, "create")
	t.Equal(made.NumPartitions, int32(4), "partitions")
	t.That(len(made.Configs) > 20, "only %d configs told", len(made.Configs))
}

func partitions(t *check.T) {
	adm := admin(t)
	defer adm.Close()
	name := topic(t, 2, nil)
	more, err := adm.UpdatePartitions(t.Ctx, 5, name)
	t.Ok(err, "update")
	t.Ok(more.Error(), "update of it")
	ready(t, adm, name, 5)
	more, err = adm.UpdatePartitions(t.Ctx, 3, name)
	t.Ok(err, "shrink")
	t.That(errors.Is(more.Error(), kerr.InvalidPartitions), "shrink: %v", more.Error())
	more, err = adm.ValidateUpdatePartitions(t.Ctx, 9, name)
	t.Ok(err, "validate")
	t.Ok(more.Error(), "validate of it")
	ready(t, adm, name, 5)
	missing, err := adm.UpdatePartitions(t.Ctx, 3, t.Name("none"))
	t.That(err != nil || missing.Error() != nil, "a missing topic grew")
}

func config(t *check.T, adm *kadm.Client, topic, key string) (string, kmsg.ConfigSource) {
	described, err := adm.DescribeTopicConfigs(t.Ctx, topic)
	t.Ok(err, "describe configs")
	for _, c := range described[0].Configs {
		if c.Key == key {
			return c.MaybeValue(), c.Source
		}
	}
	t.Fail("no config %s", key)
	return "", 0
}

func alter(t *check.T, adm *kadm.Client, topic string, configs ...kadm.AlterConfig) error {
	altered, err := adm.AlterTopicConfigs(t.Ctx, configs, topic)
	t.Ok(err, "alter configs")
	return altered[0].Err
}

func topicConfigs(t *check.T) {
	adm := admin(t)
	defer adm.Close()
	name := topic(t, 1, map[string]string{"retention.ms": "1000000"})
	value, source := config(t, adm, name, "retention.ms")
	t.Equal(value, "1000000", "value")
	t.Equal(source, kmsg.ConfigSourceDynamicTopicConfig, "source")
	_, source = config(t, adm, name, "cleanup.policy")
	t.Equal(source, kmsg.ConfigSourceDefaultConfig, "source of a default")
	t.Ok(alter(t, adm, name, kadm.AlterConfig{Op: kadm.SetConfig, Name: "retention.ms", Value: kadm.StringPtr("2000000")}), "set")
	t.Until("the new value", func() bool { value, _ := config(t, adm, name, "retention.ms"); return value == "2000000" })
	t.Ok(alter(t, adm, name, kadm.AlterConfig{Op: kadm.DeleteConfig, Name: "retention.ms"}), "delete")
	t.Until("the default", func() bool { value, _ := config(t, adm, name, "retention.ms"); return value == "604800000" })
	checked, err := adm.ValidateAlterTopicConfigs(t.Ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: kadm.StringPtr("5")}}, name)
	t.Ok(err, "validate")
	t.Ok(checked[0].Err, "validate of it")
	value, _ = config(t, adm, name, "retention.ms")
	t.Equal(value, "604800000", "after validating")
}

func appendSubtract(t *check.T) {
	adm := admin(t)
	defer adm.Close()
	name := topic(t, 1, nil)
	t.Ok(alter(t, adm, name, kadm.AlterConfig{Op: kadm.AppendConfig, Name: "cleanup.policy", Value: kadm.StringPtr("compact")}), "append")
	t.Until("both policies", func() bool { value, _ := config(t, adm, name, "cleanup.policy"); return value == "delete,compact" })
	t.Ok(alter(t, adm, name, kadm.AlterConfig{Op: kadm.SubtractConfig, Name: "cleanup.policy", Value: kadm.StringPtr("delete")}), "subtract")
	t.Until("one policy", func() bool { value, _ := config(t, adm, name, "cleanup.policy"); return value == "compact" })
}

func setAll(t *check.T) {
	adm := admin(t)
	defer adm.Close()
	name := topic(t, 1, map[string]string{"retention.ms": "1000000"})
	altered, err := adm.AlterTopicConfigsState(t.Ctx, []kadm.AlterConfig{{Name: "segment.bytes", Value: kadm.StringPtr("2000000")}}, name)
	t.Ok(err, "alter")
	t.Ok(altered[0].Err, "alter of it")
	t.Until("the state", func() bool {
		segment, _ := config(t, adm, name, "segment.bytes")
		retention, _ := config(t, adm, name, "retention.ms")
		return segment == "2000000" && retention == "604800000"
	})
}

func configErrors(t *check.T) {
	adm := admin(t)
	defer adm.Close()
	name := topic(t, 1, nil)
	err := alter(t, adm, name, kadm.AlterConfig{Op: kadm.SetConfig, Name: "retention.ms", Value: kadm.StringPtr("soon")})
	t.That(errors.Is(err, kerr.InvalidConfig), "a word for a number: %v", err)
	err = alter(t, adm, name, kadm.AlterConfig{Op: kadm.SetConfig, Name: "no.such", Value: kadm.StringPtr("1")})
	t.That(errors.Is(err, kerr.InvalidConfig), "unknown key: %v", err)
	err = alter(t, adm, name, kadm.AlterConfig{Op: kadm.AppendConfig, Name: "retention.ms", Value: kadm.StringPtr("1")})
	t.That(errors.Is(err, kerr.InvalidConfig), "append to a number: %v", err)
	described, err := adm.DescribeTopicConfigs(t.Ctx, t.Name("none"))
	t.Ok(err, "describe")
	t.That(errors.Is(described[0].Err, kerr.UnknownTopicOrPartition), "unknown topic: %v", described[0].Err)
}

func offsetsByTime(t *check.T) {
	adm := admin(t)
	defer adm.Close()
	name := topic(t, 1, nil)
	cl := client(t)
	defer cl.Close()
	base := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	for i, minute := range []int{0, 1, 9, 3} {
		r := record(name, 0, fmt.Sprint(i))
		r.Timestamp = base.Add(time.Duration(minute) * time.Minute)
		t.Ok(cl.ProduceSync(t.Ctx, r).FirstErr(), "produce")
	}
	starts, err := adm.ListStartOffsets(t.Ctx, name)
	t.Ok(err, "start offsets")
	t.Equal(starts[name][0].Offset, int64(0), "start")
	ends, err := adm.ListEndOffsets(t.Ctx, name)
	t.Ok(err, "end offsets")
	t.Equal(ends[name][0].Offset, int64(4), "end")
	t.Equal(ends[name][0].LeaderEpoch, int32(0), "leader epoch")
	after, err := adm.ListOffsetsAfterMilli(t.Ctx, base.Add(30*time.Second).UnixMilli(), name)
	t.Ok(err, "after a time")
	t.Equal(after[name][0].Offset, int64(1), "after half a minute")
	t.Equal(after[name][0].Timestamp, base.Add(time.Minute).UnixMilli(), "its timestamp")
	latest, err := adm.ListMaxTimestampOffsets(t.Ctx, name)
	t.Ok(err, "max timestamp")
	t.Equal(latest[name][0].Offset, int64(2), "of the highest timestamp")
	local, err := adm.ListLocalLogStartOffsets(t.Ctx, name)
	t.Ok(err, "local log start")
	t.Equal(local[name][0].Offset, int64(0), "local start")
	missing, err := adm.ListEndOffsets(t.Ctx, t.Name("none"))
	t.That(err != nil || missing.Error() != nil, "a missing topic has an end")
}

func offsetForEpoch(t *check.T) {
	adm := admin(t)
	defer adm.Close()
	name := topic(t, 1, nil)
	fill(t, name, 1, 7)
	var ask kadm.OffsetForLeaderEpochRequest
	ask.Add(name, 0, 0)
	got, err := adm.OffsetForLeaderEpoch(t.Ctx, ask)
	t.Ok(err, "offset for leader epoch")
	t.Ok(got[name][0].Err, "of the partition")
	t.Equal(got[name][0].EndOffset, int64(7), "end of epoch 0")
}

func deleteRecords(t *check.T) {
	adm := admin(t)
	defer adm.Close()
	name := topic(t, 2, nil)
	fill(t, name, 2, 20)
	var upTo kadm.Offsets
	upTo.AddOffset(name, 0, 4, -1)
	upTo.AddOffset(name, 1, -1, -1)
	gone, err := adm.DeleteRecords(t.Ctx, upTo)
	t.Ok(err, "delete records")
	t.Equal(gone[name][0].LowWatermark, int64(4), "low watermark of 0")
	t.Equal(gone[name][1].LowWatermark, int64(10), "low watermark of 1")
	starts, err := adm.ListStartOffsets(t.Ctx, name)
	t.Ok(err, "start offsets")
	t.Equal(starts[name][0].Offset, int64(4), "start of 0")
	var beyond kadm.Offsets
	beyond.AddOffset(name, 0, 100, -1)
	gone, err = adm.DeleteRecords(t.Ctx, beyond)
	t.Ok(err, "delete beyond the end")
	t.That(errors.Is(gone[name][0].Err, kerr.OffsetOutOfRange), "beyond the end: %v", gone[name][0].Err)
}

func electLeaders(t *check.T) {
	adm := admin(t)
	defer adm.Close()
	name := topic(t, 2, nil)
	done, err := adm.ElectLeaders(t.Ctx, kadm.ElectPreferredReplica, kadm.TopicsSet{name: {0: {}, 1: {}}})
	t.Ok(err, "elect")
	t.That(errors.Is(done[name][0].Err, kerr.ElectionNotNeeded), "preferred: %v", done[name][0].Err)
	done, err = adm.ElectLeaders(t.Ctx, kadm.ElectLiveReplica, kadm.TopicsSet{name: {0: {}}})
	t.Ok(err, "elect")
	t.That(errors.Is(done[name][0].Err, kerr.ElectionNotNeeded), "unclean: %v", done[name][0].Err)
}

func reassign(t *check.T) {
	adm := admin(t)
	defer adm.Close()
	name := topic(t, 1, nil)
	listed, err := adm.ListTopics(t.Ctx, name)
	t.Ok(err, "list")
	replicas := listed[name].Partitions[0].Replicas
	var to kadm.AlterPartitionAssignmentsReq
	to.Assign(name, 0, replicas)
	altered, err := adm.AlterPartitionAssignments(t.Ctx, to)
	t.Ok(err, "reassign")
	t.Ok(altered.Error(), "reassign to the same")
	var away kadm.AlterPartitionAssignmentsReq
	away.Assign(name, 0, []int32{99})
	altered, err = adm.AlterPartitionAssignments(t.Ctx, away)
	t.Ok(err, "reassign")
	t.That(errors.Is(altered.Error(), kerr.InvalidReplicaAssignment), "to a missing broker: %v", altered.Error())
	var stop kadm.AlterPartitionAssignmentsReq
	stop.CancelAssign(name, 0)
	altered, err = adm.AlterPartitionAssignments(t.Ctx, stop)
	t.Ok(err, "cancel")
	t.That(errors.Is(altered.Error(), kerr.NoReassignmentInProgress), "cancel: %v", altered.Error())
	going, err := adm.ListPartitionReassignments(t.Ctx, kadm.TopicsSet{name: {0: {}}})
	t.Ok(err, "list reassignments")
	t.Equal(len(going), 0, "reassignments")
}

func logDirs(t *check.T) {
	adm := admin(t)
	defer adm.Close()
	name := topic(t, 2, nil)
	fill(t, name, 2, 100)
	all, err := adm.DescribeAllLogDirs(t.Ctx, kadm.TopicsSet{name: {0: {}, 1: {}}})
	t.Ok(err, "describe log dirs")
	found := 0
	all.Each(func(d kadm.DescribedLogDir) {
		t.Ok(d.Err, "log dir")
		t.That(d.TotalBytes > 0 && d.UsableBytes > 0, "bytes of the volume: %d, %d", d.TotalBytes, d.UsableBytes)
		for _, p := range d.Topics[name] {
			found++
			t.That(p.Size > 500 && p.OffsetLag == 0 && !p.IsFuture, "size %d lag %d", p.Size, p.OffsetLag)
		}
	})
	t.Equal(found, 2, "partitions")
	all, err = adm.DescribeAllLogDirs(t.Ctx, nil)
	t.Ok(err, "describe all")
	t.That(len(all) == 1, "%d brokers", len(all))
}

func recreate(t *check.T) {
	adm := admin(t)
	defer adm.Close()
	name := topic(t, 1, nil)
	fill(t, name, 1, 10)
	before, err := adm.ListTopics(t.Ctx, name)
	t.Ok(err, "list")
	_, err = adm.DeleteTopic(t.Ctx, name)
	t.Ok(err, "delete")
	t.Until("it can be made again", func() bool { _, err := adm.CreateTopic(t.Ctx, 1, 1, nil, name); return err == nil })
	ready(t, adm, name, 1)
	fresh := admin(t) // the other remembers metadata for a while
	defer fresh.Close()
	after, err := fresh.ListTopics(t.Ctx, name)
	t.Ok(err, "list")
	t.That(before[name].ID != after[name].ID, "the same topic id")
	fill(t, name, 1, 2)
	ends, err := adm.ListEndOffsets(t.Ctx, name)
	t.Ok(err, "end offsets")
	t.Equal(ends[name][0].Offset, int64(2), "end offset of the new topic")
}

func authorizedOperations(t *check.T) {
	adm := admin(t)
	defer adm.Close()
	name := topic(t, 1, nil)
	described, err := adm.Metadata(kadm.WithAuthorizedOps(t.Ctx), name)
	t.Ok(err, "metadata")
	has := described.Topics[name].AuthorizedOperations
	for _, want := range []kadm.ACLOperation{kadm.OpRead, kadm.OpWrite, kadm.OpDelete, kadm.OpDescribe, kadm.OpAlter} {
		t.That(slices.Contains(has, want), "%v is not among %v", want, has)
	}
}
