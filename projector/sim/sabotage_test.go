package sim

import (
	"context"
	"math"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/dirty"
	"reddot/projector/emit"
	"reddot/projector/emit/journal"
	"reddot/projector/loop"
	"reddot/projector/store"
	"reddot/projector/testkit"
)

// sabotage is a defect put into the emitter, which must be found.
type sabotage struct {
	message  func(*nats.Msg)        // changes what is sent
	messages func() func(*nats.Msg) // the same for one run that remembers something
	config   func(*emit.Config)     // changes what the emitter has
	key      func(*journal.Key)     // changes what it knows events by
	ready    func(*loop.Ready)      // changes what it is handed
	alone    bool                   // nobody forges events
	rare     uint64                 // the seed that is tried first: few find it
}

// trust has an emitter take everything for an event.
func trust(k *journal.Key) { k.From = math.MaxUint64 }

// maxSearch is in how many seeds a defect must be found.
const maxSearch = 2_000

// TestFindsDefects puts defects into the emitter, one after the other: some seed
// soon finds each.
func TestFindsDefects(t *testing.T) {
	testkit.Unraced(t)
	// What is changed behind the emitter's back has a broken seal.
	header := func(change func(nats.Header)) sabotage {
		return sabotage{message: func(m *nats.Msg) { change(m.Header) }, key: trust, alone: true}
	}
	for _, defect := range []struct {
		name string
		sabotage
	}{
		{"no expected last sequence", header(func(h nats.Header) { h.Del(jetstream.ExpectedLastSeqHeader) })},
		{"a fence of one message less than a window", sabotage{config: func(c *emit.Config) {
			if c.ID[0] == 'B' && c.Window > 1 {
				c.Window--
			}
		}, rare: 1_731}},
		{"said to be emitted too early", header(func(h nats.Header) { h.Set(headerApplied, h.Get(headerAt)) })},
		{"round said to be emitted when the next has begun", sabotage{messages: roundsEmitted}},
		{"older state not said", header(func(h nats.Header) { h.Del(headerShows) })},
		{"never said to be emitted", header(func(h nats.Header) { h.Set(headerApplied, "0") })},
		{"no beginning of generations", header(func(h nats.Header) { h.Del("Reddot-Generation") })},
		{"other seq shown", header(func(h nats.Header) { h.Set(headerAt, h.Get(headerApplied)) })},
		{"forged events trusted", sabotage{key: trust}},
		{"no end of the log", sabotage{config: func(c *emit.Config) { c.End = nil }, rare: 1_284}},
		{"position not written down", sabotage{config: func(c *emit.Config) { c.Store = forgetful{c.Store} }, rare: 21}},
		{"position far ahead", sabotage{config: func(c *emit.Config) { c.Store = boastful{c.Store} }}},
		{"replay of nothing", sabotage{config: func(c *emit.Config) {
			c.Replay = func(context.Context, events.Seq, events.Seq, func(*store.Entry) error) error { return nil }
		}}},
		{"a dirty set lost", sabotage{ready: func(r *loop.Ready) {
			if r.Applied%50 == 0 {
				*r.Dirty = dirty.Set{Many: r.Dirty.Many}
			}
		}}},
		{"replay without the last", sabotage{config: func(c *emit.Config) {
			replay := c.Replay
			c.Replay = func(ctx context.Context, after, upto events.Seq, fn func(*store.Entry) error) error {
				return replay(ctx, after, max(after, upto-1), fn)
			}
		}}},
	} {
		t.Run(defect.name, func(t *testing.T) {
			for i := range uint64(maxSearch) {
				n := (defect.rare + i) % maxSearch
				if out := simulate(t, n, false, defect.sabotage); len(out.failures) > 0 {
					t.Logf("seed %d: %s", n, out.failures[0])
					return
				}
			}
			t.Errorf("not found in %d seeds", maxSearch)
		})
	}
}

// roundsEmitted says of each round but the last that all of it is emitted, whatever
// waits.
func roundsEmitted() func(*nats.Msg) {
	at, before := map[string]string{}, map[string]string{}
	return func(m *nats.Msg) {
		writer := m.Header.Get(headerWriter)
		if now := m.Header.Get(headerAt); now != at[writer] {
			at[writer], before[writer] = now, at[writer]
		}
		if before[writer] != "" {
			m.Header.Set(headerApplied, before[writer])
		}
	}
}

// forgetful is a store that does not know what is emitted.
type forgetful struct{ emit.Store }

func (forgetful) Emitted() (events.Seq, error) { return 0, nil }

// boastful is a store that says of the last command that it is emitted.
type boastful struct{ emit.Store }

func (s boastful) Emitted() (events.Seq, error) {
	snap, err := s.Snapshot()
	if err != nil {
		return 0, err
	}
	return snap.Position().Applied, snap.Close()
}
