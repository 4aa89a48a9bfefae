package client_test

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"reddot/api/client"
	"reddot/events"
	"reddot/projector/testkit"
)

// TestStrangeEvents sends listeners what reddot has not sent: on the subjects of
// the user's events, and through the event stream with another user's name. It
// shows nobody anything; it is counted, and logged once.
func TestStrangeEvents(t *testing.T) {
	h := start(t)
	var log testkit.Buffer
	c := h.client(t, client.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	script(t, c, message("bob", "carol", "m1"))
	bob := newRecorder(t, c.User("bob"))
	bob.start(bob.full())
	testkit.Receive(t, "bob's first list", bob.sub.Ready())

	nc := h.connect(t)
	forged := events.Change{User: "bob", Version: 1 << 40, Totals: events.Totals{Unread: 3, C2C: 3, Conversations: 1},
		Conversations: []events.Conversation{{Conversation: "c2c_mallory", Unread: 3, Version: 1 << 40}}}
	alices := forged
	alices.User = "alice"
	receipt := events.Receipt{User: "bob", Version: 1 << 40, Conversation: "c2c_carol", Peer: "carol", Upto: "m9", At: 1}
	send := func(subject string, header nats.Header, event any) {
		t.Helper()
		data, err := json.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		msg := &nats.Msg{Subject: subject, Header: nats.Header{"Content-Type": {events.JSON.ContentType()}}, Data: data}
		for name, values := range header {
			msg.Header[name] = values
		}
		if err := nc.PublishMsg(msg); err != nil {
			t.Fatal(err)
		}
	}
	send("unread.evt.bob.change", nil, forged)
	send("unread.evt.bob.change", nil, alices)
	send("unread.evt.bob.change", nil, map[string]any{"stream": "UNREAD_COMMANDS", "seq": 7})
	send("unread.evt.bob.change", nats.Header{"Nats-Stream": {"UNREAD_COMMANDS"}}, forged)
	send("unread.evt.bob.change", nats.Header{"Nats-Stream": {"unread_events"}}, forged)
	send("unread.evt.bob.receipt", nil, receipt)
	figures := events.GroupReceipts{User: "bob", Version: 1 << 40, Group: "team", Receipts: []events.GroupReceipt{{ID: "g1", Read: 7, Members: 7}}}
	send("unread.evt.bob.group-receipt", nil, figures)
	send("unread.evt.bob.later", nil, figures) // nothing that this release knows
	figures.User = "alice"
	send("unread-out.x.evt.bob.group-receipt", nil, figures)
	send("unread-out.x.evt.bob.change", nil, alices) // an answer that goes there is stored, and sent on
	receipt.User = "alice"
	send("unread-out.x.evt.bob.receipt", nil, receipt)
	// An answer with bob's event subject to reply to.
	if err := nc.PublishRequest("unread.api.alice.conversations", "unread.evt.bob.change", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	script(t, c, message("bob", "carol", "m2"))
	bob.until("bob hears of what came last", func() bool { return bob.totals.Unread == 2 })
	bob.converges()
	if _, ok := bob.list["c2c_mallory"]; ok || len(bob.receipts) > 0 || len(bob.figures) > 0 || len(bob.errs) > 0 {
		t.Errorf("bob was shown %+v, %+v, %+v, %v", bob.list, bob.receipts, bob.figures, bob.errs)
	}
	if n := c.Strange(); n < 10 { // the answer may be refused by then
		t.Errorf("%d messages are counted", n)
	}
	if n := strings.Count(log.String(), "that reddot has not sent is dropped"); n != 1 {
		t.Errorf("it is logged %d times:\n%s", n, log.String())
	}
}
