package server_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	natsd "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"reddot/api/identity"
	"reddot/cmd/reddot/server"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// secret signs the tokens of tests.
const secret = "a secret of at least thirty-two bytes"

// authFile is a file of who may come in: a key of each role, named as the role, is
// rdk_ROLE, and tokens are signed with the secret.
func authFile(t *testing.T) string {
	t.Helper()
	var keys []string
	for _, role := range identity.Roles() {
		if role != identity.User {
			sum := sha256.Sum256([]byte("rdk_" + role.String()))
			keys = append(keys, fmt.Sprintf(`{"name":%[1]q,"role":%[1]q,"sha256":%[2]q}`, role, hex.EncodeToString(sum[:])))
		}
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "auth.json")
	text := `{"keys":[` + strings.Join(keys, ",") + `],"tokens":{"secret_file":"secret"},"origins":["https://chat.example"]}`
	testkit.OK(t, os.WriteFile(filepath.Join(dir, "secret"), []byte(secret), 0o600), os.WriteFile(path, []byte(text), 0o600))
	return path
}

// token is a user's, with the claim "reddot" unless that is empty.
func token(t *testing.T, user string, ttl time.Duration, can ...string) string {
	t.Helper()
	claims := jwt.MapClaims{"sub": user, "exp": jwt.NewNumericDate(time.Now().Add(ttl))}
	if can != nil {
		claims["reddot"] = map[string]any{"can": can}
	}
	return testkit.Must(jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret)))(t)
}

// guarded is a running reddot that asks who somebody is, with an address of NATS.
type guarded struct {
	*run
	name, url string
}

// guardedByItself is one with the embedded NATS server.
func guardedByItself(t *testing.T) guarded {
	file := authFile(t)
	r := start(t, t.TempDir(), true, func(c *server.Config) { c.AuthFile, c.WebSocket = file, true })
	return guarded{r, "embedded", r.nats}
}

// needs are the permissions that reddot's user needs on a NATS server that asks it.
func needs(t *testing.T) *natsd.Permissions {
	t.Helper()
	cfg := server.Default()
	cfg.AuthCallout = "seed"
	p := &natsd.Permissions{Publish: &natsd.SubjectPermission{}, Subscribe: &natsd.SubjectPermission{}}
	for _, need := range testkit.Must(cfg.Permissions())(t) {
		list := p.Publish
		if need.Verb == server.Subscribe {
			list = p.Subscribe
		}
		list.Allow = append(list.Allow, need.Subject)
	}
	return p
}

// guardedByCallout is one with a NATS server of its own kind, which asks reddot; reddot's
// user there may do what it says it needs, and nothing else.
func guardedByCallout(t *testing.T) guarded {
	account := testkit.Must(nkeys.CreateAccount())(t)
	public, seed := testkit.Must(account.PublicKey())(t), testkit.Must(account.Seed())(t)
	path := filepath.Join(t.TempDir(), "seed")
	testkit.OK(t, os.WriteFile(path, seed, 0o600))
	in := natsd.NewAccount(server.CalloutAccount)
	ns := natstest.Start(t, func(o *natsd.Options) {
		o.Accounts = []*natsd.Account{in}
		o.Users = []*natsd.User{{Username: "reddot", Password: "x", Account: in, Permissions: needs(t)}}
		o.AuthCallout = &natsd.AuthCallout{Issuer: public, Account: server.CalloutAccount, AuthUsers: []string{"reddot"}}
		o.AuthTimeout = 5
	})
	testkit.OK(t, testkit.Must(ns.NATS().LookupAccount(server.CalloutAccount))(t).EnableJetStream(nil, nil))
	file := authFile(t)
	r := start(t, t.TempDir(), true, func(c *server.Config) {
		c.NATS, c.AuthFile, c.AuthCallout = strings.Replace(ns.URL(), "//", "//reddot:x@", 1), file, path
	})
	return guarded{r, "callout", ns.URL()}
}

// dial connects with a credential.
func (g guarded) dial(t *testing.T, credential string, options ...nats.Option) *nats.Conn {
	t.Helper()
	c := testkit.Must(nats.Connect(g.url, append([]nats.Option{nats.Token(credential), nats.NoReconnect(), quiet}, options...)...))(t)
	t.Cleanup(c.Close)
	return c
}

// quiet leaves what a server refuses to who asks for it.
var quiet = nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})

