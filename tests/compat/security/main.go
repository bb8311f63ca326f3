// The Go clients of the suite: main HOST:PORT [REGEX]. What prepare.py found out is in the file that KT_COMPAT_SECURITY names.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"compat/check"
)

// way is one way to log in.
type way struct {
	Name, Listener, Mechanism, User, Password, Address string
	Certificate                                        bool
	untrusted                                          bool
}

var known struct {
	Ways              []way
	Topic, Ca, Client string
}

func main() {
	text, err := os.ReadFile(os.Getenv("KT_COMPAT_SECURITY"))
	if err == nil {
		err = json.Unmarshal(text, &known)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "security:", err)
		os.Exit(64)
	}
	check.Main(slices.Concat(franzTests(), saramaTests()))
}

// tests of one client: thereAndBack sends a record and reads it in a group; refused wants nobody to log in, denied a user who may
// neither write nor read.
func tests(client string, thereAndBack, refused, denied func(*check.T, way)) []check.Test {
	var all []check.Test
	add := func(name string, run func(*check.T, way), w way) {
		all = append(all, check.Test{Name: client + "/" + name, Run: func(t *check.T) { run(t, w) }})
	}
	for _, w := range known.Ways {
		add(w.Name, thereAndBack, w)
	}
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		w := find("SASL_SSL", mechanism)
		w.Password = "guessed"
		add("wrong-password-"+strings.ToLower(mechanism), refused, w)
	}
	nobody := find("SASL_SSL", "SCRAM-SHA-512")
	nobody.User = "nobody"
	add("no-such-user", refused, nobody)
	untrusted := find("SSL", "")
	untrusted.untrusted = true
	add("unknown-authority", refused, untrusted)
	mallory := find("SASL_SSL", "PLAIN")
	mallory.User, mallory.Password = "mallory", "mallory-secret"
	add("no-rights", denied, mallory)
	return all
}

func find(listener, mechanism string) way {
	at := slices.IndexFunc(known.Ways, func(w way) bool { return w.Listener == listener && w.Mechanism == mechanism })
	return known.Ways[at]
}

// tls is nil where the way has none.
func (w way) tls(t *check.T) *tls.Config {
	if !strings.HasSuffix(w.Listener, "SSL") {
		return nil
	}
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	if !w.untrusted {
		pem, err := os.ReadFile(known.Ca)
		t.Ok(err, "the authority")
		t.That(config.RootCAs.AppendCertsFromPEM(pem), "no certificate in %s", known.Ca)
	}
	if w.Certificate {
		own, err := tls.LoadX509KeyPair(known.Client, known.Client)
		t.Ok(err, "the client's certificate")
		config.Certificates = []tls.Certificate{own}
	}
	return config
}

// unsecuredToken is a JSON Web Token without a signature.
func unsecuredToken(user string) string {
	part := func(value map[string]any) string {
		text, _ := json.Marshal(value)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	now := time.Now().Unix()
	return part(map[string]any{"alg": "none"}) + "." + part(map[string]any{"sub": user, "iat": now, "exp": now + 600}) + "."
}
