package main

import (
	"context"
	"crypto/x509"
	"errors"

	"compat/check"

	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"
)

func saramaTests() []check.Test {
	return tests("sarama", saramaThereAndBack, saramaRefused, saramaDenied)
}

// scramClient is what sarama leaves to its users.
type scramClient struct {
	hash scram.HashGeneratorFcn
	*scram.ClientConversation
}

func (c *scramClient) Begin(user, password, authzID string) error {
	client, err := c.hash.NewClient(user, password, authzID)
	if err == nil {
		c.ClientConversation = client.NewConversation()
	}
	return err
}

// tokens gives the token of a user.
type tokens string

func (user tokens) Token() (*sarama.AccessToken, error) {
	return &sarama.AccessToken{Token: unsecuredToken(string(user))}, nil
}

func saramaConfig(t *check.T, w way) *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.V4_0_0_0
	c.Producer.Return.Successes = true
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Metadata.Retry.Max = 1
	if config := w.tls(t); config != nil {
		c.Net.TLS.Enable, c.Net.TLS.Config = true, config
	}
	if w.Mechanism == "" {
		return c
	}
	c.Net.SASL.Enable, c.Net.SASL.Mechanism = true, sarama.SASLMechanism(w.Mechanism)
	c.Net.SASL.User, c.Net.SASL.Password = w.User, w.Password
	hashes := map[string]scram.HashGeneratorFcn{"SCRAM-SHA-256": scram.SHA256, "SCRAM-SHA-512": scram.SHA512}
	if hash, is := hashes[w.Mechanism]; is {
		c.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &scramClient{hash: hash} }
	}
	if w.Mechanism == "OAUTHBEARER" {
		c.Net.SASL.TokenProvider = tokens(w.User)
	}
	return c
}

// reader waits for one value in a group.
type reader struct {
	value string
	found func()
}

func (reader) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (reader) Cleanup(sarama.ConsumerGroupSession) error { return nil }
func (r reader) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		session.MarkMessage(message, "")
		if string(message.Value) == r.value {
			r.found()
		}
	}
	return nil
}

func saramaThereAndBack(t *check.T, w way) {
	value := t.Name("v")
	p, err := sarama.NewSyncProducer([]string{w.Address}, saramaConfig(t, w))
	t.Ok(err, "new producer")
	defer p.Close()
	_, _, err = p.SendMessage(&sarama.ProducerMessage{Topic: known.Topic, Value: sarama.StringEncoder(value)})
	t.Ok(err, "send")
	group, err := sarama.NewConsumerGroup([]string{w.Address}, "sec-"+value, saramaConfig(t, w))
	t.Ok(err, "new group")
	defer group.Close()
	ctx, cancel := context.WithCancel(t.Ctx)
	defer cancel()
	found := false
	err = group.Consume(ctx, []string{known.Topic}, reader{value, func() { found = true; cancel() }})
	t.That(found, "the record did not come: %v", err)
}

func saramaRefused(t *check.T, w way) {
	client, err := sarama.NewClient([]string{w.Address}, saramaConfig(t, w))
	if err == nil {
		client.Close()
	}
	var unknown x509.UnknownAuthorityError
	t.That(errors.Is(err, sarama.ErrSASLAuthenticationFailed) || w.untrusted && errors.As(err, &unknown), "log in: %v", err)
}

func saramaDenied(t *check.T, w way) {
	config := saramaConfig(t, w)
	p, err := sarama.NewSyncProducer([]string{w.Address}, config)
	t.Ok(err, "new producer")
	defer p.Close()
	_, _, err = p.SendMessage(&sarama.ProducerMessage{Topic: known.Topic, Value: sarama.StringEncoder("x")})
	t.That(errors.Is(err, sarama.ErrTopicAuthorizationFailed), "write: %v", err)
	group, err := sarama.NewConsumerGroup([]string{w.Address}, "sec-mallory", config)
	t.Ok(err, "new group")
	defer group.Close()
	err = group.Consume(t.Ctx, []string{known.Topic}, reader{})
	t.That(errors.Is(err, sarama.ErrGroupAuthorizationFailed) || errors.Is(err, sarama.ErrTopicAuthorizationFailed), "read: %v", err)
}
