package main

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"time"

	"compat/check"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

func franzTests() []check.Test {
	all := tests("franz-go", franzThereAndBack, franzRefused, franzDenied)
	return append(all, check.Test{Name: "franz-go/delegation-token", Run: franzToken})
}

func franzMechanism(w way) sasl.Mechanism {
	switch w.Mechanism {
	case "PLAIN":
		return plain.Auth{User: w.User, Pass: w.Password}.AsMechanism()
	case "SCRAM-SHA-256":
		return scram.Auth{User: w.User, Pass: w.Password}.AsSha256Mechanism()
	case "SCRAM-SHA-512":
		return scram.Auth{User: w.User, Pass: w.Password}.AsSha512Mechanism()
	case "OAUTHBEARER":
		return oauth.Oauth(func(context.Context) (oauth.Auth, error) { return oauth.Auth{Token: unsecuredToken(w.User)}, nil })
	}
	return nil
}

func franz(t *check.T, w way, opts ...kgo.Opt) *kgo.Client {
	opts = append(opts, kgo.SeedBrokers(w.Address), kgo.RequestRetries(2))
	if config := w.tls(t); config != nil {
		opts = append(opts, kgo.DialTLSConfig(config))
	}
	if mechanism := franzMechanism(w); mechanism != nil {
		opts = append(opts, kgo.SASL(mechanism))
	}
	cl, err := kgo.NewClient(opts...)
	t.Ok(err, "new client")
	return cl
}

// franzTrip sends a record and reads it.
func franzTrip(t *check.T, w way, opts ...kgo.Opt) {
	value := t.Name("v")
	group := []kgo.Opt{kgo.ConsumeTopics(known.Topic), kgo.ConsumerGroup("sec-" + value), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())}
	cl := franz(t, w, append(opts, group...)...)
	defer cl.Close()
	t.Ok(cl.ProduceSync(t.Ctx, &kgo.Record{Topic: known.Topic, Value: []byte(value)}).FirstErr(), "produce")
	for found := false; !found; {
		fetches := cl.PollFetches(t.Ctx)
		t.Ok(fetches.Err(), "fetch")
		fetches.EachRecord(func(r *kgo.Record) { found = found || string(r.Value) == value })
	}
	t.Ok(cl.CommitUncommittedOffsets(t.Ctx), "commit")
}

func franzThereAndBack(t *check.T, w way) { franzTrip(t, w) }

func franzRefused(t *check.T, w way) {
	cl := franz(t, w)
	defer cl.Close()
	err := cl.Ping(t.Ctx)
	var unknown x509.UnknownAuthorityError
	t.That(errors.Is(err, kerr.SaslAuthenticationFailed) || w.untrusted && errors.As(err, &unknown), "log in: %v", err)
}

func franzDenied(t *check.T, w way) {
	cl := franz(t, w)
	defer cl.Close()
	err := cl.ProduceSync(t.Ctx, &kgo.Record{Topic: known.Topic, Value: []byte("x")}).FirstErr()
	t.That(errors.Is(err, kerr.TopicAuthorizationFailed), "write: %v", err)
	_, err = kadm.NewClient(cl).FetchOffsets(t.Ctx, "sec-mallory")
	t.That(errors.Is(err, kerr.GroupAuthorizationFailed), "read in a group: %v", err)
}

// franzToken logs in with a token that a user made who logged in otherwise, until it is ended.
func franzToken(t *check.T) {
	alice := franz(t, find("SASL_SSL", "PLAIN"))
	defer alice.Close()
	admin := kadm.NewClient(alice)
	token, err := admin.CreateDelegationToken(t.Ctx, kadm.CreateDelegationToken{})
	t.Ok(err, "create a token")
	t.Equal(token.Owner, kadm.Principal{Type: "User", Name: "alice"}, "owner")
	login := scram.Auth{User: token.TokenID, Pass: base64.StdEncoding.EncodeToString(token.HMAC), IsToken: true}
	w := find("SASL_SSL", "SCRAM-SHA-256")
	w.Mechanism = ""
	franzTrip(t, w, kgo.SASL(login.AsSha256Mechanism()))
	described, err := admin.DescribeDelegationTokens(t.Ctx)
	t.Ok(err, "describe tokens")
	t.That(len(described) > 0, "no token is described")
	_, err = admin.ExpireDelegationToken(t.Ctx, token.HMAC, -time.Millisecond)
	t.Ok(err, "end the token")
	// A connection that is logged in already would stay so.
	t.Until("the token to end", func() bool {
		ended := franz(t, w, kgo.SASL(login.AsSha256Mechanism()))
		defer ended.Close()
		return errors.Is(ended.Ping(t.Ctx), kerr.SaslAuthenticationFailed)
	})
}
