package main

import (
	"errors"
	"time"

	"compat/check"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var clusterTests = []check.Test{
	{Name: "cluster/metadata", Run: clusterMetadata},
	{Name: "cluster/api-versions", Run: apiVersions},
	{Name: "cluster/broker-configs", Run: brokerConfigs},
	{Name: "cluster/config-resources", Run: configResources},
	{Name: "cluster/group-configs", Run: groupConfigs},
	{Name: "cluster/acls", Run: acls},
	{Name: "cluster/scram-users", Run: scramUsers},
	{Name: "cluster/quotas", Run: quotas},
	{Name: "cluster/features", Run: features},
	{Name: "cluster/delegation-tokens-need-login", Run: tokensNeedLogin},
	{Name: "cluster/raw-requests", Run: rawRequests},
}

func clusterMetadata(t *check.T) {
	adm := admin(t)
	defer adm.Close()
	meta, err := adm.BrokerMetadata(t.Ctx)
	t.Ok(err, "metadata")
	t.That(len(meta.Brokers) == 1 && meta.Cluster != "", "brokers %v, cluster %q", meta.Brokers, meta.Cluster)
	t.Equal(meta.Controller, meta.Brokers[0].NodeID, "controller")
	brokers, err := adm.ListBrokers(t.Ctx)
	t.Ok(err, "list brokers")
	t.Equal(brokers.NodeIDs(), []int32{1}, "node ids")
	request := kmsg.NewDescribeClusterRequest()
	request.IncludeClusterAuthorizedOperations = true
	cl := client(t)
	defer cl.Close()
	described, err := request.RequestWith(t.Ctx, cl)
	t.Ok(err, "describe cluster")
	t.Equal(described.ClusterID, meta.Cluster, "cluster id")
	t.That(described.ClusterAuthorizedOperations > 0, "authorized operations %x", described.ClusterAuthorizedOperations)
}

func apiVersions(t *check.T) {
	adm := admin(t)
	defer adm.Close()
	all, err := adm.ApiVersions(t.Ctx)
	t.Ok(err, "api versions")
	for _, of := range all {
		t.Ok(of.Err, "api versions of a broker")
		for key, want := range map[int16][2]int16{0: {0, 13}, 1: {4, 18}, 3: {0, 13}, 8: {2, 10}, 9: {1, 10}, 11: {0, 9}, 18: {0, 4}, 22: {0, 5}, 68: {0, 1}} {
			lowest, highest, there := of.KeyVersions(key)
			t.That(there, "API %d is missing", key)
			t.Equal([2]int16{lowest, highest}, want, "versions of API "+kmsg.Key(key).Name())
		}
		t.That(of.VersionGuess() == "v4.3" || of.VersionGuess() == "at least v4.3" || of.VersionGuess() == "between v4.2 and v4.3", "guess %s", of.VersionGuess())
	}
}

func brokerConfigs(t *check.T) {
	adm := admin(t)
	defer adm.Close()
	value := func() string {
		described, err := adm.DescribeBrokerConfigs(t.Ctx, 1)
		t.Ok(err, "describe")
		t.Ok(described[0].Err, "describe of 1")
		t.That(len(described[0].Configs) > 100, "only %d configs", len(described[0].Configs))
		for _, c := range described[0].Configs {
			if c.Key == "log.cleaner.threads" {
				return c.MaybeValue()
			}
		}
		return "none"
	}
	t.Equal(value(), "1", "before")
	set := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "log.cleaner.threads", Value: kadm.StringPtr("2")}}
	altered, err := adm.AlterBrokerConfigs(t.Ctx, set, 1)
	t.Ok(err, "alter")
	t.Ok(altered[0].Err, "alter of 1")
	t.Until("the new value", func() bool { return value() == "2" })
	altered, err = adm.AlterBrokerConfigs(t.Ctx, []kadm.AlterConfig{{Op: kadm.DeleteConfig, Name: "log.cleaner.threads"}}, 1)
	t.Ok(err, "delete")
	t.Ok(altered[0].Err, "delete of 1")
	t.Until("the old value", func() bool { return value() == "1" })
	altered, err = adm.AlterBrokerConfigs(t.Ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "broker.id", Value: kadm.StringPtr("7")}}, 1)
	t.Ok(err, "alter a fixed one")
	t.That(errors.Is(altered[0].Err, kerr.InvalidRequest) || errors.Is(altered[0].Err, kerr.InvalidConfig), "a fixed one: %v", altered[0].Err)
}

