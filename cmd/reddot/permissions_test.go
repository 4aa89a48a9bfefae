package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	natsd "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/cmd/reddot/server"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// permissions are what reddot's user needs.
func permissions(t *testing.T, snapshots string, trim bool) []server.Permission {
	t.Helper()
	cfg := server.Default()
	cfg.Snapshots, cfg.Trim = snapshots, trim
	return testkit.Must(cfg.Permissions())(t)
}

// restricted runs a NATS server with users that have the password "x": "reddot"
// with all that reddot needs, "admin" who may do anything, and for each
// permission one who lacks it, named "lacks N".
func restricted(t *testing.T, list []server.Permission) (url string) {
	t.Helper()
	user := func(name string, permitted []server.Permission) *natsd.User {
		p := &natsd.Permissions{Publish: &natsd.SubjectPermission{}, Subscribe: &natsd.SubjectPermission{}}
		for _, x := range permitted {
			if x.Verb == server.Publish {
				p.Publish.Allow = append(p.Publish.Allow, x.Subject)
			} else {
				p.Subscribe.Allow = append(p.Subscribe.Allow, x.Subject)
			}
		}
		return &natsd.User{Username: name, Password: "x", Permissions: p}
	}
	o := &natsd.Options{Users: []*natsd.User{{Username: "admin", Password: "x"}, user("reddot", list)}}
	for i := range list {
		o.Users = append(o.Users, user(fmt.Sprintf("lacks %d", i), append(append([]server.Permission{}, list[:i]...), list[i+1:]...)))
	}
	return natstest.Start(t, natstest.With(o)).URL()
}

// TestPermissions: reddot works as a user who has exactly the permissions that it
// says it needs. Where one is missing, it ends and names it; a user without
// JetStream rights, too.
func TestPermissions(t *testing.T) {
	t.Parallel()
	testkit.Unraced(t)
	list := permissions(t, "", false)
	url := restricted(t, list)
	password := fileOf(t, "x")
	as := func(user string) []string {
		return []string{"--nats", url, "--nats-user", user, "--nats-password-file", password}
	}
	fails := func(i int, args ...string) {
		t.Helper()
		p := list[i]
		_, r := servedBy(t, append(as(fmt.Sprintf("lacks %d", i)), args...)...)
		r.failed(t, exitFailed, url+fmt.Sprintf(" does not let the user \"lacks %d\" %s to %s, which it takes to %s: permit it. Reddot's user needs", i, p.Verb, p.Subject, p.To),
			"$JS.API.STREAM.INFO.UNREAD_COMMANDS", "unread.api.>")
	}
	creates := func(p server.Permission) bool { return strings.Contains(p.Subject, ".STREAM.CREATE.") }
	for i, p := range list {
		if creates(p) {
			fails(i)
		}
	}
	log := defaultSubjects(t).CommandStream()
	old := slices.IndexFunc(list, func(p server.Permission) bool { return p.Subject == "$JS.API.STREAM.UPDATE."+log })
	admin := strings.Replace(url, "//", "//admin:x@", 1)
	makeOld(t, admin, log)
	fails(old)
	works(t, admin, as("reddot"), append([]string{"--server"}, as("admin")[1:]...))
	changed := slices.IndexFunc(list, func(p server.Permission) bool {
		return p.Subject == "$JS.API.STREAM.UPDATE."+defaultSubjects(t).EventStream()
	})
	fails(changed, "--events-max-age", "2h")
	for i, p := range list {
		switch {
		case creates(p), i == old, i == changed:
		case p.Vital:
			fails(i)
		default:
			if ready, r := servedBy(t, as(fmt.Sprintf("lacks %d", i))...); ready == "" {
				t.Errorf("without %s, which it can do without: %+v", p.Subject, r)
			}
		}
	}
}

// makeOld makes a log one that an older reddot has made, which had no bound for
// messages.
func makeOld(t *testing.T, url, log string) {
	t.Helper()
	js := testkit.Must(jetstream.New(connect(t, url)))(t)
	config := testkit.Must(js.Stream(t.Context(), log))(t).CachedInfo().Config
	config.MaxMsgSize, config.Metadata = -1, nil
	testkit.Must(js.UpdateStream(t.Context(), config))(t)
}

// TestBucketPermissions: the same with snapshots in a bucket, and a log that is
// trimmed.
func TestBucketPermissions(t *testing.T) {
	list := permissions(t, "bucket:kept", true)
	url := restricted(t, list)
	password := fileOf(t, "x")
	works(t, strings.Replace(url, "//", "//admin:x@", 1), []string{"--nats", url, "--nats-user", "reddot", "--nats-password-file", password, "--snapshots", "bucket:kept", "--trim"},
		[]string{"--server", url, "--nats-user", "admin", "--nats-password-file", password})
}

