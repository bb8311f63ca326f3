package main

import (
	"errors"
	"io"
	"time"

	"compat/check"

	"github.com/segmentio/kafka-go"
)

func produceFetch(t *check.T) {
	topic, c := topic(t, 1), client(t)
	made, err := c.Produce(t.Ctx, &kafka.ProduceRequest{Topic: topic, Partition: 0, RequiredAcks: kafka.RequireAll,
		Records: kafka.NewRecordReader(kafka.Record{Value: kafka.NewBytes([]byte("a"))}, kafka.Record{Value: kafka.NewBytes([]byte("b"))})})
	t.Ok(err, "produce")
	t.Ok(made.Error, "produce's error")
	t.Equal(made.BaseOffset, int64(0), "base offset")
	got, err := c.Fetch(t.Ctx, &kafka.FetchRequest{Topic: topic, Partition: 0, Offset: 0, MinBytes: 1, MaxBytes: 1e6, MaxWait: time.Second})
	t.Ok(err, "fetch")
	t.Ok(got.Error, "fetch's error")
	t.Equal(got.HighWatermark, int64(2), "high watermark")
	count := 0
	for {
		_, err := got.Records.ReadRecord()
		if errors.Is(err, io.EOF) {
			break
		}
		t.Ok(err, "read record")
		count++
	}
	t.Equal(count, 2, "records")
}

func configs(t *check.T) {
	topic, c := topic(t, 1), client(t)
	value := func() string {
		got, err := c.DescribeConfigs(t.Ctx, &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{
			{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ConfigNames: []string{"retention.ms"}}}})
		t.Ok(err, "describe")
		t.Ok(got.Resources[0].Error, "describe of the topic")
		return got.Resources[0].ConfigEntries[0].ConfigValue
	}
	t.Equal(value(), "604800000", "default")
	_, err := c.IncrementalAlterConfigs(t.Ctx, &kafka.IncrementalAlterConfigsRequest{Resources: []kafka.IncrementalAlterConfigsRequestResource{
		{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, Configs: []kafka.IncrementalAlterConfigsRequestConfig{{Name: "retention.ms", Value: "5000", ConfigOperation: kafka.ConfigOperationSet}}}}})
	t.Ok(err, "incremental alter")
	t.Until("the new value", func() bool { return value() == "5000" })
	_, err = c.AlterConfigs(t.Ctx, &kafka.AlterConfigsRequest{Resources: []kafka.AlterConfigRequestResource{
		{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, Configs: []kafka.AlterConfigRequestConfig{{Name: "retention.ms", Value: "6000"}}}}})
	t.Ok(err, "alter")
	t.Until("the next value", func() bool { return value() == "6000" })
}

func clientGroups(t *check.T) {
	topic, group, c := topic(t, 1), t.Name("g"), client(t)
	fill(t, topic, 0, 1)
	r := member(t, group, topic)
	take(t, r, 1)
	listed, err := c.ListGroups(t.Ctx, &kafka.ListGroupsRequest{})
	t.Ok(err, "list")
	found := false
	for _, g := range listed.Groups {
		found = found || g.GroupID == group
	}
	t.That(found, "not listed")
	described, err := c.DescribeGroups(t.Ctx, &kafka.DescribeGroupsRequest{GroupIDs: []string{group}})
	t.Ok(err, "describe")
	t.Equal(described.Groups[0].GroupState, "Stable", "state")
	t.Equal(described.Groups[0].Members[0].MemberAssignments.Topics[0].Topic, topic, "assigned topic")
	t.Ok(r.Close(), "close")
	t.Until("it is deleted", func() bool {
		gone, err := c.DeleteGroups(t.Ctx, &kafka.DeleteGroupsRequest{GroupIDs: []string{group}})
		return err == nil && gone.Errors[group] == nil
	})
}

func clientOffsets(t *check.T) {
	topic, group, c := topic(t, 1), t.Name("g"), client(t)
	fill(t, topic, 0, 10)
	_, err := c.OffsetCommit(t.Ctx, &kafka.OffsetCommitRequest{GroupID: group, GenerationID: -1, Topics: map[string][]kafka.OffsetCommit{topic: {{Partition: 0, Offset: 4}}}})
	t.Ok(err, "commit")
	t.Equal(committed(t, group, topic), int64(4), "committed")
	listed, err := c.ListOffsets(t.Ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: {kafka.FirstOffsetOf(0), kafka.LastOffsetOf(0)}}})
	t.Ok(err, "list offsets")
	of := listed.Topics[topic][0]
	t.Equal([2]int64{of.FirstOffset, of.LastOffset}, [2]int64{0, 10}, "offsets")
	gone, err := c.OffsetDelete(t.Ctx, &kafka.OffsetDeleteRequest{GroupID: group, Topics: map[string][]int{topic: {0}}})
	t.Ok(err, "offset delete")
	t.Ok(gone.Topics[topic][0].Error, "offset delete of the partition")
	t.Equal(committed(t, group, topic), int64(-1), "committed after the delete")
}

