package main

import (
	"errors"

	"compat/check"

	"github.com/IBM/sarama"
)

func adminTopics(t *check.T, c *sarama.Config) {
	a := admin(t, c)
	defer a.Close()
	keep := "3600000"
	name := topic(t, c, 2, map[string]*string{"retention.ms": &keep})
	err := a.CreateTopic(name, &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}, false)
	t.That(errors.Is(err, sarama.ErrTopicAlreadyExists), "create again: %v", err)
	err = a.CreateTopic(t.Name("x"), &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 7}, false)
	t.That(errors.Is(err, sarama.ErrInvalidReplicationFactor), "seven replicas: %v", err)
	t.Ok(a.CreateTopic(t.Name("x"), &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}, true), "validate")
	listed, err := a.ListTopics()
	t.Ok(err, "list")
	t.Equal(listed[name].NumPartitions, int32(2), "partitions")
	t.That(listed[name].ConfigEntries["retention.ms"] != nil && *listed[name].ConfigEntries["retention.ms"] == keep, "configs %v", listed[name].ConfigEntries)
	fill(t, c, name, 2, 10)
	t.Ok(a.DeleteRecords(name, map[int32]int64{0: 3}), "delete records")
	client, err := sarama.NewClient([]string{t.Broker}, c)
	t.Ok(err, "new client")
	defer client.Close()
	start, err := client.GetOffset(name, 0, sarama.OffsetOldest)
	t.Ok(err, "start")
	t.Equal(start, int64(3), "start after delete records")
	if c.Version.IsAtLeast(sarama.V1_0_0_0) {
		t.Ok(a.CreatePartitions(name, 4, nil, false), "create partitions")
		t.Until("four partitions", func() bool {
			described, err := a.DescribeTopics([]string{name})
			return err == nil && len(described[0].Partitions) == 4
		})
	}
	brokers, controller, err := a.DescribeCluster()
	t.Ok(err, "describe cluster")
	t.That(len(brokers) == 1 && controller == brokers[0].ID(), "brokers %v, controller %d", brokers, controller)
	t.Ok(a.DeleteTopic(name), "delete")
	t.Until("it is gone", func() bool {
		described, err := a.DescribeTopics([]string{name})
		return err == nil && described[0].Err == sarama.ErrUnknownTopicOrPartition
	})
	err = a.DeleteTopic(name)
	t.That(errors.Is(err, sarama.ErrUnknownTopicOrPartition), "delete again: %v", err)
}

func adminGroups(t *check.T, c *sarama.Config) {
	topic, group := topic(t, c, 2, nil), t.Name("g")
	a := admin(t, c)
	defer a.Close()
	member, leave := join(t, c, group, topic)
	t.Until("it owns all", func() bool { return member.owned() == 2 })
	fill(t, c, topic, 2, 10)
	t.Until("it saw all", func() bool { return member.count() == 10 })
	groups, err := a.ListConsumerGroups()
	t.Ok(err, "list")
	t.Equal(groups[group], "consumer", "protocol type")
	described, err := a.DescribeConsumerGroups([]string{group})
	t.Ok(err, "describe")
	t.Equal(described[0].State, "Stable", "state")
	for _, m := range described[0].Members {
		assignment, err := m.GetMemberAssignment()
		t.Ok(err, "assignment")
		t.Equal(len(assignment.Topics[topic]), 2, "assigned")
		_, err = m.GetMemberMetadata()
		t.Ok(err, "metadata")
	}
	err = a.DeleteConsumerGroup(group)
	t.That(errors.Is(err, sarama.ErrNonEmptyGroup) || err != nil, "delete of a group with members: %v", err)
	leave()
	offsets, err := a.ListConsumerGroupOffsets(group, nil)
	if c.Version.IsAtLeast(sarama.V0_10_2_0) {
		t.Ok(err, "offsets")
		t.Equal(offsets.GetBlock(topic, 0).Offset+offsets.GetBlock(topic, 1).Offset, int64(10), "sum of the committed offsets")
	}
	if c.Version.IsAtLeast(sarama.V2_8_0_0) {
		t.Ok(a.DeleteConsumerGroupOffset(group, topic, 0), "delete offset")
	}
	if c.Version.IsAtLeast(sarama.V1_1_0_0) {
		t.Ok(a.DeleteConsumerGroup(group), "delete")
	}
	coordinator, err := a.Coordinator(group)
	t.Ok(err, "coordinator")
	t.Equal(coordinator.ID(), int32(1), "coordinator")
}

func adminACLs(t *check.T, c *sarama.Config) {
	a := admin(t, c)
	defer a.Close()
	name, user := t.Name("t"), "User:"+t.Name("u")
	pattern := sarama.AclPatternLiteral
	resource := sarama.Resource{ResourceType: sarama.AclResourceTopic, ResourceName: name, ResourcePatternType: pattern}
	t.Ok(a.CreateACL(resource, sarama.Acl{Principal: user, Host: "*", Operation: sarama.AclOperationRead, PermissionType: sarama.AclPermissionAllow}), "create")
	filter := sarama.AclFilter{ResourceType: sarama.AclResourceTopic, ResourceName: &name, ResourcePatternTypeFilter: sarama.AclPatternAny,
		Operation: sarama.AclOperationAny, PermissionType: sarama.AclPermissionAny}
	if c.Version.IsAtLeast(sarama.V2_0_0_0) {
		filter.Version = 1
	}
	t.Until("it is there", func() bool {
		listed, err := a.ListAcls(filter)
		t.Ok(err, "list")
		return len(listed) == 1 && len(listed[0].Acls) == 1 && listed[0].Acls[0].Principal == user
	})
	gone, err := a.DeleteACL(filter, false)
	t.Ok(err, "delete")
	t.Equal(len(gone), 1, "deleted")
}

