package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	goclient "reddot/api/client"
	"reddot/events"
	"reddot/projector/emit/journal"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// phones is a NATS server with the configuration of the page of rights, a reddot, and who
// connects to them.
type phones struct {
	*testing.T
	url   string
	admin *nats.Conn // of reddot's own user, who may do anything
	alice *nats.Conn
	back  *goclient.Client

	mu struct {
		sync.Mutex
		denied []string // what the server did not let alice do
	}
}

// pageConfig is the configuration that the page of rights gives for a NATS server: the
// one with a part of that name.
func pageConfig(t *testing.T, part string) string {
	t.Helper()
	text := string(testkit.Must(os.ReadFile(filepath.Join("..", "..", "api", "docs", "access.md")))(t))
	block := regexp.MustCompile("```\n(jetstream \\{.*\n" + part + " \\{\n(?:[^`]*\n)?)```").FindStringSubmatch(text)
	if block == nil {
		t.Fatalf("the page has no configuration of a NATS server with %s", part)
	}
	return regexp.MustCompile(`store_dir: "[^"]*"`).ReplaceAllString(block[1], `store_dir: "`+t.TempDir()+`"`)
}

// newPhones starts the server of the page and a reddot, with more flags.
func newPhones(t *testing.T, part string, flags ...string) *phones {
	t.Helper()
	for _, name := range []string{"REDDOT_PASSWORD", "BACK_END_PASSWORD", "ALICE_PASSWORD"} {
		t.Setenv(name, "s3cret")
	}
	o := testkit.Must(server.ProcessConfigFile(fileOf(t, pageConfig(t, part))))(t)
	if o.StoreDir == "" {
		t.Fatal("no store_dir in the page")
	}
	o.Host, o.Port = "", 0
	p := &phones{T: t, url: natstest.Start(t, natstest.With(o)).URL()}
	p.serve(append([]string{"--nats", p.url, "--nats-user", "reddot", "--nats-password-file", fileOf(t, "s3cret")}, flags...)...)
	p.admin = p.as("reddot")
	p.back = testkit.Must(goclient.New(p.as("back-end"), goclient.Options{}))(t)
	p.alice = p.as("alice", nats.CustomInboxPrefix("unread.inbox.alice"), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.mu.denied = append(p.mu.denied, err.Error())
	}))
	return p
}

func (p *phones) as(user string, options ...nats.Option) *nats.Conn {
	p.Helper()
	conn := testkit.Must(nats.Connect(p.url, append(options, nats.UserInfo(user, "s3cret"))...))(p.T)
	p.Cleanup(conn.Close)
	return conn
}

// serve runs "reddot serve" until the test ends, and returns its ready line.
func (p *phones) serve(args ...string) string {
	p.Helper()
	ctx, end := context.WithCancel(context.Background())
	ready, ended := make(chan string, 1), make(chan int, 1)
	var stderr testkit.Buffer
	out := writerFunc(func(b []byte) (int, error) {
		ready <- string(b)
		return len(b), nil
	})
	data := p.TempDir()
	go func() {
		ended <- run(ctx, append([]string{"serve", "--data", data, "--http", "", "--snapshots", "off", "--log-level", "warn"}, args...), nil, out, &stderr)
	}()
	p.Cleanup(func() {
		end()
		if code := <-ended; code != exitDone {
			p.Errorf("exit code %d: %s", code, stderr.String())
		}
	})
	select {
	case line := <-ready:
		return line
	case code := <-ended:
		ended <- code
		p.Fatalf("exit code %d: %s", code, stderr.String())
		return ""
	}
}

// targets are subjects where nothing of alice's doing must be published.
func targets() []string {
	return []string{
		"unread.cmd.user.bob.erase", "unread.cmd.user.bob.read-all", "unread.cmd.user.bob.read", "unread.cmd.group.team.dismiss", "unread.cmd.policy",
		"unread.cmd.user.alice.erase", "unread.evt.bob.change", "unread.evt.bob.receipt", "unread-out.x.evt.bob.change", "unread-out.0.evt.bob.change",
		"unread.rejected", "unread.api.rebuild", "unread.api.bob.watch", "unread.do.bob.delete", "unread.inbox.bob.x",
		"$JS.API.STREAM.PURGE.UNREAD_COMMANDS", "$JS.API.STREAM.DELETE.UNREAD_COMMANDS",
	}
}

