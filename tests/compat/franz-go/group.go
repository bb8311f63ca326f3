package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"compat/check"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var groupTests = []check.Test{
	{Name: "group/range", Run: twoMembers(kgo.RangeBalancer(), false)},
	{Name: "group/roundrobin", Run: twoMembers(kgo.RoundRobinBalancer(), false)},
	{Name: "group/sticky", Run: twoMembers(kgo.StickyBalancer(), false)},
	{Name: "group/cooperative-sticky", Run: twoMembers(kgo.CooperativeStickyBalancer(), false)},
	{Name: "group/next-gen-range", Run: twoMembers(kgo.RangeBalancer(), true)},
	{Name: "group/next-gen-uniform", Run: twoMembers(kgo.StickyBalancer(), true)},
	{Name: "group/static-returns", Run: staticReturns},
	{Name: "group/commit-and-return", Run: commitAndReturn(false)},
	{Name: "group/next-gen-commit-and-return", Run: commitAndReturn(true)},
	{Name: "group/auto-commit-on-leave", Run: autoCommitOnLeave},
	{Name: "group/mark-commit", Run: markCommit},
	{Name: "group/regex", Run: groupRegex(false)},
	{Name: "group/next-gen-regex", Run: groupRegex(true)},
	{Name: "group/member-dies", Run: memberDies},
	{Name: "group/no-reset-without-commit", Run: startAtCommitted},
	{Name: "group/admin-list-describe-delete", Run: groupAdmin(false)},
	{Name: "group/next-gen-admin-list-describe-delete", Run: groupAdmin(true)},
	{Name: "group/admin-offsets", Run: adminOffsets},
	{Name: "group/admin-offsets-of-unknown-topic", Run: offsetsOfUnknownTopic},
	{Name: "group/admin-delete-offsets", Run: deleteOffsets},
	{Name: "group/admin-lag", Run: lag},
	{Name: "group/admin-remove-static-member", Run: removeStatic},
	{Name: "group/admin-unknown", Run: unknownGroup},
	{Name: "group/upgrade-to-next-gen", Run: upgrade},
}

func member(t *check.T, group, topic string, nextGen bool, opts ...kgo.Opt) *kgo.Client {
	return client(t, memberOpts(group, topic, nextGen, opts...)...)
}

func memberOpts(group, topic string, nextGen bool, opts ...kgo.Opt) []kgo.Opt {
	opts = append([]kgo.Opt{kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.HeartbeatInterval(300 * time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())}, opts...)
	if nextGen {
		opts = append(opts, kgo.ServerSideBalancer())
	}
	return opts
}

// holdings counts what members are told they own.
type holdings struct {
	lock  sync.Mutex
	owner map[int32]string
}

func (h *holdings) watch(name string) []kgo.Opt {
	gone := func(_ context.Context, _ *kgo.Client, lost map[string][]int32) {
		h.lock.Lock()
		defer h.lock.Unlock()
		for _, partitions := range lost {
			for _, p := range partitions {
				delete(h.owner, p)
			}
		}
	}
	return []kgo.Opt{
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, got map[string][]int32) {
			h.lock.Lock()
			defer h.lock.Unlock()
			for _, partitions := range got {
				for _, p := range partitions {
					h.owner[p] = name
				}
			}
		}),
		kgo.OnPartitionsRevoked(gone), kgo.OnPartitionsLost(gone),
	}
}

func (h *holdings) count(name string) (n int) {
	h.lock.Lock()
	defer h.lock.Unlock()
	for _, owner := range h.owner {
		if owner == name {
			n++
		}
	}
	return n
}

func twoMembers(balancer kgo.GroupBalancer, nextGen bool) func(*check.T) {
	return func(t *check.T) {
		topic, group := topic(t, 6, nil), t.Name("g")
		held := &holdings{owner: map[int32]string{}}
		one := member(t, group, topic, nextGen, append(held.watch("one"), kgo.Balancers(balancer))...)
		defer one.Close()
		fill(t, topic, 6, 60)
		take(t, one, 60)
		t.Equal(held.count("one"), 6, "partitions of the only member")
		two := member(t, group, topic, nextGen, append(held.watch("two"), kgo.Balancers(balancer))...)
		t.Until("both own three", func() bool { return held.count("one") == 3 && held.count("two") == 3 })
		fill(t, topic, 6, 60)
		seen := map[string]int{}
		for len(seen) < 60 {
			for _, cl := range []*kgo.Client{one, two} {
				for _, r := range pollFor(t, cl, 200*time.Millisecond) {
					seen[fmt.Sprint(r.Partition, "/", r.Offset)]++
				}
			}
			t.Ok(t.Ctx.Err(), fmt.Sprintf("%d of 60 records came", len(seen)))
		}
		two.Close()
		t.Until("the first owns all again", func() bool { return held.count("one") == 6 })
	}
}