// may reports whether a connection may do something with a subject: what the server
// refuses it says before it answers the flush.
func may(t *testing.T, c *nats.Conn, verb server.Verb, subject string) bool {
	t.Helper()
	if verb == server.Publish {
		testkit.OK(t, c.Publish(subject, nil))
	} else {
		sub := testkit.Must(c.SubscribeSync(subject))(t)
		defer sub.Unsubscribe()
	}
	testkit.OK(t, c.Flush())
	err := c.LastError()
	return err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", subject))
}

// TestNATSTable: who may publish and subscribe to what, at the embedded server and at one
// that asks reddot.
func TestNATSTable(t *testing.T) {
	who := map[string]string{
		"U": token(t, "alice", time.Hour), "R": token(t, "alice", time.Hour, "read"), "W": token(t, "alice", time.Hour, "mark"), "K": token(t, "key", time.Hour),
		"B": "rdk_backend", "V": "rdk_viewer", "O": "rdk_operator",
	}
	type row struct {
		verb    server.Verb
		subject string
		may     string
	}
	rows := []row{
		{server.Publish, "unread.do.alice.read", "UW"}, {server.Publish, "unread.do.bob.read", ""}, {server.Publish, "unread.do.key.read", "K"},
		{server.Publish, "unread.api.alice.watch", "URB"}, {server.Publish, "unread.api.bob.watch", "B"}, {server.Publish, "unread.api.status", "BVO"},
		{server.Publish, "unread.api.rebuild", "BO"}, {server.Publish, "unread.api.snapshot", "BO"}, {server.Publish, "unread.api.hold", "BO"},
		{server.Publish, "unread.cmd.user.alice.read", "B"}, {server.Publish, "unread.cmd.policy", "B"}, {server.Publish, "$SRV.PING", "B"},
		{server.Publish, "unread.evt.alice.change", ""}, {server.Publish, "unread.rejected", ""}, {server.Publish, "unread-out.x.change", ""},
		{server.Publish, "unread-peer.x", ""}, {server.Publish, "unread.inbox.alice.x", ""}, {server.Publish, "_INBOX.x", ""}, {server.Publish, "_INBOX_reddot.x", ""},
		{server.Publish, "$JS.API.STREAM.INFO.UNREAD_EVENTS", "B"}, {server.Publish, "$JS.API.CONSUMER.INFO.UNREAD_EVENTS.x", "B"},
		{server.Publish, "$JS.API.STREAM.PURGE.UNREAD_COMMANDS", ""}, {server.Publish, "$JS.API.STREAM.DELETE.UNREAD_EVENTS", ""},
		{server.Publish, "$JS.API.CONSUMER.CREATE.UNREAD_COMMANDS", ""}, {server.Publish, "$JS.API.STREAM.MSG.GET.UNREAD_COMMANDS", ""},
		{server.Publish, "$SYS.REQ.SERVER.PING", ""}, {server.Publish, "$SYS.REQ.USER.AUTH", ""},
		{server.Subscribe, "unread.evt.alice.>", "URBVO"}, {server.Subscribe, "unread.evt.bob.>", "BVO"}, {server.Subscribe, "unread.evt.>", "BVO"},
		{server.Subscribe, "unread.evt.*.change", "BVO"}, {server.Subscribe, "unread.rejected", "BVO"}, {server.Subscribe, "unread.cmd.>", ""},
		{server.Subscribe, "unread.api.alice.totals", ""}, {server.Subscribe, "unread.do.>", ""}, {server.Subscribe, "unread-out.>", ""},
		{server.Subscribe, "unread-peer.*", ""}, {server.Subscribe, "unread.inbox.alice.>", "URW"}, {server.Subscribe, "unread.inbox.bob.>", ""},
		{server.Subscribe, "unread.inbox.>", ""}, {server.Subscribe, "unread.inbox.*.x", ""}, {server.Subscribe, "unread.inbox.key.>", ""},
		{server.Subscribe, "unread.inbox.key.viewer.>", "V"}, {server.Subscribe, "unread.inbox.key.operator.>", "O"},
		{server.Subscribe, "_INBOX.>", "B"}, {server.Subscribe, "_INBOX_reddot.>", ""}, {server.Subscribe, ">", ""}, {server.Subscribe, "*.>", ""},
		{server.Subscribe, "$SYS.>", ""}, {server.Subscribe, "$SYS.REQ.USER.AUTH", ""}, {server.Subscribe, "$JS.API.>", ""}, {server.Subscribe, "$JS.EVENT.ADVISORY.>", ""},
	}
	for _, q := range []string{"totals", "conversations", "conversation", "explain", "receipt", "threads", "thread", "group-receipts", "readers"} {
		rows = append(rows, row{server.Publish, "unread.api.alice." + q, "URBVO"}, row{server.Publish, "unread.api.bob." + q, "BVO"})
	}
	for _, g := range []guarded{guardedByItself(t), guardedByCallout(t)} {
		for mark, credential := range who {
			c := g.dial(t, credential)
			for _, r := range rows {
				if got, want := may(t, c, r.verb, r.subject), strings.Contains(r.may, mark); got != want {
					t.Errorf("%s: %s may %s to %s: %v, want %v", g.name, mark, r.verb, r.subject, got, want)
				}
			}
			c.Close()
		}
		g.stop()
	}
}

