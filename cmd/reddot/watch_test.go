package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	goclient "reddot/api/client"
	"reddot/cmd/reddot/datadir"
	"reddot/cmd/reddot/repository"
	"reddot/cmd/reddot/server"
	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// served runs a server in this process and returns the address of its NATS
// server once it is ready. stop ends it; the test's end does so, too.
func served(t *testing.T, dir, listen string, change ...func(*server.Config)) (address string, stop func()) {
	t.Helper()
	ready := make(chan string, 1)
	cfg := server.Default()
	cfg.Data, cfg.Listen, cfg.HTTP, cfg.Snapshots, cfg.FanoutLimit = datadir.Dir(dir), listen, "", repository.Off, 1
	cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	cfg.ServiceVersion, cfg.Ready = serviceVersion(), func(nats, _ string) { ready <- nats }
	for _, f := range change {
		f(&cfg)
	}
	s := testkit.Must(server.New(cfg))(t)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	select {
	case url := <-ready:
		t.Cleanup(stop)
		return strings.TrimPrefix(url, "nats://"), stop
	case err := <-ended:
		t.Fatalf("serve: %v", err)
		return "", nil
	}
}

// watching is a watch under way.
type watching struct {
	lines  *bufio.Scanner
	stderr *testkit.Buffer
	stop   context.CancelFunc
	code   chan int
}

func watch(t *testing.T, args ...string) *watching {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	out, in := io.Pipe()
	w := &watching{lines: bufio.NewScanner(out), stderr: new(testkit.Buffer), stop: stop, code: make(chan int, 1)}
	go func() {
		w.code <- run(ctx, append([]string{"watch"}, args...), nil, in, w.stderr)
		in.Close()
	}()
	t.Cleanup(func() {
		stop()
		for w.lines.Scan() { // lets a blocked writer go
		}
	})
	return w
}

// says waits for a text on stderr.
func (w *watching) says(t *testing.T, text string) {
	t.Helper()
	testkit.Eventually(t, "stderr has "+text, func() bool { return strings.Contains(w.stderr.String(), text) })
}

// until returns the lines up to one with the text.
func (w *watching) until(t *testing.T, text string) []string {
	t.Helper()
	var lines []string
	for w.lines.Scan() {
		lines = append(lines, w.lines.Text())
		if strings.Contains(w.lines.Text(), text) {
			return lines
		}
	}
	t.Fatalf("watch ended before %q: %q %s", text, lines, w.stderr)
	return nil
}

// end asks the watch to end and expects that it does so well.
func (w *watching) end(t *testing.T) {
	t.Helper()
	w.stop()
	for w.lines.Scan() {
		t.Errorf("a line after the end: %s", w.lines.Text())
	}
	if code := <-w.code; code != exitDone {
		t.Errorf("exit code %d: %s", code, w.stderr)
	}
}