func staticReturns(t *check.T) {
	topic, group := topic(t, 4, nil), t.Name("g")
	adm := admin(t)
	defer adm.Close()
	stay := member(t, group, topic, false, kgo.InstanceID("stay"), kgo.SessionTimeout(10*time.Second))
	defer stay.Close()
	leave := member(t, group, topic, false, kgo.InstanceID("leave"), kgo.SessionTimeout(10*time.Second))
	stableWith(t, adm, group, 2)
	before := assigned(t, adm, group)
	leave.CloseAllowingRebalance()
	stableWith(t, adm, group, 2)
	again := member(t, group, topic, false, kgo.InstanceID("leave"), kgo.SessionTimeout(10*time.Second))
	defer again.Close()
	fill(t, topic, 4, 4)
	t.That(len(take(t, again, 1)) > 0, "nothing came")
	t.Equal(assigned(t, adm, group), before, "assignment by instance")
}

func stableWith(t *check.T, adm *kadm.Client, group string, members int) {
	t.Until(fmt.Sprintf("%s is stable with %d members", group, members), func() bool {
		groups, err := adm.DescribeGroups(t.Ctx, group)
		return err == nil && groups[group].State == "Stable" && len(groups[group].Members) == members
	})
}

func assigned(t *check.T, adm *kadm.Client, group string) map[string]string {
	groups, err := adm.DescribeGroups(t.Ctx, group)
	t.Ok(err, "describe groups")
	all := map[string]string{}
	for _, m := range groups[group].Members {
		consumer, ok := m.Assigned.AsConsumer()
		t.That(ok && m.InstanceID != nil, "no assignment or instance id")
		for _, topic := range consumer.Topics {
			all[*m.InstanceID] += fmt.Sprint(topic.Partitions)
		}
	}
	return all
}

func commitAndReturn(nextGen bool) func(*check.T) {
	return func(t *check.T) {
		topic, group := topic(t, 1, nil), t.Name("g")
		fill(t, topic, 1, 10)
		one := member(t, group, topic, nextGen, kgo.DisableAutoCommit())
		records := take(t, one, 10)
		t.Ok(one.CommitRecords(t.Ctx, records[:4]...), "commit")
		one.Close()
		two := member(t, group, topic, nextGen, kgo.DisableAutoCommit())
		defer two.Close()
		t.Equal(take(t, two, 6)[0].Offset, int64(4), "first offset after the commit")
	}
}

func autoCommitOnLeave(t *check.T) {
	topic, group := topic(t, 2, nil), t.Name("g")
	fill(t, topic, 2, 10)
	one := member(t, group, topic, false, kgo.AutoCommitInterval(100*time.Millisecond))
	take(t, one, 10)
	pollFor(t, one, 100*time.Millisecond)
	one.Close()
	adm := admin(t)
	defer adm.Close()
	offsets, err := adm.FetchOffsets(t.Ctx, group)
	t.Ok(err, "fetch offsets")
	t.Equal(offsets[topic][0].At+offsets[topic][1].At, int64(10), "sum of the committed offsets")
}

func markCommit(t *check.T) {
	topic, group := topic(t, 1, nil), t.Name("g")
	fill(t, topic, 1, 10)
	one := member(t, group, topic, false, kgo.AutoCommitMarks())
	records := take(t, one, 10)
	one.MarkCommitRecords(records[6])
	t.Ok(one.CommitMarkedOffsets(t.Ctx), "commit marked")
	one.Close()
	adm := admin(t)
	defer adm.Close()
	offsets, err := adm.FetchOffsets(t.Ctx, group)
	t.Ok(err, "fetch offsets")
	t.Equal(offsets[topic][0].At, int64(7), "committed offset")
}

func groupRegex(nextGen bool) func(*check.T) {
	return func(t *check.T) {
		first, group := topic(t, 1, nil), t.Name("g")
		pattern := "^" + first[:len(first)-1] + "[0-9]+.*"
		cl := member(t, group, pattern, nextGen, kgo.ConsumeRegex(), kgo.MetadataMaxAge(500*time.Millisecond), kgo.MetadataMinAge(100*time.Millisecond))
		defer cl.Close()
		fill(t, first, 1, 3)
		take(t, cl, 3)
		second := topic(t, 1, nil)
		fill(t, second, 1, 3)
		t.Equal(take(t, cl, 3)[0].Topic, second, "topic")
	}
}