// works checks that a server works, several times on the same data.
func works(t *testing.T, admin string, serve, ask []string) {
	t.Helper()
	data := t.TempDir()
	for range 3 {
		ctx, end := context.WithCancel(t.Context())
		ready := make(chan struct{}, 1)
		var stderr testkit.Buffer
		out := writerFunc(func(p []byte) (int, error) {
			ready <- struct{}{}
			return len(p), nil
		})
		ended := make(chan int, 1)
		go func() {
			ended <- run(ctx, append([]string{"serve", "--data", data, "--http", "", "--log-level", "warn"}, serve...), nil, out, &stderr)
		}()
		select {
		case <-ready:
		case code := <-ended:
			t.Fatalf("exit code %d: %s", code, stderr.String())
		}
		asked := func(args ...string) string {
			t.Helper()
			return reddot(t, strings.NewReader(`{"subject":"unread.cmd.user.alice.message","payload":{"id":"m1","from":"bob"}}`), append(args, ask...)...).done(t)
		}
		asked("publish", "--wait")
		if got := asked("show", "alice", "--json"); !strings.Contains(got, `"conversation":"c2c_bob"`) {
			t.Errorf("show prints %s", got)
		}
		for _, inbox := range []string{"_INBOX", "unread.inbox.alice"} {
			hears(t, admin, inbox)
		}
		asked("rebuild")
		asked("snapshot", "create")
		if strings.Contains(stderr.String(), "ermission") {
			t.Fatal(stderr.String())
		}
		end()
		if code := <-ended; code != exitDone || strings.Contains(stderr.String(), "ermission") {
			t.Errorf("exit code %d: %s", code, stderr.String())
		}
	}
}

// hears has a user, with an inbox prefix of their own, ask for a command, and
// checks that the answer and the event come.
func hears(t *testing.T, url, inbox string) {
	t.Helper()
	user, err := nats.Connect(url, nats.CustomInboxPrefix(inbox))
	if err != nil {
		t.Fatal(err)
	}
	defer user.Close()
	events, err := user.SubscribeSync("unread.evt.alice.change")
	if err != nil {
		t.Fatal(err)
	}
	reply, err := user.Request("unread.do.alice.unread", []byte(`{"conversation":"c2c_bob"}`), readyWait)
	if err != nil || !strings.Contains(string(reply.Data), `"seq":`) {
		t.Errorf("a user with the inbox %s is answered %v, %v", inbox, reply, err)
	}
	if _, err := events.NextMsg(time.Minute); err != nil {
		t.Errorf("no event: %v", err)
	}
	if _, err := user.Request("unread.do.alice.read-all", nil, readyWait); err != nil {
		t.Error(err)
	}
}

// TestJetStreamOff: a server without JetStream, or too small a one, is named for
// what it lacks.
func TestJetStreamOff(t *testing.T) {
	bare := natstest.StartCore(t)
	_, r := servedBy(t, "--nats", bare.URL())
	r.failed(t, exitFailed, "JetStream is off at the NATS server at "+bare.URL(), "turn it on")
	small := natstest.Start(t, natstest.With(&natsd.Options{JetStreamMaxStore: 20 << 20})).URL()
	_, r = servedBy(t, "--nats", small)
	r.failed(t, exitFailed, "has not the room for the streams", "--events-max-bytes", "now 1GiB")
	if ready, r := servedBy(t, "--nats", small, "--events-max-bytes", "10MiB"); ready == "" {
		t.Errorf("%+v", r)
	}
}

// TestUserRefusedLater: a user that is refused while the server runs ends it,
// with the reason; so does a permission that is taken away.
func TestUserRefusedLater(t *testing.T) {
	list := permissions(t, "", false)
	users := func(password string, list []server.Permission) []*natsd.User {
		p := &natsd.Permissions{Publish: &natsd.SubjectPermission{}, Subscribe: &natsd.SubjectPermission{}}
		for _, x := range list {
			if x.Verb == server.Publish {
				p.Publish.Allow = append(p.Publish.Allow, x.Subject)
			} else {
				p.Subscribe.Allow = append(p.Subscribe.Allow, x.Subject)
			}
		}
		return []*natsd.User{{Username: "reddot", Password: password, Permissions: p}}
	}
	for name, c := range map[string]struct {
		then []*natsd.User
		says []string
	}{
		"password":   {users("other", list), []string{`refuses the user "reddot"`, "Reddot's user needs to publish to"}},
		"permission": {users("x", list[:len(list)-1]), []string{`does not let the user "reddot" subscribe to $SRV.>`, "permit it"}},
	} {
		t.Run(name, func(t *testing.T) {
			ns := natstest.Start(t, func(o *natsd.Options) { o.Users = users("x", list) })
			var stderr bytes.Buffer
			changed := make(chan error, 1)
			out := writerFunc(func(p []byte) (int, error) { // it is ready
				next := ns.Options.Clone()
				next.Users = c.then
				changed <- ns.NATS().ReloadOptions(next)
				return len(p), nil
			})
			code := run(t.Context(), []string{"serve", "--data", t.TempDir(), "--http", "", "--log-level", "error",
				"--nats", ns.URL(), "--nats-user", "reddot", "--nats-password-file", fileOf(t, "x")}, nil, out, &stderr)
			if err := <-changed; err != nil {
				t.Fatal(err)
			}
			result{code, "", stderr.String()}.failed(t, exitFailed, append(c.says, ns.URL())...)
		})
	}
}

// TestPagePermissions: the page of rights lists what reddot's user needs.
func TestPagePermissions(t *testing.T) {
	text := string(testkit.Must(os.ReadFile(filepath.Join("..", "..", "api", "docs", "access.md")))(t))
	for _, p := range permissions(t, "bucket:NAME", true) {
		if !strings.Contains(text, "`"+p.Subject+"`") {
			t.Errorf("%s %s is not in it", p.Verb, p.Subject)
		}
	}
}
