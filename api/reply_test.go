package api

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"reddot/events"
	"reddot/projector/testkit"
)

// hostileReplies are reply subjects at which alice must have nothing published.
func hostileReplies() []string {
	return []string{
		"unread.cmd.user.bob.erase", "unread.cmd.user.bob.read-all", "unread.cmd.group.team.dismiss", "unread.cmd.policy",
		"unread.evt.bob.change", "unread.evt.alice.change", "unread-out.x.evt.bob.change", "unread.rejected",
		"unread.api.rebuild", "unread.api.bob.watch", "unread.do.bob.delete",
		"unread.inbox.bob.x", "unread.inbox.alicex.y", "unread.inbox.alice", "unread.inbox.x", "unread.inbox.keys.x", "unread.inbox.*.x", "unread.inbox.alice.>",
		"$JS.API.STREAM.PURGE.UNREAD_COMMANDS", "$SRV.PING", "$KV.x.y", "_R_x", "_INBOX.>", "_INBOX.*", "_INBOX.a..b", "_INBOX.a.",
		"INBOX.x", "x._INBOX.y", "anything",
	}
}

// TestReplyRule: what begins like an inbox, or is one of the user asked about, is
// answered; nothing else is.
func TestReplyRule(t *testing.T) {
	subjects, err := events.NewSubjects("unread")
	if err != nil {
		t.Fatal(err)
	}
	r, err := newReplyRule(subjects, []string{"gw.reply.", "unread.inbox.team."}, "_INBOX_reddot")
	if err != nil {
		t.Fatal(err)
	}
	for _, reply := range []string{
		"_INBOX.abc", "_INBOX.abc.def", "_INBOX_alice.abc", "_INBOX_reddotx.abc", "_R_.abc", "_R_.abc.def",
		"unread.inbox.alice.abc", "unread.inbox.alice.abc.def", "unread.inbox.key.viewer.x", "gw.reply.x", "unread.inbox.team.x",
	} {
		if !r.allows(reply, "alice") {
			t.Errorf("%s is not answered", reply)
		}
	}
	for _, reply := range append(hostileReplies(), "", "_INBOX_reddot.abc", "gw.replyx", "gw.reply") {
		if r.allows(reply, "alice") {
			t.Errorf("%s is answered", reply)
		}
	}
	for _, reply := range []string{"unread.inbox.alice.abc", "unread.inbox..abc"} {
		if r.allows(reply, "") {
			t.Errorf("asked about nobody, %s is answered", reply)
		}
	}
}

// TestUserReply: who is answered in a user's inbox is that user, and nobody else is.
func TestUserReply(t *testing.T) {
	r, err := newReplyRule(testkit.Must(events.NewSubjects("unread"))(t), nil, "_INBOX_reddot")
	testkit.OK(t, err)
	for reply, is := range map[string]bool{
		"unread.inbox.alice.x": true, "unread.inbox.alice.x.y": true, "unread.inbox.alicex.y": false, "unread.inbox.key.alice.x": false, "_INBOX.x": false,
	} {
		if r.isUser(reply, "alice") != is {
			t.Errorf("%s: alice: %v", reply, !is)
		}
	}
	if r.isUser("unread.inbox.key.viewer.x", "key") || r.isUser("unread.inbox..x", "") {
		t.Error("a key or nobody is taken for a user")
	}
}

func TestReplyPrefixes(t *testing.T) {
	subjects, err := events.NewSubjects("unread")
	if err != nil {
		t.Fatal(err)
	}
	for _, good := range []string{"gw.", "gw", "unread.inbox.team.", "unreadable."} {
		if err := CheckReplyPrefix(subjects, good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", ".", "u", "unread", "unread.", "unread.cmd.", "unread.cmd.user.alice.", "unread.inbox", "unread-", "unread-out.x",
		"$", "$JS.API.", "_GR_.x", "_", "gw.*.", "gw.>", "a b", "a..b",
	} {
		if err := CheckReplyPrefix(subjects, bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// TestNoAnswerButToInboxes asks everything with every reply subject that is no
// inbox: nothing is published anywhere, nothing is worked at, all are counted.
func TestNoAnswerButToInboxes(t *testing.T) {
	source := newTwinSource()
	worked := make(chan string, 1000)
	source.hook = func(method string) error {
		if method != "Status" && method != "Fresh" { // asked for by the service itself, too
			worked <- method
		}
		return nil
	}
	a := start(t, source)
	heard, err := a.client.SubscribeSync(">")
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]int{}
	for _, reply := range hostileReplies() {
		for kind, subject := range map[string]string{
			"totals": "unread.api.alice.totals", "conversations": "unread.api.alice.conversations", "conversation": "unread.api.alice.conversation",
			"explain": "unread.api.alice.explain", "receipt": "unread.api.alice.receipt", "watch": "unread.api.alice.watch", "status": "unread.api.status",
		} {
			a.asked(subject, "", reply)
			asked[kind]++
		}
		for _, verb := range []string{"PING", "INFO", "STATS"} {
			for _, name := range []string{"", ".reddot"} {
				a.asked("$SRV."+verb+name, "", reply)
				asked[monitorKind]++
				// The subscription behind a subject works in order: when this is
				// answered, the one before it was looked at.
				a.ask("$SRV."+verb+name, "", "")
			}
		}
	}
	for _, q := range natsHandlers() {
		a.ask(a.subject("alice", q.name), `{"after_seq":0,"x":1}`, "")
	}
	for kind, want := range asked {
		if got := a.counted("reddot_requests_dropped_total", kind); got != float64(want) {
			t.Errorf("%s: %v requests dropped, want %d", kind, got, want)
		}
	}
	if len(worked) > 0 {
		t.Errorf("a dropped request had %s called", <-worked)
	}
	if err := a.conn.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := a.client.Flush(); err != nil {
		t.Fatal(err)
	}
	for {
		m, err := heard.NextMsg(1)
		if err != nil {
			break
		}
		// Requests are heard as well; answers have a type or are of the monitor.
		if !strings.HasPrefix(m.Subject, "_INBOX.") && (m.Header.Get(events.HeaderContentType) != "" || strings.Contains(string(m.Data), "io.nats.micro")) {
			t.Errorf("published at %s: %s", m.Subject, m.Data)
		}
	}
	if !strings.Contains(a.logged.String(), "request dropped") {
		t.Error("the log says nothing of dropped requests")
	}
}

// TestOwnInbox: a user's own inbox hears answers about the user.
func TestOwnInbox(t *testing.T) {
	source := newTwinSource()
	a := start(t, source)
	user := "al.ice *"
	phone, err := nats.Connect(a.client.ConnectedUrl(), nats.CustomInboxPrefix(a.subjects.Inbox(user)))
	if err != nil {
		t.Fatal(err)
	}
	defer phone.Close()
	reply, err := phone.Request(a.subjects.Query(user, events.QueryTotals), nil, testkit.Patience)
	if err != nil {
		t.Fatal(err)
	}
	if r := unmarshal[events.TotalsReply](t, reply); r.User != user {
		t.Errorf("an answer about %q", r.User)
	}
}