// memberDies ends a member's connections without a word; the session times out and the other gets everything.
func memberDies(t *check.T) {
	topic, group := topic(t, 2, nil), t.Name("g")
	held := &holdings{owner: map[int32]string{}}
	stay := member(t, group, topic, false, append(held.watch("stay"), kgo.SessionTimeout(6*time.Second))...)
	defer stay.Close()
	die := member(t, group, topic, false, append(held.watch("die"), kgo.InstanceID("dies"), kgo.SessionTimeout(6*time.Second))...)
	t.Until("each owns one", func() bool { return held.count("stay") == 1 && held.count("die") == 1 })
	die.CloseAllowingRebalance() // a static member leaves without LeaveGroup
	t.Until("the other owns all", func() bool { return held.count("stay") == 2 })
}

func startAtCommitted(t *check.T) {
	topic, group := topic(t, 1, nil), t.Name("g")
	fill(t, topic, 1, 3)
	cl := member(t, group, topic, false, kgo.ConsumeResetOffset(kgo.NewOffset().AtCommitted()))
	defer cl.Close()
	fetches := cl.PollFetches(t.Ctx)
	t.That(fetches.Err() != nil, "no error without a committed offset")
}

func groupAdmin(nextGen bool) func(*check.T) {
	return func(t *check.T) {
		topic, group := topic(t, 2, nil), t.Name("g")
		adm := admin(t)
		defer adm.Close()
		cl := member(t, group, topic, nextGen, kgo.ClientID("the-client"))
		fill(t, topic, 2, 2)
		take(t, cl, 2)
		listed, err := adm.ListGroups(t.Ctx, "Stable")
		t.Ok(err, "list groups")
		t.Equal(listed[group].State, "Stable", "listed state")
		t.Equal(listed[group].ProtocolType, "consumer", "listed protocol type")
		kind := map[bool]string{false: "classic", true: "consumer"}[nextGen]
		byType, err := adm.ListGroupsByType(t.Ctx, []string{kind})
		t.Ok(err, "list groups by type")
		t.That(byType[group].Group == group, "not among groups of type %s", kind)
		if nextGen {
			groups, err := adm.DescribeConsumerGroups(t.Ctx, group)
			t.Ok(err, "describe consumer groups")
			t.Ok(groups[group].Err, "describe consumer group")
			t.Equal(groups[group].State, "Stable", "state")
			t.Equal(len(groups[group].Members), 1, "members")
			t.Equal(groups[group].Members[0].ClientID, "the-client", "client id")
			t.Equal(len(groups[group].Members[0].Assignment[topic]), 2, "partitions")
		} else {
			groups, err := adm.DescribeGroups(t.Ctx, group)
			t.Ok(err, "describe groups")
			of := groups[group]
			t.Equal(of.State, "Stable", "state")
			t.Equal(of.Members[0].ClientID, "the-client", "client id")
			t.Equal(of.Members[0].ClientHost, "/127.0.0.1", "client host")
			t.Equal(len(of.AssignedPartitions()[topic]), 2, "partitions")
		}
		_, err = adm.DeleteGroup(t.Ctx, group)
		t.That(errors.Is(err, kerr.NonEmptyGroup), "delete of a group with members: %v", err)
		cl.Close()
		t.Until("the group is deleted", func() bool { _, err := adm.DeleteGroup(t.Ctx, group); return err == nil })
		listed, err = adm.ListGroups(t.Ctx)
		t.Ok(err, "list groups")
		_, there := listed[group]
		t.That(!there, "still listed")
	}
}

func adminOffsets(t *check.T) {
	topic, group := topic(t, 2, nil), t.Name("g")
	fill(t, topic, 2, 20)
	adm := admin(t)
	defer adm.Close()
	var offsets kadm.Offsets
	offsets.Add(kadm.Offset{Topic: topic, Partition: 0, At: 3, LeaderEpoch: -1, Metadata: "note"})
	offsets.Add(kadm.Offset{Topic: topic, Partition: 1, At: 5, LeaderEpoch: 0})
	t.Ok(adm.CommitAllOffsets(t.Ctx, group, offsets), "commit")
	got, err := adm.FetchOffsetsForTopics(t.Ctx, group, topic)
	t.Ok(err, "fetch")
	t.Equal(got[topic][0].At, int64(3), "offset of 0")
	t.Equal(got[topic][0].Metadata, "note", "metadata")
	t.Equal(got[topic][1].At, int64(5), "offset of 1")
	t.Equal(got[topic][1].LeaderEpoch, int32(0), "epoch of 1")
	many := adm.FetchManyOffsets(t.Ctx, group, t.Name("none"))
	t.Ok(many.Error(), "fetch of many groups")
	t.Equal(len(many), 2, "groups")
	cl := member(t, group, topic, false)
	defer cl.Close()
	t.Equal(len(take(t, cl, 12)), 12, "records after the offsets")
}