// TestNATSRefused: who has no credential, or a wrong one, does not come in; the log says
// why, and never with what, and all of it is counted.
func TestNATSRefused(t *testing.T) {
	for _, g := range []guarded{guardedByItself(t), guardedByCallout(t)} {
		wrong := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": "alice", "exp": time.Now().Add(time.Hour).Unix()})
		forged := testkit.Must(wrong.SignedString([]byte("another secret")))(t)
		refused := []string{forged, "rdk_nobody_has_this_key", "rdk_metrics", token(t, "alice", -time.Minute), "not-a-token-at-all"}
		for _, credential := range append(refused, "") {
			c, err := nats.Connect(g.url, nats.Token(credential), nats.NoReconnect())
			if err == nil {
				c.Close()
				t.Errorf("%s: %q is let in", g.name, credential)
			}
		}
		for _, says := range []string{"NATS connection refused", "no such key", "token expired", "none missing", `may do nothing on NATS`, "token invalid: ", "client="} {
			testkit.Eventually(t, "the log says "+says, func() bool { return g.log.Has(says) })
		}
		for _, credential := range refused {
			for _, part := range append(strings.Split(credential, "."), credential) {
				if len(part) > 8 && g.log.Has(part) && part != "rdk_metrics" {
					t.Errorf("%s: the log has %q of a credential:\n%s", g.name, part, g.log)
				}
			}
		}
		_, body := get(t, "http://"+g.http+"/metrics", "rdk_metrics")
		for _, figure := range []string{`{method="key",outcome="invalid"} 1`, `{method="token",outcome="invalid"} 2`, `{method="token",outcome="expired"} 1`, `{method="none",outcome="missing"} 1`, `{method="key",outcome="ok"} 2`} {
			if !strings.Contains(body, "reddot_auth_total"+figure) {
				t.Errorf("%s: %s is not counted", g.name, figure)
			}
		}
		g.stop()
	}
}

// TestNATSUser: a user asks, marks and hears on an inbox of their own, and a spy there or
// on everybody's hears nothing; at the token's end the connection is closed.
func TestNATSUser(t *testing.T) {
	for _, g := range []guarded{guardedByItself(t), guardedByCallout(t)} {
		own := nats.CustomInboxPrefix("unread.inbox.alice")
		alice, bob := g.dial(t, token(t, "alice", time.Hour), own), g.dial(t, token(t, "bob", time.Hour))
		for _, subject := range []string{"_INBOX.>", "unread.inbox.>", "unread.inbox.alice.>"} {
			if may(t, bob, server.Subscribe, subject) {
				t.Errorf("%s: bob hears %s", g.name, subject)
			}
		}
		events := testkit.Must(alice.SubscribeSync("unread.evt.alice.>"))(t)
		testkit.OK(t, alice.Flush())
		chat := g.dial(t, "rdk_backend")
		stored := testkit.Must(chat.RequestWithContext(testkit.Context(t), "unread.cmd.user.alice.message", []byte(`{"id":"m1","from":"bob"}`)))(t)
		if !strings.Contains(string(stored.Data), `"seq":`) {
			t.Errorf("%s: %s", g.name, stored.Data)
		}
		testkit.Must(events.NextMsgWithContext(testkit.Context(t)))(t)
		for subject, request := range map[string]string{"unread.api.alice.totals": `{"after_seq":1}`, "unread.do.alice.read": `{"conversation":"c2c_bob","wait":"applied"}`} {
			reply := testkit.Must(alice.RequestWithContext(testkit.Context(t), subject, []byte(request)))(t)
			if len(reply.Header) > 1 || !strings.Contains(string(reply.Data), `{`) {
				t.Errorf("%s: %s: %v %s", g.name, subject, reply.Header, reply.Data)
			}
		}
		viewer := g.dial(t, "rdk_viewer", nats.CustomInboxPrefix("unread.inbox.key.viewer"))
		if reply := testkit.Must(viewer.RequestWithContext(testkit.Context(t), "unread.api.alice.totals", nil))(t); !strings.Contains(string(reply.Data), `"user":"alice"`) {
			t.Errorf("%s: %s", g.name, reply.Data)
		}
		told := make(chan error, 16)
		short := g.dial(t, token(t, "alice", 5*time.Second), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { told <- err }))
		if err := testkit.Receive(t, "the end of the token", told); !errors.Is(err, nats.ErrAuthExpired) {
			t.Errorf("%s: it ends with %v", g.name, err)
		}
		testkit.Eventually(t, "the connection is closed", short.IsClosed)
		g.stop()
	}
}