func adminLogDirs(t *check.T, c *sarama.Config) {
	a := admin(t, c)
	defer a.Close()
	name := topic(t, c, 1, nil)
	fill(t, c, name, 1, 10)
	dirs, err := a.DescribeLogDirs([]int32{1})
	t.Ok(err, "describe")
	for _, dir := range dirs[1] {
		for _, of := range dir.Topics {
			if of.Topic == name && of.Partitions[0].Size > 0 {
				return
			}
		}
	}
	t.Fail("the topic is in no directory")
}

func adminConfigs(t *check.T, c *sarama.Config) {
	a := admin(t, c)
	defer a.Close()
	name := topic(t, c, 1, nil)
	value := func() string {
		entries, err := a.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: name, ConfigNames: []string{"retention.ms"}})
		t.Ok(err, "describe")
		t.Equal(len(entries), 1, "entries")
		return entries[0].Value
	}
	t.Equal(value(), "604800000", "default")
	set := "5000000"
	t.Ok(a.AlterConfig(sarama.TopicResource, name, map[string]*string{"retention.ms": &set}, false), "alter")
	t.Until("the new value", func() bool { return value() == set })
	t.Ok(a.IncrementalAlterConfig(sarama.TopicResource, name, map[string]sarama.IncrementalAlterConfigsEntry{
		"retention.ms": {Operation: sarama.IncrementalAlterConfigsOperationDelete}}, false), "incremental alter")
	t.Until("the default", func() bool { return value() == "604800000" })
	broker, err := a.DescribeConfig(sarama.ConfigResource{Type: sarama.BrokerResource, Name: "1"})
	t.Ok(err, "describe broker")
	t.That(len(broker) > 100, "only %d configs of the broker", len(broker))
	bad := "soon"
	t.That(a.AlterConfig(sarama.TopicResource, name, map[string]*string{"retention.ms": &bad}, false) != nil, "a word for a number")
}

func adminScram(t *check.T, c *sarama.Config) {
	a := admin(t, c)
	defer a.Close()
	user := t.Name("u")
	done, err := a.UpsertUserScramCredentials([]sarama.AlterUserScramCredentialsUpsert{{Name: user, Mechanism: sarama.SCRAM_MECHANISM_SHA_256,
		Iterations: 4096, Salt: []byte("0123456789abcdef"), Password: []byte("secret")}})
	t.Ok(err, "upsert")
	t.Equal(done[0].ErrorCode, sarama.ErrNoError, "upsert of the user")
	t.Until("the user is there", func() bool {
		described, err := a.DescribeUserScramCredentials([]string{user})
		return err == nil && described[0].ErrorCode == sarama.ErrNoError && len(described[0].CredentialInfos) == 1
	})
	done, err = a.DeleteUserScramCredentials([]sarama.AlterUserScramCredentialsDelete{{Name: user, Mechanism: sarama.SCRAM_MECHANISM_SHA_256}})
	t.Ok(err, "delete")
	t.Equal(done[0].ErrorCode, sarama.ErrNoError, "delete of the user")
}

func adminQuotas(t *check.T, c *sarama.Config) {
	a := admin(t, c)
	defer a.Close()
	user := t.Name("u")
	entity := []sarama.QuotaEntityComponent{{EntityType: sarama.QuotaEntityUser, MatchType: sarama.QuotaMatchExact, Name: user}}
	t.Ok(a.AlterClientQuotas(entity, sarama.ClientQuotasOp{Key: "producer_byte_rate", Value: 1e6}, false), "alter")
	filter := []sarama.QuotaFilterComponent{{EntityType: sarama.QuotaEntityUser, MatchType: sarama.QuotaMatchExact, Match: user}}
	t.Until("it is there", func() bool {
		described, err := a.DescribeClientQuotas(filter, true)
		t.Ok(err, "describe")
		return len(described) == 1 && described[0].Values["producer_byte_rate"] == 1e6
	})
	t.Ok(a.AlterClientQuotas(entity, sarama.ClientQuotasOp{Key: "producer_byte_rate", Remove: true}, false), "remove")
}

func adminPartitions(t *check.T, c *sarama.Config) {
	a := admin(t, c)
	defer a.Close()
	name := topic(t, c, 1, nil)
	fill(t, c, name, 1, 4)
	t.Ok(a.AlterPartitionReassignments(name, [][]int32{{1}}), "reassign to the same")
	going, err := a.ListPartitionReassignments(name, []int32{0})
	t.Ok(err, "list reassignments")
	t.Equal(len(going[name]), 0, "reassignments")
	done, err := a.ElectLeaders(sarama.PreferredElection, map[string][]int32{name: {0}})
	t.Ok(err, "elect")
	t.Equal(done[name][0].ErrorCode, sarama.ErrElectionNotNeeded, "election")
	offsets, err := a.ListOffsets(map[string]map[int32]int64{name: {0: sarama.OffsetNewest}}, nil)
	t.Ok(err, "list offsets")
	t.Equal(offsets[name][0].Offset, int64(4), "end offset")
	group := t.Name("g")
	_, err = a.AlterConsumerGroupOffsets(group, map[string]map[int32]sarama.OffsetAndMetadata{name: {0: {Offset: 2, LeaderEpoch: -1}}}, nil)
	t.Ok(err, "alter group offsets")
	got, err := a.ListConsumerGroupOffsets(group, map[string][]int32{name: {0}})
	t.Ok(err, "group offsets")
	t.Equal(got.GetBlock(name, 0).Offset, int64(2), "group offset")
}