func offsetsOfUnknownTopic(t *check.T) {
	adm := admin(t)
	defer adm.Close()
	var offsets kadm.Offsets
	offsets.Add(kadm.Offset{Topic: t.Name("nowhere"), Partition: 0, At: 3, LeaderEpoch: -1})
	err := adm.CommitAllOffsets(t.Ctx, t.Name("g"), offsets)
	t.That(errors.Is(err, kerr.UnknownTopicOrPartition), "got %v", err)
}

func deleteOffsets(t *check.T) {
	topic, group := topic(t, 2, nil), t.Name("g")
	adm := admin(t)
	defer adm.Close()
	var offsets kadm.Offsets
	offsets.AddOffset(topic, 0, 3, -1)
	offsets.AddOffset(topic, 1, 4, -1)
	t.Ok(adm.CommitAllOffsets(t.Ctx, group, offsets), "commit")
	gone, err := adm.DeleteOffsets(t.Ctx, group, kadm.TopicsSet{topic: {0: {}}})
	t.Ok(err, "delete offsets")
	t.Ok(gone.Error(), "delete offset")
	got, err := adm.FetchOffsets(t.Ctx, group)
	t.Ok(err, "fetch")
	_, there := got.Lookup(topic, 0)
	t.That(!there, "the offset is still there")
	t.Equal(got[topic][1].At, int64(4), "the other offset")
	cl := member(t, group, topic, false)
	defer cl.Close()
	stableWith(t, adm, group, 1)
	gone, err = adm.DeleteOffsets(t.Ctx, group, kadm.TopicsSet{topic: {1: {}}})
	t.Ok(err, "delete offsets of a subscribed topic")
	t.That(errors.Is(gone.Error(), kerr.GroupSubscribedToTopic), "got %v", gone.Error())
}

func lag(t *check.T) {
	topic, group := topic(t, 2, nil), t.Name("g")
	fill(t, topic, 2, 20)
	adm := admin(t)
	defer adm.Close()
	var offsets kadm.Offsets
	offsets.AddOffset(topic, 0, 3, -1)
	offsets.AddOffset(topic, 1, 10, -1)
	t.Ok(adm.CommitAllOffsets(t.Ctx, group, offsets), "commit")
	lags, err := adm.Lag(t.Ctx, group)
	t.Ok(err, "lag")
	of := lags[group]
	t.Ok(of.Error(), "lag of the group")
	t.Equal(of.Lag.Total(), int64(7), "lag")
	t.Equal(of.State, "Empty", "state")
}

func removeStatic(t *check.T) {
	topic, group := topic(t, 2, nil), t.Name("g")
	adm := admin(t)
	defer adm.Close()
	cl := member(t, group, topic, false, kgo.InstanceID("it"), kgo.SessionTimeout(30*time.Second))
	stableWith(t, adm, group, 1)
	cl.CloseAllowingRebalance()
	left, err := adm.LeaveGroup(t.Ctx, kadm.LeaveGroup(group).InstanceIDs("it").Reason("test"))
	t.Ok(err, "leave group")
	t.Ok(left.Error(), "leave of the instance")
	groups, err := adm.DescribeGroups(t.Ctx, group)
	t.Ok(err, "describe")
	t.Equal(groups[group].State, "Empty", "state")
	left, err = adm.LeaveGroup(t.Ctx, kadm.LeaveGroup(group).InstanceIDs("it"))
	t.That(err != nil || left.Error() != nil, "an unknown instance left")
}

func unknownGroup(t *check.T) {
	group := t.Name("none")
	adm := admin(t)
	defer adm.Close()
	described, err := adm.DescribeGroups(t.Ctx, group)
	t.Ok(err, "describe groups")
	of := described[group]
	t.That(of.State == "Dead" && errors.Is(of.Err, kerr.GroupIDNotFound), "state %q, error %v", of.State, of.Err)
	_, err = adm.DeleteGroup(t.Ctx, group)
	t.That(errors.Is(err, kerr.GroupIDNotFound), "delete: %v", err)
	offsets, err := adm.FetchOffsets(t.Ctx, group)
	t.Ok(err, "fetch offsets")
	t.Equal(len(offsets), 0, "offsets")
}

// upgrade has a member of the new protocol join a classic group.
func upgrade(t *check.T) {
	topic, group := topic(t, 4, nil), t.Name("g")
	held := &holdings{owner: map[int32]string{}}
	old := member(t, group, topic, false, append(held.watch("old"), kgo.Balancers(kgo.CooperativeStickyBalancer()))...)
	defer old.Close()
	t.Until("the old one owns all", func() bool { return held.count("old") == 4 })
	fresh := member(t, group, topic, true, held.watch("fresh")...)
	t.Until("each owns two", func() bool { return held.count("old") == 2 && held.count("fresh") == 2 })
	fresh.Close()
	t.Until("the old one owns all again", func() bool { return held.count("old") == 4 })
}
