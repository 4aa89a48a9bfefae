package natsconn_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/spf13/pflag"

	"reddot/cmd/reddot/natsconn"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// given is a client with flags.
func given(t *testing.T, flags ...string) *natsconn.Client {
	t.Helper()
	c := &natsconn.Client{}
	f := pflag.NewFlagSet("test", pflag.ContinueOnError)
	c.AddFlags(f)
	testkit.OK(t, f.Parse(flags))
	return c
}

// file writes a file of its own.
func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	testkit.OK(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// mustSay checks an error's text.
func mustSay(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error: want %q", words)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%v: want %q", err, w)
		}
	}
}

// guarded is a server with one user who may not publish on "closed".
func guarded(o *server.Options) {
	o.Users = []*server.User{{Username: "me", Password: "s3cret",
		Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"closed"}}, Subscribe: &server.SubjectPermission{Deny: []string{"_INBOX.x"}}}}}
}

// TestURLs: the flag goes before the context, the context before NATS_URL.
func TestURLs(t *testing.T) {
	context := file(t, `{"url":"nats://context:1"}`)
	for _, c := range []struct {
		env   string
		flags []string
		want  string
		named bool
	}{
		{"", nil, nats.DefaultURL, false},
		{"nats://env:1", nil, "nats://env:1", true},
		{"nats://env:1", []string{"--nats-context", context}, "nats://context:1", true},
		{"nats://env:1", []string{"--nats-context", context, "--server", "nats://a:1,b:2"}, "nats://a:1,b:2", true},
		{"nats://env:1", []string{"--nats-context", "no-such"}, "", true},
	} {
		t.Setenv("NATS_URL", c.env)
		got := given(t, c.flags...)
		if got.URLs() != c.want || got.IsNamed() != c.named {
			t.Errorf("%+v: %s, named %v", c, got.URLs(), got.IsNamed())
		}
	}
}

// TestValidate: what can't be right is refused before anything is connected to.
func TestValidate(t *testing.T) {
	for flags, words := range map[string]string{
		"--timeout 1us":                                      "--timeout 1µs: use at least 1ms",
		"--server http://h":                                  "use nats://",
		"--nats-user u":                                      "--nats-user and --nats-password-file go together",
		"--nats-key f":                                       "--nats-cert and --nats-key go together",
		"--nats-token-file f --nats-nkey g":                  "--nats-token-file and --nats-nkey both say who connects",
		"--nats-inbox-prefix a.*":                            "--nats-inbox-prefix",
		"--server nats://me:pw@h --nats-creds f":             "the server's URL says who connects, and --nats-creds too",
		"--server nats://me:pw@h --nats-context no-such":     "",
		"--nats-user u --nats-password-file f --timeout 1ms": "",
	} {
		err := given(t, strings.Fields(flags)...).Validate()
		if words == "" && err != nil || words != "" && (err == nil || !strings.Contains(err.Error(), words)) {
			t.Errorf("%s: %v, want %q", flags, err, words)
		}
	}
}

// TestDial: what a failed connection means, without what lets one in.
func TestDial(t *testing.T) {
	at := strings.TrimPrefix(natstest.StartCore(t, guarded).URL(), "nats://")
	right, wrong := file(t, "s3cret\n"), file(t, "wr0ng")
	conn := testkit.Must(given(t, "--server", at, "--nats-user", "me", "--nats-password-file", right).Dial("me"))(t)
	if every, missed := conn.Opts.PingInterval, conn.Opts.MaxPingsOut; every != natsconn.PingEvery || missed != natsconn.PingsMissed || conn.Opts.AllowReconnect {
		t.Errorf("pings every %v, %d missed, reconnects %v", every, missed, conn.Opts.AllowReconnect)
	}
	if conn.URL != "nats://"+at || conn.Opts.Name != "me" {
		t.Errorf("%s as %s", conn.URL, conn.Opts.Name)
	}
	conn.Close()
	for flags, words := range map[string][]string{
		"--server nats://127.0.0.1:1":                                       {"no NATS server at nats://127.0.0.1:1", "reddot serve"},
		"--server nats://me:s3cret@127.0.0.1:1":                             {"no NATS server at nats://me:xxxxx@127.0.0.1:1"},
		"--server nats://no-such-host.invalid:4222":                         {"connect to the NATS server at nats://no-such-host.invalid:4222"},
		"--server " + at:                                                    {"refuses this user", "--nats-creds"},
		"--server " + at + " --nats-user me --nats-password-file " + wrong:  {`refuses the user "me"`, "--nats-user"},
		"--server nats://127.0.0.1:1," + at + " --nats-token-file " + wrong: {at + " refuses the token in " + wrong},
		"--server nats://me:wr0ng@" + at:                                    {`nats://me:xxxxx@` + at, `refuses the user "me"`},
		"--nats-context no-such --server " + at:                             {"--nats-context no-such", "nats context ls"},
		"--server " + at + " --nats-user me --nats-password-file no-such":   {"--nats-password-file: open no-such"},
	} {
		conn, err := given(t, strings.Fields(flags)...).Dial("test")
		if err == nil {
			conn.Close()
		}
		mustSay(t, err, words...)
		if err != nil && (strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "wr0ng")) {
			t.Errorf("%s: a secret is shown: %v", flags, err)
		}
	}
}