// attack has a connection ask everything with every target as the reply subject,
// and returns once all of it was looked at.
func attack(t *testing.T, conn *nats.Conn) {
	t.Helper()
	asked := []string{"unread.do.alice.read-all", "unread.do.alice.delete", "unread.api.status", "unread.api.rebuild", "unread.api.snapshot", "$SRV.PING", "$SRV.INFO.reddot", "$SRV.STATS"}
	for _, query := range []string{"totals", "conversations", "conversation", "explain", "receipt", "watch"} {
		asked = append(asked, "unread.api.alice."+query)
	}
	for _, reply := range targets() {
		for _, subject := range asked {
			for _, body := range []string{"", "{}", `{"conversation":"c2c_carol"}`, `{"peer":"bob"}`} {
				if err := conn.PublishRequest(subject, reply, []byte(body)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	// Each of these comes behind the attacks on its subject.
	for _, query := range []string{"totals", "conversations", "conversation", "explain", "receipt", "watch"} {
		testkit.Must(conn.Request("unread.api.alice."+query, []byte(`{"after_seq":0}`), readyWait))(t)
	}
	testkit.Must(conn.Request("unread.do.alice.nothing", nil, readyWait))(t)
}

// spy hears whatever is published at the targets.
func spy(t *testing.T, conn *nats.Conn) (heard func() []string) {
	t.Helper()
	var subs []*nats.Subscription
	for _, target := range targets() {
		subs = append(subs, testkit.Must(conn.SubscribeSync(target))(t))
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	return func() (all []string) {
		if err := conn.Flush(); err != nil {
			t.Fatal(err)
		}
		for _, sub := range subs {
			for n, _, _ := sub.Pending(); n > 0; n-- {
				if m := testkit.Must(sub.NextMsg(readyWait))(t); m.Reply == "" { // no request
					all = append(all, m.Subject+" "+string(m.Data))
				}
			}
		}
		return all
	}
}

// may does what alice may, and returns the seq of the last command.
func (p *phones) may() events.Seq {
	t, ctx := p.T, p.Context()
	t.Helper()
	seq := testkit.Must(p.back.MessageReceived(ctx, "alice", goclient.Message{ID: "m1", From: "bob"}))(t)
	testkit.Must(p.back.MessageReceived(ctx, "bob", goclient.Message{ID: "m1", From: "carol"}))(t)
	alice := testkit.Must(goclient.New(p.alice, goclient.Options{WatchLargeGroups: true}))(t).User("alice")
	badges := make(chan events.Totals, 10)
	sub := testkit.Must(alice.Listen(goclient.Listener{TotalUnreadChanged: func(t events.Totals) { badges <- t }}))(t)
	defer sub.Close()
	if n := testkit.Must(alice.TotalUnread(ctx, goclient.After(seq)))(t); n != 1 {
		t.Errorf("alice has %d unread", n)
	}
	testkit.Must(alice.MarkC2CRead(ctx, "bob", goclient.Upto("m1"), goclient.WaitEmitted()))(t)
	for badge := range badges {
		if badge.Unread == 0 {
			break
		}
	}
	testkit.Must(alice.MarkUnread(ctx, "c2c_bob"))(t)
	testkit.Must(alice.Mute(ctx, "c2c_bob", true))(t)
	testkit.Must(alice.DeleteConversation(ctx, "c2c_bob"))(t)
	last := testkit.Must(alice.MarkAllRead(ctx, goclient.WaitEmitted()))(t)
	p.mu.Lock()
	if len(p.mu.denied) > 0 {
		t.Fatalf("what alice may: %v", p.mu.denied)
	}
	p.mu.Unlock()
	return last
}

// TestPhonesInAnAccount runs the page's configuration of accounts: a phone does
// and hears what it may, and its answers come through the import.
func TestPhonesInAnAccount(t *testing.T) {
	p := newPhones(t, "accounts")
	last := p.may()
	heard := spy(t, p.admin)
	attack(t, p.alice)
	for _, target := range targets() {
		if err := p.alice.Publish(target, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.alice.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := heard(); len(got) > 0 {
		t.Errorf("published by alice's doing: %q", got)
	}
	// The answers went to her own account, so what she asked for herself was done.
	js := testkit.Must(jetstream.New(p.admin))(t)
	stream := testkit.Must(js.Stream(t.Context(), "UNREAD_COMMANDS"))(t)
	for seq := uint64(last) + 1; seq <= stream.CachedInfo().State.LastSeq; seq++ {
		if msg := testkit.Must(stream.GetMsg(t.Context(), seq))(t); !strings.HasPrefix(msg.Subject, "unread.cmd.user.alice.") {
			t.Errorf("command %d: %s", seq, msg.Subject)
		}
	}
	checkWhole(t, p.admin)
}

// TestPhones runs the README's configuration: a phone does and hears what it may,
// and every way to do more leads to nothing.
func TestPhones(t *testing.T) {
	p := newPhones(t, "authorization")
	ctx := t.Context()
	last := p.may()

	// What she may not.
	heard := spy(t, p.admin)
	own := deniedTo(t, p)
	attack(t, p.alice)
	for _, target := range targets() {
		if err := p.alice.Publish(target, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		own(target)
	}
	for _, subject := range []string{"unread.cmd.user.alice.read-all", "unread-out.x.evt.alice.change", "unread.evt.alice.change", "unread.inbox.alice.x", "_INBOX.x",
		"unread.api.status", "unread.api.bob.totals", "unread.do.bob.read-all", "$SRV.PING", "$JS.API.INFO", "$JS.API.STREAM.MSG.GET.UNREAD_COMMANDS", "$JS.API.CONSUMER.CREATE.UNREAD_COMMANDS"} {
		if err := p.alice.PublishRequest(subject, "unread.inbox.alice.x", nil); err != nil {
			t.Fatal(err)
		}
		own(subject)
	}
	for _, subject := range []string{"_INBOX.>", "_INBOX_reddot.>", ">", "unread.>", "unread.evt.>", "unread.evt.bob.>", "unread.inbox.>", "unread.inbox.bob.>", "unread.cmd.>", "unread-out.>", "unread.do.>", "unread.api.>"} {
		testkit.Must(p.alice.SubscribeSync(subject))(t)
		own(subject)
	}
	if got := heard(); len(got) > 0 {
		t.Errorf("published by alice's doing: %q", got)
	}
	status := testkit.Must(p.back.Status(ctx))(t)
	if status.Last != last {
		t.Errorf("the log ends at %d, want %d", status.Last, last)
	}
	if n := testkit.Must(p.back.User("bob").TotalUnread(ctx))(t); n != 1 {
		t.Errorf("bob has %d unread", n)
	}
	checkWhole(t, p.admin)
}

// deniedTo returns a check that the server has refused alice a subject.
func deniedTo(t *testing.T, p *phones) func(subject string) {
	return func(subject string) {
		t.Helper()
		if err := p.alice.Flush(); err != nil {
			t.Fatal(err)
		}
		// The server's refusal comes before its answer to the flush.
		if err := p.alice.LastError(); !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), `"`+subject+`"`) {
			t.Errorf("%s is not refused: %v", subject, err)
		}
	}
}

// checkWhole checks that the event stream holds events of reddot's alone.
func checkWhole(t *testing.T, conn *nats.Conn) {
	t.Helper()
	js := testkit.Must(jetstream.New(conn))(t)
	stream := testkit.Must(js.Stream(t.Context(), "UNREAD_EVENTS"))(t)
	genuine := testkit.Must(journal.Genuine(t.Context(), js, defaultSubjects(t)))(t)
	state := stream.CachedInfo().State
	for seq := state.FirstSeq; seq <= state.LastSeq; seq++ {
		m := testkit.Must(stream.GetMsg(t.Context(), seq))(t)
		of := strings.HasPrefix(m.Subject, "unread-out.0.evt.") || m.Subject == "unread-out.fence-0"
		if !of || !genuine(seq, &nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data}) {
			t.Errorf("stored at %s", m.Subject)
		}
	}
}

// TestRepliesOfTheEmbeddedServer: where nobody is asked who they are, reply subjects
// lead nowhere all the same.
func TestRepliesOfTheEmbeddedServer(t *testing.T) {
	p := &phones{T: t}
	line := p.serve("--listen", "127.0.0.1:0")
	p.url = strings.TrimPrefix(strings.Fields(line)[1], "nats=")
	conn := testkit.Must(nats.Connect(p.url))(t)
	t.Cleanup(conn.Close)
	back := testkit.Must(goclient.New(conn, goclient.Options{}))(t)
	last := testkit.Must(back.MessageReceived(t.Context(), "bob", goclient.Message{ID: "m1", From: "carol"}, goclient.WaitEmitted()))(t)
	heard := spy(t, conn)
	attack(t, conn)
	testkit.Must(conn.Request("$SRV.PING", nil, readyWait))(t)
	if got := heard(); len(got) > 0 {
		t.Errorf("published as answers: %q", got)
	}
	status := testkit.Must(back.Status(t.Context()))(t)
	if status.Last != last || status.Rebuild != nil {
		t.Errorf("after the attacks: %+v", status)
	}
}

// TestGateFlags: serve takes a rate and further reply subjects, and refuses those
// that would let others publish with its rights.
func TestGateFlags(t *testing.T) {
	for line, words := range map[string]string{
		"serve --user-rate -1":                        "--user-rate -1: use 1 to 1000000 commands a second, or 0 for any number",
		"serve --reply-prefix unread.cmd.":            `--reply-prefix: reply prefix "unread.cmd.": an answer could be sent to a subject that begins with "unread."`,
		"serve --prefix chat --reply-prefix ch":       `begins with "chat."`,
		"serve --reply-prefix $JS.":                   `begins with "$"`,
		"serve --reply-prefix gw. --reply-prefix a.*": "without wildcards",
		"serve --prefix _INBOX":                       "begins like an inbox",
	} {
		reddot(t, nil, strings.Fields(line)...).failed(t, exitUsage, words)
	}
	p := &phones{T: t}
	line := p.serve("--listen", "127.0.0.1:0", "--user-rate", "1", "--reply-prefix", "gw.", "--reply-prefix", "way.")
	conn := testkit.Must(nats.Connect(strings.TrimPrefix(strings.Fields(line)[1], "nats=")))(t)
	t.Cleanup(conn.Close)
	for _, reply := range []string{"gw.x", "way.x"} {
		sub := testkit.Must(conn.SubscribeSync(reply))(t)
		if err := conn.PublishRequest("unread.api.alice.totals", reply, nil); err != nil {
			t.Fatal(err)
		}
		testkit.Must(sub.NextMsg(readyWait))(t)
	}
	for code := ""; code != "429"; {
		code = testkit.Must(conn.Request("unread.do.alice.read-all", nil, readyWait))(t).Header.Get("Nats-Service-Error-Code")
	}
}

// TestWatchersOfTwo: whichever of two reddots answers a watch, the one that emits
// knows of it.
func TestWatchersOfTwo(t *testing.T) {
	p := newPhones(t, "authorization", "--fanout-limit", "2")
	p.serve("--nats", p.url, "--nats-user", "reddot", "--nats-password-file", fileOf(t, "s3cret"), "--fanout-limit", "2")
	ctx := t.Context()
	var members []string
	for i := range 20 {
		members = append(members, "m"+strconv.Itoa(i))
	}
	joined := testkit.Must(p.back.Join(ctx, "hall", members, goclient.WaitEmitted()))(t)
	heard := testkit.Must(p.admin.SubscribeSync("unread.evt.*.change"))(t)
	for _, m := range members {
		testkit.Must(p.admin.Request("unread.api."+m+".watch", nil, readyWait))(t)
	}
	missing := map[string]bool{}
	for _, m := range members {
		missing[m] = true
	}
	// Who emits hears of a watch at about the time at which another answers it: the
	// first messages may come before.
	for i := 0; len(missing) > 0; i++ {
		if i == 100 {
			t.Fatalf("never told: %v", missing)
		}
		testkit.Must(p.back.GroupMessage(ctx, "hall", goclient.Message{ID: strconv.Itoa(i), From: "stranger"}, goclient.WaitEmitted()))(t)
		for {
			m, err := heard.NextMsg(50 * time.Millisecond)
			if err != nil {
				break
			}
			var change events.Change
			if err := events.Unmarshal(m.Header.Get("Content-Type"), m.Data, &change); err != nil {
				t.Fatal(err)
			}
			if change.Version > joined {
				delete(missing, change.User)
			}
		}
	}
}
