package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"compat/check"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var transactionTests = []check.Test{
	{Name: "txn/commit", Run: commit},
	{Name: "txn/abort", Run: abort},
	{Name: "txn/read-committed-waits", Run: committedWaits},
	{Name: "txn/end-and-begin", Run: endAndBegin},
	{Name: "txn/fenced", Run: fenced},
	{Name: "txn/times-out", Run: timesOut},
	{Name: "txn/group-session", Run: groupSession(false)},
	{Name: "txn/group-session-next-gen", Run: groupSession(true)},
	{Name: "txn/describe-list", Run: describeTransactions},
	{Name: "txn/describe-producers", Run: describeProducers},
	{Name: "txn/write-markers", Run: abortHanging},
	{Name: "txn/empty", Run: emptyTransaction},
}

func transactional(t *check.T, id string, opts ...kgo.Opt) *kgo.Client {
	return client(t, append(opts, kgo.TransactionalID(id), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
}

func committed(t *check.T, topic string) *kgo.Client {
	return direct(t, topic, kgo.NewOffset().AtStart(), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
}

func within(t *check.T, cl *kgo.Client, end kgo.TransactionEndTry, records ...*kgo.Record) {
	t.Ok(cl.BeginTransaction(), "begin")
	t.Ok(cl.ProduceSync(t.Ctx, records...).FirstErr(), "produce")
	t.Ok(cl.EndTransaction(t.Ctx, end), "end")
}

func commit(t *check.T) {
	topic := topic(t, 2, nil)
	cl := transactional(t, t.Name("x"))
	defer cl.Close()
	for i := range 5 {
		within(t, cl, kgo.TryCommit, record(topic, 0, fmt.Sprint(i)), record(topic, 1, fmt.Sprint(i)))
	}
	reader := committed(t, topic)
	defer reader.Close()
	got := take(t, reader, 10)
	t.That(got[0].Attrs.IsTransactional(), "the batch is not transactional")
}

func abort(t *check.T) {
	topic := topic(t, 1, nil)
	cl := transactional(t, t.Name("x"))
	defer cl.Close()
	within(t, cl, kgo.TryAbort, record(topic, 0, "no"))
	within(t, cl, kgo.TryCommit, record(topic, 0, "yes"))
	within(t, cl, kgo.TryAbort, record(topic, 0, "no"))
	within(t, cl, kgo.TryCommit, record(topic, 0, "yes"))
	reader := committed(t, topic)
	defer reader.Close()
	t.Equal(values(take(t, reader, 2)), []string{"yes", "yes"}, "committed")
	all := direct(t, topic, kgo.NewOffset().AtStart(), kgo.FetchIsolationLevel(kgo.ReadUncommitted()))
	defer all.Close()
	t.Equal(values(take(t, all, 4)), []string{"no", "yes", "no", "yes"}, "everything")
}

func committedWaits(t *check.T) {
	topic := topic(t, 1, nil)
	cl := transactional(t, t.Name("x"))
	defer cl.Close()
	t.Ok(cl.BeginTransaction(), "begin")
	t.Ok(cl.ProduceSync(t.Ctx, record(topic, 0, "open")).FirstErr(), "produce")
	fill(t, topic, 1, 1)
	reader := committed(t, topic)
	defer reader.Close()
	quiet(t, reader, "beyond an open transaction")
	adm := admin(t)
	defer adm.Close()
	stable, err := adm.ListCommittedOffsets(t.Ctx, topic)
	t.Ok(err, "list committed offsets")
	t.Equal(stable[topic][0].Offset, int64(0), "last stable offset")
	t.Ok(cl.EndTransaction(t.Ctx, kgo.TryCommit), "end")
	t.Equal(values(take(t, reader, 2)), []string{"open", "0"}, "after the commit")
}

func endAndBegin(t *check.T) {
	topic := topic(t, 1, nil)
	cl := transactional(t, t.Name("x"))
	defer cl.Close()
	t.Ok(cl.BeginTransaction(), "begin")
	for i := range 10 {
		cl.Produce(t.Ctx, record(topic, 0, fmt.Sprint(i)), nil)
		t.Ok(cl.EndAndBeginTransaction(t.Ctx, kgo.EndBeginTxnUnsafe, kgo.TryCommit, func(_ context.Context, err error) error { return err }), "end and begin")
	}
	t.Ok(cl.EndTransaction(t.Ctx, kgo.TryAbort), "end")
	reader := committed(t, topic)
	defer reader.Close()
	t.Equal(len(take(t, reader, 10)), 10, "records")
}

func fenced(t *check.T) {
	topic, id := topic(t, 1, nil), t.Name("x")
	first := transactional(t, id)
	defer first.Close()
	t.Ok(first.BeginTransaction(), "begin")
	t.Ok(first.ProduceSync(t.Ctx, record(topic, 0, "zombie")).FirstErr(), "produce")
	second := transactional(t, id)
	defer second.Close()
	within(t, second, kgo.TryCommit, record(topic, 0, "heir"))
	err := first.ProduceSync(t.Ctx, record(topic, 0, "zombie again")).FirstErr()
	if err == nil {
		err = first.EndTransaction(t.Ctx, kgo.TryCommit)
	}
	t.That(errors.Is(err, kerr.InvalidProducerEpoch) || errors.Is(err, kerr.ProducerFenced), "got %v", err)
	reader := committed(t, topic)
	defer reader.Close()
	t.Equal(values(take(t, reader, 1)), []string{"heir"}, "committed")
}

func timesOut(t *check.T) {
	topic := topic(t, 1, nil)
	cl := transactional(t, t.Name("x"), kgo.TransactionTimeout(1500*time.Millisecond))
	defer cl.Close()
	t.Ok(cl.BeginTransaction(), "begin")
	t.Ok(cl.ProduceSync(t.Ctx, record(topic, 0, "late")).FirstErr(), "produce")
	fill(t, topic, 1, 1)
	reader := committed(t, topic)
	defer reader.Close()
	t.Equal(values(take(t, reader, 1)), []string{"0"}, "after the transaction timed out")
	t.That(cl.EndTransaction(t.Ctx, kgo.TryCommit) != nil, "a transaction that timed out was committed")
}

func groupSession(nextGen bool) func(*check.T) {
	return func(t *check.T) {
		from, to, group := topic(t, 3, nil), topic(t, 3, nil), t.Name("g")
		fill(t, from, 3, 90)
		session, err := kgo.NewGroupTransactSession(memberOpts(group, from, nextGen, kgo.SeedBrokers(t.Broker), kgo.TransactionalID(t.Name("x")),
			kgo.RequireStableFetchOffsets(), kgo.FetchIsolationLevel(kgo.ReadCommitted()))...)
		t.Ok(err, "new session")
		defer session.Close()
		copied := 0
		for round := 0; copied < 90; round++ {
			fetches := session.PollRecords(t.Ctx, 20)
			t.Ok(t.Ctx.Err(), fmt.Sprintf("%d of 90 copied", copied))
			t.Ok(session.Begin(), "begin")
			fetches.EachRecord(func(r *kgo.Record) {
				session.Produce(t.Ctx, &kgo.Record{Topic: to, Key: r.Key, Value: r.Value}, nil)
			})
			ok, err := session.End(t.Ctx, kgo.TransactionEndTry(round != 1))
			t.Ok(err, "end")
			if ok {
				copied += fetches.NumRecords()
			}
		}
		reader := committed(t, to)
		defer reader.Close()
		seen := map[string]int{}
		for _, r := range take(t, reader, 90) {
			seen[string(r.Value)]++
		}
		t.Equal(len(seen), 90, "distinct copies")
		quiet(t, reader, "after the last copy")
		adm := admin(t)
		defer adm.Close()
		offsets, err := adm.FetchOffsets(t.Ctx, group)
		t.Ok(err, "fetch offsets")
		t.Equal(offsets[from][0].At, int64(30), "committed offset")
	}
}

func describeTransactions(t *check.T) {
	topic, id := topic(t, 1, nil), t.Name("x")
	cl := transactional(t, id, kgo.TransactionTimeout(30*time.Second))
	defer cl.Close()
	adm := admin(t)
	defer adm.Close()
	t.Ok(cl.BeginTransaction(), "begin")
	t.Ok(cl.ProduceSync(t.Ctx, record(topic, 0, "v")).FirstErr(), "produce")
	described, err := adm.DescribeTransactions(t.Ctx, id)
	t.Ok(err, "describe")
	of := described[id]
	t.Ok(of.Err, "describe of it")
	t.Equal(of.State, "Ongoing", "state")
	t.Equal(of.TimeoutMillis, int32(30000), "timeout")
	t.That(of.Topics.Lookup(topic, 0), "partition is missing in %v", of.Topics)
	listed, err := adm.ListTransactions(t.Ctx, nil, []string{"Ongoing"})
	t.Ok(err, "list")
	t.Equal(listed[id].ProducerID, of.ProducerID, "producer id")
	byID, err := adm.ListTransactions(t.Ctx, []int64{of.ProducerID}, nil)
	t.Ok(err, "list by producer id")
	t.Equal(len(byID), 1, "transactions of the producer id")
	byPattern, err := adm.ListTransactionsByTxPattern(t.Ctx, nil, nil, "^"+id+"$")
	t.Ok(err, "list by pattern")
	t.Equal(len(byPattern), 1, "transactions by pattern")
	t.Ok(cl.EndTransaction(t.Ctx, kgo.TryCommit), "end")
	t.Until("the commit is complete", func() bool {
		described, err = adm.DescribeTransactions(t.Ctx, id)
		return err == nil && described[id].State == "CompleteCommit"
	})
	none := t.Name("none")
	described, err = adm.DescribeTransactions(t.Ctx, none)
	t.Ok(err, "describe an unknown one")
	t.That(errors.Is(described[none].Err, kerr.TransactionalIDNotFound), "got %v", described[none].Err)
	found := adm.FindTxnCoordinators(t.Ctx, id)
	t.Ok(found.Error(), "find coordinator")
}

func describeProducers(t *check.T) {
	topic := topic(t, 1, nil)
	cl := transactional(t, t.Name("x"))
	defer cl.Close()
	adm := admin(t)
	defer adm.Close()
	fill(t, topic, 1, 3)
	t.Ok(cl.BeginTransaction(), "begin")
	t.Ok(cl.ProduceSync(t.Ctx, record(topic, 0, "v"), record(topic, 0, "v")).FirstErr(), "produce")
	id, _, err := cl.ProducerID(t.Ctx)
	t.Ok(err, "producer id")
	described, err := adm.DescribeProducers(t.Ctx, kadm.TopicsSet{topic: {0: {}}})
	t.Ok(err, "describe producers")
	active := described[topic].Partitions[0].ActiveProducers
	t.Equal(len(active), 2, "producers")
	t.Equal(active[id].CurrentTxnStartOffset, int64(3), "start of the transaction")
	t.Equal(active[id].LastSequence, int32(1), "last sequence")
	t.Ok(cl.EndTransaction(t.Ctx, kgo.TryAbort), "end")
	t.Until("no transaction is open", func() bool {
		described, err = adm.DescribeProducers(t.Ctx, kadm.TopicsSet{topic: {0: {}}})
		return err == nil && described[topic].Partitions[0].ActiveProducers[id].CurrentTxnStartOffset == -1
	})
}

// abortHanging ends a transaction as kafka-transactions.sh abort does.
func abortHanging(t *check.T) {
	topic := topic(t, 1, nil)
	cl := transactional(t, t.Name("x"))
	defer cl.Close()
	t.Ok(cl.BeginTransaction(), "begin")
	t.Ok(cl.ProduceSync(t.Ctx, record(topic, 0, "hangs")).FirstErr(), "produce")
	fill(t, topic, 1, 1)
	adm := admin(t)
	defer adm.Close()
	described, err := adm.DescribeProducers(t.Ctx, kadm.TopicsSet{topic: {0: {}}})
	t.Ok(err, "describe producers")
	for _, p := range described[topic].Partitions[0].ActiveProducers {
		if p.CurrentTxnStartOffset < 0 {
			continue
		}
		written, err := adm.WriteTxnMarkers(t.Ctx, kadm.TxnMarkers{ProducerID: p.ProducerID, ProducerEpoch: p.ProducerEpoch,
			CoordinatorEpoch: max(p.CoordinatorEpoch, 0), Topics: kadm.TopicsSet{topic: {0: {}}}})
		t.Ok(err, "write markers")
		t.Ok(written[p.ProducerID].Topics[topic].Partitions[0].Err, "write marker")
	}
	reader := committed(t, topic)
	defer reader.Close()
	t.Equal(values(take(t, reader, 1)), []string{"0"}, "committed")
}

func emptyTransaction(t *check.T) {
	cl := transactional(t, t.Name("x"))
	defer cl.Close()
	for range 3 {
		t.Ok(cl.BeginTransaction(), "begin")
		t.Ok(cl.EndTransaction(t.Ctx, kgo.TryCommit), "end")
	}
}