func transaction(t *check.T) {
	topic, group, id, c := topic(t, 1), t.Name("g"), t.Name("x"), client(t)
	var made *kafka.InitProducerIDResponse
	t.Until("a producer id", func() bool {
		var err error
		made, err = c.InitProducerID(t.Ctx, &kafka.InitProducerIDRequest{TransactionalID: id, TransactionTimeoutMs: 30000})
		return err == nil && made.Error == nil
	})
	producer := made.Producer
	added, err := c.AddPartitionsToTxn(t.Ctx, &kafka.AddPartitionsToTxnRequest{TransactionalID: id, ProducerID: producer.ProducerID, ProducerEpoch: producer.ProducerEpoch,
		Topics: map[string][]kafka.AddPartitionToTxn{topic: {{Partition: 0}}}})
	t.Ok(err, "add partitions")
	t.Ok(added.Topics[topic][0].Error, "add partition")
	with, err := c.AddOffsetsToTxn(t.Ctx, &kafka.AddOffsetsToTxnRequest{TransactionalID: id, ProducerID: producer.ProducerID, ProducerEpoch: producer.ProducerEpoch, GroupID: group})
	t.Ok(err, "add offsets")
	t.Ok(with.Error, "add offsets' error")
	put, err := c.TxnOffsetCommit(t.Ctx, &kafka.TxnOffsetCommitRequest{TransactionalID: id, GroupID: group, ProducerID: producer.ProducerID, ProducerEpoch: producer.ProducerEpoch,
		GenerationID: -1, Topics: map[string][]kafka.TxnOffsetCommit{topic: {{Partition: 0, Offset: 3}}}})
	t.Ok(err, "txn offset commit")
	t.Ok(put.Topics[topic][0].Error, "txn offset commit of the partition")
	t.Equal(committed(t, group, topic), int64(-1), "committed before the end")
	ended, err := c.EndTxn(t.Ctx, &kafka.EndTxnRequest{TransactionalID: id, ProducerID: producer.ProducerID, ProducerEpoch: producer.ProducerEpoch, Committed: true})
	t.Ok(err, "end")
	t.Ok(ended.Error, "end's error")
	t.Until("the offset is committed", func() bool { return committed(t, group, topic) == 3 })
}

func security(t *check.T) {
	c, user := client(t), t.Name("u")
	made, err := c.CreateACLs(t.Ctx, &kafka.CreateACLsRequest{ACLs: []kafka.ACLEntry{{Principal: "User:" + user, PermissionType: kafka.ACLPermissionTypeAllow,
		Operation: kafka.ACLOperationTypeRead, ResourceType: kafka.ResourceTypeTopic, ResourcePatternType: kafka.PatternTypeLiteral, ResourceName: user, Host: "*"}}})
	t.Ok(err, "create ACLs")
	t.Ok(made.Errors[0], "create ACL")
	filter := kafka.ACLFilter{ResourceTypeFilter: kafka.ResourceTypeTopic, ResourceNameFilter: user, ResourcePatternTypeFilter: kafka.PatternTypeLiteral,
		Operation: kafka.ACLOperationTypeRead, PermissionType: kafka.ACLPermissionTypeAllow}
	t.Until("it is there", func() bool {
		got, err := c.DescribeACLs(t.Ctx, &kafka.DescribeACLsRequest{Filter: filter})
		t.Ok(err, "describe ACLs")
		return len(got.Resources) == 1
	})
	gone, err := c.DeleteACLs(t.Ctx, &kafka.DeleteACLsRequest{Filters: []kafka.DeleteACLsFilter{{ResourceTypeFilter: kafka.ResourceTypeTopic, ResourceNameFilter: user,
		ResourcePatternTypeFilter: kafka.PatternTypeLiteral, Operation: kafka.ACLOperationTypeRead, PermissionType: kafka.ACLPermissionTypeAllow}}})
	t.Ok(err, "delete ACLs")
	t.Equal(len(gone.Results[0].MatchingACLs), 1, "deleted")
	quota, err := c.AlterClientQuotas(t.Ctx, &kafka.AlterClientQuotasRequest{Entries: []kafka.AlterClientQuotaEntry{{
		Entities: []kafka.AlterClientQuotaEntity{{EntityType: "user", EntityName: user}}, Ops: []kafka.AlterClientQuotaOps{{Key: "producer_byte_rate", Value: 1e6}}}}})
	t.Ok(err, "alter quotas")
	t.Ok(quota.Entries[0].Error, "alter quota")
	t.Until("the quota is there", func() bool {
		got, err := c.DescribeClientQuotas(t.Ctx, &kafka.DescribeClientQuotasRequest{Components: []kafka.DescribeClientQuotasRequestComponent{{EntityType: "user", MatchType: 0, Match: user}}})
		t.Ok(err, "describe quotas")
		return len(got.Entries) == 1 && got.Entries[0].Values[0].Value == 1e6
	})
}

func partitions(t *check.T) {
	topic, c := topic(t, 1), client(t)
	made, err := c.CreatePartitions(t.Ctx, &kafka.CreatePartitionsRequest{Topics: []kafka.TopicPartitionsConfig{{Name: topic, Count: 3}}})
	t.Ok(err, "create partitions")
	t.Ok(made.Errors[topic], "create partitions of the topic")
	done, err := c.ElectLeaders(t.Ctx, &kafka.ElectLeadersRequest{Topic: topic, Partitions: []int{0}})
	t.Ok(err, "elect")
	t.That(len(done.PartitionResults) <= 1, "results %v", done.PartitionResults)
	moved, err := c.AlterPartitionReassignments(t.Ctx, &kafka.AlterPartitionReassignmentsRequest{Timeout: 5 * time.Second, Topic: topic, Assignments: []kafka.AlterPartitionReassignmentsRequestAssignment{{PartitionID: 0, BrokerIDs: []int{1}}}})
	t.Ok(err, "reassign")
	t.Ok(moved.Error, "reassign's error")
	_, err = c.ListPartitionReassignments(t.Ctx, &kafka.ListPartitionReassignmentsRequest{Topics: map[string]kafka.ListPartitionReassignmentsRequestTopic{topic: {PartitionIndexes: []int{0}}}})
	t.Ok(err, "list reassignments")
}