func configResources(t *check.T) {
	adm := admin(t)
	defer adm.Close()
	name := topic(t, 1, nil)
	listed, err := adm.ListConfigResources(t.Ctx, kadm.ConfigResourceTopic)
	t.Ok(err, "list")
	found := false
	for _, n := range listed.Names() {
		found = found || n == name
	}
	t.That(found, "the topic is not listed")
	listed, err = adm.ListConfigResources(t.Ctx)
	t.Ok(err, "list all")
	t.That(len(listed.FilterTypes(kadm.ConfigResourceBroker)) >= 1, "no broker listed")
}

func groupConfigs(t *check.T) {
	group := t.Name("g")
	cl := client(t)
	defer cl.Close()
	request := kmsg.NewIncrementalAlterConfigsRequest()
	resource, config := kmsg.NewIncrementalAlterConfigsRequestResource(), kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	config.Name, config.Value = "consumer.session.timeout.ms", kmsg.StringPtr("46000")
	resource.ResourceType, resource.ResourceName, resource.Configs = kmsg.ConfigResourceTypeGroupConfig, group, append(resource.Configs, config)
	request.Resources = append(request.Resources, resource)
	altered, err := request.RequestWith(t.Ctx, cl)
	t.Ok(err, "alter")
	t.Ok(kerr.ErrorForCode(altered.Resources[0].ErrorCode), "alter of the group")
	ask := kmsg.NewDescribeConfigsRequest()
	about := kmsg.NewDescribeConfigsRequestResource()
	about.ResourceType, about.ResourceName = kmsg.ConfigResourceTypeGroupConfig, group
	ask.Resources = append(ask.Resources, about)
	t.Until("the new value", func() bool {
		described, err := ask.RequestWith(t.Ctx, cl)
		t.Ok(err, "describe")
		for _, c := range described.Resources[0].Configs {
			if c.Name == "consumer.session.timeout.ms" {
				return c.Value != nil && *c.Value == "46000"
			}
		}
		return false
	})
}

func acls(t *check.T) {
	adm := admin(t)
	defer adm.Close()
	name, user := t.Name("t"), "User:"+t.Name("u")
	build := func() *kadm.ACLBuilder {
		return kadm.NewACLs().Allow(user).AllowHosts("*").Topics(name).Operations(kadm.OpRead, kadm.OpWrite).ResourcePatternType(kadm.ACLPatternPrefixed)
	}
	made, err := adm.CreateACLs(t.Ctx, build())
	t.Ok(err, "create")
	t.Equal(len(made), 2, "created")
	for _, one := range made {
		t.Ok(one.Err, "create one")
	}
	count := func(b *kadm.ACLBuilder) (n int) {
		described, err := adm.DescribeACLs(t.Ctx, b)
		t.Ok(err, "describe")
		for _, d := range described {
			t.Ok(d.Err, "describe one")
			n += len(d.Described)
		}
		return n
	}
	t.Until("both are there", func() bool { return count(build()) == 2 })
	matching := kadm.NewACLs().Allow(user).AllowHosts().Topics(name + "-and-more").Operations().ResourcePatternType(kadm.ACLPatternMatch)
	t.Equal(count(matching), 2, "matching a longer name")
	gone, err := adm.DeleteACLs(t.Ctx, build())
	t.Ok(err, "delete")
	n := 0
	for _, g := range gone {
		t.Ok(g.Err, "delete one")
		n += len(g.Deleted)
	}
	t.Equal(n, 2, "deleted")
	t.Until("none is there", func() bool { return count(build()) == 0 })
}

func scramUsers(t *check.T) {
	adm := admin(t)
	defer adm.Close()
	user := t.Name("u")
	altered, err := adm.AlterUserSCRAMs(t.Ctx, nil, []kadm.UpsertSCRAM{
		{User: user, Mechanism: kadm.ScramSha512, Iterations: 4096, Password: "secret"},
	})
	t.Ok(err, "upsert")
	t.Ok(altered.Error(), "upsert of the user")
	t.Until("the user is there", func() bool {
		described, err := adm.DescribeUserSCRAMs(t.Ctx, user)
		return err == nil && described[user].Err == nil && len(described[user].CredInfos) == 1 && described[user].CredInfos[0].Iterations == 4096
	})
	altered, err = adm.AlterUserSCRAMs(t.Ctx, nil, []kadm.UpsertSCRAM{{User: user, Mechanism: kadm.ScramSha256, Iterations: 1, Password: "secret"}})
	t.That(err != nil || altered.Error() != nil, "one iteration was enough")
	altered, err = adm.AlterUserSCRAMs(t.Ctx, []kadm.DeleteSCRAM{{User: user, Mechanism: kadm.ScramSha512}}, nil)
	t.Ok(err, "delete")
	t.Ok(altered.Error(), "delete of the user")
	t.Until("the user is gone", func() bool {
		described, err := adm.DescribeUserSCRAMs(t.Ctx, user)
		return err == nil && errors.Is(described[user].Err, kerr.ResourceNotFound)
	})
}