// TestNATSReload: a key that is taken out of the file no longer lets in once it is read
// again, and a file that can't be read changes nothing.
func TestNATSReload(t *testing.T) {
	file, again := authFile(t), make(chan os.Signal)
	r := start(t, t.TempDir(), true, func(c *server.Config) { c.AuthFile, c.Reload = file, again })
	g := guarded{r, "embedded", r.nats}
	g.dial(t, "rdk_viewer").Close()
	testkit.OK(t, os.WriteFile(file, []byte(`{"keys":`), 0o600))
	again <- os.Interrupt
	testkit.Eventually(t, "it is refused", func() bool { return r.log.Has("can't be used", "not JSON") })
	viewer, user := g.dial(t, "rdk_viewer"), g.dial(t, token(t, "viewer", time.Hour))
	testkit.OK(t, os.WriteFile(file, []byte(`{"keys":[],"tokens":{"secret_file":"secret"}}`), 0o600))
	again <- os.Interrupt
	testkit.Eventually(t, "what the key has open is closed", viewer.IsClosed)
	testkit.OK(t, user.Flush())
	if _, err := nats.Connect(r.nats, nats.Token("rdk_viewer")); err == nil {
		t.Error("the key that is gone is let in")
	}
	r.stop()
}

// TestKeySetFirst: it is not ready before the keys are there that tokens are checked with,
// and then it is, without a new start.
func TestKeySetFirst(t *testing.T) {
	var there atomic.Bool
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !there.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.Write([]byte(`{"keys":[]}`))
	}))
	defer issuer.Close()
	file := filepath.Join(t.TempDir(), "auth.json")
	testkit.OK(t, os.WriteFile(file, fmt.Appendf(nil, `{"tokens":{"jwks_url":%q}}`, issuer.URL), 0o600))
	ready := make(chan string, 1)
	r := start(t, t.TempDir(), false, func(c *server.Config) {
		c.AuthFile, c.Ready = file, func(_, http string) { ready <- http }
	})
	testkit.Eventually(t, "queries are taken, and the keys are not there", func() bool { return r.log.Has("queries are taken") && r.log.Has("fetch the key set") })
	select {
	case <-ready:
		t.Error("it is ready without the keys")
	default:
	}
	there.Store(true)
	address := testkit.Receive(t, "it is ready", ready)
	if code, body := get(t, "http://"+address+"/readyz"); code != http.StatusOK {
		t.Errorf("%d %s", code, body)
	}
	r.stop()
}

// TestNATSConnections: one user has ten connections at most, and again one when one has
// ended.
func TestNATSConnections(t *testing.T) {
	for _, g := range []guarded{guardedByItself(t), guardedByCallout(t)} {
		mine := token(t, "alice", time.Hour)
		connect := func() (*nats.Conn, error) { return nats.Connect(g.url, nats.Token(mine), nats.NoReconnect()) }
		var all []*nats.Conn
		for range 10 {
			all = append(all, g.dial(t, mine))
		}
		for range 2 {
			if _, err := connect(); err == nil {
				t.Errorf("%s: the eleventh is let in", g.name)
			}
		}
		g.dial(t, token(t, "bob", time.Hour))
		for range 11 {
			g.dial(t, "rdk_backend")
		}
		all[3].Close()
		testkit.Eventually(t, "one more is let in", func() bool {
			c, err := connect()
			if err == nil {
				t.Cleanup(c.Close)
			}
			return err == nil
		})
		if _, err := connect(); err == nil {
			t.Errorf("%s: the eleventh is let in", g.name)
		}
		g.stop()
	}
}
