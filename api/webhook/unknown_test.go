package webhook

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/testkit"
)

// TestUnknown: an endpoint takes a badge and nothing comes back, or a server in front of it
// answers that it was too slow. Then the badge is what it was before: that is told, or the
// endpoint would stay with the one in between.
func TestUnknown(t *testing.T) {
	t.Parallel()
	for name, breaks := range map[string]func(http.ResponseWriter){
		"nothing comes back":    func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"a gateway is too slow": func(w http.ResponseWriter) { w.WriteHeader(http.StatusGatewayTimeout) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var mu sync.Mutex
			var taken []uint64
			s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				var m struct{ Data Badge }
				if err != nil || json.Unmarshal(body, &m) != nil {
					t.Errorf("%s: %v", body, err)
				}
				mu.Lock()
				taken = append(taken, m.Data.Badge)
				mu.Unlock()
				if m.Data.Badge == 2 {
					breaks(rw)
				}
			}))
			defer s.Close()
			takes := func(badge uint64) {
				t.Helper()
				testkit.Eventually(t, "the newest badge is told", func() bool {
					mu.Lock()
					defer mu.Unlock()
					return len(taken) > 0 && taken[len(taken)-1] == badge
				})
			}
			w.start("[" + endpointFile("push", s.URL, `"types": ["badge.changed"]`) + "]")
			w.message("alice", 1)
			takes(1)
			w.message("alice", 2)
			takes(2)
			w.publish("user.alice.revoke", `{"id": "m2", "from": "bob"}`)
			takes(1)
		})
	}
}

// TestTaken: a process has told a badge and is gone before it has written that down. The
// next one tells what is so now, though that is what is written down.
func TestTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := testkit.Context(t)
	r := w.receiver(nil)
	file := "[" + endpointFile("push", r.URL, `"types": ["badge.changed"]`) + "]"
	h := w.start(file)
	first := w.message("alice", 1)
	r.await("the first badge", badgeIs("alice", 1))
	w.message("alice", 2)
	r.await("the second", badgeIs("alice", 2))
	h.end()
	written := testkit.Must(json.Marshal(told{1, first}))(t)
	testkit.Must(w.js.Publish(ctx, names{w.subjects}.told("push")+events.EscapeToken("alice"), written))(t)
	w.emitted(w.publish("user.alice.revoke", `{"id": "m2", "from": "bob"}`))
	stream := testkit.Must(w.js.Stream(ctx, "UNREAD_EVENTS"))(t)
	cfg := testkit.Must(stream.Consumer(ctx, "webhook-push"))(t).CachedInfo().Config
	testkit.OK(t, stream.DeleteConsumer(ctx, "webhook-push"))
	cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, 1 // what it had begun with is handed out again
	testkit.Must(stream.CreateConsumer(ctx, cfg))(t)
	w.start(file)
	testkit.Eventually(t, "the badge as it is now is told", func() bool {
		badges := slices.DeleteFunc(r.all(), func(m toldMessage) bool { return m.Type != BadgeChanged })
		return badges[len(badges)-1].number("badge") == 1
	})
}

// TestStep: a step in the sequence of what is handed out is a loss if the stream begins
// behind it, and no loss if what is missing is there and comes again.
func TestStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := testkit.Context(t)
	h := w.start("[]")
	for i := range 5 {
		w.emitted(w.message(fmt.Sprint("u", i), i))
	}
	e := &endpoint{hooks: h.Webhooks}
	if got := e.gone(ctx, 1, 5); got != 0 {
		t.Errorf("of events that are there: lost up to %d", got)
	}
	stream := testkit.Must(w.js.Stream(ctx, "UNREAD_EVENTS"))(t)
	testkit.OK(t, stream.Purge(ctx, jetstream.WithPurgeSequence(4)))
	for _, c := range []struct{ after, before, want uint64 }{{1, 5, 3}, {1, 3, 2}, {2, 4, 3}, {3, 5, 0}} {
		if got := e.gone(ctx, c.after, c.before); got != c.want {
			t.Errorf("between %d and %d: lost up to %d, want %d", c.after, c.before, got, c.want)
		}
	}
}