func backEnd(t *testing.T, address string) *goclient.Client {
	t.Helper()
	c, err := goclient.New(connect(t, address), goclient.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func stored(t *testing.T) func(events.Seq, error) {
	return func(_ events.Seq, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestWatch(t *testing.T) {
	address, _ := served(t, t.TempDir(), "127.0.0.1:0")
	back, must, ctx := backEnd(t, address), stored(t), t.Context()
	alice, bob := back.User("alice"), back.User("bob")
	at := func(ms int64) goclient.CommandOption { return goclient.At(time.UnixMilli(ms)) }
	must(back.MessageReceived(ctx, "alice", goclient.Message{ID: "m1", From: "bob"}, at(1000), goclient.WaitApplied()))

	w := watch(t, "alice", "--json", "--server", "nats://"+address)
	totals := func(unread, c2c, group, conversations string) string {
		return `{"type":"totals","totals":{"unread":` + unread + `,"c2c":` + c2c + `,"group":` + group + `,"mentions":0,"conversations":` + conversations + `,"muted":0}}`
	}
	check := func(until string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, w.until(t, until)); diff != "" {
			t.Errorf("lines (-want +got):\n%s", diff)
		}
	}
	check(`"live"`,
		`{"type":"state","state":"syncing"}`,
		`{"type":"conversations","conversations":[{"conversation":"c2c_bob","unread":1,"mentions":0,"last_message":{"id":"m1","from":"bob","at":1000},"first_unread":"m1","version":1}]}`,
		totals("1", "1", "0", "1"), `{"type":"state","state":"live"}`)

	must(back.MessageReceived(ctx, "bob", goclient.Message{ID: "m2", From: "alice"}, at(2000)))
	must(bob.MarkC2CRead(ctx, "alice", at(3000)))
	check(`"receipts"`, `{"type":"receipts","receipts":[{"user":"alice","version":3,"conversation":"c2c_bob","peer":"bob","upto":"m2","at":3000}]}`)

	must(alice.DeleteConversation(ctx, "c2c_bob"))
	check(`"totals"`, `{"type":"removed","removed":["c2c_bob"]}`, totals("0", "0", "0", "0"))

	// The fan-out limit is 1, so messages in this group are told to watchers only.
	must(back.Join(ctx, "crowd", []string{"alice", "bob"}))
	w.until(t, `"group_crowd"`)
	must(back.GroupMessage(ctx, "crowd", goclient.Message{ID: "g1", From: "bob"}))
	w.until(t, totals("1", "0", "1", "1"))
	w.end(t)
	if w.stderr.String() != "" {
		t.Errorf("stderr: %s", w.stderr)
	}
}

// TestWatchThroughARestart: what changes while the server is away or the
// connection is down is told afterwards.
func TestWatchThroughARestart(t *testing.T) {
	dir := t.TempDir()
	address, stop := served(t, dir, natstest.Address(t))
	w := watch(t, "alice", "--server", "nats://"+address)
	w.until(t, "totals: 0 unread")
	stop()
	w.says(t, "reddot: lost the NATS server at nats://"+address+", waiting for it\n")
	served(t, dir, address)
	stored(t)(backEnd(t, address).MessageReceived(t.Context(), "alice", goclient.Message{ID: "m1", From: "bob"}))
	w.until(t, "c2c_bob: 1 unread, last m1 from bob")
	w.until(t, "totals: 1 unread (c2c 1, group 0) in 1 conversation, 0 mentions, 0 muted")
	w.says(t, "is back, and what changed meanwhile is printed\n")
	w.end(t)
}

func TestWatchForATime(t *testing.T) {
	address, _ := served(t, t.TempDir(), "127.0.0.1:0")
	r := reddot(t, nil, "watch", "alice", "--for", "500ms", "--server", "nats://"+address)
	if out := r.done(t); !strings.Contains(out, "totals: 0 unread") || r.stderr != "" {
		t.Errorf("stdout %q, stderr %q", out, r.stderr)
	}
	// Nobody answers under another prefix.
	r = reddot(t, nil, "watch", "alice", "--for", "500ms", "--prefix", "other", "--server", "nats://"+address)
	if r.code != exitFailed || r.stdout != "" || !strings.Contains(r.stderr, "none serves the prefix other") ||
		!strings.HasSuffix(r.stderr, "reddot: the state of alice was not read in 500ms: is a \"reddot serve\" running there, with --prefix other?\n") {
		t.Errorf("got %+v", r)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r := reddotContext(ctx, nil, "watch", "alice"); r.code != exitDone || r.stderr != "" {
		t.Errorf("interrupted: %+v", r)
	}
}

func TestWatchFails(t *testing.T) {
	reddot(t, nil, "watch", "alice", "--server", "nats://127.0.0.1:1").failed(t, exitFailed, "no NATS server at", "reddot serve")
	address, _ := served(t, t.TempDir(), "127.0.0.1:0")
	var stderr bytes.Buffer
	code := run(t.Context(), []string{"watch", "alice", "--server", "nats://" + address}, nil, brokenWriter{}, &stderr)
	if code != exitFailed || !strings.Contains(stderr.String(), "disk full") {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
	reddot(t, nil, "watch", "alice", "--server", "nats://"+address, "--creds", t.TempDir()+"/none").
		failed(t, exitFailed, "--nats-creds")
}

func TestWatchUsage(t *testing.T) {
	for line, words := range map[string]string{
		"watch":                             "name a user, or --rejected",
		"watch alice bob":                   "watch takes [USER], and 2 are given",
		"watch alice --rejected":            "--rejected is of all users: leave out alice",
		"watch alice --last 3":              "add --rejected",
		"watch alice --since 1h":            "add --rejected",
		"watch --rejected --since soon":     `--since "soon": use a time with its unit`,
		"watch --rejected --since -1h":      "use a time with its unit",
		"watch --rejected --last -1":        "use 0 for all, or 1 to 100000",
		"watch --rejected --large-groups":   "--large-groups is for a user",
		"watch " + strings.Repeat("u", 257): "longer than 256 bytes",
		"watch alice --for 0s":              "--for 0s",
		"watch alice --for -1s":             "--for -1s",
		"watch alice --prefix a.b":          "--prefix",
	} {
		reddot(t, nil, strings.Fields(line)...).failed(t, exitUsage, words, `--help"`)
	}
}

// TestWatcher shows each call of a listener in both forms.
func TestWatcher(t *testing.T) {
	var out, told bytes.Buffer
	for _, asJSON := range []bool{false, true} {
		w := &watcher{out: &out, err: &told, json: asJSON, zone: testZone(), server: "nats://there:4222",
			now:  func() time.Time { return time.UnixMilli(int64(noon)) },
			fail: func(err error) { t.Error(err) }}
		l := w.listener()
		l.StateChanged(goclient.Syncing)
		l.ConversationsChanged(someConversations())
		l.TotalUnreadChanged(events.Totals{Unread: 4, C2C: 4, Mentions: 1, Conversations: 3, Muted: 1_234_567})
		l.StateChanged(goclient.Live)
		l.ConversationsRemoved([]string{"c2c_bob", "group_a b  c"})
		l.C2CReadReceipt([]events.Receipt{{User: "alice", Version: 7, Conversation: "c2c_bob", Peer: "bob", Upto: "m9", At: noon}})
		l.ConversationsChanged(threadedConversations())
		l.ThreadsChanged([]events.Thread{
			{Conversation: "group_team", Thread: "g1", Unread: 3, Mentions: 1, Following: true, Version: 9, LastMessage: &events.LastMessage{ID: "g7", From: "carol", At: noon}},
			{Conversation: "group_a b  c", Thread: " t", Muted: true, Version: 8},
		})
		l.ThreadsRemoved([]goclient.ThreadName{{Conversation: "group_team", Thread: "g1"}})
		l.TotalUnreadChanged(someTotals())
		l.FiltersChanged(nil)
		l.FiltersChanged(events.NamedTotals{"work": someTotals(), "all  else": {Unread: 12}})
		l.FiltersChanged(events.NamedTotals{})
		l.C2CReadReceipt([]events.Receipt{{User: "alice", Version: 7, Conversation: "c2c_bob", Peer: "bob", Upto: "m9", At: noon, Thread: "t1"}})
		l.GroupReadReceipt([]events.GroupReceipts{{User: "alice", Version: 9, At: noon, Group: "team", Receipts: []events.GroupReceipt{{ID: "g7", Read: 3, Members: 5}, {ID: "g  8", Members: 5}}}})
		for range 2 {
			l.StateChanged(goclient.Offline)
			l.Error(errors.Join(goclient.ErrUnavailable, nats.ErrTimeout))
		}
		l.StateChanged(goclient.Syncing)
		l.StateChanged(goclient.Live)
	}
	golden(t, "watch.txt", out.String()+"\nstandard error:\n"+told.String())
}