// TestBind: a context that is bound to a connection ends with it, and with the
// first thing that the server does not permit.
func TestBind(t *testing.T) {
	s := natstest.StartCore(t, guarded)
	c := given(t, "--server", "me:s3cret@"+strings.TrimPrefix(s.URL(), "nats://"))
	dial := func() (*natsconn.Conn, context.Context) {
		conn := testkit.Must(c.Dial("test"))(t)
		t.Cleanup(conn.Close)
		ctx, unbind := conn.Bind(t.Context())
		t.Cleanup(unbind)
		return conn, ctx
	}
	refused, why := dial()
	testkit.OK(t, refused.Publish("open", nil), refused.Publish("closed", nil))
	testkit.Receive(t, "the refusal", why.Done())
	mustSay(t, context.Cause(why), `refuses this to the user "me"`, "permissions violation", "--nats-creds")
	if !errors.Is(context.Cause(why), nats.ErrPermissionViolation) {
		t.Errorf("%v is no permission violation", context.Cause(why))
	}

	deaf, why := dial()
	testkit.Must(deaf.SubscribeSync("_INBOX.x"))(t)
	testkit.Receive(t, "the refusal", why.Done())
	mustSay(t, context.Cause(why), `Subscription to "_INBOX.x"`, "--nats-inbox-prefix")

	_, lost := dial()
	_, other := dial()
	ended, unbind := (&natsconn.Conn{}).Bind(other)
	s.Stop()
	testkit.Receive(t, "the loss", lost.Done())
	mustSay(t, context.Cause(lost), "lost the connection to the NATS server at nats://me:xxxxx@")
	testkit.Receive(t, "the end of a context that is bound twice", ended.Done())
	unbind()

	conn := &natsconn.Conn{} // of which nobody looks whether it is lost
	free, unbind := conn.Bind(t.Context())
	if free.Err() != nil {
		t.Errorf("it has ended: %v", free.Err())
	}
	unbind()
	if !errors.Is(context.Cause(free), context.Canceled) {
		t.Errorf("it has ended with %v", context.Cause(free))
	}
}

// TestDialLasting: a connection comes back with the server, and ends when its user
// is refused. Whoever closes one has not lost it.
func TestDialLasting(t *testing.T) {
	s := natstest.StartCore(t, guarded)
	password := file(t, "s3cret")
	c := given(t, "--server", s.URL(), "--nats-user", "me", "--nats-password-file", password)
	lost := make(chan error, 1)
	conn := testkit.Must(c.DialLasting("test", func(err error) { lost <- err }))(t)
	defer conn.Close()
	if every, missed := conn.Opts.PingInterval, conn.Opts.MaxPingsOut; every != natsconn.PingEvery || missed != natsconn.PingsMissed {
		t.Errorf("pings every %v, %d missed", every, missed)
	}
	back := conn.StatusChanged(nats.CONNECTED)
	s.Restart()
	testkit.Receive(t, "the server again", back)

	testkit.OK(t, os.WriteFile(password, []byte("wr0ng"), 0o600))
	s.Restart()
	mustSay(t, testkit.Receive(t, "the end", lost), `refuses the user "me"`, "--nats-user")

	testkit.OK(t, os.WriteFile(password, []byte("s3cret"), 0o600))
	own := testkit.Must(c.DialLasting("test", func(err error) { t.Errorf("who has closed it hears %v", err) }))(t)
	closed := own.StatusChanged(nats.CLOSED)
	own.Close()
	testkit.Receive(t, "the close", closed)

	_, err := given(t, "--server", "nats://127.0.0.1:1", "--timeout", time.Second.String()).DialLasting("test", func(error) { t.Error("lost what it never had") })
	mustSay(t, err, "no NATS server at nats://127.0.0.1:1")
}

// TestInboxPrefix: the flag goes before the context, that before the client's own.
func TestInboxPrefix(t *testing.T) {
	context := file(t, `{"url":"nats://h:1","inbox_prefix":"_INBOX_context"}`)
	for _, c := range []struct {
		own   string
		flags []string
		want  string
	}{
		{"", nil, "_INBOX"}, {"_INBOX_own", nil, "_INBOX_own"},
		{"_INBOX_own", []string{"--nats-context", context}, "_INBOX_context"},
		{"_INBOX_own", []string{"--nats-context", context, "--nats-inbox-prefix", "me.too"}, "me.too"},
	} {
		cfg := given(t, c.flags...)
		cfg.OwnInbox = c.own
		if got := cfg.InboxPrefix(); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// TestFlagsInUse are named as they were given.
func TestFlagsInUse(t *testing.T) {
	c := given(t, "--creds", "c", "--nats-ca", "a", "--nats-inbox-prefix", "i")
	if got := fmt.Sprint(c.Given(), c.Trust()); got != "[--nats-creds] [--nats-ca --nats-inbox-prefix]" {
		t.Error(got)
	}
}