func quotas(t *check.T) {
	adm := admin(t)
	defer adm.Close()
	user := t.Name("u")
	entity := kadm.ClientQuotaEntity{{Type: "user", Name: &user}, {Type: "client-id", Name: kadm.StringPtr("c")}}
	set := []kadm.AlterClientQuotaEntry{{Entity: entity, Ops: []kadm.AlterClientQuotaOp{{Key: "producer_byte_rate", Value: 1e6}, {Key: "consumer_byte_rate", Value: 2e6}}}}
	altered, err := adm.AlterClientQuotas(t.Ctx, set)
	t.Ok(err, "alter")
	t.Ok(altered[0].Err, "alter of it")
	find := func(strict bool) kadm.DescribedClientQuotas {
		described, err := adm.DescribeClientQuotas(t.Ctx, strict, []kadm.DescribeClientQuotaComponent{{Type: "user", MatchName: &user, MatchType: 0}})
		t.Ok(err, "describe")
		return described
	}
	t.Until("they are there", func() bool { all := find(false); return len(all) == 1 && len(all[0].Values) == 2 })
	t.Equal(len(find(true)), 0, "strictly of the user")
	set[0].Ops = []kadm.AlterClientQuotaOp{{Key: "producer_byte_rate", Remove: true}, {Key: "consumer_byte_rate", Remove: true}}
	altered, err = adm.AlterClientQuotas(t.Ctx, set)
	t.Ok(err, "remove")
	t.Ok(altered[0].Err, "remove of it")
	t.Until("they are gone", func() bool { return len(find(false)) == 0 })
	set[0].Ops = []kadm.AlterClientQuotaOp{{Key: "no_such", Value: 1}}
	altered, err = adm.AlterClientQuotas(t.Ctx, set)
	t.Ok(err, "alter an unknown key")
	t.That(errors.Is(altered[0].Err, kerr.InvalidRequest), "unknown key: %v", altered[0].Err)
}

func features(t *check.T) {
	adm := admin(t)
	defer adm.Close()
	done, err := adm.UpdateFeatures(t.Ctx, true, kadm.FeatureUpdate{Feature: "no.such", MaxVersionLevel: 1, UpgradeType: 1})
	t.That(err != nil || done.Error() != nil, "an unknown feature was updated")
	cl := client(t)
	defer cl.Close()
	versions, err := kmsg.NewPtrApiVersionsRequest().RequestWith(t.Ctx, cl)
	t.Ok(err, "api versions")
	finalized := map[string]int16{}
	for _, f := range versions.FinalizedFeatures {
		finalized[f.Name] = f.MaxVersionLevel
	}
	t.That(finalized["metadata.version"] > 20 && finalized["transaction.version"] == 2 && finalized["group.version"] >= 1, "finalized features %v", finalized)
}

func tokensNeedLogin(t *check.T) {
	adm := admin(t)
	defer adm.Close()
	_, err := adm.CreateDelegationToken(t.Ctx, kadm.CreateDelegationToken{MaxLifetime: time.Hour})
	t.That(errors.Is(err, kerr.DelegationTokenRequestNotAllowed) || errors.Is(err, kerr.DelegationTokenAuthDisabled), "got %v", err)
}

// rawRequests sends what clients send seldom, and expects answers without a top level error.
func rawRequests(t *check.T) {
	cl := client(t)
	defer cl.Close()
	quorum, topic, partition := kmsg.NewDescribeQuorumRequest(), kmsg.NewDescribeQuorumRequestTopic(), kmsg.NewDescribeQuorumRequestTopicPartition()
	topic.Topic, topic.Partitions = "__cluster_metadata", append(topic.Partitions, partition)
	quorum.Topics = append(quorum.Topics, topic)
	described, err := quorum.RequestWith(t.Ctx, cl)
	t.Ok(err, "describe quorum")
	t.Ok(kerr.ErrorForCode(described.ErrorCode), "describe quorum's error")
	t.That(described.Topics[0].Partitions[0].LeaderID >= 0, "no leader of the quorum")
	name := kmsg.NewDescribeTopicPartitionsRequest()
	about := kmsg.NewDescribeTopicPartitionsRequestTopic()
	about.Topic = topicOf(t)
	name.Topics = append(name.Topics, about)
	partitions, err := name.RequestWith(t.Ctx, cl)
	t.Ok(err, "describe topic partitions")
	t.Equal(len(partitions.Topics[0].Partitions), 2, "partitions")
}

func topicOf(t *check.T) string { return topic(t, 2, nil) }
