package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"reddot/cmd/reddot/natsconn"
	"reddot/projector/testkit/natstest"
)

// fileOf writes a file of its own.
func fileOf(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// authority is a certificate authority of a test's own.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, cert: &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}}
	a.key, a.cert, a.file = a.sign(a.cert, nil)
	return a
}

// issue makes a certificate for 127.0.0.1 and the user reddot.
func (a *authority) issue() (cert, key string) {
	a.t.Helper()
	k, _, cert := a.sign(&x509.Certificate{
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"reddot"}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a)
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, fileOf(a.t, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

// sign signs a certificate, by itself if by is nil.
func (a *authority) sign(c *x509.Certificate, by *authority) (*ecdsa.PrivateKey, *x509.Certificate, string) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber, c.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: "reddot"}
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := c, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return key, made, fileOf(a.t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

// server is what a server needs to know for TLS; with mutual, clients need a
// certificate, too.
func (a *authority) server(mutual bool) *tls.Config {
	a.t.Helper()
	cert, err := tls.LoadX509KeyPair(a.issue())
	if err != nil {
		a.t.Fatal(err)
	}
	c := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	if mutual {
		c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		c.ClientCAs.AddCert(a.cert)
	}
	return c
}

// newKey is a key of a kind, with the file of its seed.
func newKey(t *testing.T, make func() (nkeys.KeyPair, error)) (key nkeys.KeyPair, public, seed string) {
	t.Helper()
	key, err := make()
	if err != nil {
		t.Fatal(err)
	}
	if public, err = key.PublicKey(); err != nil {
		t.Fatal(err)
	}
	s, err := key.Seed()
	if err != nil {
		t.Fatal(err)
	}
	return key, public, string(s)
}

// operated are options of a server whose users have JWTs, and the credentials of
// one.
func operated(t *testing.T) (*server.Options, string) {
	t.Helper()
	operator, operatorID, _ := newKey(t, nkeys.CreateOperator)
	account, accountID, _ := newKey(t, nkeys.CreateAccount)
	_, userID, seed := newKey(t, nkeys.CreateUser)
	claims := jwt.NewAccountClaims(accountID)
	claims.Limits.JetStreamLimits = jwt.JetStreamLimits{DiskStorage: -1, MemoryStorage: -1, Streams: -1, Consumer: -1}
	accountToken, err := claims.Encode(operator)
	if err != nil {
		t.Fatal(err)
	}
	userToken, err := jwt.NewUserClaims(userID).Encode(account)
	if err != nil {
		t.Fatal(err)
	}
	creds, err := jwt.FormatUserConfig(userToken, []byte(seed))
	if err != nil {
		t.Fatal(err)
	}
	resolver := &server.MemAccResolver{}
	system, systemID, _ := newKey(t, nkeys.CreateAccount)
	_ = system
	systemToken, err := jwt.NewAccountClaims(systemID).Encode(operator)
	if err != nil {
		t.Fatal(err)
	}
	for id, token := range map[string]string{accountID: accountToken, systemID: systemToken} {
		if err := resolver.Store(id, token); err != nil {
			t.Fatal(err)
		}
	}
	return &server.Options{TrustedKeys: []string{operatorID}, AccountResolver: resolver, SystemAccount: systemID}, fileOf(t, string(creds))
}

// way is a server with a way in, and ways that are none.
type way struct {
	options *server.Options
	scheme  string // nats unless set
	args    []string
	wrong   []string            // no credentials, or wrong ones
	says    []string            // what the error says then
	context func(string) string // JSON of a context of the nats command for the same, with its URL
}

func ways(t *testing.T) map[string]way {
	t.Helper()
	ca, other := newAuthority(t), newAuthority(t)
	_, nkey, seed := newKey(t, nkeys.CreateUser)
	_, _, otherSeed := newKey(t, nkeys.CreateUser)
	cert, key := ca.issue()
	operator, creds := operated(t)
	_, otherCreds := operated(t)
	password, token, wrong := fileOf(t, "s3cret\n"), fileOf(t, "t0ken\r\n"), fileOf(t, "wr0ng\n")
	return map[string]way{
		"user": {
			options: &server.Options{Username: "reddot", Password: "s3cret"},
			args:    []string{"--nats-user", "reddot", "--nats-password-file", password},
			wrong:   []string{"--nats-user", "reddot", "--nats-password-file", wrong},
			says:    []string{`refuses the user "reddot"`, "--nats-user"},
			context: func(url string) string { return fmt.Sprintf(`{"url":%q,"user":"reddot","password":"s3cret"}`, url) },
		},
		"token": {
			options: &server.Options{Authorization: "t0ken"},
			args:    []string{"--nats-token-file", token},
			wrong:   []string{"--nats-token-file", wrong},
			says:    []string{"refuses the token in " + wrong, "--nats-token-file"},
			context: func(url string) string { return fmt.Sprintf(`{"url":%q,"token":"t0ken"}`, url) },
		},
		"nkey": {
			options: &server.Options{Nkeys: []*server.NkeyUser{{Nkey: nkey}}},
			args:    []string{"--nats-nkey", fileOf(t, seed)},
			wrong:   []string{"--nats-nkey", fileOf(t, otherSeed)},
			says:    []string{"refuses the nkey in ", "--nats-nkey"},
		},
		"creds": {
			options: operator,
			args:    []string{"--nats-creds", creds},
			wrong:   []string{"--creds", otherCreds},
			says:    []string{"refuses the user of the credentials in " + otherCreds, "--nats-creds"},
			context: func(url string) string { return fmt.Sprintf(`{"url":%q,"creds":%q}`, url, creds) },
		},
		"private CA": {
			options: &server.Options{TLSConfig: ca.server(false), TLS: true, TLSTimeout: 60},
			scheme:  "tls",
			args:    []string{"--nats-ca", ca.file},
			wrong:   []string{"--nats-ca", other.file},
			says:    []string{"authority that is not trusted", "--nats-ca"},
			context: func(url string) string { return fmt.Sprintf(`{"url":%q,"ca":%q}`, url, ca.file) },
		},
		"client certificate": {
			options: &server.Options{TLSConfig: ca.server(true), TLS: true, TLSVerify: true, TLSTimeout: 60},
			scheme:  "tls",
			args:    []string{"--nats-ca", ca.file, "--nats-cert", cert, "--nats-key", key},
			wrong:   []string{"--nats-ca", ca.file},
			says:    []string{"client's certificate", "--nats-cert"},
			context: func(url string) string {
				return fmt.Sprintf(`{"url":%q,"ca":%q,"cert":%q,"key":%q}`, url, ca.file, cert, key)
			},
		},
	}
}

// servedBy runs "reddot serve" until it is ready, and returns its ready line; or
// what it failed with.
func servedBy(t *testing.T, args ...string) (ready string, r result) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	out := writerFunc(func(p []byte) (int, error) {
		cancel()
		return stdout.Write(p)
	})
	r.code = run(ctx, append([]string{"serve", "--data", t.TempDir(), "--http", "127.0.0.1:0", "--log-level", "error"}, args...), nil, out, &stderr)
	if r.stderr = stderr.String(); r.code == exitDone {
		return stdout.String(), r
	}
	return "", r
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestWaysIn connects in every way that the flags offer: by "serve", by a client
// command, by environment variables, by a context of the nats command. Wrong
// credentials end both at once and say who was refused. No secret is shown.
func TestWaysIn(t *testing.T) {
	for name, w := range ways(t) {
		t.Run(name, func(t *testing.T) {
			scheme := "nats"
			if w.scheme != "" {
				scheme = w.scheme
			}
			at := scheme + "://" + natstest.Start(t, natstest.With(w.options)).Addr()
			safe := func(r result) {
				t.Helper()
				for _, secret := range []string{"s3cret", "t0ken", "wr0ng"} {
					if strings.Contains(r.stderr+r.stdout, secret) {
						t.Errorf("a secret is shown: %s%s", r.stdout, r.stderr)
					}
				}
			}
			in := func(args ...string) { // nobody answers there, which is known only inside
				t.Helper()
				r := reddot(t, nil, append([]string{"status"}, args...)...)
				r.failed(t, exitFailed, "no reddot serves the prefix unread at "+at)
				safe(r)
			}
			in(append([]string{"--server", at}, w.args...)...)
			ready, r := servedBy(t, append([]string{"--nats", at}, w.args...)...)
			if !strings.HasPrefix(ready, "ready nats="+at+" http=") {
				t.Errorf("%q %+v", ready, r)
			}
			if w.context != nil {
				context := fileOf(t, w.context(at))
				in("--nats-context", context)
				if ready, r := servedBy(t, "--nats-context", context); !strings.HasPrefix(ready, "ready nats="+at+" http=") {
					t.Errorf("%q %+v", ready, r)
				}
			}
			for _, args := range [][]string{w.wrong, nil} {
				for _, r := range []result{
					reddot(t, nil, append([]string{"status", "--server", at}, args...)...),
					second(servedBy(t, append([]string{"--nats", at}, args...)...)),
				} {
					says := w.says
					if args == nil {
						says = []string{"NATS server at"}
					}
					r.failed(t, exitFailed, append([]string{at}, says...)...)
					safe(r)
				}
			}
			t.Setenv("REDDOT_SERVER", at)
			for i := 0; i < len(w.args); i += 2 {
				t.Setenv(variable(strings.TrimPrefix(w.args[i], "--")), w.args[i+1])
			}
			in()
		})
	}
}

func second[A, B any](_ A, b B) B { return b }

// TestSecretsInURL: passwords and tokens in a URL are neither on the ready line
// nor in an error.
func TestSecretsInURL(t *testing.T) {
	for user, o := range map[*url.Userinfo]*server.Options{
		url.UserPassword("reddot", "s3cr@t"): {Username: "reddot", Password: "s3cr@t"},
		url.User("s3cr@t"):                   {Authorization: "s3cr@t"},
	} {
		right := url.URL{Scheme: "nats", Host: natstest.Start(t, natstest.With(o)).Addr(), User: user}
		wrong := right
		wrong.User = url.UserPassword("reddot", "s3cr@t.")
		if _, ok := user.Password(); !ok {
			wrong.User = url.User("s3cr@t.")
		}
		ready, r := servedBy(t, "--nats", right.String())
		if !strings.HasPrefix(ready, "ready nats=nats://") || !strings.Contains(ready, natsconn.Hidden+"@"+right.Host+" ") {
			t.Errorf("%q %+v", ready, r)
		}
		for _, r := range []result{
			{stderr: ready},
			second(servedBy(t, "--nats", wrong.String())),
			reddot(t, nil, "status", "--server", wrong.String()),
			reddot(t, nil, "status", "--server", right.String()),
			reddot(t, nil, "watch", "alice", "--for", "1ms", "--server", right.String()),
			reddot(t, nil, "serve", "--nats", right.String()+":x"),
			reddot(t, nil, "status", "--server", right.String()+",s3cr@t@h:x"),
		} {
			if strings.Contains(r.stderr, "s3cr") || strings.Contains(r.stdout, "s3cr") {
				t.Errorf("shown: %s%s", r.stdout, r.stderr)
			}
		}
	}
}

// TestNATSContextByName reads a context where the nats command keeps it; the
// server of a flag goes before its own.
func TestNATSContextByName(t *testing.T) {
	at := natstest.Start(t, natstest.With(&server.Options{Username: "reddot", Password: "s3cret"})).URL()
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	t.Setenv("NATS_URL", "nats://127.0.0.1:1")
	for name, url := range map[string]string{"prod": at, "elsewhere": "nats://127.0.0.1:1"} {
		content := fmt.Sprintf(`{"description":"x","url":%q,"user":"reddot","password":"s3cret","inbox_prefix":"_INBOX_me"}`, url)
		if err := writeFile(filepath.Join(home, "nats", "context", name+".json"), []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	reddot(t, nil, "status", "--nats-context", "prod").failed(t, exitFailed, "no reddot serves the prefix unread at "+at)
	reddot(t, nil, "status", "--nats-context", "elsewhere", "--server", at).failed(t, exitFailed, "no reddot serves the prefix unread at "+at)
	reddot(t, nil, "status", "--nats-context", "elsewhere").failed(t, exitFailed, "no NATS server at nats://127.0.0.1:1")
	reddot(t, nil, "status", "--nats-context", "none").failed(t, exitFailed, `--nats-context none: unknown context "none"`, "nats context ls")
	if ready, r := servedBy(t, "--nats-context", "prod"); !strings.HasPrefix(ready, "ready nats="+at) {
		t.Errorf("%q %+v", ready, r)
	}
}

// TestSeveralServers: one of several URLs is enough.
func TestSeveralServers(t *testing.T) {
	at := natstest.Start(t).URL()
	both := "nats://127.0.0.1:1," + at
	reddot(t, nil, "status", "--server", both).failed(t, exitFailed, "no reddot serves")
	if ready, r := servedBy(t, "--nats", both); !strings.HasPrefix(ready, "ready nats="+at) {
		t.Errorf("%q %+v", ready, r)
	}
}

// TestWrongWays: what can't be right is said before anything is connected to.
func TestWrongWays(t *testing.T) {
	empty, text := fileOf(t, "\n"), fileOf(t, "no key")
	for line, words := range map[string]string{
		"--nats-user u":                               "--nats-user and --nats-password-file go together",
		"--nats-password-file f":                      "--nats-user and --nats-password-file go together",
		"--nats-cert f":                               "--nats-cert and --nats-key go together",
		"--nats-key f":                                "--nats-cert and --nats-key go together",
		"--nats-token-file f --nats-nkey g":           "--nats-token-file and --nats-nkey both say who connects",
		"--nats-creds f --nats-context g":             "--nats-creds and --nats-context both say who connects",
		"--nats-inbox-prefix a.*":                     "--nats-inbox-prefix",
		"--nats-user u --nats-password-file none":     "--nats-password-file: open none: no such file",
		"--nats-token-file " + empty:                  "is empty",
		"--nats-nkey " + text:                         "there is no seed in it",
		"--nats-creds " + text:                        "there are no NATS credentials in it",
		"--nats-ca " + text:                           "there is no certificate in PEM form",
		"--nats-ca none":                              "--nats-ca: open none: no such file",
		"--nats-cert " + text + " --nats-key " + text: "--nats-cert " + text,
	} {
		for _, command := range []string{"status --server", "serve --http= --data " + t.TempDir() + " --nats"} {
			r := reddot(t, nil, strings.Fields(command+" nats://127.0.0.1:1 "+line)...)
			if !strings.Contains(r.stderr, words) || r.code == exitDone || strings.Count(r.stderr, "\n") != 1 {
				t.Errorf("%s %s: code %d: %s", command, line, r.code, r.stderr)
			}
		}
	}
	reddot(t, nil, "status", "--server", "nats://a:b@127.0.0.1:1", "--nats-token-file", text).failed(t, exitUsage, "URL says who connects, and --nats-token-file too")
	reddot(t, nil, "serve", "--nats-ca", text).failed(t, exitUsage, "--nats-ca is for an existing NATS server: name it with --nats")
}
