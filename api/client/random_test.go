package client_test

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"reddot/api/client"
	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/twin"
)

// steps are the random commands of a run, by default.
const steps = 800

// TestRandomOutages runs random commands while reddot and the NATS server are
// ended and started, wires are cut and callbacks are slow. In the end every
// listener knows what queries answer, and on the way no version went backward
// and every badge was the sum of its list (see recorder).
func TestRandomOutages(t *testing.T) {
	t.Parallel()
	seed := testkit.Seed(t)
	rng := rand.New(rand.NewPCG(seed, 1))
	h := start(t)
	back := h.client(t, client.Options{Timeout: 2 * time.Second})
	var wires []*wire
	var all []*recorder
	users := []string{"a", "ab", "ba", "b", "x.y%*> z", "紅點"} // the generator's
	for i := range 4 {                                        // devices; each user has two
		c, w := h.remote(t, client.Options{Timeout: time.Second, CheckEvery: time.Second, WatchLargeGroups: i%2 == 0})
		wires = append(wires, w)
		for u := i % 2; u < len(users); u += 2 {
			all = append(all, lazy(t, c.User(users[u]), seed+uint64(len(all))))
		}
	}
	g := twin.NewGenerator(seed, twin.Config{})
	for step := range testkit.Effort(steps) {
		var c events.Command
		g.Next(&c)
		// A command whose acknowledgement is lost may be stored or not: both
		// are fine here.
		if _, err := back.Send(t.Context(), c); err != nil && !errors.Is(err, client.ErrUncertain) {
			t.Fatalf("step %d: %v", step, err)
		}
		disturb(t, h, wires, rng, step)
	}
	for _, w := range wires {
		w.losing(nil)
		w.cut() // a receipt that was lost without a trace is asked for after an outage
		w.mend()
	}
	script(t, h.client(t, client.Options{}), message("a", "b", "the last"))
	for _, r := range all {
		r.ready()
		r.converges()
	}
}

// disturb breaks something now and then.
func disturb(t *testing.T, h *host, wires []*wire, rng *rand.Rand, step int) {
	t.Helper()
	w := wires[rng.IntN(len(wires))]
	switch rng.IntN(100) {
	case 0, 1:
		w.cut()
	case 2, 3, 4:
		w.mend()
	case 5:
		lost := rng.IntN(4)
		w.losing(func(subject string) bool {
			lost--
			return lost >= 0
		})
	}
	switch every := steps / 5; step % every {
	case every / 2:
		if err := h.stopReddot(); err != nil {
			t.Fatal(err)
		}
	case every/2 + every/10:
		if err := h.startReddot(); err != nil {
			t.Fatal(err)
		}
	case every - 1:
		h.Stop()
		h.Restart()
	}
}

// lazy returns a recorder whose callbacks take their time now and then.
func lazy(tb testing.TB, u *client.User, seed uint64) *recorder {
	tb.Helper()
	r := newRecorder(tb, u)
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(seed, 2))
	l := r.full()
	changed := l.ConversationsChanged
	l.ConversationsChanged = func(all []events.Conversation) {
		mu.Lock()
		pause := time.Duration(rng.Int64N(int64(20 * time.Millisecond)))
		mu.Unlock()
		<-time.After(pause)
		changed(all)
	}
	r.start(l)
	return r
}
