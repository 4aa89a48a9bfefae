package failover

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"reddot/events"
)

func TestSilence(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)) }
	var s silence
	s.heard(at(0))
	s.heard(at(900))
	s.begin(at(1_000))
	s.heard(at(1_100)) // 200 since the last one: what was under way counts
	s.heard(at(1_150))
	if got := s.end(at(1_200)); got != (gap{at(900), 200 * time.Millisecond}) {
		t.Errorf("%+v", got)
	}
	if got := s.end(at(1_500)); got != (gap{at(1_150), 350 * time.Millisecond}) {
		t.Errorf("one that has not ended: %+v", got)
	}
	if s.total() != 4 {
		t.Errorf("%d heard", s.total())
	}
	var never silence
	never.begin(at(10))
	if got := never.end(at(30)); got.For != 20*time.Millisecond || got.text(at(5)) != "20ms from 5ms on" {
		t.Errorf("%+v: %s", got, got.text(at(5)))
	}
}

// enter has events of alice entered.
func enter(t *testing.T, r *record, changes ...events.Change) {
	t.Helper()
	for _, c := range changes {
		c.User = "alice"
		data, err := events.Marshal(events.JSON, c)
		if err != nil {
			t.Fatal(err)
		}
		header := nats.Header{"Content-Type": {events.JSON.ContentType()}}
		if _, _, err := r.enter(r.last+1, "x.evt.alice.change", header, data); err != nil {
			t.Fatal(err)
		}
	}
}

func change(version events.Seq, list ...events.Conversation) events.Change {
	return events.Change{Version: version, Conversations: list}
}

// TestRecord: an event with a version that the user was told before, or an older
// one, is wrong.
func TestRecord(t *testing.T) {
	r := newRecord()
	enter(t, r, change(1), change(3), change(3), change(2), change(4))
	want := []string{"1 duplicates, 1 versions backward", "event 3: alice: version 3 after 3", "event 4: alice: version 2 after 3"}
	if diff := cmp.Diff(want, r.problems()); diff != "" {
		t.Error(diff)
	}
	if who, _, err := r.enter(3, "x.evt.alice.change", nil, []byte("late")); who != "" || err != nil || r.late != 1 {
		t.Errorf("a late one: %q %v, %d late", who, err, r.late)
	}
	if _, _, err := r.enter(6, "x.evt.alice.change", nil, []byte("no")); err == nil || !strings.Contains(err.Error(), "event 6") {
		t.Errorf("what can't be read: %v", err)
	}
}

// TestDiffers: an answer that is not what the events add up to is wrong.
func TestDiffers(t *testing.T) {
	bob := events.Conversation{Conversation: "c2c_bob", Unread: 1, LastMessage: &events.LastMessage{ID: "m1", From: "bob"}}
	carol := events.Conversation{Conversation: "c2c_carol", Unread: 2}
	r := newRecord()
	enter(t, r, change(1, bob), change(2, carol))
	right := func() events.ConversationsReply {
		again := *bob.LastMessage
		b := bob
		b.LastMessage = &again
		return events.ConversationsReply{User: "alice", Version: 2, Conversations: []events.Conversation{carol, b}}
	}
	if p := r.box("alice").differs(right()); p != "" {
		t.Error(p)
	}
	for name, change := range map[string]func(*events.ConversationsReply){
		"version":       func(a *events.ConversationsReply) { a.Version = 3 },
		"Unread:7":      func(a *events.ConversationsReply) { a.Totals.Unread = 7 },
		"conversations": func(a *events.ConversationsReply) { a.Conversations = a.Conversations[:1] },
		"c2c_bob":       func(a *events.ConversationsReply) { a.Conversations[1].LastMessage.ID = "m2" },
	} {
		a := right()
		change(&a)
		if p := r.box("alice").differs(a); !strings.Contains(p, name) {
			t.Errorf("%s: %q", name, p)
		}
	}
}

func TestParseFigures(t *testing.T) {
	got, err := parseFigures(strings.NewReader("# HELP x y\nx 1\ny{a=\"b c\"} 2.5e3\n"))
	if diff := cmp.Diff(map[string]float64{"x": 1, `y{a="b c"}`: 2500}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if _, err := parseFigures(strings.NewReader("x y\n")); err == nil {
		t.Error("x y is taken")
	}
}

func TestOutcome(t *testing.T) {
	if err := (Outcome{Name: "x"}).Err(); err != nil {
		t.Error(err)
	}
	if err := (Outcome{Name: "x", Problems: []string{"p", "q"}}).Err(); !errors.Is(err, ErrWrong) || !strings.HasSuffix(err.Error(), ":\np\nq") {
		t.Error(err)
	}
	names := map[string]bool{}
	for _, f := range Faults() {
		names[f.String()] = true
	}
	if len(names) != 12 || !names["SIGSTOP of a NATS node that leads neither"] {
		t.Errorf("%v", names)
	}
}
